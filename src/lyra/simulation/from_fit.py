"""A fitted design -> replicates: X and clusters fixed, scores simulated under a random effect; no row is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array
from lyra.base.identity import fingerprint
from lyra.base.text import option
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import Intercept, World, unequal
from lyra.robust.grams import Dense
from lyra.robust.replicates import Replicates
from lyra.simulation.estimand import NO_EFFECT
from lyra.simulation.spread import MOST_ICC, Spread, bounded

__all__ = ["Correlation", "ModelSource", "correlations", "taken_up"]

ROUNDING = 1e-13  # of the largest direction of a cluster, the part that is none


@dataclass(frozen=True, eq=False)
class ModelSource:
    """X and clusters fixed, y = α_g + ε with Var(α) = ρσ² and Var(ε) = (1 − ρ)σ², normal; drawn as cluster sums.

    Per cluster [Q 1]'ε is C_gξ with C_gC_g' = (1 − ρ)σ²[Q 1]_g'[Q 1]_g, and what of ε'ε lies outside that span is an
    independent chi-square, so the cost does not depend on the rows [1]_.

    Parameters
    ----------
    fit : Fit
        The fitted design.
    param : int
        Position of the tested coefficient.
    icc : float
        ρ, between 0 and 1.
    ratio : float
        How many times as variable one arm of the tested column is, or the clusters that carry half of its leverage.

    References
    ----------
    .. [1] J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb (2023), Cluster-robust inference: a guide to empirical
       practice. Journal of Econometrics 232, 272-299, on why everything needed is a cluster sum.
    """

    fit: Fit
    param: int
    icc: float
    ratio: float = 1.0

    estimand = NO_EFFECT

    @property
    def world(self) -> World:
        """The errors that are drawn, as exact sizes know them."""
        alike = Intercept(self.icc)
        return alike if self.ratio == 1.0 else unequal(Coefficient.of(self.fit, self.param), self.ratio, alike)

    def identity(self) -> dict[str, Any]:
        """Return a hash of the sums that scores are drawn from, of the clusters and of the outcome's spread."""
        fit, parts = self.fit, self._parts
        sums = [getattr(parts, f.name) for f in fields(parts)]
        return {
            "outcome": fingerprint(np.array([fit.rss])),
            "columns": fingerprint(*(each for each in sums if isinstance(each, np.ndarray))),
            "cluster labels": fingerprint(fit.moments.labels, fit.moments.sizes),
            "term": fit.names[self.param],
            "icc": self.icc,
        } | ({} if self.ratio == 1.0 else {"ratio": self.ratio})

    @property
    def numbers(self) -> int:
        """A replicate's cluster sums."""
        G, J, _ = self._parts.C.shape
        return int(G * J * 4)

    def batch(self, R: int, rng: Generator) -> Replicates:
        """Return R replicates with the coefficient zero."""
        parts = self._parts
        G, J = parts.C.shape[0], parts.C.shape[2]
        alpha = np.sqrt(self.icc) * rng.standard_normal((R, G))
        xi = np.sqrt(1.0 - self.icc) * rng.standard_normal((R, G, J)) * parts.present
        outside = (1.0 - self.icc) * 2.0 * rng.standard_gamma(parts.outside / 2.0, (R, G))
        eps = np.einsum("gkj,rgj->rgk", parts.C, xi)
        c = alpha[..., None] * parts.ones + eps[..., :-1]
        own = parts.n * alpha**2 + 2.0 * alpha * eps[..., -1] + np.einsum("rgj,rgj->rg", xi, xi) + outside
        sigma = parts.sigma
        yy = sigma**2 * own @ parts.factors
        c *= np.sqrt(parts.factors)[:, None]
        return Replicates(E=Dense(parts.E[None]), c=sigma * c, s=np.array([parts.s]), yy=yy, N=self.fit.N)

    def spread(self, seed: int) -> Spread:
        """Return what the formula of power needs, ρ being that of the source, with the interval of its estimate."""
        told = diagnose(self.fit)
        size = float(np.sum(told.sizes.astype(float) ** 2)) / self.fit.N
        z = self.fit.W[self.param]
        return Spread(
            within=(1.0 - self.icc) * self.fit.rss / (self.fit.N - self.fit.K),
            information=float(1.0 / (z @ z)),
            sharing=1.0 + float(told.column_icc[self.param]) * (size - 1.0),
            icc=self.icc,
            icc_low=self.icc,
            icc_high=self.icc,
        ).between(told.icc)

    def _factors(self) -> Array:
        """Return how many times as variable each cluster is (G,)."""
        if self.ratio == 1.0:
            return np.ones(self.fit.G)
        about = Coefficient.of(self.fit, self.param)
        return unequal(about, self.ratio, Intercept(self.icc)).factors(about)

    @cached_property
    def _parts(self) -> _Parts:
        fit = self.fit
        z = fit.W[self.param]
        H = _reflector(z)
        E = np.concatenate([H @ block @ H for _, block in fit.grams()])
        ones = fit.orthonormal(fit.moments.ones[:, :-1]) @ H
        n = fit.moments.sizes.astype(float)
        wide = np.empty((fit.G, fit.K + 1, fit.K + 1))
        wide[:, :-1, :-1], wide[:, :-1, -1], wide[:, -1, :-1], wide[:, -1, -1] = E, ones, ones, n
        # a coordinate of Q that is rounding must not be blown up to the size of the others: all of Q_g has one scale
        scale = np.sqrt(np.where(np.arange(fit.K + 1) < fit.K, np.trace(E, axis1=1, axis2=2)[:, None], n[:, None]))
        values, vectors = np.linalg.eigh(wide / scale[:, :, None] / scale[:, None, :])
        present = values > ROUNDING * values[:, -1:]
        C = scale[:, :, None] * vectors * np.sqrt(np.where(present, values, 0.0))[:, None, :]
        outside = np.maximum(n - present.sum(axis=1), 0.0)
        sigma = float(np.sqrt(fit.rss / (fit.N - fit.K)))
        return _Parts(
            factors=self._factors(),
            E=E,
            ones=ones,
            n=n,
            C=C,
            present=present.astype(float),
            outside=outside,
            s=float(1.0 / np.linalg.norm(z)) ** 2,
            sigma=sigma,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Parts:
    """What a model certificate needs of a design, the tested coefficient turned into the last coordinate."""

    factors: Array  # (G,): how many times as variable each cluster is
    E: Array  # (G, K, K)
    ones: Array  # (G, K): Q_g'1
    n: Array  # (G,)
    C: Array  # (G, K + 1, K + 1): a root of [Q 1]_g'[Q 1]_g
    present: Array  # (G, K + 1): 1 where the root has a direction
    outside: Array  # (G,): dimensions of the cluster outside [Q 1]
    s: float
    sigma: float


def _reflector(z: Array) -> Array:
    """Return the Householder reflection (K, K) that turns z into its length times the last unit vector."""
    v = z / np.abs(z).max()
    v /= np.linalg.norm(v)
    v[-1] -= 1.0
    size = float(v @ v)
    return np.eye(z.size) - (2.0 / size) * np.outer(v, v) if size > 0 else np.eye(z.size)


# --- the worlds it is tried in ------------------------------------------------------------------

STATED_ICC = (0.05, 0.2)  # where none can be estimated: unknown is not zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """An intraclass correlation that a fitted design is tried at.

    Attributes
    ----------
    icc : float
    name : str
        In tables.
    end : bool
        Whether it is an end of the interval of an estimate that is tried beside it.
    assumed : bool
        Whether it is stated here because none can be estimated.
    notes : tuple of str
        What the reader must know.
    """

    icc: float
    name: str
    end: bool = False
    assumed: bool = False
    notes: tuple[str, ...] = ()


def correlations(fit: Fit, term: str, asked: float | Sequence[float] | None = None) -> list[Correlation]:
    """Return those asked for; else the estimate and both ends of its interval.

    There is one, none, where it changes no size (rows that are clusters of their own, an effect for every cluster),
    and each of `STATED_ICC` where it would and cannot be estimated.
    """
    if asked is not None:
        return [Correlation(icc=rho, name=f"ICC {rho:.4g}") for rho in _shares(asked)]
    if fit.N == fit.G:  # rows that share a cluster with none are alike at any correlation
        return correlations(fit, term, 0.0)
    diagnosis = diagnose(fit)
    if diagnosis.free_of_shocks(term):
        return [Correlation(icc=0.0, name="ICC 0", notes=(taken_up(term),))]
    if np.isnan(diagnosis.icc.estimate):
        return [Correlation(icc=rho, name=f"ICC {rho:.4g}", assumed=True, notes=(UNKNOWN,)) for rho in STATED_ICC]
    low, high = diagnosis.icc.conf_int(0.95)
    ends = {"lower end of its 95 % interval": low, "upper end of its 95 % interval": high}
    estimate = correlations(fit, term, bounded(diagnosis.icc.estimate))
    return estimate + [_end(name, bounded(rho)) for name, rho in ends.items() if not np.isnan(rho)]


UNKNOWN = (
    "The intraclass correlation cannot be estimated from this fit, so "
    f"{' and '.join(f'{rho:g}' for rho in STATED_ICC)} are tried: pass icc= for others."
)


def _end(name: str, icc: float) -> Correlation:
    return Correlation(icc=icc, name=f"ICC {icc:.4g}, {name}", end=True)


def _shares(asked: float | Sequence[float]) -> list[float]:
    several = list(asked) if isinstance(asked, (Sequence, np.ndarray)) and not isinstance(asked, str) else [asked]
    wrong = [rho for rho in several if not isinstance(rho, Real) or isinstance(rho, bool) or not 0.0 <= rho <= MOST_ICC]
    if wrong or not several:
        told = option("icc", wrong[0] if wrong else [])
        raise InputError(f"{told} is not an intraclass correlation: pass a share from 0 to {MOST_ICC:g}.")
    return [float(rho) for rho in several]


def taken_up(term: str) -> str:
    """Say why one correlation stands for all."""
    return (
        f"A shock common to a cluster's rows is taken up by its effect and does not reach {term!r}, so one correlation "
        "stands for all; serial correlation and effects that differ by cluster are not covered."
    )
