"""The exact size of a line under its own law, in one world that is stated in numbers."""

from __future__ import annotations

import numpy as np

from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.forms import forms
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import statistic
from lyra.robust.exact.worlds import Arms, Intercept, Slope, World
from lyra.robust.laws import t_quantile

__all__ = ["own_size", "stated_world"]


def own_size(fit: Fit, j: int, variant: str, world: World, *, critical_value: float | None = None) -> float:
    """Return P(|t| > c) of a true null in a world, c the 97.5 % point of the variance's own law where none is given.

    Raises
    ------
    InputError
        The variance has no exact law, or no law of its own (R1) and no critical value was given.
    NotIdentifiedError
        The coefficient is lost without one of the clusters, and the variance leaves each out.
    """
    about = Coefficient.of(fit, j)
    test = statistic(fit, about, variant)
    c = _own_critical_value(fit, j, variant) if critical_value is None else float(critical_value)
    return float(rejection(forms(test, about, [world]), c)[0])


def _own_critical_value(fit: Fit, j: int, variant: str) -> float:
    if variant == "R1":
        raise InputError("R1 has no law of its own: pass critical_value, such as that of its calibrated line.")
    nu, _ = degrees_of_freedom(fit, variant, None)
    return float(t_quantile(nu[j], 0.975))


def stated_world(fit: Fit, j: int, *, icc: float, arms: float, effects_sd: float) -> World:
    """Return the world of an intraclass correlation, effects that differ by cluster and unequal arms.

    Raises
    ------
    InputError
        A number out of range, or unequal arms of a term that does not split the clusters in two.
    """
    world: World = Intercept(icc)
    if effects_sd:
        world = Slope(effects_sd, world)
    if arms == 1.0:
        return world
    if np.isfinite(arms) and Coefficient.of(fit, j).larger is None:
        raise InputError(f"{fit.names[j]} does not split the clusters into two arms: leave arms at 1.")
    return Arms(arms, world)
