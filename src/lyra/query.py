"""What a regression reads of a table: one projection, its complete rows, the count of those left out, the columns.

Every number is cast to float64 in the projection (products of small integers overflow silently in some engines), and
rows with a null, a NaN or no cluster label are filtered before anything is summed (engines differ in what a sum makes
of them). The projected columns have names of their own, so that no column of the table can clash: "g" the cluster
label, "x0", "x1", ... numbers, "c0", "c1", ... categories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from math import isfinite
from operator import and_
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from lyra.errors import DataError, InputError, NotIdentifiedError, did_you_mean, listed, option
from lyra.formula import Column, Formula, Indicator, Level, Numeric, design
from lyra.tables import Frame, fetch

__all__ = ["KEY", "Census", "Query", "Variables", "plain", "refuse_empty", "resolve", "take_census"]

KEY = "g"
MOST_COLUMNS = 5_000

BEYOND: Mapping[str, tuple[Callable[[nw.Expr], nw.Expr], str]] = {
    "exp": (lambda x: x > 709.0, "above 709"),
    "log": (lambda x: x <= 0.0, "0 or below"),
    "log1p": (lambda x: x <= -1.0, "-1 or below"),
    "sqrt": (lambda x: x < 0.0, "below 0"),
    "square": (lambda x: x.abs() > 1e154, "beyond 1e154"),
}
"""Where a transform has no finite value."""


# --- which columns, as what ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Variables:
    """The columns of a table that a regression uses, by what they are used as.

    Attributes
    ----------
    formula : Formula
        Its categorical columns marked.
    key : str
        The column of cluster labels.
    numbers, categories : mapping of str to str
        A column of the table to its name in the projection.
    as_text : frozenset of str
        Names in the projection of labels that are read as text.
    """

    formula: Formula
    key: str
    numbers: Mapping[str, str]
    categories: Mapping[str, str]
    as_text: frozenset[str]

    @classmethod
    def of(cls, formula: Formula, key: Any, schema: Mapping[str, Any]) -> Variables:
        """Return the variables, or refuse a column that is not in the table or of no use as what it stands for."""
        _refuse_unknown(formula, key, list(schema))
        marked = formula.with_categorical({name for name in formula.variables if _is_text(schema[name])})
        numbers = dict.fromkeys(factor.column for factor in marked.factors if not factor.categorical)
        for name in numbers:
            _refuse_no_number(name, schema[name])
        labels = {f"c{i}": name for i, name in enumerate(marked.categorical)}
        as_text = {alias for alias, name in labels.items() if not _is_plain(schema[name])}
        if not (_is_plain(schema[key]) or schema[key].is_temporal()):
            as_text.add(KEY)
        return cls(
            marked,
            key,
            {name: f"x{i}" for i, name in enumerate(numbers)},
            {name: alias for alias, name in labels.items()},
            frozenset(as_text),
        )

    @property
    def names(self) -> dict[str, str]:
        """The projection's columns, each with its name in the table."""
        both = (*self.numbers.items(), *self.categories.items(), (self.key, KEY))
        return {alias: name for name, alias in both}

    def projected(self, frame: Frame) -> Frame:
        """Return the projection of every row."""
        numbers = self.numbers.values()
        types = {alias: nw.Float64() for alias in numbers} | {alias: nw.String() for alias in self.as_text}
        return frame.select(
            (nw.col(name).cast(types[alias]) if alias in types else nw.col(name)).alias(alias)
            for alias, name in self.names.items()
        )

    def complete(self, frame: Frame) -> Frame:
        """Return the projection of the rows that have every value and a label."""
        projected = self.projected(frame)
        return projected.filter(_all_of([~absent for absent in _absent(projected).values()]))


def _refuse_unknown(formula: Formula, key: Any, known: list[str]) -> None:
    if not isinstance(key, str):
        raise InputError(
            f"clusters is a {type(key).__name__}: name a column of the table, or pass arrays to lyra.se.cluster_robust."
        )
    if key not in known:
        raise InputError(f"{option('clusters', key)} is not a column: {did_you_mean(key, known)}.")
    for name in formula.variables:
        if name not in known:
            raise InputError(f"{name!r} is not a column: {did_you_mean(name, known)}.")


def _is_text(dtype: Any) -> bool:
    return isinstance(dtype, (nw.String, nw.Categorical, nw.Enum))


def _is_plain(dtype: Any) -> bool:
    """Whether labels of this type are the same in every engine once fetched."""
    return isinstance(dtype, (nw.String, nw.Boolean)) or (dtype.is_numeric() and not isinstance(dtype, nw.Decimal))


def _refuse_no_number(name: str, dtype: Any) -> None:
    if not (dtype.is_numeric() or isinstance(dtype, nw.Boolean)):
        raise InputError(
            f"column {name!r} is of type {type(dtype).__name__}, not numbers: turn it into numbers, "
            f"or write C({name}) for its levels."
        )


def _absent(projected: Frame) -> dict[str, nw.Expr]:
    """Return for every column of the projection whether its value is missing."""
    return {
        alias: nw.col(alias).is_null() | nw.col(alias).is_nan() if dtype.is_float() else nw.col(alias).is_null()
        for alias, dtype in projected.collect_schema().items()
    }


def _all_of(conditions: list[nw.Expr]) -> nw.Expr:
    return reduce(and_, conditions)


