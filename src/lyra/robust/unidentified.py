"""What has no estimate, or few digits, without one cluster or row, and which coefficients that touches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.regression.least_squares import Fit
from lyra.robust.leave_out import CARRIES, NIL, SINGULAR
from lyra.robust.spectra import heavy_rows, heavy_spectra

__all__ = ["MOST", "Unidentified", "carriers", "unidentified", "unidentified_rows", "worst_cluster", "worst_row"]


LOST = 4e-13  # a relative error that is told
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
        lost, left = each.left[0] <= SINGULAR, each.left[0]
        least = min(CARRIES, float(left.min(where=left > NIL, initial=1.0)))  # what 1/(1 − λ) would multiply
        coefficients = carriers(fit, each.vectors[0][:, lost], least) if lost.any() else ()
        if coefficients:
            yield Unidentified(fit.labels[each.clusters][0], coefficients)


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
    nearest = int(np.where(worst.left[0] > NIL, worst.left[0], np.inf).argmin())  # of those it does not carry alone
    return f"cluster {fit.labels[worst.clusters][0]!s}", worst.loss, worst.vectors[0][:, [nearest]]


def worst_row(fit: Fit) -> tuple[str, float, Array] | None:
    """Return the same for a row."""
    worst = max(heavy_rows(fit), key=lambda each: each.loss, default=None)
    if worst is None or worst.loss <= LOST:
        return None
    return f"row {worst.row}", worst.loss, worst.direction[:, None]
