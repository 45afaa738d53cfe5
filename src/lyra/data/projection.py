"""Which columns of a table a regression reads, and as what: one projection, and which of its rows are complete.

Every number is cast to float64 in the projection (products of small integers overflow silently in some engines), and
rows with a null, a NaN or no cluster label are filtered before anything is summed (engines differ in what a sum makes
of them). The projected columns have names of their own, so that no column of the table can clash: "g" the cluster
label, "x0", "x1", ... numbers, "c0", "c1", ... categories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import narwhals as nw
from numpy.typing import NDArray

from lyra.base.text import did_you_mean, listed, option
from lyra.data.cells import Spelling, spelt
from lyra.data.formula import Formula
from lyra.data.tables import Frame, Table, fetch
from lyra.errors import DataError, InputError, NotIdentifiedError

__all__ = ["KEY", "MOST_COLUMNS", "Variables", "all_of", "gaps", "is_so"]

KEY = "g"
MOST_COLUMNS = 5_000
WIDE: Mapping[int, tuple[Any, ...]] = {63: (nw.Int64,), 64: (nw.UInt64,), 128: (nw.Int128, nw.UInt128)}


@dataclass(frozen=True, slots=True, kw_only=True)
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
            formula=marked,
            key=key,
            numbers={name: f"x{i}" for i, name in enumerate(numbers)},
            categories=labels,
            as_text=_read_as_text(labels, key, schema),
            spelt=spelling,
            whole={name: size for name, size in bits.items() if size is not None},
            orders={labels[name]: order for name in labels if (order := _order(schema[name]))},
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
        return projected.filter(all_of([~gap for gap in gaps(projected).values()]))

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


def gaps(projected: Frame) -> dict[str, nw.Expr]:
    """Return for every column of the projection whether its value is missing."""
    return {
        alias: nw.col(alias).is_null() | is_so(nw.col(alias).is_nan()) if dtype.is_float() else nw.col(alias).is_null()
        for alias, dtype in projected.collect_schema().items()
    }


def is_so(condition: nw.Expr) -> nw.Expr:
    """Return whether a condition holds, and not where its value is missing: pandas mixes no two kinds of missing."""
    return condition.fill_null(value=False)


def all_of(conditions: list[nw.Expr]) -> nw.Expr:
    """Return whether every condition holds."""
    return reduce(and_, conditions)
