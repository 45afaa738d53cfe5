"""One coefficient of a fit as worlds of errors see it: shares, directions, leverage, and who is in which arm."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lyra.base.arrays import Array, Bools, Codes
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.arms import arms, cluster_values, column_sums

__all__ = ["Coefficient", "RowSums"]


ABSORBED = 1e-18  # Σ|X_g'1|² as a share of Σ N_g² |x|² below which an effect of every cluster was swept out
SPANNED = 1e-7  # of N_g, and √ of it, within which a cluster's ones are among its columns
TIE = 1e-9  # leverages that differ by less are equal: the first cluster comes first


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowSums:
    """Sums that only rows can give, for the worlds that need them.

    Attributes
    ----------
    inner : ndarray (G, K, K), optional
        X_g'D_gX_g over the rows with the larger value of the tested column, in orthonormal coordinates.
    inner_ones : ndarray (G, K), optional
        X_g'D_g1 of the same rows.
    paths : ndarray (G, T, K), optional
        Sums of the rows of each cluster in each period, zero where there are none.
    periods : ndarray (T,), optional
        The periods, increasing.
    """

    inner: Array | None = None
    inner_ones: Array | None = None
    paths: Array | None = None
    periods: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coefficient:
    """One coefficient of a fit, as worlds of errors see it: β̂ − β = scale · direction'Σ X_g'u_g.

    Attributes
    ----------
    term : str
        The tested column.
    shares : ndarray (G, K, K)
        E_g = X_g'X_g in orthonormal coordinates; they add up to I.
    ones : ndarray (G, K)
        X_g'1; zero where an effect of every cluster was swept out.
    sizes : ndarray (G,)
        Rows per cluster.
    direction : ndarray (K,)
        The unit vector of the tested coefficient.
    scale : float
        The standard error of the coefficient when rows are independent with variance 1.
    column : ndarray (K,)
        The tested column itself, x = Q·column with Q the orthonormal columns.
    larger : ndarray (G,) of bool, optional
        The clusters with the larger value of a column that has two and is constant in clusters.
    rows : RowSums
        What was kept of the rows, for worlds that need them.
    """

    term: str
    shares: Array
    ones: Array
    sizes: Codes
    direction: Array
    scale: float
    column: Array
    larger: Bools | None = None
    rows: RowSums = field(default_factory=RowSums)

    @classmethod
    def of(cls, fit: Fit, j: int) -> Coefficient:
        """Return coefficient number j of a fit as worlds see it."""
        scale = float(np.linalg.norm(fit.W[j]))
        return cls(
            term=fit.names[j],
            shares=np.concatenate([E for _, E in fit.grams()]),
            ones=fit.orthonormal(fit.moments.ones[:, :-1]),
            sizes=fit.moments.sizes,
            direction=fit.W[j] / scale,
            scale=scale,
            column=np.asarray(np.linalg.inv(fit.W)[:, j], dtype=np.float64),
            larger=arms(cluster_values(column_sums(fit), fit.moments.sizes)[:, j]),
        )

    @property
    def slopes(self) -> Array:
        """E_g·direction (G, K): X_g'x̃_g, with x̃ the tested column given the others, of length one."""
        return self.shares @ self.direction

    @property
    def column_slopes(self) -> Array:
        """E_g·column (G, K): X_g'x_g, with x the tested column as it is."""
        return self.shares @ self.column

    @property
    def leverage(self) -> Array:
        """The share (G,) of what is known about the coefficient that each cluster carries: |x̃_g|², adds up to 1."""
        return np.asarray(self.slopes @ self.direction)

    @property
    def leverage_half(self) -> Bools:
        """The fewest clusters (G,) that together carry half of the leverage."""
        leverage = np.round(self.leverage / TIE) * TIE
        order = np.argsort(-leverage, kind="stable")
        before = np.concatenate([[0.0], np.cumsum(leverage[order])[:-1]])
        half = np.zeros(order.size, dtype=np.bool_)
        half[order[before < 0.5 * leverage.sum() - TIE]] = True
        return half

    @property
    def absorbed(self) -> bool:
        """Whether a random intercept does nothing: an effect of every cluster was swept out, or is among the columns.

        Among them every cluster's ones lie in their span, |m_g|² = N_g, and the tested column is orthogonal to them.
        """
        length = np.sum(self.ones**2, axis=1)
        most = float(np.einsum("gkk,g->", self.shares, self.sizes.astype(float)))  # |X_g'1|² ≤ N_g tr E_g
        if length.sum() <= ABSORBED * most:
            return True
        spanned = np.allclose(length, self.sizes, rtol=SPANNED)
        return bool(spanned and np.sum((self.ones @ self.direction) ** 2) <= SPANNED**2 * self.sizes.sum())

    def with_rows(self, rows: RowSums) -> Coefficient:
        """Return the same coefficient with sums that came from rows."""
        return replace(self, rows=rows)
