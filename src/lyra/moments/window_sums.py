"""Rows of a switchback -> the sums of each cluster and window, and its arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lyra.base.arrays import Array
from lyra.base.warn import warn
from lyra.data import check
from lyra.data.labels import encode
from lyra.errors import DroppedRowsWarning, InputError

__all__ = ["WindowSums", "window_sums"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowSums:
    """What is known of each cluster and window.

    Attributes
    ----------
    sums, rows : ndarray (G, W)
        Of the outcome, and of ones.
    treated : ndarray (G, W)
        1 or 0, NaN where there is no row.
    clusters, windows : ndarray (G,), (W,)
        Labels, windows in the order of time.
    """

    sums: Array
    rows: Array
    treated: Array
    clusters: NDArray[Any]
    windows: NDArray[Any]


def window_sums(y: Any, treatment: Any, *, window: Any, clusters: Any, baseline: ArrayLike = 0.0) -> WindowSums:
    """Return the sums of y − baseline by cluster and window; one cluster where `clusters` is None.

    Raises
    ------
    InputError
        Lengths differ, a treatment that is not 0 or 1, or that differs inside a cluster's window.

    Warns
    -----
    DroppedRowsWarning
    """
    outcome = check.as_vector(y, what="y").astype(np.float64)
    drawn = check.as_vector(treatment, what="treatment").astype(np.float64)
    time, windows = encode(window, what="window")
    labels = np.zeros(outcome.size, dtype=np.int32) if clusters is None else clusters
    cluster, known = encode(labels)
    check.same_length(y=outcome.size, treatment=drawn.size, window=time.size, clusters=cluster.size)
    check.refuse_infinite(outcome, what="y")
    left = outcome - np.broadcast_to(check.as_numbers(baseline, what="baseline"), outcome.shape)
    kept = ~(np.isnan(left) | np.isnan(drawn)) & (time >= 0) & (cluster >= 0)
    if not kept.all():
        warn(f"{int((~kept).sum())} of {kept.size} rows have a missing value and were left out.", DroppedRowsWarning)
    cell = (cluster * len(windows) + time)[kept]
    shape = (len(known), len(windows))
    _refuse_doses(drawn[kept])
    rows, sums, ones = (_by_cell(values, cell, shape) for values in (np.ones(cell.size), left[kept], drawn[kept]))
    treated = np.divide(ones, rows, out=np.full(shape, np.nan), where=rows > 0)
    _refuse_mixed(treated, known, windows)
    return WindowSums(sums=sums, rows=rows, treated=treated, clusters=known, windows=windows)


def _by_cell(values: Array, cell: NDArray[Any], shape: tuple[int, int]) -> Array:
    return np.asarray(np.bincount(cell, values, minlength=shape[0] * shape[1]).reshape(shape), dtype=np.float64)


def _refuse_doses(drawn: Array) -> None:
    odd = drawn[~np.isin(drawn, (0.0, 1.0))]
    if odd.size:
        raise InputError(f"treatment holds {odd[0]:g}: pass a 0 or a 1 for every row.")


def _refuse_mixed(treated: Array, clusters: NDArray[Any], windows: NDArray[Any]) -> None:
    mixed = np.argwhere((treated > 0) & (treated < 1))
    if len(mixed):
        g, t = mixed[0]
        raise InputError(
            f"treatment differs inside cluster {clusters[g]!s}, window {windows[t]!s}: a switchback treats a cluster's "
            "window whole, so name the columns of clusters and windows that were drawn."
        )
