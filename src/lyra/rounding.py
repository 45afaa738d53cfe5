"""What is zero: a variance that does not exceed the rounding its own sum can carry.

A variance is Σ_g (z_g's_g)² with s_g = Q_g'û_g and z_g = f(I − E_g)z. Rounding alone can leave z_g's_g at ε times
three lengths: |Q_g z_g| |y_g|, as s_g is summed from terms as large as the rows q and y, which makes the variance with
y itself in place of its residuals; |M^(1/2) E_g z_g|, with ε²M what the normal equations leave in the coefficients of
û_g; and that of the products z_gk s_gk, which may be large where their sum is none. A variance below the sum of the
squares, times a constant, is not known to differ from zero, and is called so. Both sides move alike with the unit of y
and of any column.

y is what stands before the columns are taken out of it (less its mean, where that is nearly all of it). Where the
border lies: with residuals σ and N rows of size 1, the sides are σ²|z|² and (32 ε)² N |z|², so a standard error is lost
when σ < 7e-15 √N: 7e-14 of y at a hundred rows, 7e-12 at a million.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lyra.basis import forward, inverse
from lyra.leave_out import SINGULAR, adjustment, spectra
from lyra.ols import Fit

__all__ = ["CARRIED", "carried", "carried_by_residuals", "carried_by_rows", "residual_error", "y_size"]

Array = NDArray[np.float64]

CARRIED = 32.0 * float(np.finfo(float).eps)  # relative rounding of a sum of products


def y_size(fit: Fit) -> float:
    """Return y'y, before the columns were taken out of it."""
    return float(np.einsum("i,ij,j->", _whole(fit), fit.moments.total, _whole(fit)))


def residual_error(fit: Fit) -> float:
    """Return the relative error of the residuals: ε over the share of y that the columns leave."""
    return float(np.finfo(float).eps * np.sqrt(y_size(fit) / fit.rss)) if fit.rss else np.inf


def carried(fit: Fit, power: float, contrasts: Array, variances: Array) -> Array:
    """Return the rounding (q,) that Σ_g (z_g's_g)² can carry for each contrast z (q, K), f = (1 − λ)^power.

    A bound that all variances exceed is enough, and costs nothing.
    """
    bound = _most(fit, power, contrasts)
    if (variances > bound).all():
        return np.asarray(bound)
    own = _y_squares(fit)
    M, total = _solved(fit, _column_squares(fit, own)), np.zeros(len(contrasts))
    for each in spectra(fit):
        z = (contrasts @ each.vectors) * adjustment(each.left, power)[:, None, :]
        total += own[each.clusters] @ np.einsum("gqk,gk->gq", z * z, each.values)
        total += np.sum((z * (each.halves * np.sqrt(each.left))[:, None, :]) ** 2, axis=(0, 2))
        moved = (z * each.values[:, None, :]) @ each.vectors.transpose(0, 2, 1)  # E_g z_g
        total += np.einsum("gqk,kl,gql->q", moved, M, moved, optimize=True)
    return np.asarray(CARRIED**2 * total)


def carried_by_residuals(fit: Fit, contrasts: Array) -> Array:
    """Return the same for |z|² RSS."""
    return np.asarray(CARRIED**2 * y_size(fit) * np.sum(contrasts**2, axis=1), dtype=np.float64)


def carried_by_rows(fit: Fit, power: float, contrasts: Array, variances: Array) -> Array:
    """Return the same for Σ_i (f(1 − h_i) z'q_i û_i)², row by row."""
    bound = _most(fit, power, contrasts)
    if (variances > bound).all():
        return np.asarray(bound)
    M, total, whole = _solved(fit, _column_squares(fit, _y_squares(fit))), np.zeros(len(contrasts)), _whole(fit)
    for Z, work in fit.moments.working_rows():
        Q, y = fit.orthonormal(Z), work + Z @ whole[:-1]
        f = adjustment(1.0 - np.einsum("ij,ij->i", Q, Q), power) ** 2
        own = f * (y**2 + np.einsum("ij,jk,ik->i", Q, M, Q, optimize=True))
        total += own @ (Q @ contrasts.T) ** 2 + (f * (work - Z @ fit.theta) ** 2) @ Q**2 @ contrasts.T**2
    return np.asarray(CARRIED**2 * total)


def _whole(fit: Fit) -> Array:
    """Return f (K + 1,) with y = [Z ỹ] f, less a multiple of the constant column."""
    moments = fit.moments
    taken = inverse(moments.T_inverse) @ moments.a if moments.a.any() else np.zeros(moments.K)
    if moments.unit is not None:
        taken[moments.unit] = 0.0
    return np.append(taken, 1.0)


def _most(fit: Fit, power: float, contrasts: Array) -> Array:
    """Return what the sum of the squared lengths never exceeds, in each contrast."""
    size = y_size(fit)
    solved = np.trace(_solved(fit, size * np.sum(fit.L**2, axis=1)))
    squares = np.sum(contrasts**2, axis=1)
    return np.asarray(CARRIED**2 * squares * (2.0 * size + solved) * SINGULAR ** (2.0 * power))


def _solved(fit: Fit, squares: Array) -> Array:
    """Return L⁻¹ diag(r²) L⁻ᵀ (K, K), r² the squares (K,) that Z'y is summed from and those of |L||L'||θ|."""
    size = np.abs(fit.L)
    squares = squares + (size @ (size.T @ np.abs(fit.theta[list(fit.kept)]))) ** 2
    carried = forward(fit.L, np.diag(np.sqrt(squares)))
    return np.asarray(carried.T @ carried)


def _column_squares(fit: Fit, own: Array) -> Array:
    """Return Σ_g y_g'y_g z_gk'z_gk of the kept working columns, (K,)."""
    squares = np.zeros(fit.K)
    for clusters, A in fit.moments.blocks():
        squares += own[clusters] @ np.diagonal(A, axis1=1, axis2=2)[:, fit.kept]
    return squares


def _y_squares(fit: Fit) -> Array:
    """Return y_g'y_g (G,) where sums by cluster fit in memory, else y'y for each."""
    f, moments = _whole(fit), fit.moments.with_tensor()
    if moments.keeps_tensor:
        return np.asarray(np.einsum("i,gij,j->g", f, moments.tensor, f))
    return np.full(fit.G, y_size(fit))
