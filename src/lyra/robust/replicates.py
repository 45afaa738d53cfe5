"""One coefficient in many replicates at once: every method's estimate, standard error and p-value.

A replicate is a regression whose last column is the tested one, in orthonormal coordinates: cluster Grams E_g
(Σ E_g = I) and cluster sums c_g = Q_g'y_g. Their last coordinate is that of the tested coefficient given the other
columns, so with e its unit vector, η = Σ c_g and s the residual sum of squares of the tested column,
β̂ = η_K/√s, the scores are c_g − E_gη, and each method needs only b_g = f(I − E_g)e:
its variance is Σ (b_g'score_g)²/s. No row is touched and nothing here loops over replicates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.moments.partition import Partition
from lyra.robust.dof import Traces, traces
from lyra.robust.grams import Grams
from lyra.robust.laws import t_pvalue, t_quantile
from lyra.robust.leave_out import LeaveOut
from lyra.robust.rounding import CARRIED, known, residual_squares
from lyra.robust.sandwich import small_sample
from lyra.robust.wild.draws import Forms, t_statistics, values_at
from lyra.robust.wild.tally import share_at_least

__all__ = [
    "Outcome",
    "Replicates",
    "Wild",
    "cv0",
    "cv1",
    "cv1_normal",
    "cv2",
    "cv3",
    "cv3j",
    "iid",
    "wild",
    "wild_forms",
]

LEVEL = 0.95  # of the intervals whose half width is told


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcome:
    """What one method said in R replicates.

    Attributes
    ----------
    estimate, se, pvalue : ndarray (R,)
        NaN where the method is not computable.
    half_width : ndarray (R,)
        Half the 95 % interval; NaN where the method gives none.
    dof : ndarray (R,)
        Degrees of freedom of the t law, inf for the normal; NaN where a bootstrap is the law.
    """

    estimate: Array
    se: Array
    pvalue: Array
    half_width: Array
    dof: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Replicates:
    """R regressions of one shape in orthonormal coordinates, the tested column last.

    Attributes
    ----------
    E : Grams (R or 1, G, K, K)
        Cluster Grams; one for all when only the outcome differs.
    c : ndarray (R, G, K)
        Q_g'y_g.
    s : ndarray (R or 1,)
        Residual sum of squares of the tested column given the others.
    yy : ndarray (R,)
        y'y; the residual sum of squares is yy − η'η.
    N : int
        Rows.
    degenerate : ndarray (R,) of bool or None
        Replicates in which the tested column does not vary given the others: nothing is computable.
    absorbed : int
        Columns nested in the clusters that were swept out of all others; they count in K and nowhere else.
    """

    E: Grams
    c: Array
    s: Array
    yy: Array
    N: int
    degenerate: Bools | None = None
    absorbed: int = 0

    @property
    def G(self) -> int:
        """Clusters."""
        return int(self.c.shape[1])

    @property
    def K(self) -> int:
        """Columns, with those that were swept out."""
        return int(self.c.shape[2]) + self.absorbed

    def shifted(self, effect: float) -> Replicates:
        """Return the same replicates with `effect` times the tested column added to y."""
        if effect == 0.0:
            return self
        root = np.sqrt(self.s)
        c = self.c + effect * root[:, None, None] * self.E.last
        yy = self.yy + 2.0 * effect * root * self.eta[:, -1] + effect**2 * self.s
        return replace(self, c=c, yy=yy)

    @cached_property
    def eta(self) -> Array:
        """Σ c_g, (R, K)."""
        return np.asarray(self.c.sum(axis=1))

    @cached_property
    def estimate(self) -> Array:
        """The tested coefficient, (R,)."""
        return np.asarray(self.eta[:, -1] / np.sqrt(self.s))

    @cached_property
    def scores(self) -> Array:
        """c_g − E_gη, (R, G, K)."""
        return np.asarray(self.c - self.E.times(self.eta[:, None]))

    @property
    def tested(self) -> Array:
        """The unit vector e (K,) of the tested coefficient."""
        return np.asarray(np.eye(self.c.shape[2])[-1])

    @cached_property
    def without(self) -> LeaveOut:
        """I − E_g."""
        return self.E.without

    @cached_property
    def identified(self) -> Bools:
        """Whether the tested coefficient has an estimate without any one cluster, (R or 1,)."""
        return np.asarray(~self.without.loses(self.tested).any(axis=-1))

    @cached_property
    def inverse(self) -> Array:
        """(I − E_g)⁻¹e, (R or 1, G, K)."""
        return self.without.inverse(self.tested)


# --- analytic methods ---------------------------------------------------------------------------


def iid(reps: Replicates) -> Outcome:
    """σ̂²/s with t(N − K)."""
    rss = residual_squares(reps.yy, np.einsum("rk,rk->r", reps.eta, reps.eta))
    return _t_test(reps, rss * small_sample(reps, "iid"), reps.N - reps.K)


def cv0(reps: Replicates) -> Outcome:
    """Σ (e'score_g)²/s, with t(G − 1)."""
    return _t_test(reps, _plain(reps), reps.G - 1)


def cv1(reps: Replicates) -> Outcome:
    """CV0 with its factor, and t(G − 1)."""
    return _t_test(reps, _plain(reps) * small_sample(reps, "CV1"), reps.G - 1)


def cv1_normal(reps: Replicates) -> Outcome:
    """CV1 with the normal law."""
    return _t_test(reps, _plain(reps) * small_sample(reps, "CV1"), np.inf)


def cv2(reps: Replicates) -> Outcome:
    """b_g = (I − E_g)^(−1/2)e, with Satterthwaite's law."""
    half = reps.without.root(reps.tested)
    form = _form(reps.E, half)
    return _t_test(reps, np.where(reps.identified, _sums(reps, half, form.size), np.nan), form.dof)


def cv3(reps: Replicates) -> Outcome:
    """b_g = (I − E_g)⁻¹e times (G − 1)/G, with t(G − 1)."""
    sums = _sums(reps, reps.inverse, _size(reps)) * small_sample(reps, "CV3")
    return _t_test(reps, np.where(reps.identified, sums, np.nan), reps.G - 1)


def cv3j(reps: Replicates) -> Outcome:
    """CV3 around the mean of the moves b_g'score_g."""
    moved = np.sum(reps.inverse * reps.scores, axis=2)
    spread = np.sum((moved - moved.mean(axis=1, keepdims=True)) ** 2, axis=1)
    sums = known(spread, reps.yy, _size(reps)) * small_sample(reps, "CV3J")
    return _t_test(reps, np.where(reps.identified, sums, np.nan), reps.G - 1)


def _plain(reps: Replicates) -> Array:
    return known(np.sum(reps.scores[..., -1] ** 2, axis=1), reps.yy, 1.0)


def _size(reps: Replicates) -> Array:
    """Return Σ b_g'E_gb_g of b_g = (I − E_g)⁻¹e, beside which a sum is rounding or not."""
    return np.asarray(np.sum(reps.inverse * reps.E.times(reps.inverse), axis=(1, 2)))


def _sums(reps: Replicates, b: Array, size: Array | float) -> Array:
    """Return Σ (b_g'score_g)² (R,), NaN where it is rounding; `size` is Σ b_g'E_gb_g."""
    return known(np.sum(np.sum(b * reps.scores, axis=2) ** 2, axis=1), reps.yy, size)


def _form(E: Grams, b: Array) -> Traces:
    """Return the traces of the quadratic form of b (R or 1, G, K) under Var(u) = σ²I."""
    W = E.times(b)
    size = np.sum(b * W, axis=2)
    return traces(W, size, size - np.sum(W * W, axis=2))


def _t_test(reps: Replicates, sums: Array, dof: Array | float) -> Outcome:
    """Return the t-test with variance `sums` (R,) over s."""
    se = np.sqrt(sums / reps.s)
    nu = np.broadcast_to(np.asarray(dof, dtype=float), se.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = reps.estimate / se
    half_width = t_quantile(dof, 0.5 + LEVEL / 2.0) * se
    return Outcome(estimate=reps.estimate, se=se, pvalue=t_pvalue(statistic, nu), half_width=half_width, dof=nu)


# --- the wild cluster bootstrap -----------------------------------------------------------------


def wild(reps: Replicates, V: Array, kind: Wild) -> Outcome:
    """Return symmetric bootstrap p-values of the null 0, the weights V (B, G) shared by all replicates.

    The half width is the 95 % point of |t*| under the null times the standard error of t, which carries no factor.
    """
    forms = wild_forms(reps, kind)
    size = np.sum(forms.P[0] * forms.h[0], axis=(1, 2)) if kind.cv3 else 1.0
    observed = np.sqrt(_sums(reps, forms.P[0], size))
    (drawn,) = t_statistics(forms, values_at(forms, [V], unit=False), least=CARRIED**2 * reps.yy)
    drawn = np.abs(drawn)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(reps.eta[:, -1]) / observed
    exists = np.isfinite(t) & (reps.identified if kind.cv3 else True)
    nothing = np.where(exists, 0.0, np.nan)
    critical = np.quantile(np.where(np.isnan(drawn), np.inf, drawn), LEVEL, axis=1, method="higher")
    se = observed / np.sqrt(reps.s) + nothing
    return Outcome(
        estimate=reps.estimate,
        se=se,
        pvalue=share_at_least(drawn, t) + nothing,
        half_width=critical * se,
        dof=np.full_like(se, np.nan),
    )


def wild_forms(reps: Replicates, kind: Wild) -> Forms:
    """Return the forms of every replicate's draws."""
    b, h = _studentiser(reps, kind)
    S = _scores_to_draw(reps, kind)
    return Forms(S=S[None], Q=reps.tested[None], P=b[None], h=h[None], partition=Partition.trivial(reps.G))


def _studentiser(reps: Replicates, kind: Wild) -> tuple[Array, Array]:
    """Return b of the variance inside t, e for CV1 and (I − E_g)⁻¹e for CV3, and h_g = E_gb_g, (R or 1, G, K)."""
    if kind.cv3:
        return reps.inverse, reps.E.times(reps.inverse)
    last = reps.E.last
    return np.broadcast_to(reps.tested, last.shape), last


def _scores_to_draw(reps: Replicates, kind: Wild) -> Array:
    """Return the cluster scores the bootstrap reweighs, (R, G, K).

    Jackknifed they gain E_gN(I − N'E_gN)⁺N'S_g, what fitting without a cluster adds; N: the coordinates left free.
    """
    S = _null_scores(reps) if kind.restricted else reps.scores
    if not kind.jackknife:
        return S
    if kind.restricted:
        return S + reps.E.times(_under_null(reps.E.others.without.inverse(S[..., :-1])))
    return S + reps.E.times(reps.without.inverse(S))


def _null_scores(reps: Replicates) -> Array:
    """Scores under the null: the last coordinate of η is nil."""
    return np.asarray(reps.c - reps.E.times(_under_null(reps.eta[:, None, :-1])))


def _under_null(others: Array) -> Array:
    """Return vectors (..., K) whose last coordinate is nil, of their others (..., K - 1)."""
    return np.concatenate([others, np.zeros_like(others[..., :1])], axis=-1)


@dataclass(frozen=True, slots=True)
class Wild:
    """A kind of wild cluster bootstrap: whether the null is imposed, the scores jackknifed, t studentised by CV3."""

    restricted: bool
    jackknife: bool
    cv3: bool
