"""What is zero: a variance that does not exceed the rounding its own sum can carry.

A variance is Σ_g (z_g's_g)² with s_g = Q_g'û_g and z_g = f(I − E_g)z. Each s_g is summed from terms as large as the
rows q and y, so rounding alone can leave z_g's_g at ε |Q_g z_g| |y_g|, and the sum at ε² Σ_g z_g'E_g z_g y_g'y_g: the
variance with y itself in place of its residuals, times ε². The estimate η_k = Σ_g q_gk'y_g is itself off by up to
ε Σ_g |q_gk| |y_g|, and moves s_g by E_g times that. A variance below the sum of both, times a constant, is not known
to differ from zero, and is called so. Both sides move alike with the unit of y and of any column.

y is what stands before the columns are taken out of it (less its mean, where that is nearly all of it). Where the
border lies: with residuals σ and N rows of size 1, the sides are σ²|z|² and (64 ε)² N |z|², so a standard error is lost
when σ < 1.4e-14 √N: 1.4e-13 of y at a hundred rows, 1.4e-11 at a million.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lyra.base.arrays import Array
from lyra.base.triangles import inverse
from lyra.regression.least_squares import Fit
from lyra.robust.leave_out import SINGULAR, adjustment
from lyra.robust.spectra import spectra

__all__ = ["CARRIED", "carried", "carried_by_residuals", "carried_by_rows", "known", "residual_squares", "y_size"]


CARRIED = 64.0 * float(np.finfo(float).eps)  # relative rounding of a sum of products


def known(sums: Array, yy: Array, size: Array | float) -> Array:
    """Return sums Σ_g (b_g's_g)² (...), NaN where rounding carries them; `size` is Σ b_g'E_gb_g, y'y any cluster's."""
    return np.where(sums > CARRIED**2 * yy * size, sums, np.nan)


def residual_squares(yy: Array, explained: Array) -> Array:
    """Return y'y less what the columns explain (...), NaN where rounding can carry the difference."""
    rss = yy - explained
    return np.where(rss > CARRIED * yy, rss, np.nan)


def y_size(fit: Fit) -> float:
    """Return y'y, before the columns were taken out of it."""
    return float(np.einsum("i,ij,j->", _whole(fit), fit.moments.total, _whole(fit)))


def carried(fit: Fit, power: float, contrasts: Array, variances: Array) -> Array:
    """Return the rounding (q,) that Σ_g (z_g's_g)² can carry for each contrast z (q, K), f = (1 − λ)^power.

    A bound that all variances exceed is enough, and costs nothing.
    """
    squares = np.sum(contrasts**2, axis=1)
    bound = 2.0 * fit.G * CARRIED**2 * squares * y_size(fit) * SINGULAR ** (2.0 * power)
    if (variances > bound).all():
        return np.asarray(bound)
    own, eta = _y_squares(fit), np.zeros(fit.K)
    for each in spectra(fit):
        lengths = np.einsum("gkl,gl->gk", each.vectors**2, each.values)
        eta += np.sqrt(own[each.clusters, None] * lengths).sum(axis=0)
    total = np.zeros(len(contrasts))
    for each in spectra(fit):
        z = each.along(contrasts, power)
        total += own[each.clusters] @ np.einsum("gqk,gk->gq", z * z, each.values)
        total += np.sum(each.weighed(z) ** 2, axis=0) @ eta**2
    return np.asarray(CARRIED**2 * total)


def carried_by_residuals(fit: Fit, contrasts: Array) -> Array:
    """Return the same for |z|² RSS."""
    return np.asarray(CARRIED**2 * y_size(fit) * np.sum(contrasts**2, axis=1), dtype=np.float64)


def carried_by_rows(fit: Fit, power: float, contrasts: Array, variances: Array) -> Array:
    """Return the same for Σ_i (f(1 − h_i) z'q_i û_i)², row by row."""
    bound = fit.N * carried_by_residuals(fit, contrasts) * SINGULAR ** (2.0 * power)
    if (variances > bound).all():
        return np.asarray(bound)
    eta = sum(np.abs(Q).T @ np.abs(y) for Q, y in _rows_of_y(fit))
    total = np.zeros(len(contrasts))
    for Q, y in _rows_of_y(fit):
        size = adjustment(1.0 - np.einsum("ij,ij->i", Q, Q), power) * np.hypot(y, np.abs(Q) @ eta)
        total += np.sum(((Q @ contrasts.T) * size[:, None]) ** 2, axis=0)
    return np.asarray(CARRIED**2 * total)


def _rows_of_y(fit: Fit) -> Iterator[tuple[Array, Array]]:
    """Yield rows in orthonormal coordinates with y before the columns were taken out of it."""
    whole = _whole(fit)
    for Z, work in fit.moments.working_rows():
        yield fit.orthonormal(Z), work + Z @ whole[:-1]


def _whole(fit: Fit) -> Array:
    """Return f (K + 1,) with y = [Z ỹ] f, less a multiple of the constant column."""
    moments = fit.moments
    taken = inverse(moments.T_inverse) @ moments.a if moments.a.any() else np.zeros(moments.K)
    if moments.unit is not None:
        taken[moments.unit] = 0.0
    return np.append(taken, 1.0)


def _y_squares(fit: Fit) -> Array:
    """Return y_g'y_g (G,) where sums by cluster fit in memory, else y'y for each."""
    f = _whole(fit)
    if fit.moments.in_one_block:
        return np.asarray(np.maximum(np.einsum("i,gij,j->g", f, fit.moments.tensor, f), 0.0))
    return np.full(fit.G, y_size(fit))
