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
from operator import and_, or_
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from lyra.cells import Spelling, in_order, spelt
from lyra.errors import DataError, InputError, NotIdentifiedError, did_you_mean, listed, option
from lyra.formula import Column, Formula, Indicator, Level, Numeric, design, widths
from lyra.tables import Frame, Table, fetch

__all__ = ["KEY", "Census", "Query", "Variables", "ordered", "plain", "refuse_empty", "resolve", "take_census"]

KEY = "g"
MOST_COLUMNS = 5_000
EXACT = 2**53  # whole numbers up to here are floats
WIDE: Mapping[int, tuple[Any, ...]] = {63: (nw.Int64,), 64: (nw.UInt64,), 128: (nw.Int128, nw.UInt128)}
LONG = r"^[ \t]*[+-]?[0-9]{16,}[ \t]*$"  # whole numbers in text that may be beyond

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
    spelt : mapping of str to Spelling
        The columns of text among the numbers.
    whole : mapping of str to int
        The columns of whole numbers that a float need not hold, among the numbers: their bits, 0 for text.
    orders : mapping of str to tuple of str
        The categories that have an order of their own, by their names in the projection.
    """

    formula: Formula
    key: str
    numbers: Mapping[str, str]
    categories: Mapping[str, str]
    as_text: frozenset[str]
    spelt: Mapping[str, Spelling]
    whole: Mapping[str, int]
    orders: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, formula: Formula, key: Any, table: Table, frame: Frame) -> Variables:
        """Return the variables, or refuse a column that is not in the table or of no use as what it stands for."""
        schema = frame.collect_schema()
        if len(formula.terms) > MOST_COLUMNS:
            raise NotIdentifiedError(
                f"The formula has {len(formula.terms):,} terms, a column each at least: "
                f"leave some out, to at most {MOST_COLUMNS:,} columns."
            )
        _refuse_unknown(formula, key, list(schema), table.unfit)
        spelling = _spelling(formula, table, frame, schema)
        words = {name for name in formula.variables if _is_text(schema[name]) and name not in spelling}
        marked = formula.with_categorical(words)
        numbers = dict.fromkeys(factor.column for factor in marked.factors if not factor.categorical)
        for name in (name for name in numbers if name not in spelling):
            _refuse_no_number(name, schema[name])
        labels = {name: f"c{i}" for i, name in enumerate(marked.categorical)}
        for name in {*labels, key}:
            _refuse_no_label(name, schema[name], frame)
        bits = {name: 0 if name in spelling else _bits(schema[name]) for name in numbers}
        return cls(
            marked,
            key,
            {name: f"x{i}" for i, name in enumerate(numbers)},
            labels,
            _read_as_text(labels, key, schema),
            spelling,
            {name: size for name, size in bits.items() if size is not None},
            {labels[name]: order for name in labels if (order := _order(schema[name]))},
        )

    @property
    def names(self) -> dict[str, str]:
        """The projection's columns, each with its name in the table."""
        both = (*self.numbers.items(), *self.categories.items(), (self.key, KEY))
        return {alias: name for name, alias in both}

    def projected(self, frame: Frame) -> Frame:
        """Return the projection of every row."""
        arrow = frame.implementation.is_pyarrow()
        return frame.select(
            self._projected(alias, name, by_text=arrow).alias(alias) for alias, name in self.names.items()
        )

    def complete(self, frame: Frame) -> Frame:
        """Return the projection of the rows that have every value and a label."""
        projected = self.projected(frame)
        return projected.filter(_all_of([~absent for absent in _absent(projected).values()]))

    def _projected(self, alias: str, name: str, *, by_text: bool) -> nw.Expr:
        """Return a column of the projection; `by_text` whole numbers that an engine will not cast become text first."""
        if self.numbers.get(name) == alias:
            if name in self.spelt:
                return self.spelt[name].numbers(name)
            numbers = nw.col(name).cast(nw.String()) if by_text and name in self.whole else nw.col(name)
            return numbers.cast(nw.Float64())
        return nw.col(name).cast(nw.String()) if alias in self.as_text else nw.col(name)


def _spelling(formula: Formula, table: Table, frame: Frame, schema: Mapping[str, Any]) -> dict[str, Spelling]:
    """Return how the columns of text that stand without C() spell numbers."""
    bare = dict.fromkeys(factor.column for factor in formula.factors if factor.function != "C")
    text = [name for name in bare if isinstance(schema[name], nw.String)]
    return spelt(frame, text, written=table.written, decimal=table.decimal)


