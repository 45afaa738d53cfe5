"""Estimate -> covariance: one small function a variant, named as in the papers.

Every function returns the (q, q) sum over `fit.units`, and `VARIANTS` the factor in front of it: a sum in orthonormal
coordinates, where the bread is the identity, carried to the coefficients by W. With E_g = V diag(λ) V' the cluster's
Gram matrix and s_g its score, the adjusted score of a variant is V f(1 − λ) V' s_g.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lyra.base.arrays import Array
from lyra.base.text import did_you_mean, option
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.jackknife import adjusted_scores, moves
from lyra.robust.leave_out import adjustment
from lyra.robust.spectra import HeavyRow, heavy_rows

__all__ = ["CLUSTERED", "LEAVE_OUT", "LEAVE_ROW_OUT", "VARIANTS", "Sized", "Variant", "small_sample", "variant_named"]


def iid(fit: Fit, R: Array) -> Array:
    """RSS (X'X)⁻¹: rows independent with one variance, σ̂² = RSS/(N − K)."""
    return np.asarray(R @ fit.directions @ fit.directions.T @ R.T * fit.rss)


def hc0(fit: Fit, R: Array) -> Array:
    """Σ û_i² x_i x_i' [White 1980]: rows independent, each with its own variance; HC1 is N/(N − K) times that."""
    return _rowwise(fit, R, 0.0)


def hc2(fit: Fit, R: Array) -> Array:
    """Residuals divided by √(1 − h_i) [MacKinnon and White 1985]."""
    return _rowwise(fit, R, -0.5)


def hc3(fit: Fit, R: Array) -> Array:
    """Residuals divided by 1 − h_i."""
    return _rowwise(fit, R, -1.0)


def cv0(fit: Fit, R: Array) -> Array:
    """Σ s_g s_g'; CV1, Stata's and every package's default, is G/(G − 1) · (N − 1)/(N − K) times that."""
    return _summed(fit, R, fit.scores)


def cv2(fit: Fit, R: Array) -> Array:
    """f = (1 − λ)^(−1/2) [Bell and McCaffrey 2002]: unbiased when Var(u) = σ²I."""
    return _summed(fit, R, adjusted_scores(fit, -0.5))


def cv3(fit: Fit, R: Array) -> Array:
    """Σ (β̂^(g) − β̂)(β̂^(g) − β̂)' [MacKinnon, Nielsen and Webb 2023]: the jackknife around β̂, times (G − 1)/G."""
    moved = moves(fit) @ R.T
    return np.asarray(moved.T @ moved)


def cv3j(fit: Fit, R: Array) -> Array:
    """CV3 around the mean of the leave-one-out estimates; never larger than CV3."""
    moved = moves(fit) @ R.T
    moved = moved - moved.mean(axis=0)
    return np.asarray(moved.T @ moved)


def _summed(fit: Fit, R: Array, scores: Array) -> Array:
    """Return the sum of squares of scores (n, K), each carried to R β̂ first: what is zero then stays zero."""
    carried = scores @ (R @ fit.directions).T
    return np.asarray(carried.T @ carried)


class Sized(Protocol):
    """Whatever has clusters, rows and columns: a fit, or replicates of one shape."""

    @property
    def G(self) -> int:
        """Clusters."""

    @property
    def N(self) -> int:
        """Rows."""

    @property
    def K(self) -> int:
        """Columns."""


Function = Callable[[Fit, Array], Array]
Factor = Callable[[Sized], float]


def no_factor(sized: Sized) -> float:
    """1."""
    return 1.0


def per_row_left(sized: Sized) -> float:
    """1/(N − K)."""
    return 1.0 / (sized.N - sized.K)


def rows_over_rows_left(sized: Sized) -> float:
    """N/(N − K)."""
    return sized.N / (sized.N - sized.K)


def stata(sized: Sized) -> float:
    """G/(G − 1) · (N − 1)/(N − K)."""
    return sized.G / (sized.G - 1) * (sized.N - 1) / (sized.N - sized.K)


def jackknife(sized: Sized) -> float:
    """(G − 1)/G."""
    return (sized.G - 1) / sized.G


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A covariance estimator: its sum and the factor in front, the formula in words, its own law, what it allows for.

    Attributes
    ----------
    function : function of a fit and contrasts R (q, K)
        The sum (q, q) over `fit.units`, without its factor.
    factor : function of what has G, N and K
        The factor in front of the sum, for one fit and for replicates.
    formula : str
        Both in words.
    law : str
        The rule of the degrees of freedom that goes with it, see `dof.RULES`.
    power : float or None
        Of 1 − λ in the adjusted score; None where the scores are not clusters'.
    clustered : bool
        Whether it allows for correlation within clusters.
    leaves_out : float
        The power of 1 − λ, or of 1 − h, by which rounding grows: zero where nothing is left out.
    """

    function: Function
    factor: Factor
    formula: str
    law: str
    power: float | None = None
    clustered: bool = True
    leaves_out: float = 0.0


def _of_rows(function: Function, factor: Factor, formula: str, leaves_out: float = 0.0) -> Variant:
    """Return a variant that takes every row as a cluster of its own."""
    return Variant(function=function, factor=factor, formula=formula, law="N-K", clustered=False, leaves_out=leaves_out)


VARIANTS = {
    "iid": _of_rows(iid, per_row_left, "RSS/(N-K) (X'X)^-1"),
    "HC0": _of_rows(hc0, no_factor, "(X'X)^-1 [sum u_i^2 x_i x_i'] (X'X)^-1"),
    "HC1": _of_rows(hc0, rows_over_rows_left, "HC0 times N/(N-K)"),
    "HC2": _of_rows(hc2, no_factor, "HC0 with u_i/sqrt(1-h_i)", -0.5),
    "HC3": _of_rows(hc3, no_factor, "HC0 with u_i/(1-h_i), no factor", -1.0),
    "CV0": Variant(
        function=cv0, factor=no_factor, formula="(X'X)^-1 [sum s_g s_g'] (X'X)^-1, no factor", law="G-1", power=0.0
    ),
    "CV1": Variant(function=cv0, factor=stata, formula="CV0 times G/(G-1) (N-1)/(N-K)", law="G-1", power=0.0),
    "CV2": Variant(
        function=cv2,
        factor=no_factor,
        formula="CV0 with s_g = X_g'(I-H_gg)^(-1/2) u_g, no factor",
        law="satterthwaite",
        power=-0.5,
        leaves_out=-0.5,
    ),
    "CV3": Variant(
        function=cv3,
        factor=jackknife,
        formula="(G-1)/G sum (b_(g)-b)(b_(g)-b)', b_(g) without cluster g",
        law="G-1",
        power=-1.0,
        leaves_out=-1.0,
    ),
    "CV3J": Variant(
        function=cv3j, factor=jackknife, formula="CV3 around the mean of the b_(g)", law="G-1", leaves_out=-1.0
    ),
}
CLUSTERED = tuple(name for name, variant in VARIANTS.items() if variant.clustered)
LEAVE_OUT = tuple(name for name, variant in VARIANTS.items() if variant.clustered and variant.leaves_out)
LEAVE_ROW_OUT = tuple(name for name, variant in VARIANTS.items() if not variant.clustered and variant.leaves_out)
CLUSTER_ROBUST = re.compile(r"^crv?(?=\d)")  # other packages' names of the CV family


def small_sample(sized: Sized, variant: str) -> float:
    """Return the factor in front of a variant's sum."""
    return VARIANTS[variant].factor(sized)


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
        raise InputError(f"{option('variant', name)} is unknown: {did_you_mean(str(name), known)}.")
    return meant


# --- row by row ---------------------------------------------------------------------------------


def _rowwise(fit: Fit, R: Array, power: float) -> Array:
    """Return Σ (f(1 − h_i) û_i)² w_i w_i' over rows w_i = R W q_i, h_i = |q_i|²."""
    apart, start = heavy_rows(fit) if power else [], 0
    places = np.array([each.row for each in apart], dtype=np.intp)
    alone = np.array([_part_of(fit, each, power) for each in apart]).reshape(-1, fit.K) @ R.T
    total = np.asarray(alone.T @ alone)
    for Z, work in fit.moments.working_rows():
        Q = fit.orthonormal(Z)
        weight = adjustment(1.0 - np.einsum("ij,ij->i", Q, Q), power) * (work - Z @ fit.theta)
        weight[places[(places >= start) & (places < start + len(Z))] - start] = 0.0
        total += _summed(fit, R, Q * weight[:, None])
        start += len(Z)
    return total


def _part_of(fit: Fit, row: HeavyRow, power: float) -> Array:
    """Return −f(1 − h)û W q (K,) of a row with h near 1, nothing where it alone carries a direction."""
    return np.asarray((fit.back @ row.moved) / fit.units * adjustment(np.array(row.left), power + 1.0))
