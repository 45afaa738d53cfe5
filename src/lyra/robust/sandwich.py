"""Estimate -> covariance: one small function a variant, named as in the papers.

Every function returns the (q, q) covariance over `fit.units`, with its factor: a sum in orthonormal coordinates, where
the bread is the identity, carried to the coefficients by W. With E_g = V diag(λ) V' the cluster's Gram matrix and s_g
its score, the adjusted score of a variant is V f(1 − λ) V' s_g.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.text import did_you_mean, listed, option
from lyra.base.warn import warn
from lyra.errors import ConditionWarning, InputError, UnidentifiedWarning
from lyra.regression.least_squares import Fit
from lyra.robust.leave_out import NIL, SINGULAR, HeavyRow, adjustment, heavy, heavy_rows, heavy_spectra, spectra
from lyra.robust.rounding import carried, carried_by_residuals, carried_by_rows

__all__ = [
    "CLUSTERED",
    "LEAVE_OUT",
    "VARIANTS",
    "Unidentified",
    "all_regular",
    "carriers",
    "covariance",
    "is_rounding",
    "leave_one_out",
    "moves",
    "scaled_covariance",
    "small_sample",
    "unidentified",
    "variant_named",
]


LOST = 4e-13  # a relative error that is told
MOST = 1e-2  # the share of a row of W in a direction that makes a coefficient worth naming
CARRIES = 1e-7  # the share of a coefficient's row of W that must lie in that direction to lose it

# --- the variants -------------------------------------------------------------------------------


def iid(fit: Fit, R: Array) -> Array:
    """σ̂² (X'X)⁻¹: rows independent with one variance; σ̂² = RSS/(N − K)."""
    return np.asarray(R @ fit.directions @ fit.directions.T @ R.T * fit.rss * small_sample(fit, "iid"))


def hc0(fit: Fit, R: Array) -> Array:
    """Σ û_i² x_i x_i' [White 1980]: rows independent, each with its own variance."""
    return _rowwise(fit, R, 0.0)


def hc1(fit: Fit, R: Array) -> Array:
    """HC0 · N/(N − K)."""
    return hc0(fit, R) * small_sample(fit, "HC1")


def hc2(fit: Fit, R: Array) -> Array:
    """Residuals divided by √(1 − h_i) [MacKinnon and White 1985]."""
    return _rowwise(fit, R, -0.5)


def hc3(fit: Fit, R: Array) -> Array:
    """Residuals divided by 1 − h_i, no factor."""
    return _rowwise(fit, R, -1.0)


def cv0(fit: Fit, R: Array) -> Array:
    """Σ s_g s_g', no factor."""
    return _summed(fit, R, fit.scores)


def cv1(fit: Fit, R: Array) -> Array:
    """CV0 · G/(G − 1) · (N − 1)/(N − K): Stata's, and every package's default."""
    return cv0(fit, R) * small_sample(fit, "CV1")


def cv2(fit: Fit, R: Array) -> Array:
    """f = (1 − λ)^(−1/2), no factor [Bell and McCaffrey 2002]: unbiased when Var(u) = σ²I."""
    return _summed(fit, R, adjusted_scores(fit, -0.5))


def cv3(fit: Fit, R: Array) -> Array:
    """(G − 1)/G · Σ (β̂^(g) − β̂)(β̂^(g) − β̂)' [MacKinnon, Nielsen and Webb 2023]: the jackknife around β̂."""
    moved = moves(fit) @ R.T
    return moved.T @ moved * small_sample(fit, "CV3")


def cv3j(fit: Fit, R: Array) -> Array:
    """CV3 around the mean of the leave-one-out estimates; never larger than CV3."""
    moved = moves(fit) @ R.T
    moved = moved - moved.mean(axis=0)
    return np.asarray(moved.T @ moved * small_sample(fit, "CV3J"))


def _summed(fit: Fit, R: Array, scores: Array) -> Array:
    """Return the sum of squares of scores (n, K), each carried to R β̂ first: what is zero then stays zero."""
    carried = scores @ (R @ fit.directions).T
    return np.asarray(carried.T @ carried)


def small_sample(fit: Fit, variant: str) -> float:
    """Return the factor in front of a variant's sum."""
    G, N, K = fit.G, fit.N, fit.K
    match variant:
        case "iid":
            return 1.0 / (N - K)
        case "HC1":
            return N / (N - K)
        case "CV1":
            return G / (G - 1) * (N - 1) / (N - K)
        case "CV3" | "CV3J":
            return (G - 1) / G
    return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A covariance estimator: its function, its formula in words, its power of 1 − λ, and what it allows for."""

    function: Callable[[Fit, Array], Array]
    formula: str
    power: float | None = None  # of (1 − λ) in the adjusted score; None where the scores are not clusters'
    clustered: bool = True
    leaves_out: float = 0.0  # the power of 1 − λ, or of 1 − h, by which rounding grows


VARIANTS = {
    "iid": Variant(function=iid, formula="RSS/(N-K) (X'X)^-1", clustered=False),
    "HC0": Variant(function=hc0, formula="(X'X)^-1 [sum u_i^2 x_i x_i'] (X'X)^-1", clustered=False),
    "HC1": Variant(function=hc1, formula="HC0 times N/(N-K)", clustered=False),
    "HC2": Variant(function=hc2, formula="HC0 with u_i/sqrt(1-h_i)", clustered=False, leaves_out=-0.5),
    "HC3": Variant(function=hc3, formula="HC0 with u_i/(1-h_i), no factor", clustered=False, leaves_out=-1.0),
    "CV0": Variant(function=cv0, formula="(X'X)^-1 [sum s_g s_g'] (X'X)^-1, no factor", power=0.0),
    "CV1": Variant(function=cv1, formula="CV0 times G/(G-1) (N-1)/(N-K)", power=0.0),
    "CV2": Variant(
        function=cv2, formula="CV0 with s_g = X_g'(I-H_gg)^(-1/2) u_g, no factor", power=-0.5, leaves_out=-0.5
    ),
    "CV3": Variant(
        function=cv3, formula="(G-1)/G sum (b_(g)-b)(b_(g)-b)', b_(g) without cluster g", power=-1.0, leaves_out=-1.0
    ),
    "CV3J": Variant(function=cv3j, formula="CV3 around the mean of the b_(g)", leaves_out=-1.0),
}
CLUSTERED = tuple(name for name, variant in VARIANTS.items() if variant.clustered)
LEAVE_OUT = ("CV2", "CV3", "CV3J")
LEAVE_ROW_OUT = ("HC2", "HC3")
NAMED = 4  # coefficients a warning names; of more it gives the number
REMEDY = {
    "cluster": "for a treatment use randomisation inference, or find more clusters on each side",
    "row": "leave out those rows with their columns",
}
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
        raise InputError(f"{option('variant', name)} is unknown: {did_you_mean(str(name), known)}.")
    return meant


def covariance(fit: Fit, variant: str, about: Sequence[int] | None = None) -> Array:
    """Return the covariance (K, K) of the coefficients; warnings speak of those in `about`, left out of all.

    Raises
    ------
    InputError
        The variant is unknown.
    RowsNeededError
        HC0-HC3 from sums.

    Warns
    -----
    UnidentifiedWarning
        A leave-one-cluster-out (for HC2 and HC3, leave-one-row-out) estimate does not exist, or a variance is zero
        but for rounding: its coefficients are NaN.
    ConditionWarning
        Without one cluster the columns are nearly collinear, and digits were lost.
    """
    variant = variant_named(variant)
    units = fit.units
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(scaled_covariance(fit, variant, about) * units[:, None] * units)


def scaled_covariance(fit: Fit, variant: str, about: Sequence[int] | None = None) -> Array:
    """Return the covariance (K, K) of the coefficients over `fit.units`, whose squares leave no double."""
    about = range(fit.K) if about is None else about
    vcov = VARIANTS[variant].function(fit, np.eye(fit.K))
    lost = unidentified(fit) if variant in LEAVE_OUT else _unidentified_rows(fit) if variant in LEAVE_ROW_OUT else []
    gone = sorted({j for case in lost for j in case.coefficients})
    zero = np.flatnonzero(is_rounding(fit, variant, fit.directions, np.diagonal(vcov)))
    zero = np.setdiff1d(zero, gone)
    if lost:
        _warn_of(fit, lost, variant, about)
    if variant in (*LEAVE_OUT, *LEAVE_ROW_OUT):
        _warn_of_lost_digits(fit, variant, about)
    told = [j for j in zero.tolist() if j in about]
    if told:
        warn(_zero_sentence(fit, told, variant), UnidentifiedWarning)
    gone = [*gone, *zero.tolist()]
    vcov[gone, :] = vcov[:, gone] = np.nan
    return np.asarray(vcov)


def _warn_of_lost_digits(fit: Fit, variant: str, about: Sequence[int]) -> None:
    """Warn where the columns are nearly collinear without one cluster or, for HC2 and HC3, without one row."""
    found = _worst_cluster(fit) if variant in LEAVE_OUT else _worst_row(fit)
    if found is None:
        return
    where, loss, directions = found
    names = [fit.names[j] for j in carriers(fit, directions, MOST) if j in about]
    if not names:
        return
    plain = "CV1" if variant in LEAVE_OUT else "HC1"
    warn(
        f"Without {where} the columns are nearly collinear: {variant} keeps about {-np.log10(loss):.0f} digits for "
        f"{listed(names, 4)}; leave one of these columns out, or read {plain} beside it.",
        ConditionWarning,
    )


def _worst_cluster(fit: Fit) -> tuple[str, float, Array] | None:
    worst = max(heavy_spectra(fit), key=lambda each: each.loss, default=None)
    if worst is None or worst.loss <= LOST:
        return None
    nearest = int(np.where(worst.left[0] > NIL, worst.left[0], np.inf).argmin())  # of those it does not carry alone
    return f"cluster {fit.labels[worst.clusters][0]!s}", worst.loss, worst.vectors[0][:, [nearest]]


def _worst_row(fit: Fit) -> tuple[str, float, Array] | None:
    worst = max(heavy_rows(fit), key=lambda each: each.loss, default=None)
    if worst is None or worst.loss <= LOST:
        return None
    return f"row {worst.row}", worst.loss, worst.direction[:, None]


def is_rounding(fit: Fit, variant: str, contrasts: Array, variances: Array) -> NDArray[np.bool_]:
    """Return whether variances (q,) of contrasts (q, K) in orthonormal coordinates are zero but for rounding."""
    sums, power = variances / small_sample(fit, variant), VARIANTS[variant].leaves_out
    if variant == "iid":
        return np.asarray(sums <= carried_by_residuals(fit, contrasts))
    if not VARIANTS[variant].clustered:
        return np.asarray(sums <= carried_by_rows(fit, power, contrasts, sums))
    return np.asarray(sums <= carried(fit, power, contrasts, sums))


def _zero_sentence(fit: Fit, zero: list[int], variant: str) -> str:
    names = listed((fit.names[j] for j in zero), NAMED)
    if is_rounding(fit, "iid", np.eye(1, fit.K), np.array([fit.rss / (fit.N - fit.K)])).all():
        return (
            f"{variant} is not computable (NaN): the columns fit y exactly, and no residual is left to measure "
            f"{names} by; leave out the columns that y was made of."
        )
    return (
        f"{variant} is not computable (NaN) for {names}: the residuals leave every score zero but for rounding, as "
        "where dummies take up what varies between clusters; cluster at a finer level, leave those dummies out, or use "
        "randomisation inference."
    )


# --- adjusted scores ----------------------------------------------------------------------------


def adjusted_scores(fit: Fit, power: float) -> Array:
    """Return V (1 − λ)^power V' s_g for every cluster, (G, K); zero in the directions one cluster alone carries."""
    adjusted = np.empty_like(fit.scores)
    for each in spectra(fit):
        adjusted[each.clusters] = each.adjusted(power)
    return adjusted


def leave_one_out(fit: Fit) -> Array:
    """Return β̂^(g) − β̂ in orthonormal coordinates, (G, K): −(I − E_g)⁻¹ s_g without refitting."""
    moved = np.empty_like(fit.scores)
    for clusters, E in fit.grams():
        left = np.eye(fit.K) - E
        left[heavy(E)] = np.eye(fit.K)
        moved[clusters] = -np.linalg.solve(left, fit.scores[clusters][:, :, None])[:, :, 0]
    for each in heavy_spectra(fit):
        moved[each.clusters] = -each.adjusted(-1.0)
    return moved


def moves(fit: Fit) -> Array:
    """Return β̂^(g) − β̂ over `fit.units`, (G, K); NaN never: nothing in the directions one cluster alone carries.

    Without a cluster that carries nearly all of one coefficient, that one moves far and the others little: these are
    not taken from orthonormal coordinates, which mix them.
    """
    moved = leave_one_out(fit) @ fit.directions.T
    for each in heavy_spectra(fit):
        if each.moved is not None:
            moved[each.clusters] = (each.moved @ fit.back.T) / fit.units
    return np.asarray(moved)


def all_regular(left: Array) -> bool:
    """Return whether no I − E_g (g, K, K) is singular: every leave-one-cluster-out estimate exists."""
    try:
        factors = np.linalg.cholesky(left)
    except np.linalg.LinAlgError:
        return False
    return bool((np.diagonal(factors, axis1=1, axis2=2) ** 2 > 1e3 * SINGULAR).all())


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
    for each in heavy_spectra(fit):
        lost, left = each.left[0] <= SINGULAR, each.left[0]
        least = min(CARRIES, float(left.min(where=left > NIL, initial=1.0)))  # what 1/(1 − λ) would multiply
        coefficients = carriers(fit, each.vectors[0][:, lost], least) if lost.any() else ()
        if coefficients:
            yield Unidentified(fit.labels[each.clusters][0], coefficients)


def _unidentified_rows(fit: Fit) -> list[Unidentified]:
    """Return the rows that alone carry a direction of X: those with h_i = 1, the direction being q_i."""
    alone = (each for each in heavy_rows(fit) if each.left <= SINGULAR)
    return [Unidentified(each.row, carriers(fit, each.direction[:, None])) for each in alone]


def carriers(fit: Fit, directions: Array, least: float = CARRIES) -> tuple[int, ...]:
    """Return the coefficients with at least this weight on these orthonormal directions (K, d)."""
    weight = np.abs(fit.directions @ directions).max(axis=1)
    return tuple(int(j) for j in np.flatnonzero(weight > least * np.linalg.norm(fit.directions, axis=1)))


def _warn_of(fit: Fit, lost: list[Unidentified], variant: str, about: Sequence[int]) -> None:
    """Warn of the coefficients asked about that have no estimate without one cluster or row, a few by name."""
    what = "cluster" if variant in LEAVE_OUT else "row"
    cases = [
        f"{listed(fit.names[j] for j in case.coefficients if j in about)} without {what} {case.cluster!s}"
        for case in lost
        if set(case.coefficients) & set(about)
    ]
    if not cases:
        return
    gone = {j for case in lost for j in case.coefficients} & set(about)
    named = f"{listed(cases, NAMED)}" if len(gone) <= NAMED else f"{len(gone)} coefficients, named by .explain()"
    warn(
        f"{variant} is not computable (NaN) where leaving out one {what} leaves no estimate: {named}; {REMEDY[what]}.",
        UnidentifiedWarning,
    )
