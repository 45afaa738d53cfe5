"""How many clusters, or windows, a planned effect needs: simulated where the world can grow, else by the formula."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import numpy as np

from lyra.base.search import fewest
from lyra.designs import Switchback
from lyra.errors import InputError
from lyra.simulation.setting import DrawnFrom
from lyra.verdict.closed_form import ClosedForm, t_power
from lyra.verdict.detection import Draws, drawn
from lyra.verdict.wanted import Wanted

__all__ = ["Needed", "by_formula"]


@dataclass(frozen=True, slots=True, eq=False)
class Needed:
    """The fewest clusters, or windows, with which a planned effect is seen often enough."""

    source: DrawnFrom
    wanted: Wanted
    effect: float
    formula: tuple[int, int] | None  # the clusters of the analysis at hand, and those needed by the formula

    @property
    def world(self) -> Any:
        """The world, where there is one whose size can be changed."""
        world = getattr(self.source, "world", None)
        return world if is_dataclass(world) and hasattr(world, "n_clusters") else None

    @property
    def simulates(self) -> bool:
        """Whether more or fewer clusters can be simulated."""
        return self.world is not None and not isinstance(getattr(self.world, "cluster_size", 1), tuple)

    @property
    def notes(self) -> tuple[str, ...]:
        """How clusters were counted, where they could not be simulated."""
        return () if self.simulates else ("Clusters needed are by the formula: new ones are taken to be like these.",)

    def clusters(self) -> int | None:
        """Return the fewest clusters; whole strata at a time where a world has several."""
        if not self.simulates:
            return self.formula[1] if self.formula else None
        strata = getattr(self.world, "strata", 1)
        step = self.world.n_clusters // strata if strata > 1 else 1

        def enough(n: int) -> bool:
            return self._seen({"n_clusters": n} if strata == 1 else {"n_clusters": n, "strata": n // step})

        return fewest(enough, step, self._guess(self.world.n_clusters))

    def windows(self) -> int | None:
        """Return the fewest windows of a switchback, whole blocks at a time."""
        design = getattr(self.source, "design", None)
        if not isinstance(design, Switchback) or not hasattr(self.world, "windows"):
            return None
        return fewest(lambda n: self._seen({"windows": n}), design.block, self._guess(self.world.windows))

    def _guess(self, now: int) -> int:
        at_hand, needed = self.formula or (1, 1)
        return round(now * needed / at_hand)

    def _seen(self, size: dict[str, int]) -> bool:
        try:
            draws = drawn(replace(self.source, world=replace(self.world, **size)), self.wanted)
        except InputError:  # too few for the design, or for the method to reject
            return False
        return draws.power(self.effect) >= self.wanted.target


def by_formula(form: ClosedForm, draws: Draws, mde: float, effect: float) -> tuple[int, int] | None:
    """Return the clusters at hand and the fewest like them needed, the standard error being what explains the mde."""
    G, se = draws.n_clusters, abs(mde) / form.noncentrality

    def enough(n: int) -> bool:
        return n > 1 and t_power(effect / (se * np.sqrt(G / n)), n - 1, form.alpha) >= form.target

    needed = fewest(enough, 1, G, most=4096)
    return None if needed is None else (G, needed)
