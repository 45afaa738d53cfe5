"""The working basis: the cheapest columns in which the sums keep every digit.

With Z the working columns, X = Z T and y = ỹ + X a. Shifting, scaling and re-orthogonalising are all a choice of
(T, a); a well-conditioned design keeps T = I. No inverse is formed where a triangle can be solved, so that a column's
unit changes nothing but its own coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lyra.base.arrays import Array
from lyra.data.rows import Rows
from lyra.moments.sums import FirstPass, gram, largest

__all__ = ["Basis", "backward", "forward", "independent_columns", "inverse", "settle"]


WELL_CONDITIONED = 3e-3  # of a column's sum of squares, the share that must be its own; the sums lose its inverse
FACTORED = 1e-6  # the share above which the sums are good enough to orthogonalise by
EXPLAINED = 1e-3  # of the sum of squares of y, the share that must be left by the columns
INDEPENDENT = 1e-5  # the share left by the columns before it above which no column is a combination of them
COLLINEAR = 1e-12  # the share below which sums alone cannot tell a column from a combination of the others
ROUNDED = 1e-15  # rounding in the share of a column when those before it are far apart
LEAST_NORM = 1e-10  # the part of a column's length below which rows say it is one
ROUNDING = 1e-14  # a part of its length before the shift that is rounding
SQUARES = 2.0**200  # a sum of squares above this, or below its inverse, is scaled, so that no product leaves a double
LARGEST_POWER = 1000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Basis:
    """The working coordinates: Z = (X·2^s − 1·shift') U and ỹ = y·2^t − y_shift − Z θ.

    X·2^s = Z T, T from U and the unit column. The powers of two are exact, and 1 but for columns whose squares would
    leave a double. `unit` is the position of a constant column and `unit_value` its value after scaling: with one, a
    shift is a change of basis.
    """

    shift: Array  # (K,)
    U: Array  # (K, K)
    theta: Array  # (K,)
    unit: int | None = None
    unit_value: float = 1.0
    y_shift: float = 0.0
    scale: Array | None = None  # (K,) powers of two
    y_scale: float = 1.0

    @property
    def T_inverse(self) -> Array:
        """T⁻¹ (K, K): a coefficient θ on Z is T⁻¹θ on X."""
        return self._scaled(self._unscaled)

    @property
    def a(self) -> Array:
        """What the basis says of y: y·2^t = ỹ + X a, (K,)."""
        a = self._unscaled @ self.theta
        if self.unit is not None:
            a[self.unit] += self.y_shift / self.unit_value
        return self._scaled(a[:, None])[:, 0]

    @property
    def _unscaled(self) -> Array:
        if self.unit is None:
            return self.U
        undo = np.eye(self.shift.size)
        undo[self.unit] -= self.shift / self.unit_value
        return undo @ self.U

    def _scaled(self, M: Array) -> Array:
        return M if self.scale is None else self.scale[:, None] * M

    def forward(self, X: Array, y: Array) -> tuple[Array, Array]:
        """Return the working rows Z (n, K) and ỹ (n,)."""
        if self.scale is not None:
            X = X * self.scale
        moved = X - self.shift if self.shift.any() else X
        Z = moved if np.array_equal(self.U, np.eye(self.shift.size)) else moved @ self.U
        work = y * self.y_scale if self.y_scale != 1.0 else y
        work = work - self.y_shift if self.y_shift else work
        return Z, work - Z @ self.theta if self.theta.any() else work


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
        basis = replace(basis, theta=theta)
        total = gram(rows, basis.forward)
    return basis, total


def _scaled_basis(rows: Rows, look: FirstPass) -> tuple[Basis, Array]:
    """Return the columns as they are, or times powers of two, with their Gram matrix."""
    K = rows.n_columns
    basis = Basis(shift=np.zeros(K), U=np.eye(K), theta=np.zeros(K), unit=look.unit, unit_value=look.unit_value)
    squares = np.diagonal(look.total)
    held = (squares > 1.0 / SQUARES) & (squares < SQUARES)
    if held.all():
        return basis, look.total
    powers = np.where(held, 1.0, _powers_of_two(largest(rows)))
    basis = replace(basis, scale=powers[:-1], y_scale=float(powers[-1]))
    if basis.unit is not None:
        basis = replace(basis, unit_value=basis.unit_value * float(powers[basis.unit]))
    return basis, gram(rows, basis.forward)


def _powers_of_two(sizes: Array) -> Array:
    """Return the powers of two that bring these sizes near 1; 1 for zero."""
    exponents = np.clip(np.frexp(sizes)[1], -LARGEST_POWER, LARGEST_POWER)
    return np.where(sizes > 0.0, np.ldexp(1.0, -exponents), 1.0)


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


# --- triangles ----------------------------------------------------------------------------------


def forward(L: Array, rows: Array) -> Array:
    """Return L⁻¹ applied to each row, (n, K)."""
    return _solved(L, rows, upper=False)


def backward(L: Array, rows: Array) -> Array:
    """Return L⁻ᵀ applied to each row, (n, K)."""
    return _solved(L, rows, upper=True)


def _solved(L: Array, rows: Array, *, upper: bool) -> Array:
    from scipy.linalg.lapack import dtrtrs

    if not rows.size:
        return rows
    solved, failed = dtrtrs(L.T, rows.T, lower=0, trans=0 if upper else 1)  # L.T: no copy of a matrix laid out by rows
    if failed:
        raise np.linalg.LinAlgError(f"triangle is singular at {failed}")
    return np.asarray(solved.T)


def inverse(M: Array) -> Array:
    """Return M⁻¹ (K, K); rows of any scale keep their digits, for powers of two are taken out first."""
    powers = _powers_of_two(np.abs(M).max(axis=1))
    return np.asarray(np.linalg.inv(M * powers[:, None]) * powers)
