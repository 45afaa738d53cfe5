"""One coefficient in many replicates at once: every method's estimate, standard error and p-value.

A replicate is a regression whose last column is the tested one, in orthonormal coordinates: cluster Grams E_g
(Σ E_g = I) and cluster sums c_g = Q_g'y_g. Their last coordinate is that of the tested coefficient given the other
columns, so with e its unit vector, η = Σ c_g and s the residual sum of squares of the tested column,
β̂ = η_K/√s, the scores are c_g − E_gη, and each method needs only b_g = f(I − E_g)e:
its variance is Σ (b_g'score_g)²/s. No row is touched and nothing here loops over replicates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.robust.laws import t_pvalue
from lyra.robust.leave_out import SINGULAR
from lyra.robust.rounding import CARRIED
from lyra.robust.wild.bootstrap import TIE

__all__ = ["ANALYTIC", "WILD", "Outcome", "Replicates", "Wild", "run_method"]


CARRIES = 1e-7  # the weight of a lost direction on the tested coefficient that makes it not computable


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
    E : ndarray (R or 1, G, K, K)
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
    """

    E: Array
    c: Array
    s: Array
    yy: Array
    N: int
    degenerate: NDArray[np.bool_] | None = None

    @property
    def G(self) -> int:
        """Clusters."""
        return int(self.c.shape[1])

    @property
    def K(self) -> int:
        """Columns."""
        return int(self.c.shape[2])

    def shifted(self, effect: float) -> Replicates:
        """Return the same replicates with `effect` times the tested column added to y."""
        if effect == 0.0:
            return self
        root = np.sqrt(self.s)
        c = self.c + effect * root[:, None, None] * self.E[..., -1]
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
        return _residual(self, self.eta)

    @cached_property
    def roots(self) -> tuple[Array, Array, NDArray[np.bool_]]:
        """(I − E_g)^(−1/2)e and (I − E_g)^(−1)e, (R or 1, G, K), and whether every leave-out identifies the test."""
        return _two_by_two(self.E) if self.K == 2 else _by_spectrum(self.E)


