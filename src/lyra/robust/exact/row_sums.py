"""Rows -> the sums that some worlds of errors need: by period, and by arm inside clusters. One pass each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.errors import InputError, RowsNeededError
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import RowSums

__all__ = ["arm_sums", "period_sums"]


def period_sums(fit: Fit, clusters: Any, periods: Any) -> RowSums:
    """Return the sums of the rows by cluster and period, for correlation in time.

    `clusters` and `periods` (N,) are those of the fitted rows, in their order; a period is a number, and the distance
    of two is their difference.

    Raises
    ------
    InputError
        The lengths differ from the fit's rows, a label is not one of its clusters, or a period is not a finite number.
    RowsNeededError
        The fit holds only sums.
    """
    codes = _codes(fit, clusters)
    times = np.asarray(periods, dtype=np.float64)
    _same_length(fit, times, "periods")
    if not np.isfinite(times).all():
        first = int(np.flatnonzero(~np.isfinite(times))[0])
        raise InputError(f"The period of row {first} is not a finite number: pass one for every fitted row.")
    present, period = np.unique(times, return_inverse=True)
    paths = np.zeros((fit.G * present.size, fit.K))
    for rows, Q in _orthonormal_rows(fit):
        np.add.at(paths, codes[rows] * present.size + period[rows], Q)
    return RowSums(paths=paths.reshape(fit.G, present.size, fit.K), periods=present)


def arm_sums(fit: Fit, clusters: Any, larger: Any) -> RowSums:
    """Return the sums over the rows in the arm with the larger value, for arms that split inside clusters.

    `clusters` and `larger` (N,), the latter True or False, are those of the fitted rows, in their order.

    Raises
    ------
    InputError
        The lengths differ from the fit's rows, or a label is not one of its clusters.
    RowsNeededError
        The fit holds only sums.
    """
    codes = _codes(fit, clusters)
    arm = np.asarray(larger, dtype=np.bool_)
    _same_length(fit, arm, "larger")
    inner, ones = np.zeros((fit.G, fit.K, fit.K)), np.zeros((fit.G, fit.K))
    for rows, Q in _orthonormal_rows(fit):
        mine = Q[arm[rows]]
        np.add.at(ones, codes[rows][arm[rows]], mine)
        np.add.at(inner, codes[rows][arm[rows]], mine[:, :, None] * mine[:, None, :])
    return RowSums(inner=inner, inner_ones=ones)


def _orthonormal_rows(fit: Fit) -> Iterator[tuple[slice, Array]]:
    start = 0
    for Z, _ in fit.moments.working_rows():
        yield slice(start, start + len(Z)), fit.orthonormal(Z)
        start += len(Z)


def _codes(fit: Fit, clusters: Any) -> Codes:
    if fit.moments.rows is None:
        raise RowsNeededError(
            "Sums by period or arm need the rows, and this fit holds only per-cluster sums: "
            "fit from the table or the arrays."
        )
    labels = np.asarray(clusters)
    _same_length(fit, labels, "clusters")
    codes = np.minimum(np.searchsorted(fit.labels, labels), fit.G - 1)
    strange = np.flatnonzero(fit.labels[codes] != labels)
    if strange.size:
        raise InputError(
            f"{labels[strange[0]]!s} (row {strange[0]}) is not a cluster of the fit: pass the labels it was fitted on."
        )
    return codes


def _same_length(fit: Fit, values: NDArray[Any], name: str) -> None:
    if values.shape != (fit.N,):
        raise InputError(f"{name} has {values.size} values and {fit.N} rows were fitted: pass one for each fitted row.")
