"""What a regression asks of a table: the columns of its design over the levels that complete rows have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.data.cells import in_order
from lyra.data.coding import design, widths
from lyra.data.columns import Column, Indicator, Numeric
from lyra.data.formula import Formula
from lyra.data.projection import MOST_COLUMNS, Variables
from lyra.data.tables import Frame, fetch
from lyra.data.terms import Level
from lyra.data.values import EXACT
from lyra.errors import NotIdentifiedError

__all__ = ["Query", "ordered", "plain", "resolve"]


@dataclass(frozen=True, slots=True)
class Query:
    """A regression in terms of the projection.

    Attributes
    ----------
    variables : Variables
        The projection.
    columns : tuple of Column
        The K columns of X, their atoms in the projection's names.
    response : Column
        y.
    levels : mapping of str to tuple of Level
        Each category's levels in the complete rows: in the order the user gave, else numbers by size and text by the
        numbers in it.
    """

    variables: Variables
    columns: tuple[Column, ...]
    response: Column
    levels: Mapping[str, tuple[Level, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """The K coefficients."""
        return tuple(column.name for column in self.columns)

    @property
    def unit(self) -> int | None:
        """The position of the intercept."""
        return next((j for j, column in enumerate(self.columns) if not column.atoms), None)


def resolve(frame: Frame, variables: Variables) -> Query:
    """Return the columns of the design, by one scan a categorical column for its levels."""
    rows = variables.complete(frame)
    levels = {
        name: _levels(rows, alias, variables.orders.get(alias, ())) for name, alias in variables.categories.items()
    }
    _refuse_too_many(variables.formula, levels)
    columns = design(variables.formula, levels)
    return Query(
        variables,
        tuple(_aliased(column, variables) for column in columns),
        _aliased(variables.formula.response_column, variables),
        {alias: levels[name] for name, alias in variables.categories.items()},
    )


def plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return labels the same whatever table they come from: 1.0, 2.0 (integers beside a null) are 1, 2."""
    if values.dtype.kind == "f" and (values == np.floor(values)).all() and (np.abs(values) < EXACT).all():
        return values.astype(np.int64)
    return values


def _levels(rows: Frame, alias: str, order: tuple[str, ...]) -> tuple[Level, ...]:
    return tuple(ordered(plain(fetch(rows.select(alias).unique())[alias]).tolist(), order)[0])


def ordered(labels: list[Any], order: tuple[str, ...]) -> tuple[list[Any], str]:
    """Return distinct labels in the order the user gave, if any, else in the usual one; and the words for it."""
    if order:
        return sorted(labels, key=order.index), "the order of their categories"
    return in_order(labels), "text, by the numbers in it" if isinstance(labels[0], str) else "by size"


def _refuse_too_many(formula: Formula, levels: Mapping[str, tuple[Level, ...]]) -> None:
    """Refuse more columns than a design can have, before they are made."""
    for name, present in levels.items():
        if len(present) > MOST_COLUMNS:
            raise NotIdentifiedError(
                f"column {name!r} has {len(present)} levels, a column each: "
                f"leave it out, or group its levels to at most {MOST_COLUMNS}."
            )
    made = widths(formula, {name: len(present) for name, present in levels.items()})
    if sum(made.values()) > MOST_COLUMNS:
        most = max(made, key=made.__getitem__)
        raise NotIdentifiedError(
            f"The formula makes {sum(made.values()):,} columns, {made[most]:,} of them for {most}: "
            f"leave terms out, or group levels, to at most {MOST_COLUMNS:,}."
        )


def _aliased(column: Column, variables: Variables) -> Column:
    def renamed(atom: Numeric | Indicator) -> Numeric | Indicator:
        known = variables.numbers if isinstance(atom, Numeric) else variables.categories
        return replace(atom, column=known[atom.column])

    return replace(column, atoms=tuple(renamed(atom) for atom in column.atoms))
