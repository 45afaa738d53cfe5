"""What all rows but one cluster's, or but one row, say of the columns: a graded triangle, from sums or from the rows.

Sums lose a direction of which the others hold less than ε: whether 1 − λ is 1e-15 or zero they cannot tell. A triangle
of the rows themselves holds it down to ε², so that what is zero there is zero but for the rounding of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.moments.basis import forward
from lyra.regression.least_squares import Fit

__all__ = ["Others", "by_rows", "from_sums", "lengths"]


ROUNDING = 1e-15  # of a column's sum of squares over all clusters
NOTHING = 1e-13  # of a column's length over all clusters: the rounding of many rows
EPS = float(np.finfo(float).eps)

Apart = Iterator[tuple[NDArray[np.intp], Array]]
"""Blocks of rows [Z û] in the kept columns, with the place of the piece each is in; the first past them for none."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Others:
    """R'R = A_(−g) with the columns over their lengths S and in the order of the pivots, and R't = Σ_{h≠g} s_h.

    Attributes
    ----------
    lower : ndarray (K, rank)
        R'.
    order : ndarray (K,)
        The column of each row of R'.
    t : ndarray (rank,)
        What the residuals say.
    loss : float
        The relative error in what follows from these numbers.
    are_rows : bool
        Whether they are a triangle of the rows, in which a direction that is there is there.
    """

    lower: Array
    order: NDArray[np.intp]
    t: Array
    loss: float
    are_rows: bool = False

    @property
    def rank(self) -> int:
        """The columns that the others tell apart."""
        return int(self.lower.shape[1])

    @property
    def columns_of_zeros(self) -> int:
        """How many columns are zero among the others."""
        return int(np.sum(~self.lower.any(axis=1)))


def lengths(fit: Fit) -> Array:
    """Return S (K,): the lengths of the kept working columns over all rows."""
    return np.asarray(np.linalg.norm(fit.L, axis=1))


def from_sums(fit: Fit, A: Array, scores: Array) -> Others:
    """Return the factor of the others' sums A (K, K) and scores (K,)."""
    from scipy.linalg.lapack import dpstrf

    S = lengths(fit)
    factor, pivots, rank, _ = dpstrf(A / np.outer(S, S), tol=ROUNDING, lower=1)
    lower, order = np.tril(factor)[:, :rank], pivots - 1
    t = forward(lower[:rank], (scores / S)[order][None, :rank])[0] if rank else np.empty(0)
    return Others(lower=lower, order=order, t=t, loss=EPS * _inflation(lower))


def by_rows(fit: Fit, apart: Apart, which: list[int]) -> Iterator[tuple[int, Others]]:
    """Yield of each of these pieces what all rows without it say."""
    S, pieces = np.append(lengths(fit), 1.0), [np.zeros((0, fit.K + 1))] * (len(which) + 1)
    for piece, rows in apart:
        for p in np.unique(piece).tolist():
            pieces[p] = _triangle(pieces[p], rows[piece == p] / S)
    for p, each in enumerate(which):
        yield each, _factored(_triangle(*pieces[:p], *pieces[p + 1 :]), fit.K)


def _triangle(*rows: Array) -> Array:
    return np.asarray(np.linalg.qr(np.vstack(rows), mode="r"))


def _factored(R: Array, K: int) -> Others:
    from scipy.linalg import qr

    Q, upper, order = qr(R[:, :K], mode="economic", pivoting=True)
    rank = int(np.count_nonzero(np.abs(np.diagonal(upper)) > NOTHING))
    lower = np.asarray(upper[:rank].T, dtype=np.float64)
    loss = EPS * _inflation(lower) ** 0.5
    return Others(lower=lower, order=order.astype(np.intp), t=Q[:, :rank].T @ R[:, K], loss=loss, are_rows=True)


def _inflation(lower: Array) -> float:
    """Return one over the least share of a column that is its own."""
    rank = lower.shape[1]
    graded = lower[:rank] / np.linalg.norm(lower[:rank], axis=1, keepdims=True)
    return float(np.sum(forward(graded, np.eye(rank)) ** 2, axis=1).max(initial=0.0))
