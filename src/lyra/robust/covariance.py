"""A variant -> the covariance of the coefficients, with NaN, and a warning by name, where it cannot be computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.base.text import listed
from lyra.base.warn import warn
from lyra.errors import ConditionWarning, UnidentifiedWarning
from lyra.regression.least_squares import Fit
from lyra.robust.rounding import carried, carried_by_residuals, carried_by_rows
from lyra.robust.sandwich import LEAVE_OUT, LEAVE_ROW_OUT, VARIANTS, small_sample, variant_named
from lyra.robust.unidentified import (
    MOST,
    Unidentified,
    carriers,
    unidentified,
    unidentified_rows,
    worst_cluster,
    worst_row,
)

__all__ = ["covariance", "is_rounding", "scaled_covariance"]


NAMED = 4  # coefficients a warning names; of more it gives the number
REMEDY = {
    "cluster": "for a treatment use randomisation inference, or find more clusters on each side",
    "row": "leave out those rows with their columns",
}


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
    vcov = VARIANTS[variant].function(fit, np.eye(fit.K)) * small_sample(fit, variant)
    lost = unidentified(fit) if variant in LEAVE_OUT else unidentified_rows(fit) if variant in LEAVE_ROW_OUT else []
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


def is_rounding(fit: Fit, variant: str, contrasts: Array, variances: Array) -> Bools:
    """Return whether variances (q,) of contrasts (q, K) in orthonormal coordinates are zero but for rounding."""
    sums, power = variances / small_sample(fit, variant), VARIANTS[variant].leaves_out
    if variant == "iid":
        return np.asarray(sums <= carried_by_residuals(fit, contrasts))
    if not VARIANTS[variant].clustered:
        return np.asarray(sums <= carried_by_rows(fit, power, contrasts, sums))
    return np.asarray(sums <= carried(fit, power, contrasts, sums))


# --- words --------------------------------------------------------------------------------------


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


def _warn_of_lost_digits(fit: Fit, variant: str, about: Sequence[int]) -> None:
    """Warn where the columns are nearly collinear without one cluster or, for HC2 and HC3, without one row."""
    found = worst_cluster(fit) if variant in LEAVE_OUT else worst_row(fit)
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
