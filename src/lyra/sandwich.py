"""Estimate -> covariance: one small function a variant, named as in the papers.

Every function returns the (K, K) covariance in orthonormal coordinates, where the bread is the identity, with its
factor; `covariance` carries it to the coefficients by W. With E_g = V diag(λ) V' the cluster's Gram matrix and s_g
its score, the adjusted score of a variant is V f(1 − λ) V' s_g.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.errors import InputError, UnidentifiedWarning, did_you_mean, listed
from lyra.ols import Fit

__all__ = [
    "CLUSTERED",
    "LEAVE_OUT",
    "VARIANTS",
    "Unidentified",
    "adjustment",
    "all_regular",
    "covariance",
    "leave_one_out",
    "unidentified",
    "variant_named",
]

Array = NDArray[np.float64]

SINGULAR = 1e-10  # 1 − λ below which a cluster alone carries a direction
CARRIES = 1e-7  # the share of a coefficient's row of W that must lie in that direction to lose it

# --- the variants -------------------------------------------------------------------------------


def iid(fit: Fit) -> Array:
    """σ̂² (X'X)⁻¹: rows independent with one variance; σ̂² = RSS/(N − K)."""
    return np.eye(fit.K) * fit.rss / (fit.N - fit.K)


def hc0(fit: Fit) -> Array:
    """Σ û_i² x_i x_i' [White 1980]: rows independent, each with its own variance."""
    return _rowwise(fit, 0.0)


def hc1(fit: Fit) -> Array:
    """HC0 · N/(N − K)."""
    return hc0(fit) * fit.N / (fit.N - fit.K)


def hc2(fit: Fit) -> Array:
    """Residuals divided by √(1 − h_i) [MacKinnon and White 1985]."""
    return _rowwise(fit, -0.5)


def hc3(fit: Fit) -> Array:
    """Residuals divided by 1 − h_i, no factor."""
    return _rowwise(fit, -1.0)


def cv0(fit: Fit) -> Array:
    """Σ s_g s_g', no factor."""
    return fit.scores.T @ fit.scores


def cv1(fit: Fit) -> Array:
    """CV0 · G/(G − 1) · (N − 1)/(N − K): Stata's, and every package's default."""
    return cv0(fit) * fit.G / (fit.G - 1) * (fit.N - 1) / (fit.N - fit.K)


def cv2(fit: Fit) -> Array:
    """f = (1 − λ)^(−1/2), no factor [Bell and McCaffrey 2002]: unbiased when Var(u) = σ²I."""
    adjusted = adjusted_scores(fit, -0.5)
    return adjusted.T @ adjusted


def cv3(fit: Fit) -> Array:
    """(G − 1)/G · Σ (β̂^(g) − β̂)(β̂^(g) − β̂)' [MacKinnon, Nielsen and Webb 2023]: the jackknife around β̂."""
    moved = leave_one_out(fit)
    return moved.T @ moved * (fit.G - 1) / fit.G


def cv3j(fit: Fit) -> Array:
    """CV3 around the mean of the leave-one-out estimates; never larger than CV3."""
    moved = leave_one_out(fit)
    moved = moved - moved.mean(axis=0)
    return np.asarray(moved.T @ moved * (fit.G - 1) / fit.G)


@dataclass(frozen=True, slots=True)
class Variant:
    """A covariance estimator: its function, its formula in words, its power of 1 − λ, and what it allows for."""

    function: Callable[[Fit], Array]
    formula: str
    power: float | None = None  # of (1 − λ) in the adjusted score; None where the scores are not clusters'
    clustered: bool = True


VARIANTS = {
    "iid": Variant(iid, "RSS/(N-K) (X'X)^-1", clustered=False),
    "HC0": Variant(hc0, "(X'X)^-1 [sum u_i^2 x_i x_i'] (X'X)^-1", clustered=False),
    "HC1": Variant(hc1, "HC0 times N/(N-K)", clustered=False),
    "HC2": Variant(hc2, "HC0 with u_i/sqrt(1-h_i)", clustered=False),
    "HC3": Variant(hc3, "HC0 with u_i/(1-h_i), no factor", clustered=False),
    "CV0": Variant(cv0, "(X'X)^-1 [sum s_g s_g'] (X'X)^-1, no factor", 0.0),
    "CV1": Variant(cv1, "CV0 times G/(G-1) (N-1)/(N-K)", 0.0),
    "CV2": Variant(cv2, "CV0 with s_g = X_g'(I-H_gg)^(-1/2) u_g, no factor", -0.5),
    "CV3": Variant(cv3, "(G-1)/G sum (b_(g)-b)(b_(g)-b)', b_(g) without cluster g", -1.0),
    "CV3J": Variant(cv3j, "CV3 around the mean of the b_(g)"),
}
CLUSTERED = tuple(name for name, variant in VARIANTS.items() if variant.clustered)
LEAVE_OUT = ("CV2", "CV3", "CV3J")
LEAVE_ROW_OUT = ("HC2", "HC3")
CLUSTER_ROBUST = re.compile(r"^crv?(?=\d)")  # other packages' names of the CV family


def variant_named(name: object) -> str:
    """Return the variant meant by a name: case does not matter, and CR, CRV and CV are one.

    Examples
    --------
    >>> variant_named("CRV1"), variant_named("cr2"), variant_named("hc1"), variant_named("IID")
    ('CV1', 'CV2', 'HC1', 'iid')
    """
    asked = name.strip().casefold() if isinstance(name, str) else ""
    by_folded = {known.casefold(): known for known in VARIANTS}
    meant = by_folded.get(CLUSTER_ROBUST.sub("cv", asked))
    if meant is None:
        known = CLUSTERED if asked.startswith("c") else tuple(VARIANTS)  # never a row's for a cluster's
        raise InputError(f"variant={name!r} is unknown: {did_you_mean(str(name), known)}.")
    return meant


def covariance(fit: Fit, variant: str) -> Array:
    """Return the covariance (K, K) of the coefficients.

    Raises
    ------
    InputError
        The variant is unknown.
    RowsNeededError
        HC0-HC3 from sums.

    Warns
    -----
    UnidentifiedWarning
        A leave-one-cluster-out (for HC2 and HC3, leave-one-row-out) estimate does not exist: its coefficients
        are NaN.
    """
    variant = variant_named(variant)
    vcov = fit.W @ VARIANTS[variant].function(fit) @ fit.W.T
    lost = unidentified(fit) if variant in LEAVE_OUT else _unidentified_rows(fit) if variant in LEAVE_ROW_OUT else []
    if lost:
        told = _clusters_sentence if variant in LEAVE_OUT else _rows_sentence
        warnings.warn(told(fit, lost, variant), UnidentifiedWarning, stacklevel=3)
        gone = sorted({j for case in lost for j in case.coefficients})
        vcov[gone, :] = vcov[:, gone] = np.nan
    return vcov


# --- adjusted scores ----------------------------------------------------------------------------


def adjusted_scores(fit: Fit, power: float) -> Array:
    """Return V (1 − λ)^power V' s_g for every cluster, (G, K); zero in the directions one cluster alone carries."""
    adjusted = np.empty_like(fit.scores)
    for clusters, values, vectors in fit.spectra():
        inner = np.einsum("gkl,gk->gl", vectors, fit.scores[clusters]) * adjustment(values, power)
        adjusted[clusters] = np.einsum("gkl,gl->gk", vectors, inner)
    return adjusted


def leave_one_out(fit: Fit) -> Array:
    """Return β̂^(g) − β̂ in orthonormal coordinates, (G, K): −(I − E_g)⁻¹ s_g without refitting."""
    moved = np.empty_like(fit.scores)
    for clusters, E in fit.grams():
        left = np.eye(fit.K) - E
        if not all_regular(left):
            return -adjusted_scores(fit, -1.0)
        moved[clusters] = -np.linalg.solve(left, fit.scores[clusters][:, :, None])[:, :, 0]
    return moved


def adjustment(values: Array, power: float) -> Array:
    """Return f(1 − λ) = (1 − λ)^power, and 0 where 1 − λ is zero (Moore-Penrose)."""
    left = 1.0 - values
    return np.where(left > SINGULAR, np.maximum(left, SINGULAR) ** power, 0.0 if power else 1.0)


def all_regular(left: Array) -> bool:
    """Return whether no I − E_g (g, K, K) is singular: every leave-one-cluster-out estimate exists."""
    try:
        factors = np.linalg.cholesky(left)
    except np.linalg.LinAlgError:
        return False
    return bool((np.diagonal(factors, axis1=1, axis2=2) ** 2 > 1e3 * SINGULAR).all())


def _rowwise(fit: Fit, power: float) -> Array:
    """Return Σ (f(1 − h_i) û_i)² q_i q_i' over rows q_i in orthonormal coordinates, h_i = |q_i|²."""
    meat = np.zeros((fit.K, fit.K))
    for Z, work in fit.moments.working_rows():
        Q = fit.orthonormal(Z)
        u = work - Z @ fit.theta
        Q *= (adjustment(np.einsum("ij,ij->i", Q, Q), power) * u)[:, None]
        meat += Q.T @ Q
    return meat


# --- leave-outs that do not exist ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unidentified:
    """A cluster, or for HC2 and HC3 a row, without which some coefficients have no estimate."""

    cluster: object
    coefficients: tuple[int, ...]


def unidentified(fit: Fit) -> list[Unidentified]:
    """Return the clusters that alone carry a direction of X, with the coefficients that have weight on it."""
    return list(_cases(fit))


def _cases(fit: Fit) -> Iterator[Unidentified]:
    for clusters, E in fit.grams():
        if all_regular(np.eye(fit.K) - E):
            continue
        values, vectors = np.linalg.eigh(E)
        for g in np.flatnonzero((1.0 - values <= SINGULAR).any(axis=1)):
            coefficients = _carried(fit, vectors[g][:, 1.0 - values[g] <= SINGULAR])
            if coefficients:
                yield Unidentified(fit.labels[clusters][g], coefficients)


def _unidentified_rows(fit: Fit) -> list[Unidentified]:
    """Return the rows that alone carry a direction of X: those with h_i = |q_i|² = 1, the direction being q_i."""
    start, lost = 0, list[Unidentified]()
    for Z, _ in fit.moments.working_rows():
        Q = fit.orthonormal(Z)
        alone = np.flatnonzero(1.0 - np.einsum("ij,ij->i", Q, Q) <= SINGULAR)
        lost.extend(Unidentified(start + int(i), _carried(fit, Q[i][:, None])) for i in alone)
        start += len(Z)
    return lost


def _carried(fit: Fit, directions: Array) -> tuple[int, ...]:
    """Return the coefficients with weight on these orthonormal directions (K, d)."""
    weight = np.abs(fit.W @ directions).max(axis=1)
    return tuple(int(j) for j in np.flatnonzero(weight > CARRIES * np.linalg.norm(fit.W, axis=1)))


def _cases_told(fit: Fit, lost: list[Unidentified], what: str) -> str:
    return listed(
        (f"{listed(fit.names[j] for j in case.coefficients)} without {what} {case.cluster!s}" for case in lost), 4
    )


def _rows_sentence(fit: Fit, lost: list[Unidentified], variant: str) -> str:
    return (
        f"{variant} is not computable (NaN) where leaving out one row leaves no estimate: "
        f"{_cases_told(fit, lost, 'row')}; leave out those rows with their columns, or read HC1 with care."
    )


def _clusters_sentence(fit: Fit, lost: list[Unidentified], variant: str) -> str:
    cases = _cases_told(fit, lost, "cluster")
    return (
        f"{variant} is not computable (NaN) where leaving out one cluster leaves no estimate: {cases}; "
        "CV1 exists there but is far too small: use randomisation inference, or more clusters on each side."
    )
