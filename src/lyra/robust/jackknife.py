"""A fit -> the adjusted scores of its clusters, and the estimates without each of them, with no refit."""

from __future__ import annotations

import numpy as np

from lyra.base.arrays import Array
from lyra.regression.least_squares import Fit
from lyra.robust.spectra import heavy, heavy_spectra, spectra

__all__ = ["adjusted_scores", "leave_one_out", "moves"]


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
