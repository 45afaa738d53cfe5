"""Rows of a table for the in-memory sums: held as arrays, or read again at every pass.

Either way the design exists only a block of rows at a time; what is held are the columns the regression uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Codes
from lyra.data.columns import Column, Indicator, evaluate
from lyra.data.labels import encode
from lyra.data.projection import KEY
from lyra.data.query import Query, plain
from lyra.data.rows import ROWS_PER_BLOCK, Block, changed, owned
from lyra.data.tables import Frame, Table, fetch

__all__ = ["BYTES_AT_ONCE", "HeldRows", "ScannedRows", "held", "scanned"]

BYTES_AT_ONCE = 2**27


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HeldRows:
    """The columns used, in memory: codes (N,) and values by name, numbers as they are and categories as codes."""

    codes: Codes
    values: dict[str, NDArray[Any]]
    columns: tuple[Column, ...]
    response: Column
    are_own: bool = False

    @property
    def n_columns(self) -> int:
        """K, the number of columns of X."""
        return len(self.columns)

    def blocks(self, at_least: int = ROWS_PER_BLOCK) -> Iterator[Block]:
        """Yield consecutive rows, the design evaluated for each block."""
        for start in range(0, self.codes.size, at_least):
            rows = slice(start, start + at_least)
            block = {name: values[rows] for name, values in self.values.items()}
            codes = self.codes[rows]
            X = evaluate(self.columns, block.__getitem__, n_rows=codes.size)
            y = evaluate((self.response,), block.__getitem__, n_rows=codes.size)[:, 0]
            yield codes, X, y


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScannedRows:
    """Rows read from the table anew at every pass, a range of cluster labels at a time.

    A range holds about `bytes_at_once` of the columns used, and never less than a cluster.
    """

    table: Table
    query: Query
    labels: NDArray[Any]
    sizes: NDArray[np.int64]
    bytes_at_once: int = BYTES_AT_ONCE

    @property
    def n_columns(self) -> int:
        """K, the number of columns of X."""
        return len(self.query.columns)

    @property
    def are_own(self) -> bool:
        """Whether nobody else can change them: a file or a table elsewhere can be written to."""
        return False

    def blocks(self, at_least: int = ROWS_PER_BLOCK) -> Iterator[Block]:
        """Yield every row once; a block never spans two ranges of labels."""
        with self.table.opened() as frame:
            rows = self.query.variables.complete(frame)
            order = np.argsort(self.labels)  # the engine's: of text by its letters, whatever the labels' own
            for low, high in self._ranges(order, at_least):
                part = rows if (low, high) == (0, order.size - 1) else rows.filter(self._between(order[[low, high]]))
                found, labels = held(part, self.query)
                places = self._places(labels, order)
                yield from replace(found, codes=places[found.codes]).blocks(at_least)

    def _places(self, labels: NDArray[Any], order: Codes) -> Codes:
        """Return where these labels stand among those of the first scan, or refuse one that was not there."""
        near = np.minimum(np.searchsorted(self.labels, labels, sorter=order), order.size - 1)
        places = order[near].astype(np.int32)
        if not np.array_equal(self.labels[places], labels):
            raise changed()
        return places

    def _ranges(self, order: Codes, at_least: int) -> Iterator[tuple[int, int]]:
        """Yield the first and last place in the order of each range."""
        used = len(self.query.variables.names)
        most = max(at_least, self.bytes_at_once // (8 * used))
        if (_spoken(self.labels) != self.labels).any():  # a range of them cannot be named: all rows at once
            most = int(self.sizes.sum())
        bins = (np.cumsum(self.sizes[order]) - 1) // most
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        yield from zip(starts.tolist(), [*(starts[1:] - 1).tolist(), order.size - 1], strict=True)

    def _between(self, ends: Codes) -> nw.Expr:
        first, last = _spoken(self.labels[ends]).tolist()
        return nw.col(KEY).is_between(nw.lit(first), nw.lit(last))


def _spoken(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as Python can say them: of a time, its microseconds."""
    return labels.astype("datetime64[us]") if labels.dtype == "datetime64[ns]" else labels


def held(complete: Frame, query: Query) -> tuple[HeldRows, NDArray[Any]]:
    """Return complete rows of the projection in memory, with the cluster labels their codes stand for."""
    values = fetch(complete)
    codes, labels = encode(plain(values.pop(KEY)))
    for alias, levels in query.levels.items():
        values[alias] = _positions(values[alias], levels)
    columns = tuple(_coded(column, query) for column in query.columns)
    kept, are_own = owned(values)
    return HeldRows(codes=codes, values=kept, columns=columns, response=query.response, are_own=are_own), labels


def scanned(table: Table, query: Query) -> ScannedRows:
    """Return the rows of a table that stays where it is, by one scan for its cluster labels."""
    with table.opened() as frame:
        counts = fetch(query.variables.complete(frame).group_by(KEY).agg(nw.len().alias("n")))
    order, labels = encode(plain(counts[KEY]))
    sizes = np.empty(labels.size, dtype=np.int64)
    sizes[order] = counts["n"]
    return ScannedRows(table=table, query=query, labels=labels, sizes=sizes)


def _positions(values: NDArray[Any], levels: tuple[Any, ...]) -> Codes:
    codes, seen = encode(values)
    position = {level: i for i, level in enumerate(levels)}
    return np.array([position[level] for level in seen.tolist()], dtype=np.intp)[codes]


def _coded(column: Column, query: Query) -> Column:
    """Return the column with its levels as positions, which are quicker to compare than labels."""
    return replace(
        column,
        atoms=tuple(
            replace(atom, level=query.levels[atom.column].index(atom.level)) if isinstance(atom, Indicator) else atom
            for atom in column.atoms
        ),
    )
