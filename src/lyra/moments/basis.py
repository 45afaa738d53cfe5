"""The working basis: the cheapest columns in which the sums keep every digit.

With Z the working columns, X = Z T and y = ỹ + X a. Shifting, scaling and re-orthogonalising are all a choice of
(T, a); a well-conditioned design keeps T = I. No inverse is formed where a triangle can be solved, so that a column's
unit changes nothing but its own coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lyra.base.arrays import Array
from lyra.base.triangles import backward, forward, inverse, powers_of_two
from lyra.data.rows import Rows
from lyra.moments.products import difference, halves
from lyra.moments.sums import FirstPass, gram, largest

__all__ = ["Basis", "change_of_basis", "independent_columns", "undone"]


WELL_CONDITIONED = 3e-3  # of a column's sum of squares, the share that must be its own; the sums lose its inverse
FACTORED = 1e-6  # the share above which the sums are good enough to orthogonalise by
EXPLAINED = 1e-3  # of the sum of squares of y, the share that must be left by the columns
INDEPENDENT = 1e-5  # the share left by the columns before it above which no column is a combination of them
COLLINEAR = 1e-12  # the share below which sums alone cannot tell a column from a combination of the others
ROUNDED = 1e-15  # rounding in the share of a column when those before it are far apart
LEAST_NORM = 1e-10  # the part of a column's length below which rows say it is one
ROUNDING = 1e-14  # a part of its length before the shift that is rounding
SQUARES = 2.0**200  # a sum of squares above this, or below its inverse, is scaled, so that no product leaves a double
CANCELS = 1e3  # terms this much larger than their sum lose digits that a fit cannot spare


@dataclass(frozen=True, eq=False, kw_only=True)
class Basis:
    """The working coordinates: Z = (X·2^s − 1·shift') U and ỹ = y·2^t − y_shift − (X·2^s − 1·shift') b.

    X·2^s = Z T, T from U and the unit column. The powers of two are exact, and 1 but for columns whose squares would
    leave a double. `unit` is the position of a constant column and `unit_value` its value after scaling: with one, a
    shift is a change of basis. b is of the columns before U, so that a y made of nearly collinear columns is not taken
    apart along a direction that the rows hardly hold.
    """

    shift: Array  # (K,)
    U: Array  # (K, K)
    b: Array  # (K,)
    unit: int | None = None
    unit_value: float = 1.0
    y_shift: float = 0.0
    scale: Array | None = None  # (K,) powers of two
    y_scale: float = 1.0

    @property
    def T_inverse(self) -> Array:
        """T⁻¹ (K, K): a coefficient θ on Z is T⁻¹θ on X."""
        return self._scaled(self._unshifted(self.U))

    @property
    def a(self) -> Array:
        """What the basis says of y: y·2^t = ỹ + X a, (K,)."""
        a = self._unshifted(self.b[:, None])[:, 0]
        if self.unit is not None:
            a[self.unit] += self.y_shift / self.unit_value
        return self._scaled(a[:, None])[:, 0]

    def _unshifted(self, M: Array) -> Array:
        """Return M (K, c) with what the shift takes from its row of the constant column."""
        if self.unit is None or not self.shift.any():
            return M.copy()
        found, (exact, rest) = M.copy(), halves(M.T, self.shift[:, None])
        found[self.unit] = (found[self.unit] - exact[:, 0] / self.unit_value) - rest[:, 0] / self.unit_value
        return found

    def _scaled(self, M: Array) -> Array:
        return M if self.scale is None else self.scale[:, None] * M

    @cached_property
    def mixes(self) -> bool:
        """Whether working columns are made of several."""
        return not np.array_equal(self.U, np.eye(self.shift.size))

    @cached_property
    def cancels(self) -> bool:
        """Whether working columns are made of terms that are large beside them: those the columns hold of each."""
        return self.mixes and bool((np.linalg.norm(inverse(self.U), axis=0) @ np.abs(self.U)).max() > CANCELS)

    def forward(self, X: Array, y: Array) -> tuple[Array, Array]:
        """Return the working rows Z (n, K) and ỹ (n,)."""
        if self.scale is not None:
            X = X * self.scale
        work = y * self.y_scale if self.y_scale != 1.0 else y
        work = work - self.y_shift if self.y_shift else work
        if self.cancels:
            exact, rest = self._by_halves(X, np.vstack([self.U.T, self.b]))
            return np.ascontiguousarray((exact[:-1] + rest[:-1]).T), (work - exact[-1]) - rest[-1]
        moved = X - self.shift if self.shift.any() else X
        if not self.mixes:
            return moved, work - moved @ self.b if self.b.any() else work
        if self.b.any():
            exact, rest = self._by_halves(X, self.b[None])
            work = (work - exact[0]) - rest[0]
        return moved @ self.U, work

    def _by_halves(self, X: Array, M: Array) -> tuple[Array, Array]:
        """Return M (X − 1·shift')', (c, n), in two halves that keep every digit."""
        moved, low = difference(np.ascontiguousarray(X.T), self.shift[:, None])
        return halves(M, moved, low)


def settle(rows: Rows, look: FirstPass) -> tuple[Basis, Array]:
    """Return the cheapest basis that keeps every digit, with its Gram matrix.

    First the columns as they are, those whose squares would leave a double times a power of two; when the others
    explain nearly all of a column, shifted by their means; when that is not enough, orthogonalised. A y that the
    columns explain nearly all of is shifted by its mean; when that is not enough, it is worked on as what is left.
    """
    basis, raw = _scaled_basis(rows, look)
    total = raw
    if _is_ill_conditioned(total, basis) and basis.unit is not None:
        means = raw[basis.unit, :-1] / raw[basis.unit, basis.unit] * basis.unit_value
        means[basis.unit] = 0.0
        basis = replace(basis, shift=means)
        total = gram(rows, basis.forward)
    if _is_ill_conditioned(total, basis):
        basis = replace(basis, U=_orthogonalising(rows, basis, total, np.sqrt(np.diagonal(raw)[:-1])))
        total = gram(rows, basis.forward)
    theta, nearly_all = _explained(total, basis)
    if nearly_all and basis.unit is not None:
        unit = basis.unit
        basis = replace(basis, y_shift=float(raw[unit, -1] / raw[unit, unit] * basis.unit_value))
        total = gram(rows, basis.forward)
        theta, nearly_all = _explained(total, basis)
    if nearly_all:
        basis = replace(basis, b=basis.U @ theta)
        total = gram(rows, basis.forward)
    return basis, total


def _scaled_basis(rows: Rows, look: FirstPass) -> tuple[Basis, Array]:
    """Return the columns as they are, or times powers of two, with their Gram matrix."""
    K = rows.n_columns
    basis = Basis(shift=np.zeros(K), U=np.eye(K), b=np.zeros(K), unit=look.unit, unit_value=look.unit_value)
    squares = np.diagonal(look.total)
    held = (squares > 1.0 / SQUARES) & (squares < SQUARES)
    if held.all():
        return basis, look.total
    powers = np.where(held, 1.0, powers_of_two(largest(rows)))
    basis = replace(basis, scale=powers[:-1], y_scale=float(powers[-1]))
    if basis.unit is not None:
        basis = replace(basis, unit_value=basis.unit_value * float(powers[basis.unit]))
    return basis, gram(rows, basis.forward)


def _explained(total: Array, basis: Basis) -> tuple[Array, bool]:
    """Return the least-squares θ (K,) of ỹ on Z, and whether it leaves next to nothing of ỹ."""
    kept, _ = independent_columns(total[:-1, :-1], basis.unit)
    theta = np.zeros(len(total) - 1)
    L = np.asarray(np.linalg.cholesky(total[np.ix_(kept, kept)]), dtype=np.float64)
    theta[kept] = backward(L, forward(L, total[kept, -1][None]))[0]
    left = total[-1, -1] - theta @ total[:-1, -1]
    return theta, bool(left < EXPLAINED * total[-1, -1])


def _is_ill_conditioned(total: Array, basis: Basis) -> bool:
    return independent_columns(total[:-1, :-1], basis.unit)[1] < WELL_CONDITIONED


def independent_columns(A: Array, unit: int | None) -> tuple[list[int], float]:
    """Return the columns that are not combinations of earlier ones, and the smallest share of one that is its own.

    A (K, K) is a Gram matrix. The constant column comes first, the others in their order. A column is kept by what
    those before it leave of its sum of squares, the squared pivot of a Cholesky factor; its own share is what all
    others leave of it, 1/(A_jj (A⁻¹)_jj), and 0 when one is not kept.
    """
    order = _constant_first(A.shape[0], unit)
    squares = np.diagonal(A)[order]
    try:
        L = np.asarray(np.linalg.cholesky(A[np.ix_(order, order)]), dtype=np.float64)
    except np.linalg.LinAlgError:
        return _pivoted(A, order)
    if (np.diagonal(L) ** 2 > INDEPENDENT * squares).all():
        inflation = squares * np.sum(forward(L, np.eye(len(L))) ** 2, axis=1)
        return list(range(A.shape[0])), float(1.0 / inflation.max(initial=1.0))
    return _pivoted(A, order)


def _constant_first(K: int, unit: int | None) -> list[int]:
    return sorted(range(K), key=lambda j: (j != unit, j))


def _pivoted(A: Array, order: list[int]) -> tuple[list[int], float]:
    """Factor column by column, leaving out those the kept ones explain; rounding grows as the kept pivots shrink."""
    kept: list[int] = []
    smallest = smallest_kept = 1.0
    L = np.zeros_like(A)
    for j in order:
        k = len(kept)
        row = forward(L[:k, :k], A[kept, j][None])[0] if k else np.empty(0)
        share = 1.0 - float(row @ row) / A[j, j] if A[j, j] > 0 else 0.0
        smallest = min(smallest, share)
        if share > max(COLLINEAR, ROUNDED / smallest_kept):
            smallest_kept = min(smallest_kept, share)
            L[k, :k], L[k, k] = row, np.sqrt(share * A[j, j])
            kept.append(j)
    return sorted(kept), smallest


def _orthogonalising(rows: Rows, basis: Basis, total: Array, norms: Array) -> Array:
    """Return U (K, K) such that (X·2^s − 1·shift') U has orthonormal columns, but for those the fit will drop.

    By the Cholesky factor of the sums where these keep half their digits, for what comes of it is summed again; else
    by QR over blocks of rows. A column that is a combination of earlier ones (to 1e-10 of its length) is left as it is.
    """
    A, U = total[:-1, :-1], np.eye(rows.n_columns)
    order = _constant_first(rows.n_columns, basis.unit)
    if independent_columns(A, basis.unit)[1] > FACTORED:
        L = np.asarray(np.linalg.cholesky(A[np.ix_(order, order)]), dtype=np.float64)
        U[np.ix_(order, order)] = backward(L, U).T
        return U
    R = np.zeros((0, rows.n_columns))
    for _, X, y in rows.blocks():
        R = np.asarray(np.linalg.qr(np.vstack([R, basis.forward(X, y)[0]]), mode="r"))
    kept, Q = _orthonormal_columns(R, norms, order)
    U[np.ix_(kept, kept)] = backward(np.tril(R[:, kept].T @ Q), np.eye(len(kept))).T
    return U


def _orthonormal_columns(R: Array, norms: Array, order: list[int]) -> tuple[list[int], Array]:
    """Return which columns are no combinations of those before them in this order, and their orthonormal basis."""
    kept: list[int] = []
    Q = np.zeros((R.shape[0], 0))
    for j in order:
        left = R[:, j] - Q @ (Q.T @ R[:, j])
        left -= Q @ (Q.T @ left)
        size = float(np.linalg.norm(left))
        if size > max(LEAST_NORM * float(np.linalg.norm(R[:, j])), ROUNDING * norms[j]):
            Q = np.column_stack([Q, left / size])
            kept.append(j)
    return kept, Q


# --- the way back -------------------------------------------------------------------------------


def undone(T_inverse: Array, a: Array, unit: int | None) -> Basis:
    """Return the basis whose T⁻¹ (K, K) and a (K,) these are, where the rows are asked for by sums alone.

    Where the working columns are X, and ỹ is y, less constants, rows lose those before anything else.
    """
    K = a.size
    if unit is not None and _is_shifted(T_inverse, a, unit):
        shift = -T_inverse[unit]
        shift[unit] = 0.0
        return Basis(shift=shift, U=np.eye(K), b=np.zeros(K), unit=unit, y_shift=float(a[unit]))
    return Basis(shift=np.zeros(K), U=T_inverse, b=a, unit=unit)


def _is_shifted(T_inverse: Array, a: Array, unit: int) -> bool:
    back = T_inverse.copy()
    back[unit] = np.eye(a.size)[unit]
    alone = T_inverse[unit, unit] == 1.0 and np.array_equal(back, np.eye(a.size))
    return bool(alone and not np.delete(a, unit).any())


def change_of_basis(T_inverse: Array, a: Array, target_T_inverse: Array, target_a: Array, *, unit: float) -> Array:
    """Return M (K+1, K+1) with [Z ỹ]_target = [Z ỹ] M; `unit` is that of y over the target's."""
    T = inverse(T_inverse)
    M = np.eye(a.size + 1) * unit
    M[:-1, :-1] = T @ target_T_inverse
    M[:-1, -1] = T @ (unit * a - target_a)
    return M