def _refuse_unknown(formula: Formula, key: Any, columns: list[Any], unfit: Mapping[str, str]) -> None:
    if not isinstance(key, str):
        raise InputError(
            f"clusters is a {type(key).__name__}: name a column of the table, or pass arrays to lyra.se.cluster_robust."
        )
    known = [column for column in columns if isinstance(column, str)]
    for name, told in ((key, option("clusters", key)), *((name, repr(name)) for name in formula.variables)):
        if name in unfit:
            raise DataError(unfit[name])
        if name not in known and len(known) < len(columns):
            odd = listed(repr(column) for column in columns if column not in known)
            raise InputError(f"{told} is not a column, and the names {odd} are no text: rename the columns as text.")
        if name not in known:
            raise InputError(f"{told} is not a column: {did_you_mean(name, known)}.")


def _is_text(dtype: Any) -> bool:
    return isinstance(dtype, (nw.String, nw.Categorical, nw.Enum))


def _is_plain(dtype: Any) -> bool:
    """Whether labels of this type are the same in every engine once fetched."""
    wide = isinstance(dtype, (nw.Decimal, nw.Int128, nw.UInt128))  # which engines fetch as floats
    return isinstance(dtype, (nw.String, nw.Boolean, nw.Object)) or (dtype.is_numeric() and not wide)


def _read_as_text(labels: Mapping[str, str], key: str, schema: Mapping[str, Any]) -> frozenset[str]:
    """Return which labels of the projection are text there; cluster labels keep dates and times."""
    text = {alias for name, alias in labels.items() if not _is_plain(schema[name])}
    return frozenset(text if _is_plain(schema[key]) or schema[key].is_temporal() else text | {KEY})


def _order(dtype: Any) -> tuple[str, ...]:
    """Return the order that the user gave to the labels of this type."""
    return tuple(dtype.categories) if isinstance(dtype, nw.Enum) else ()


def _bits(dtype: Any) -> int | None:
    """Return how many bits a whole number has, where a float holds fewer; floats have 53."""
    return next((bits for bits, kinds in WIDE.items() if isinstance(dtype, kinds)), None)


def _refuse_no_number(name: str, dtype: Any) -> None:
    if not (dtype.is_numeric() or isinstance(dtype, nw.Boolean)):
        raise InputError(
            f"column {name!r} is of type {type(dtype).__name__}, not numbers: turn it into numbers, "
            f"or write C({name}) for its levels."
        )


def _refuse_no_label(name: str, dtype: Any, frame: Frame) -> None:
    """Refuse labels that cannot be told apart, or whose type has no equality."""
    nested = isinstance(dtype, (nw.List, nw.Array, nw.Struct))
    if nested or (isinstance(dtype, nw.Object) and not _are_hashable(fetch(frame.select(name))[name])):
        raise InputError(f"column {name!r} holds lists or other objects, which are no labels: make it text or numbers.")


def _are_hashable(labels: NDArray[Any]) -> bool:
    try:
        return len(set(labels.tolist())) >= 0
    except TypeError:
        return False


def _absent(projected: Frame) -> dict[str, nw.Expr]:
    """Return for every column of the projection whether its value is missing."""
    return {
        alias: nw.col(alias).is_null() | _is_so(nw.col(alias).is_nan()) if dtype.is_float() else nw.col(alias).is_null()
        for alias, dtype in projected.collect_schema().items()
    }


def _is_so(condition: nw.Expr) -> nw.Expr:
    """Return whether a condition holds, and not where its value is missing: pandas mixes no two kinds of missing."""
    return condition.fill_null(value=False)


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
    absent, refused = _absent(projected), _refused(variables, projected.collect_schema())
    present = _all_of([~gap for gap in absent.values()])
    flags = {f"missing {alias}": gap for alias, gap in absent.items()} | {"complete": present}
    flags |= {f"refused {i}": present & _is_so(bad) for i, (bad, _) in enumerate(refused)}
    large = {name: variables.numbers[name] for name in variables.whole}
    flags |= {f"large {alias}": present & _is_so(nw.col(alias).abs() >= EXACT) for alias in large.values()}
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
    if values.dtype.kind == "f" and (values == np.floor(values)).all() and (np.abs(values) < 2**53).all():
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
