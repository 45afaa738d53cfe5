"""What has no estimate, or few digits, without one cluster or row, and which coefficients that touches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.regression.least_squares import Fit
from lyra.robust.leave_out import CARRIES, SINGULAR
from lyra.robust.spectra import ClusterSpectra, heavy_rows, heavy_spectra

__all__ = ["MOST", "Unidentified", "carriers", "unidentified", "unidentified_rows", "worst_cluster", "worst_row"]


LOST = 4e-13  # a relative error that is told
BLURRED = 1e-13  # rounding of a direction that is lost, before it is divided by the root of the nearest that is not
MOST = 1e-2  # the share of a row of W in a direction that makes a coefficient worth naming


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
        lost = each.left[0] <= SINGULAR
        coefficients = carriers(fit, each.vectors[0][:, lost], _least(each)) if lost.any() else ()
        if coefficients:
            yield Unidentified(fit.labels[each.clusters][0], coefficients)


def _least(each: ClusterSpectra) -> float:
    """Return the weight on a direction that is lost that a coefficient must not have."""
    nearest = float(each.left.min(where=each.left > each.nil, initial=1.0))  # 1/(1 − λ) would multiply it
    return min(CARRIES, nearest, BLURRED / nearest**0.5 if each.nil == 0.0 else CARRIES)


def unidentified_rows(fit: Fit) -> list[Unidentified]:
    """Return the rows that alone carry a direction of X: those with h_i = 1, the direction being q_i."""
    alone = (each for each in heavy_rows(fit) if each.left <= SINGULAR)
    return [Unidentified(each.row, carriers(fit, each.direction[:, None])) for each in alone]


def carriers(fit: Fit, directions: Array, least: float = CARRIES) -> tuple[int, ...]:
    """Return the coefficients with at least this weight on these orthonormal directions (K, d)."""
    weight = np.abs(fit.directions @ directions).max(axis=1)
    return tuple(int(j) for j in np.flatnonzero(weight > least * np.linalg.norm(fit.directions, axis=1)))


# --- few digits ---------------------------------------------------------------------------------


def worst_cluster(fit: Fit) -> tuple[str, float, Array] | None:
    """Return the cluster without which most digits are lost, in words, how many, and in which directions."""
    worst = max(heavy_spectra(fit), key=lambda each: each.loss, default=None)
    if worst is None or worst.loss <= LOST:
        return None
    nearest = int(
        np.where(worst.left[0] > worst.nil, worst.left[0], np.inf).argmin()
    )  # of those it does not carry alone
    return f"cluster {fit.labels[worst.clusters][0]!s}", worst.loss, worst.vectors[0][:, [nearest]]


def worst_row(fit: Fit) -> tuple[str, float, Array] | None:
    """Return the same for a row."""
    worst = max(heavy_rows(fit), key=lambda each: each.loss, default=None)
    if worst is None or worst.loss <= LOST:
        return None
    return f"row {worst.row}", worst.loss, worst.direction[:, None]
