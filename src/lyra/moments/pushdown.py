"""Sums made by the engine that holds the table: one row a cluster comes back, and no row of the data does.

The design columns are projected, each less a constant near its mean, and then their products; what is summed are
columns only, which every engine groups by cluster in one scan. With an intercept the shift is a change of basis, so
the sums hold no offset that could swallow their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations_with_replacement
from operator import mul
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.data.columns import Column, Indicator, Numeric
from lyra.data.labels import encode
from lyra.data.projection import KEY
from lyra.data.query import Query, plain
from lyra.data.rows import Rows
from lyra.data.scan import held
from lyra.data.tables import Frame, fetch
from lyra.moments.basis import SQUARES, WELL_CONDITIONED, independent_columns
from lyra.moments.moments import Moments

__all__ = ["Sums", "can_push_down", "push_down"]


MOST_SUMS = 400
HEAD = 1_000  # rows whose mean is near enough to the mean of all
SIZE = "n"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sums:
    """What an engine gave back.

    Attributes
    ----------
    labels, sizes : ndarray (G,)
        Cluster labels, sorted, and their rows.
    tensor : ndarray (G, K + 1, K + 1)
        Cross-products of [X y], each column less its shift.
    shift : ndarray (K + 1,)
        0 for the intercept.
    unit : int
        The position of the intercept.
    """

    labels: NDArray[Any]
    sizes: NDArray[np.int64]
    tensor: Array
    shift: Array
    unit: int

    @property
    def keep_every_digit(self) -> bool:
        """Whether enough of each column, and of y, is its own, and no square leaves a double."""
        total = self.tensor.sum(axis=0)
        squares = np.diagonal(total)
        held = bool(((squares > 1.0 / SQUARES) & (squares < SQUARES)).all())
        return held and independent_columns(total, self.unit)[1] > WELL_CONDITIONED

    def moments(self, rows: Rows, *, names: tuple[str, ...], dropped_rows: int) -> Moments:
        """Return the sums as moments that can still reach their rows."""
        T_inverse, a = np.eye(len(names)), np.zeros(len(names))
        T_inverse[self.unit] -= self.shift[:-1]
        a[self.unit] = self.shift[-1]
        return Moments.from_tensor(
            self.tensor,
            self.tensor[:, self.unit],
            names=names,
            labels=self.labels,
            sizes=self.sizes,
            T_inverse=T_inverse,
            a=a,
            unit=self.unit,
            dropped_rows=dropped_rows,
            rows=rows,
        )


def can_push_down(query: Query) -> bool:
    """Whether an engine can make the sums: the model has an intercept and the sums are few enough for a query."""
    K = len(query.columns)
    return query.unit is not None and (K + 1) * (K + 2) // 2 <= MOST_SUMS


def push_down(complete: Frame, query: Query) -> Sums:
    """Return the per-cluster sums of complete rows of a query with an intercept, by a look at its head and one scan."""
    unit = query.unit or 0
    shift = _near_means(complete, query)
    names = [f"w{j}" for j in range(shift.size) if j != unit]
    shifted = [
        (_value(column) - float(shift[j])).alias(f"w{j}")
        for j, column in enumerate((*query.columns, query.response))
        if j != unit
    ]
    pairs = {f"{left}*{right}": (left, right) for left, right in combinations_with_replacement(names, 2)}
    products = [(nw.col(left) * nw.col(right)).alias(name) for name, (left, right) in pairs.items()]
    sums = fetch(
        complete.select(KEY, *shifted)
        .select(KEY, *names, *products)
        .group_by(KEY)
        .agg(nw.len().alias(SIZE), *(nw.col(name).sum() for name in (*names, *pairs)))
    )
    return _assembled(sums, pairs, shift, unit)


def _assembled(sums: dict[str, NDArray[Any]], pairs: Mapping[str, tuple[str, str]], shift: Array, unit: int) -> Sums:
    place, labels = encode(plain(sums[KEY]))
    order = np.argsort(place)
    tensor = np.empty((labels.size, shift.size, shift.size))
    tensor[:, unit, unit] = sums[SIZE][order]
    for name, (left, right) in pairs.items():
        i, j = int(left[1:]), int(right[1:])
        tensor[:, i, j] = tensor[:, j, i] = sums[name][order]
        tensor[:, i, unit] = tensor[:, unit, i] = sums[left][order]
    return Sums(labels=labels, sizes=sums[SIZE][order].astype(np.int64), tensor=tensor, shift=shift, unit=unit)


def _near_means(complete: Frame, query: Query) -> Array:
    """Return a constant near the mean of every column and of y, (K + 1,); 0 for the intercept."""
    head, _ = held(complete.head(HEAD), query)
    _, X, y = next(head.blocks(HEAD))
    shift = np.append(X.mean(axis=0), y.mean())
    shift[query.unit] = 0.0
    return shift


def _value(column: Column) -> nw.Expr:
    return reduce(mul, [_atom(atom) for atom in column.atoms])


def _atom(atom: Numeric | Indicator) -> nw.Expr:
    values = nw.col(atom.column)
    if isinstance(atom, Indicator):
        return (values == atom.level).cast(nw.Float64)
    return values if atom.transform is None else TRANSFORMED[atom.transform](values)


def _log1p(x: nw.Expr) -> nw.Expr:
    """Return log(1 + x) with the digits of a small x [Kahan]: the error of 1 + x cancels in log(u) x/(u − 1)."""
    u = x + 1.0
    return nw.when(u == 1.0).then(x).otherwise(u.log() * x / (u - 1.0))


TRANSFORMED: Mapping[str, Callable[[nw.Expr], nw.Expr]] = {
    "abs": nw.Expr.abs,
    "exp": nw.Expr.exp,
    "log": nw.Expr.log,
    "log1p": _log1p,
    "sqrt": nw.Expr.sqrt,
    "square": lambda x: x * x,
}
"""The transforms of a formula as the engines compute them."""
