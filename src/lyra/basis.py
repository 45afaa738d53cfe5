"""The working basis: the cheapest columns in which the sums keep every digit.

With Z the working columns, X = Z T and y = ỹ + X a. Shifting, scaling and re-orthogonalising are all a choice of
(T, a); a well-conditioned design keeps T = I.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lyra.rows import FirstPass, Rows, gram

__all__ = ["Basis", "independent_columns", "settle"]

Array = NDArray[np.float64]

WELL_CONDITIONED = 1e-5  # of a column's sum of squares, the share that must be left by the columns before it
COLLINEAR = 1e-12  # the share below which sums alone cannot tell a column from a combination of the others
ROUNDED = 1e-15  # rounding in the share of a column when those before it are far apart
LEAST_NORM = 1e-10  # the part of a column's length below which rows say it is one
ROUNDING = 1e-14  # a part of its length before the shift that is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The working coordinates: Z = (X − 1·shift') U and ỹ = y − y_shift − Z θ; X = Z T, T from U and the unit column.

    `unit` is the position of a constant column and `unit_value` its value: with one, a shift is a change of basis.
    """

    shift: Array  # (K,)
    U: Array  # (K, K)
    theta: Array  # (K,)
    unit: int | None = None
    unit_value: float = 1.0
    y_shift: float = 0.0

    @property
    def T_inverse(self) -> Array:
        """T⁻¹ (K, K): a coefficient θ on Z is T⁻¹θ on X."""
        if self.unit is None:
            return self.U
        undo = np.eye(self.shift.size)
        undo[self.unit] -= self.shift / self.unit_value
        return undo @ self.U

    @property
    def a(self) -> Array:
        """What the basis says of y: y = ỹ + X a, (K,)."""
        a = self.T_inverse @ self.theta
        if self.unit is not None:
            a[self.unit] += self.y_shift / self.unit_value
        return a

    def forward(self, X: Array, y: Array) -> tuple[Array, Array]:
        """Return the working rows Z (n, K) and ỹ (n,)."""
        moved = X - self.shift if self.shift.any() else X
        Z = moved if np.array_equal(self.U, np.eye(self.shift.size)) else moved @ self.U
        work = y - self.y_shift if self.y_shift else y
        return Z, work - Z @ self.theta if self.theta.any() else work


def settle(rows: Rows, look: FirstPass) -> tuple[Basis, Array]:
    """Return the cheapest basis that keeps every digit, with its Gram matrix.

    First the columns as they are; when the columns before it explain nearly all of a column, shifted by their
    means; when that is not enough, orthogonalised. A y that the columns explain nearly all of is shifted by
    its mean; when that is not enough, it is worked on as what is left of it.
    """
    K, total = rows.n_columns, look.total
    basis = Basis(np.zeros(K), np.eye(K), np.zeros(K), look.unit, look.unit_value)
    if _is_ill_conditioned(total, basis) and basis.unit is not None:
        means = total[basis.unit, :-1] / total[basis.unit, basis.unit] * basis.unit_value
        means[basis.unit] = 0.0
        basis = replace(basis, shift=means)
        total = gram(rows, basis.forward)
    if _is_ill_conditioned(total, basis):
        basis = replace(basis, U=_orthogonalising(rows, basis, np.sqrt(np.diagonal(look.total)[:-1])))
        total = gram(rows, basis.forward)
    if basis.unit is not None and _explained(total, basis)[1]:
        unit = basis.unit
        basis = replace(basis, y_shift=float(look.total[unit, -1] / look.total[unit, unit] * basis.unit_value))
        total = gram(rows, basis.forward)
    theta, nearly_all = _explained(total, basis)
    if nearly_all:
        basis = replace(basis, theta=theta)
        total = gram(rows, basis.forward)
    return basis, total


def _explained(total: Array, basis: Basis) -> tuple[Array, bool]:
    """Return the least-squares θ (K,) of ỹ on Z, and whether it leaves next to nothing of ỹ."""
    kept, _ = independent_columns(total[:-1, :-1], basis.unit)
    theta = np.zeros(len(total) - 1)
    theta[kept] = np.linalg.solve(total[np.ix_(kept, kept)], total[kept, -1])
    left = total[-1, -1] - theta @ total[:-1, -1]
    return theta, bool(left < WELL_CONDITIONED * total[-1, -1])


def _is_ill_conditioned(total: Array, basis: Basis) -> bool:
    return independent_columns(total[:-1, :-1], basis.unit)[1] < WELL_CONDITIONED


def independent_columns(A: Array, unit: int | None) -> tuple[list[int], float]:
    """Return the columns that are not combinations of earlier ones, and the smallest share left of any column.

    A (K, K) is a Gram matrix. The constant column comes first, the others in their order; the share of a column is
    what the columns before it leave of its sum of squares, the squared pivot of a Cholesky factor.
    """
    order = sorted(range(A.shape[0]), key=lambda j: (j != unit, j))
    try:
        pivots = np.diagonal(np.linalg.cholesky(A[np.ix_(order, order)])) ** 2 / np.diagonal(A)[order]
    except np.linalg.LinAlgError:
        pivots = np.zeros(1)
    if pivots.min() > WELL_CONDITIONED:
        return list(range(A.shape[0])), float(pivots.min())
    return _pivoted(A, order)


def _pivoted(A: Array, order: list[int]) -> tuple[list[int], float]:
    """Factor column by column, leaving out those the kept ones explain; rounding grows as the kept pivots shrink."""
    kept: list[int] = []
    smallest = smallest_kept = 1.0
    L = np.zeros_like(A)
    for j in order:
        k = len(kept)
        row = np.linalg.solve(L[:k, :k], A[kept, j]) if k else np.empty(0)
        share = 1.0 - float(row @ row) / A[j, j] if A[j, j] > 0 else 0.0
        smallest = min(smallest, share)
        if share > max(COLLINEAR, ROUNDED / smallest_kept):
            smallest_kept = min(smallest_kept, share)
            L[k, :k], L[k, k] = row, np.sqrt(share * A[j, j])
            kept.append(j)
    return sorted(kept), smallest


def _orthogonalising(rows: Rows, basis: Basis, norms: Array) -> Array:
    """Return U (K, K) such that (X − 1·shift') U has orthonormal columns, by QR over blocks of rows.

    A column that is a combination of earlier ones (to 1e-10 of its length) is left as it is, for the fit to drop.
    """
    R = np.zeros((0, rows.n_columns))
    for _, X, _y in rows.blocks():
        R = np.asarray(np.linalg.qr(np.vstack([R, X - basis.shift]), mode="r"))
    kept: list[int] = []
    Q = np.zeros((R.shape[0], 0))
    for j in sorted(range(rows.n_columns), key=lambda j: (j != basis.unit, j)):
        left = R[:, j] - Q @ (Q.T @ R[:, j])
        left -= Q @ (Q.T @ left)
        size = float(np.linalg.norm(left))
        if size > max(LEAST_NORM * float(np.linalg.norm(R[:, j])), ROUNDING * norms[j]):
            Q = np.column_stack([Q, left / size])
            kept.append(j)
    U = np.eye(rows.n_columns)
    U[np.ix_(kept, kept)] = np.linalg.inv(Q.T @ R[:, kept])
    return U
