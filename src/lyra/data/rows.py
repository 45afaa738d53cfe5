"""Rows that can be read again, in blocks: what a table, a file and a matrix in memory have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.data import check
from lyra.errors import DataError, InputError

__all__ = ["ROWS_PER_BLOCK", "ArrayRows", "Block", "Rows", "changed", "complete", "owned"]

Block = tuple[Codes, Array, Array]

ROWS_PER_BLOCK = 8_192
OWNED_BYTES = 2**23  # rows smaller than this are copied, so that nobody else can change them


class Rows(Protocol):
    """Rows that can be read again, in blocks of (cluster codes (n,), X (n, K), y (n,))."""

    @property
    def n_columns(self) -> int:
        """K, the number of columns of X."""
        ...

    @property
    def are_own(self) -> bool:
        """Whether nobody else can change them: they are the same at every look."""
        ...

    def blocks(self, at_least: int = ROWS_PER_BLOCK) -> Iterator[Block]:
        """Yield every row once, in blocks of at least this many rows (the last may be shorter)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArrayRows:
    """Rows held in memory: codes (N,), X (N, K), y (N,); blocks are views where the layout allows."""

    codes: Codes
    X: NDArray[Any]
    y: NDArray[Any]
    are_own: bool = False

    @property
    def n_columns(self) -> int:
        """K, the number of columns of X."""
        return int(self.X.shape[1])

    def blocks(self, at_least: int = ROWS_PER_BLOCK) -> Iterator[Block]:
        """Yield consecutive slices as contiguous float64."""
        for start in range(0, self.codes.size, at_least):
            rows = slice(start, start + at_least)
            X = np.ascontiguousarray(self.X[rows], dtype=np.float64)
            yield self.codes[rows], X, np.asarray(self.y[rows], dtype=np.float64)


def owned(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], bool]:
    """Return the user's arrays, copied if they are small, and whether they were."""
    small = sum(array.nbytes for array in arrays.values()) <= OWNED_BYTES
    return {name: array.copy() if small else array for name, array in arrays.items()}, small


def complete(rows: ArrayRows, names: tuple[str, ...]) -> ArrayRows:
    """Return the rows with every value and a label, or refuse what is infinite or leaves none."""
    check.refuse_infinite(rows.y, what="y")
    for j, name in enumerate(names):
        check.refuse_infinite(rows.X[:, j], what=f"column {name!r}")
    keep = (rows.codes >= 0) & ~np.isnan(rows.y) & ~np.isnan(rows.X).any(axis=1)
    if not keep.any():
        raise InputError(
            f"All {keep.size} rows were dropped: each has a missing value or cluster label; "
            "fill them in, or leave out the column that is missing."
        )
    return ArrayRows(rows.codes[keep], rows.X[keep], rows.y[keep], are_own=True)


def changed() -> DataError:
    """Return the refusal of rows that are others than those of the first look."""
    return DataError(
        "The rows are no longer those of the fit: an array, a frame or a file was changed after it was read; "
        "fit again, or fit a copy."
    )
