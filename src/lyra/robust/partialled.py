"""A treatment with the other columns partialled out, under many assignments at once, from cluster sums alone.

With Q an orthonormal basis of the other columns, r = y − QQ'y, and d an assignment's treatment, Γ = Q'd: what Q leaves
of d is d − QΓ, its squares sum to S = d'd − Γ'Γ, and β̂ = d'r/S [1]_. Data under a redrawn design and randomisation
inference both rest on it.

References
----------
.. [1] R. Frisch and F. V. Waugh (1933), Partial time regressions as compared with individual trends. Econometrica 1,
   387-401.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.regression.least_squares import Fit

__all__ = ["SPANNED", "OtherColumns", "Partialled", "other_columns", "treatment_left"]


SPANNED = 1e-10  # the share of d'd left by the other columns below which an assignment is not identified


@dataclass(frozen=True, eq=False, kw_only=True)
class Partialled:
    """R assignments' treatments d, given the other columns Q, p of them.

    Attributes
    ----------
    n, t : ndarray (R, G)
        d_g'd_g and d_g'r_g.
    gamma : ndarray (R, p)
        Γ = Q'd.
    along : ndarray (R, G)
        Γ'Q_g'd_g.
    gram : ndarray (G, p, p)
        Q_g'Q_g.
    scores : ndarray (G, p)
        Q_g'r_g.
    """

    n: Array
    t: Array
    gamma: Array
    along: Array
    gram: Array
    scores: Array

    @cached_property
    def left(self) -> Array:
        """S (R,), the sum of squares of what is left of d; NaN where that is nothing but rounding."""
        total = self.n.sum(axis=1)
        left = total - np.sum(self.gamma**2, axis=1)
        return np.where(left > SPANNED * total, left, np.nan)

    @property
    def identified(self) -> Bools:
        """Whether the treatment varies given the other columns, (R,)."""
        return ~np.isnan(self.left)

    @property
    def estimate(self) -> Array:
        """β̂ (R,)."""
        return np.asarray(self.t.sum(axis=1) / self.left)

    @cached_property
    def squares(self) -> Array:
        """The squares of what is left of d, cluster by cluster (R, G)."""
        R, p = self.gamma.shape
        pairs = (self.gamma[:, :, None] * self.gamma[:, None, :]).reshape(R, p * p)
        return np.asarray(self.n - 2.0 * self.along + pairs @ self.gram.reshape(-1, p * p).T)

    @cached_property
    def products(self) -> Array:
        """The products of what is left of d with r, cluster by cluster (R, G)."""
        return np.asarray(self.t - self.gamma @ self.scores.T)


# --- of a fit -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OtherColumns:
    """Cluster sums of the other columns Q of a fit, and of r, the outcome under the null without them.

    Attributes
    ----------
    sizes : ndarray (G,)
        Rows.
    ones, scores : ndarray (G, p)
        Q_g'1 and Q_g'r_g.
    gram : ndarray (G, p, p)
        Q_g'Q_g.
    residual : ndarray (G,)
        1'r_g.
    """

    sizes: Array
    ones: Array
    gram: Array
    scores: Array
    residual: Array

    def given(self, D: Array) -> Partialled:
        """Return treatments constant within clusters, D (R, G), with these columns partialled out."""
        gamma = D @ self.ones
        return Partialled(
            n=D**2 * self.sizes,
            t=D * self.residual,
            gamma=gamma,
            along=D * (gamma @ self.ones.T),
            gram=self.gram,
            scores=self.scores,
        )


def other_columns(fit: Fit, j: int, h0: float) -> OtherColumns:
    """Return the sums of the columns of a fit but for column j, under the null that its coefficient is h0.

    In orthonormal coordinates the span of the other columns is the complement of z = W'e_j, and the outcome without
    an effect of h0 leaves û + z (β̂_j − h0)/|z|² after them.
    """
    ones = fit.moments.ones
    effect = _unit_effect(fit, j) * ((fit.coef[j] - h0) / fit.moments.y_unit)
    residual = ones[:, -1] - ones[:, :-1] @ fit.theta
    return _given_others(fit, j, effect, scores=fit.scores, residual=residual)


def treatment_left(fit: Fit, j: int) -> OtherColumns:
    """Return the same sums with what the other columns leave of column j for an outcome."""
    nothing = np.zeros_like(fit.scores)
    return _given_others(fit, j, _unit_effect(fit, j), scores=nothing, residual=np.zeros(fit.G))


def _unit_effect(fit: Fit, j: int) -> Array:
    """Return z/|z|² in orthonormal coordinates: what the others leave of column j, in units of X."""
    z = fit.W[j] / fit.moments.y_unit
    return np.asarray(z / (z @ z))


def _given_others(fit: Fit, j: int, effect: Array, *, scores: Array, residual: Array) -> OtherColumns:
    """Return the sums of the columns but for j, with û and an effect along z for an outcome."""
    others = np.linalg.qr(_unit_effect(fit, j)[:, None], mode="complete")[0][:, 1:]
    M = fit.orthonormal(fit.moments.ones[:, :-1])
    gram = np.empty((fit.G, fit.K - 1, fit.K - 1))
    left = np.empty((fit.G, fit.K - 1))
    for clusters, E in fit.grams():
        gram[clusters] = others.T @ E @ others
        left[clusters] = (scores[clusters] + E @ effect) @ others
    return OtherColumns(
        sizes=fit.moments.sizes.astype(float), ones=M @ others, gram=gram, scores=left, residual=residual + M @ effect
    )
