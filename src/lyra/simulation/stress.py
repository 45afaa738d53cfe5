"""A fitted design -> the worlds its certificate tries: the same for every outcome, so that a verdict is no luck."""

from __future__ import annotations

from dataclasses import dataclass

from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import Independent, Intercept, World, unequal
from lyra.simulation.from_fit import ModelSource, taken_up

__all__ = ["Stress", "stresses"]

ICC = (0.0, 0.02, 0.1, 0.3, 0.7)
APART = 0.1  # the correlation at which clusters are unequally variable
RATIOS = (2.0, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """A world that a fitted design is tried in: its name, what draws it, and what the reader must know."""

    name: str
    source: ModelSource
    notes: tuple[str, ...] = ()


def stresses(fit: Fit, j: int) -> list[Stress]:
    """Return a grid of intraclass correlations, and clusters of unequal variance; one correlation where it is idle.

    It is idle where every row is a cluster of its own, or an effect of every cluster takes a common shock up.
    """
    about, absorbed = Coefficient.of(fit, j), diagnose(fit).free_of_shocks(fit.names[j])
    idle = absorbed or fit.N == fit.G
    notes = (taken_up(fit.names[j]),) if absorbed else ()
    icc, apart = ((0.0,), 0.0) if idle else (ICC, APART)
    alike = [(rho, 1.0, Intercept(rho) if not idle else Independent()) for rho in icc]
    unlike = [(apart, ratio, unequal(about, ratio, Intercept(apart))) for ratio in RATIOS]
    worlds: list[tuple[float, float, World]] = [*alike, *unlike]
    return [
        Stress(name=world.words(about), source=ModelSource(fit, j, rho, ratio), notes=notes)
        for rho, ratio, world in worlds
    ]
