"""Which rows of a projection can be used: how many are complete, which columns the others miss, what is refused.

All of it is counted by one scan: rows without a value or a label are left out, and a value that is infinite, outside
the domain of its transform, or no longer the one that was written is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import narwhals as nw

from lyra.base.text import listed
from lyra.data.projection import KEY, Variables, all_of, gaps, is_so
from lyra.data.tables import Frame, fetch
from lyra.data.values import EXACT
from lyra.errors import DataError, InputError

__all__ = ["Census", "refuse_empty", "take_census"]

LONG = r"^[ \t]*[+-]?[0-9]{16,}[ \t]*$"  # whole numbers in text that may be beyond
BEYOND: Mapping[str, tuple[Callable[[nw.Expr], nw.Expr], str]] = {
    "exp": (lambda x: x > 709.0, "above 709"),
    "log": (lambda x: x <= 0.0, "0 or below"),
    "log1p": (lambda x: x <= -1.0, "-1 or below"),
    "sqrt": (lambda x: x < 0.0, "below 0"),
    "square": (lambda x: x.abs() > 1e154, "beyond 1e154"),
}
"""Where a transform has no finite value."""


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
    missing, refused = gaps(projected), _refused(variables, projected.collect_schema())
    present = all_of([~gap for gap in missing.values()])
    flags = {f"missing {alias}": gap for alias, gap in missing.items()} | {"complete": present}
    flags |= {f"refused {i}": present & is_so(bad) for i, (bad, _) in enumerate(refused)}
    large = {name: variables.numbers[name] for name in variables.whole}
    flags |= {f"large {alias}": present & is_so(nw.col(alias).abs() >= EXACT) for alias in large.values()}
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
    for name in (name for name, alias in large.items() if found[f"large {alias}"]):
        _refuse_rounded(frame, name, variables.whole[name])
    return census


def _refuse_rounded(frame: Frame, name: str, bits: int) -> None:
    """Refuse whole numbers that are none as floats."""
    rounded = _in_text(name) if bits == 0 else _rounded(nw.col(name), bits)
    count = int(fetch(frame.select(rounded.cast(nw.Float64).sum().alias("n")))["n"][0])
    if count:
        raise InputError(
            f"column {name!r} has {count} whole number(s) beyond 2**53, whose last digits numbers here do not hold: "
            "subtract a constant from it in the data, or divide it by one."
        )


def _in_text(name: str) -> nw.Expr:
    cells: nw.Expr = nw.col(name).fill_null("").str.contains(LONG)
    return cells


def _rounded(values: nw.Expr, bits: int) -> nw.Expr:
    """Return where a whole number is no float: beyond 2**(52 + k) a float is a multiple of 2**k."""
    if bits > 64:
        return (values > EXACT) | (values < -EXACT)
    steps = [(2 ** (52 + k), 2**k) for k in range(1, bits - 52)]
    beyond = [(((values > most) | (values < -most)) if bits == 63 else values > most, by) for most, by in steps]
    rounded: nw.Expr = reduce(or_, [condition & (values % by != 0) for condition, by in beyond])
    return rounded


def _refused(variables: Variables, schema: Mapping[str, Any]) -> list[tuple[nw.Expr, Callable[[int], str]]]:
    """Return the conditions under which a row cannot be used, each with the sentence for their count."""
    infinite = [_infinite(name, alias) for name, alias in variables.numbers.items()]
    labels = {name: alias for alias, name in variables.names.items() if alias not in variables.numbers.values()}
    merged = [_merged(name, alias, schema[alias]) for name, alias in labels.items() if schema[alias].is_float()]
    beyond = [
        _beyond(factor.label, factor.function, factor.column, variables.numbers[factor.column])
        for factor in variables.formula.factors
        if factor.function in BEYOND
    ]
    return infinite + beyond + merged


def _infinite(name: str, alias: str) -> tuple[nw.Expr, Callable[[int], str]]:
    def sentence(count: int) -> str:
        return f"column {name!r} has {count} infinite value(s): replace them, or leave those rows out."

    return ~nw.col(alias).is_finite(), sentence


def _merged(name: str, alias: str, dtype: Any) -> tuple[nw.Expr, Callable[[int], str]]:
    bits = 24 if isinstance(dtype, nw.Float32) else 53

    def sentence(count: int) -> str:
        return (
            f"column {name!r} holds labels as floats beyond 2**{bits} in {count} row(s), where two labels can be one "
            "number: read them as integers or text."
        )

    return nw.col(alias).abs() >= 2**bits, sentence


def _beyond(label: str, transform: str | None, name: str, alias: str) -> tuple[nw.Expr, Callable[[int], str]]:
    condition, words = BEYOND[transform or ""]

    def sentence(count: int) -> str:
        return (
            f"{label} has no finite value in {count} row(s), where {name!r} is {words}: "
            "leave those rows out, or transform the column otherwise."
        )

    return condition(nw.col(alias)), sentence