def _two_by_two(E: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """With M = I − E and D = √det M: M⁻¹ = adj M / D², M^(−1/2) = (adj M + D I)/(D √(tr M + 2D))."""
    a, b, d = 1.0 - E[..., 0, 0], -E[..., 0, 1], 1.0 - E[..., 1, 1]
    trace, det = a + d, a * d - b * b
    smallest = 2.0 * det / (trace + np.sqrt(np.maximum(trace * trace - 4.0 * det, 0.0)))
    lost = smallest <= SINGULAR
    computable = np.asarray(
        ~(lost & (a > SINGULAR)).any(axis=-1)
    )  # the lost direction is (b, -a): nil on the test when a is
    det = np.where(lost, 1.0, det)
    root = np.sqrt(det)
    scale = root * np.sqrt(np.where(lost, 1.0, trace) + 2.0 * root)
    half = np.stack([-b, a + root], axis=-1) / scale[..., None]
    whole = np.stack([-b, a], axis=-1) / det[..., None]
    kept = np.stack([np.zeros_like(d), 1.0 / np.maximum(d, SINGULAR)], axis=-1)
    whole = np.where(lost[..., None], kept, whole)
    half = np.where(lost[..., None], np.sqrt(kept), half)
    return half, whole, computable


def _by_spectrum(E: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    values, vectors = np.linalg.eigh(E)
    left = 1.0 - values
    lost = left <= SINGULAR
    last = vectors[..., -1, :]
    computable = ~(lost & (np.abs(last) > CARRIES)).any(axis=(-1, -2))
    safe = np.where(lost, 1.0, left)
    inner = np.where(lost, 0.0, last)
    half = np.einsum("rgkl,rgl->rgk", vectors, inner / np.sqrt(safe))
    whole = np.einsum("rgkl,rgl->rgk", vectors, inner / safe)
    return half, whole, computable


# --- analytic methods ---------------------------------------------------------------------------


def _t_test(reps: Replicates, se: Array, dof: Array | float) -> Outcome:
    from scipy.special import ndtri, stdtrit

    nu = np.broadcast_to(np.asarray(dof, dtype=float), se.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = reps.estimate / se
    quantile = np.where(np.isinf(nu), ndtri(0.975), stdtrit(np.where(np.isinf(nu), 1.0, nu), 0.975))
    return Outcome(estimate=reps.estimate, se=se, pvalue=t_pvalue(statistic, nu), half_width=quantile * se, dof=nu)


def _iid(reps: Replicates) -> Outcome:
    dof = reps.N - reps.K
    rss = reps.yy - np.einsum("rk,rk->r", reps.eta, reps.eta)
    rss = np.where(rss > CARRIED * reps.yy, rss, np.nan)
    return _t_test(reps, np.sqrt(rss / dof / reps.s), dof)


def _cv1_se(reps: Replicates) -> Array:
    factor = reps.G / (reps.G - 1) * (reps.N - 1) / (reps.N - reps.K)
    return np.asarray(np.sqrt(factor * _known(reps, np.sum(reps.scores[..., -1] ** 2, axis=1), None) / reps.s))


def _known(reps: Replicates, sums: Array, b: Array | None) -> Array:
    """Return the sums Σ (b_g'score_g)² (R,), NaN where rounding can carry them (see `rounding`); b None for e."""
    if b is None:
        return np.where(sums > CARRIED**2 * reps.yy, sums, np.nan)
    if (sums > CARRIED**2 * reps.yy * reps.K * np.max(np.sum(b * b, axis=2), axis=1)).all():
        return sums
    size = np.einsum("rgk,rgkl,rgl->r", b, reps.E, b)
    return np.where(sums > CARRIED**2 * reps.yy * size, sums, np.nan)


def _cv1(reps: Replicates) -> Outcome:
    return _t_test(reps, _cv1_se(reps), reps.G - 1)


def _cv1_normal(reps: Replicates) -> Outcome:
    return _t_test(reps, _cv1_se(reps), np.inf)


def _cv2(reps: Replicates) -> Outcome:
    half, _, computable = reps.roots
    se = np.sqrt(_known(reps, np.sum(np.sum(half * reps.scores, axis=2) ** 2, axis=1), half) / reps.s)
    return _t_test(reps, np.where(computable, se, np.nan), _satterthwaite(reps.E, half))


def _satterthwaite(E: Array, half: Array) -> Array:
    """Return the degrees of freedom of the CV2 variance under Var(u) = σ²I, (R or 1,); NaN where it is nil."""
    W = np.einsum("rgkl,rgl->rgk", E, half)
    d, length = np.sum(half * W, axis=2), np.sum(W * W, axis=2)
    WW = np.matmul(W.transpose(0, 2, 1), W)
    trace = d.sum(axis=1) - length.sum(axis=1)
    square = np.sum(d * d - 2.0 * d * length, axis=1) + np.sum(WW * WW, axis=(1, 2))
    with np.errstate(invalid="ignore"):
        return np.asarray(trace**2 / square)


def _cv3(reps: Replicates) -> Outcome:
    _, whole, computable = reps.roots
    sums = _known(reps, np.sum(np.sum(whole * reps.scores, axis=2) ** 2, axis=1), whole)
    se = np.sqrt((reps.G - 1) / reps.G * sums / reps.s)
    return _t_test(reps, np.where(computable, se, np.nan), reps.G - 1)


# --- the wild cluster bootstrap -----------------------------------------------------------------


def _wild(reps: Replicates, V: Array, kind: Wild) -> Outcome:
    """Return symmetric bootstrap p-values of the null 0, the weights V (B, G) shared by all replicates.

    The half width is the 95 % point of |t*| under the null times the standard error of t, which carries no factor.
    """
    b, computable = _studentiser(reps, kind)
    sums = np.sum(np.sum(b * reps.scores, axis=2) ** 2, axis=1)
    observed = np.sqrt(_known(reps, sums, b if kind.cv3 else None))
    drawn = _drawn_t(reps.E, _scores_to_draw(reps, kind), b, V, floor=CARRIED**2 * reps.yy)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(reps.eta[:, -1]) / observed
    nothing = np.where(computable & np.isfinite(t), 0.0, np.nan)
    extreme = ~(drawn < t[:, None] * (1.0 - TIE))
    critical = np.quantile(np.where(np.isnan(drawn), np.inf, drawn), 0.95, axis=1, method="higher")
    se = observed / np.sqrt(reps.s) + nothing
    return Outcome(
        estimate=reps.estimate,
        se=se,
        pvalue=extreme.mean(axis=1) + nothing,
        half_width=critical * se,
        dof=np.full_like(se, np.nan),
    )


def _studentiser(reps: Replicates, kind: Wild) -> tuple[Array, NDArray[np.bool_]]:
    """Return b (R or 1, G, K) of the variance inside t, e for CV1 and (I − E_g)⁻¹e for CV3, and where it exists."""
    if kind.cv3:
        return reps.roots[1], reps.roots[2]
    e = np.eye(reps.K)[-1]
    return np.broadcast_to(e, (reps.E.shape[0], reps.G, reps.K)), np.ones(1, dtype=np.bool_)


def _scores_to_draw(reps: Replicates, kind: Wild) -> Array:
    """Return the cluster scores the bootstrap reweighs, (R, G, K)."""
    S = _null_scores(reps) if kind.restricted else reps.scores
    return S + _left_out(reps, S) if kind.jackknife else S


def _drawn_t(E: Array, S: Array, b: Array, V: Array, *, floor: Array) -> Array:
    """Return |t*| of every draw, (R, B); NaN where its square's denominator does not exceed `floor` (R,).

    A draw's scores v_gS_g − E_gT, with T = Σ v_gS_g, are studentised as v_ga_g − h_g'T: a_g = b_g'S_g, h_g = E_gb_g.
    """
    h = np.einsum("rgkl,rgl->rgk", E, b)
    a = np.sum(b * S, axis=2)
    T = np.matmul(V, S)
    cross = np.matmul(V, a[..., None] * h)
    hh = np.matmul(h.transpose(0, 2, 1), h)
    squares = np.sum(T * (np.matmul(T, hh) - 2.0 * cross), axis=2) + (a**2) @ (V**2).T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(T[..., -1]) / np.sqrt(np.where(squares > floor[:, None], squares, np.nan)))


def _null_scores(reps: Replicates) -> Array:
    """Scores under the null: the last coordinate of η is nil."""
    eta = reps.eta.copy()
    eta[:, -1] = 0.0
    return _residual(reps, eta)


def _residual(reps: Replicates, eta: Array) -> Array:
    """Return c_g − E_gη, (R, G, K)."""
    return np.asarray(reps.c - np.einsum("rgkl,rl->rgk", *_alike(reps.E, eta)))


def _left_out(reps: Replicates, S: Array) -> Array:
    """Return E_gZ(I − Z'E_gZ)⁺Z'S_g, what fitting the null without a cluster adds to its score; Z: all but the last."""
    inner = reps.E[..., :-1, :-1]
    if inner.shape[-1] == 1:
        left = 1.0 - inner[..., 0, 0]
        moved = np.where(left > SINGULAR, S[..., 0] / np.maximum(left, SINGULAR), 0.0)[..., None]
    else:
        values, vectors = np.linalg.eigh(inner)
        left = 1.0 - values
        inverse = np.where(left > SINGULAR, 1.0 / np.maximum(left, SINGULAR), 0.0)
        turned = np.einsum("rgkl,rgk->rgl", *_alike(vectors, S[..., :-1]))
        moved = np.einsum("rgkl,rgl->rgk", *_alike(vectors, turned * inverse))
    return np.asarray(np.einsum("rgkl,rgl->rgk", *_alike(reps.E[..., :, :-1], moved)))


def _alike(left: Array, right: Array) -> tuple[Array, Array]:
    return np.broadcast_to(left, (right.shape[0], *left.shape[1:])), right


@dataclass(frozen=True, slots=True)
class Wild:
    """A kind of wild cluster bootstrap: whether the null is imposed, the scores jackknifed, t studentised by CV3."""

    restricted: bool
    jackknife: bool
    cv3: bool


ANALYTIC: dict[str, Callable[[Replicates], Outcome]] = {
    "iid": _iid,
    "CV1-normal": _cv1_normal,
    "CV1": _cv1,
    "CV2": _cv2,
    "CV3": _cv3,
}
WILD = {
    "WCR-11": Wild(restricted=True, jackknife=False, cv3=False),
    "WCR-31": Wild(restricted=True, jackknife=True, cv3=False),
    "WCR-13": Wild(restricted=True, jackknife=False, cv3=True),
    "WCR-33": Wild(restricted=True, jackknife=True, cv3=True),
    "WCU-11": Wild(restricted=False, jackknife=False, cv3=False),
}


def run_method(reps: Replicates, method: str, V: Array) -> Outcome:
    """Return one method's outcome in every replicate; V (B, G) are the weights a bootstrap draws."""
    outcome = ANALYTIC[method](reps) if method in ANALYTIC else _wild(reps, V, WILD[method])
    if reps.degenerate is None or not reps.degenerate.any():
        return outcome
    columns = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    return Outcome(**{name: np.where(reps.degenerate, np.nan, column) for name, column in columns.items()})
