"""A family of worlds, chosen without the outcome: correlations, slopes, unequal arms, sizes, and worlds of your own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lyra.errors import InputError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import Arms, BySize, ColumnSlopeShare, Intercept, LeverageHalf, SlopeShare, World
from lyra.robust.exact.worlds_of_rows import Autoregressive, InnerArms

__all__ = ["Family", "Shape"]

ICC = (0.0, 0.02, 0.1, 0.3)
PHI = (0.0, 0.4, 0.8, 0.95)


@dataclass(frozen=True, slots=True)
class Shape:
    """Worlds along one correlation: at its grid points, and anywhere between."""

    points: tuple[float, ...]
    make: Callable[[float], World]

    def worlds(self) -> list[World]:
        """Return the worlds at the grid points."""
        return [self.make(point) for point in self.points]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Which worlds of errors a critical value must hold in; chosen without the outcome.

    Attributes
    ----------
    icc_max : float
        The largest intraclass correlation of a random intercept.
    arms : float
        How many times as variable one arm may be, either way; for a column without arms, the clusters that carry half
        of its leverage.
    slopes : tuple of float
        Shares of Var(β̂) that may come from effects that differ by cluster, for a column that is not two arms of
        clusters.
    sizes : bool
        Whether variance may go with the size of the cluster, or with its inverse.
    phi_max : float
        The largest correlation from one period to the next, where periods are known.
    fine : bool
        Whether correlations between the ends of their range are listed, and not only sought by refinement.
    more : tuple of World
        Worlds of the user's own.
    """

    icc_max: float = 0.7
    arms: float = 2.0
    slopes: tuple[float, ...] = (0.3, 0.6, 0.9)
    sizes: bool = True
    phi_max: float = 0.95
    fine: bool = True
    more: tuple[World, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.icc_max < 1.0:
            raise InputError(f"icc_max={self.icc_max!r} is not a correlation: pass a number from 0, below 1.")
        if not 0.0 <= self.phi_max < 1.0:
            raise InputError(f"phi_max={self.phi_max!r} is not a correlation: pass a number from 0, below 1.")
        if not 1.0 <= self.arms < np.inf:
            raise InputError(f"arms={self.arms!r} is not how many times as variable: pass a number, 1 or more.")

    def coarse(self) -> Family:
        """Return the family with the ends of its ranges alone listed, for many clusters."""
        return replace(self, fine=False, slopes=self.slopes[-1:])

    def shapes(self, about: Coefficient) -> list[Shape]:
        """Return the family for one coefficient, along its correlations."""
        own = [Shape((0.0,), partial(_itself, world)) for world in self.more]
        return [Shape(points, partial(_layered, base, layers)) for points, base, layers in self._spec(about)] + own

    def model(self, about: Coefficient) -> list[World]:
        """Return the worlds in which clusters are alike: a random intercept of each, at the points of the grid."""
        return [Intercept(point) for point in self._iccs(about)]

    def _spec(
        self, about: Coefficient
    ) -> Iterator[tuple[tuple[float, ...], Callable[[float], World], tuple[Layer, ...]]]:
        slopes = () if about.larger is not None else self.slopes
        scales = list(self._scales(about))
        for points, base in self._bases(about):
            for scale in scales:
                yield points, base, scale
                for share in slopes:
                    yield points, base, (partial(_sloped, share), *scale)
                    yield points, base, (partial(_column_sloped, share), *scale)
        if about.rows.inner is not None:
            for ratio in _either_way(self.arms):
                yield self._iccs(about), partial(_inner, ratio), ()

    def _bases(self, about: Coefficient) -> Iterator[tuple[tuple[float, ...], Callable[[float], World]]]:
        in_time = about.rows.paths is not None
        if in_time:
            yield self._up_to(PHI, self.phi_max), Autoregressive
        if not (in_time and about.absorbed):
            yield self._iccs(about), Intercept

    def _iccs(self, about: Coefficient) -> tuple[float, ...]:
        return (0.0,) if about.absorbed else self._up_to(ICC, self.icc_max)

    def _up_to(self, grid: Sequence[float], top: float) -> tuple[float, ...]:
        between = grid if self.fine else grid[:1]
        return (*(point for point in between if point < top), top)

    def _scales(self, about: Coefficient) -> Iterator[tuple[Layer, ...]]:
        yield ()
        larger, half = about.larger, about.leverage_half
        for ratio in _either_way(self.arms):
            if larger is not None:
                yield (partial(_arms, ratio),)
            if larger is None or not (np.array_equal(half, larger) or np.array_equal(half, ~larger)):
                yield (partial(_half, ratio),)
        if self.sizes and np.ptp(about.sizes) > 0:
            yield (partial(_by_size, 1.0),)
            yield (partial(_by_size, -1.0),)

    def words(self, about: Coefficient) -> str:
        """Say the family in one sentence."""
        return "Errors may have " + ", ".join(self._clauses(about)) + "."

    def _clauses(self, about: Coefficient) -> Iterator[str]:
        in_time = about.rows.paths is not None
        if not about.absorbed:
            yield f"an intraclass correlation from 0 to {self.icc_max:g}"
        if in_time:
            yield f"a correlation from 0 to {self.phi_max:g} from one period to the next"
        if about.absorbed and not in_time:
            yield "no correlation within clusters beyond the effects that were swept out"
        if about.larger is None and self.slopes:
            most = f"up to {100 * max(self.slopes):g} % of its variance"
            yield f"effects of {about.term} that differ by cluster and make {most}"
        if self.arms > 1.0:
            who = f"either arm of {about.term}, or " if about.larger is not None else ""
            times = f"{self.arms:g} or 1/{self.arms:g} times as variable"
            yield f"{who}the clusters that carry half of {about.term}, {times}"
        if self.sizes and np.ptp(about.sizes) > 0:
            yield "variance that goes with the size of the cluster or with its inverse"
        yield from (world.words(about) for world in self.more)


Layer = Callable[[World], World]


def _itself(world: World, _: float) -> World:
    return world


def _layered(base: Callable[[float], World], layers: tuple[Layer, ...], point: float) -> World:
    world = base(point)
    for layer in layers:
        world = layer(world)
    return world


def _sloped(share: float, of: World) -> World:
    return SlopeShare(share, of)


def _column_sloped(share: float, of: World) -> World:
    return ColumnSlopeShare(share, of)


def _arms(ratio: float, of: World) -> World:
    return Arms(ratio, of)


def _half(ratio: float, of: World) -> World:
    return LeverageHalf(ratio, of)


def _by_size(power: float, of: World) -> World:
    return BySize(power, of)


def _inner(ratio: float, icc: float) -> World:
    return InnerArms(ratio, icc)


def _either_way(most: float) -> list[float]:
    """Return the ratios 2, 4, … up to `most`, and their inverses."""
    doubled = [2.0**k for k in range(1, 64) if 2.0**k < most]
    up = [*doubled, most] if most > 1.0 else []
    return [ratio for up_to in up for ratio in (up_to, 1.0 / up_to)]