# --- which rows ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Census:
    """How many rows a table has, how many are complete, how many labels there are, and how many rows miss a column."""

    n_rows: int
    n_complete: int
    n_labels: int
    missing: Mapping[str, int]

    @property
    def dropped(self) -> int:
        """Rows left out."""
        return self.n_rows - self.n_complete

    def __str__(self) -> str:
        by_column = listed(f"{name} in {count}" for name, count in self.missing.items() if count)
        return f"{self.dropped} of {self.n_rows} rows have a missing value or cluster label ({by_column})"


def refuse_empty(frame: Frame) -> None:
    """Refuse a table without rows, before the types its columns have then."""
    first = fetch(frame.head(1).select(nw.len().alias("rows")))
    if first["rows"][0] == 0:
        raise DataError("The table is empty: there are no rows to fit; pass at least one row a coefficient.")


def take_census(frame: Frame, variables: Variables) -> Census:
    """Return the count of rows, by one scan, or refuse those that cannot be used.

    Raises
    ------
    DataError
        No row is complete.
    InputError
        A value is infinite, or outside the domain of its transform.
    """
    projected = variables.projected(frame)
    absent, refused = _absent(projected), _refused(variables)
    present = _all_of([~gap for gap in absent.values()])
    flags = {f"missing {alias}": gap for alias, gap in absent.items()} | {"complete": present}
    flags |= {f"refused {i}": present & bad for i, (bad, _) in enumerate(refused)}
    counts = fetch(
        projected.select(
            nw.len().cast(nw.Float64).alias("rows"),
            nw.col(KEY).n_unique().cast(nw.Float64).alias("labels"),
            *(flag.cast(nw.Float64).sum().alias(name) for name, flag in flags.items()),
        )
    )
    found = {name: int(values[0]) for name, values in counts.items()}
    census = Census(
        found["rows"],
        found["complete"],
        found["labels"],
        {name: found[f"missing {alias}"] for alias, name in variables.names.items()},
    )
    if census.n_complete == 0:
        raise DataError(f"All rows were dropped: {census}; fill them in, or leave out the column that is missing.")
    for i, (_, sentence) in enumerate(refused):
        if found[f"refused {i}"]:
            raise InputError(sentence(found[f"refused {i}"]))
    return census


def _refused(variables: Variables) -> list[tuple[nw.Expr, Callable[[int], str]]]:
    """Return the conditions under which a row cannot be used, each with the sentence for their count."""
    infinite = [_infinite(name, alias) for name, alias in variables.numbers.items()]
    beyond = [
        _beyond(factor.label, factor.function, factor.column, variables.numbers[factor.column])
        for factor in variables.formula.factors
        if factor.function in BEYOND
    ]
    return infinite + beyond


def _infinite(name: str, alias: str) -> tuple[nw.Expr, Callable[[int], str]]:
    def sentence(count: int) -> str:
        return f"column {name!r} has {count} infinite value(s): replace them, or leave those rows out."

    return ~nw.col(alias).is_finite(), sentence


def _beyond(label: str, transform: str | None, name: str, alias: str) -> tuple[nw.Expr, Callable[[int], str]]:
    condition, words = BEYOND[transform or ""]

    def sentence(count: int) -> str:
        return (
            f"{label} has no finite value in {count} row(s), where {name!r} is {words}: "
            "leave those rows out, or transform the column otherwise."
        )

    return condition(nw.col(alias)), sentence


# --- which design -------------------------------------------------------------------------------


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
        Each category's levels in the complete rows, sorted.
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
    levels = {name: _levels(rows, alias) for name, alias in variables.categories.items()}
    for factor in variables.formula.factors:
        if factor.categorical and factor.function is None:
            _refuse_spoilt(factor.column, levels[factor.column])
    _refuse_too_many(levels)
    columns = design(variables.formula, levels)
    return Query(
        variables,
        tuple(_aliased(column, variables) for column in columns),
        _aliased(variables.formula.response_column, variables),
        {alias: levels[name] for name, alias in variables.categories.items()},
    )


def plain(values: NDArray[Any]) -> NDArray[Any]:
    """Return labels the same whatever table they come from: 1.0, 2.0 (integers beside a null) are 1, 2."""
    if values.dtype.kind == "f" and (values == np.floor(values)).all() and (np.abs(values) < 2**53).all():
        return values.astype(np.int64)
    return values


def _levels(rows: Frame, alias: str) -> tuple[Level, ...]:
    return tuple(sorted(plain(fetch(rows.select(alias).unique())[alias]).tolist()))


def _refuse_spoilt(name: str, levels: tuple[Level, ...]) -> None:
    """Refuse text that is mostly numbers: one bad cell has made a column of numbers text."""
    words = [str(level) for level in levels if not _is_number(str(level))]
    if words and 2 * len(words) < len(levels):
        raise InputError(
            f"column {name!r} is text, though most of its values are numbers ({words[0]!r} is not): "
            f"make it numbers, or write C({name}) for its levels."
        )


def _is_number(word: str) -> bool:
    try:
        return isfinite(float(word))
    except ValueError:
        return False


def _refuse_too_many(levels: Mapping[str, tuple[Level, ...]]) -> None:
    for name, present in levels.items():
        if len(present) > MOST_COLUMNS:
            raise NotIdentifiedError(
                f"column {name!r} has {len(present)} levels, a column each: "
                f"leave it out, or group its levels to at most {MOST_COLUMNS}."
            )


def _aliased(column: Column, variables: Variables) -> Column:
    def renamed(atom: Numeric | Indicator) -> Numeric | Indicator:
        known = variables.numbers if isinstance(atom, Numeric) else variables.categories
        return replace(atom, column=known[atom.column])

    return replace(column, atoms=tuple(renamed(atom) for atom in column.atoms))
