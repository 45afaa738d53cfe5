"""The critical value that holds the level in every world of a family, and what it says: p-values and intervals.

c* = min{c: sup over the family of P(|t| > c) ≤ α} [1]_. It depends on X and the clusters alone, so nothing is tested
beforehand; and because the law of t is symmetric, one side at level α is two sides at 2α.

References
----------
.. [1] B. M. Pötscher and D. Preinerstorfer (2021), Valid heteroskedasticity robust testing. arXiv 2104.12597: the idea,
   for independent rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lyra.base.arrays import Array
from lyra.errors import InputError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family, Shape
from lyra.robust.exact.forms import Forms, forms
from lyra.robust.exact.size import ROUGH, rejection
from lyra.robust.exact.statistic import Statistic
from lyra.robust.exact.worlds import World

__all__ = ["Bound", "Calibrated", "calibrated"]

HALVINGS = 5  # of the distance to the next point of a grid: the supremum is known to the square of its 32nd part
CLOSE = 0.9  # shapes whose largest size on the grid is this share of the largest of all are refined
REFINED = 2  # of them at most
SAME = 1e-7  # sizes that differ by a smaller share are one: the first world is named
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Bound:
    """The largest size over a family, or the critical value that keeps it at a level, and the world that sets it.

    Attributes
    ----------
    value : float
        The size or the critical value.
    world : World or None
        The world that sets it; None where it is the t law.
    words : str
        The same in words.
    """

    value: float
    world: World | None
    words: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Calibrated:
    """A t statistic with the worlds of a family: sizes, critical values and p-values, at any level.

    Attributes
    ----------
    test : Statistic
        The statistic.
    about : Coefficient
        Its coefficient.
    shapes : list of Shape
        The family for that coefficient.
    grid : Forms
        What the law depends on at every grid point of every shape.
    where : list of (int, int)
        The shape and the point of each.
    found, passed : dict
        The critical values, and the sizes on the grid by critical value, asked for so far.
    """

    test: Statistic
    about: Coefficient
    shapes: list[Shape]
    grid: Forms = field(repr=False)
    where: list[tuple[int, int]] = field(repr=False)
    found: dict[tuple[float, int], Bound] = field(default_factory=dict, repr=False)
    passed: dict[float, Array] = field(default_factory=dict, repr=False)

    def size(self, critical_value: float) -> Bound:
        """Return the largest P(|t| > critical_value) over the family, refined between the points of its grids."""
        largest = self._largest(self._sizes_on_grid(critical_value), critical_value)
        return Bound(self.size_in(largest, critical_value), largest, largest.words(self.about))

    def p_value(self, statistic: float, *, sides: int = 2) -> float:
        """Return the largest P(|t| ≥ |statistic|) over the family, never below the t(G − 1) law's.

        With `sides=1` the alternative is a coefficient above the null, and the p-value that of t ≥ statistic.
        """
        both = max(self.size(abs(statistic)).value, self._t_tail(abs(statistic)))
        if _two(sides):
            return both
        return both / 2.0 if statistic >= 0.0 else 1.0 - both / 2.0

    def critical_value(self, alpha: float = 0.05, *, sides: int = 2) -> Bound:
        """Return c*: the smallest critical value with size at most `alpha` in every world of the family.

        Never below the t(G − 1) quantile, except for a statistic with scores under the null, which is bounded.
        """
        level, most = (alpha, 1.0) if _two(sides) else (2.0 * alpha, 0.5)
        if not 0.0 < alpha < most:
            raise InputError(f"alpha={alpha!r} is not a level: pass a number between 0 and {most:g}, such as 0.05.")
        if (alpha, sides) not in self.found:
            self.found[alpha, sides] = self._critical_value(level)
        return self.found[alpha, sides]

    def size_in(self, world: World, critical_value: float) -> float:
        """Return P(|t| > critical_value) in one world, of the family or not."""
        return float(rejection(self._forms([world]), critical_value)[0])

    def _critical_value(self, level: float) -> Bound:
        floor = 0.0 if self.test.bounded else self._t_quantile(level)
        c, world = floor, None
        while True:
            sizes = self._sizes_on_grid(c)
            largest = self._largest_on_grid(sizes)
            new = self._root(largest, level, c)
            if new <= c * (1.0 + TOLERANCE):
                largest = self._largest(sizes, c)
                new = self._root(largest, level, c)
            if new <= c * (1.0 + TOLERANCE):
                break
            c, world = new, largest
        words = world.words(self.about) if world is not None else f"the t({self.test.G - 1}) law"
        return Bound(c, world, words)

    def _sizes_on_grid(self, critical_value: float) -> Array:
        if critical_value not in self.passed:
            self.passed[critical_value] = rejection(self.grid, critical_value, ROUGH)
        return self.passed[critical_value]

    def _largest_on_grid(self, sizes: Array) -> World:
        shape, point = self.where[_first_of_largest(sizes)]
        return self.shapes[shape].worlds()[point]

    def _largest(self, sizes: Array, critical_value: float) -> World:
        """Return the world with the largest size, between the points of the grid too, given the sizes on it."""
        found = [self._refined(shape, point, critical_value) for shape, point in self._leaders(sizes)]
        return found[_first_of_largest(np.array([size for size, _ in found]))][1]

    def _leaders(self, sizes: Array) -> list[tuple[int, int]]:
        """Return (shape, point) of the best point of every shape that comes close to the largest size."""
        best: dict[int, tuple[float, int]] = {}
        for (shape, point), size in zip(self.where, sizes.tolist(), strict=True):
            if shape not in best or size > best[shape][0] * (1.0 + SAME):
                best[shape] = (size, point)
        close = CLOSE * float(sizes.max())
        order = sorted((shape for shape, (size, _) in best.items() if size >= close), key=lambda s: -best[s][0])
        return [(shape, best[shape][1]) for shape in sorted(order[:REFINED])]

    def _refined(self, shape: int, point: int, critical_value: float) -> tuple[float, World]:
        """Return the largest size along a shape near a grid point, with its world, by halving the distances."""
        line = self.shapes[shape]
        at = tuple(line.points[min(max(point + step, 0), len(line.points) - 1)] for step in (-1, 0, 1))
        size = self._sizes([line.make(at[1])], critical_value)[0]
        for _ in range(HALVINGS if at[2] > at[0] else 0):
            points = [at[1], (at[0] + at[1]) / 2.0, (at[1] + at[2]) / 2.0]
            sizes = [size, *self._sizes([line.make(p) for p in points[1:]], critical_value)]
            k = _first_of_largest(np.array(sizes))
            size = sizes[k]
            at = [(points[1], at[1], points[2]), (at[0], points[1], at[1]), (at[1], points[2], at[2])][k]
        return float(size), line.make(at[1])

    def _root(self, world: World, level: float, start: float) -> float:
        """Return the critical value at which the size in one world is `level`, if it lies above `start`."""
        from scipy.optimize import brentq

        made = self._forms([world])

        def excess(c: float) -> float:
            return float(rejection(made, c)[0]) - level

        low = start if start > 0.0 else 1e-3
        if excess(low) <= TOLERANCE * level:
            return start
        high = max(low, 1.0) * 1.25
        while excess(high) > 0.0:
            low, high = high, 1.5 * high
        return float(brentq(excess, low, high, xtol=1e-12, rtol=1e-12))

    def _sizes(self, worlds: list[World], critical_value: float) -> list[float]:
        sizes: list[float] = rejection(self._forms(worlds), critical_value, ROUGH).tolist()
        return sizes

    def _forms(self, worlds: Sequence[World]) -> Forms:
        return forms(self.test, self.about, worlds)

    def _t_tail(self, statistic: float) -> float:
        from scipy.special import stdtr

        return 0.0 if self.test.bounded else float(2.0 * stdtr(self.test.G - 1, -statistic))

    def _t_quantile(self, level: float) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.test.G - 1, 1.0 - level / 2.0))


def calibrated(test: Statistic, about: Coefficient, family: Family) -> Calibrated:
    """Return a statistic with the worlds of a family."""
    shapes = family.shapes(about)
    where = [(i, k) for i, shape in enumerate(shapes) for k in range(len(shape.points))]
    worlds = [world for shape in shapes for world in shape.worlds()]
    return Calibrated(test=test, about=about, shapes=shapes, grid=forms(test, about, worlds), where=where)


def _first_of_largest(sizes: Array) -> int:
    return int(np.flatnonzero(sizes >= sizes.max() * (1.0 - SAME))[0])


def _two(sides: int) -> bool:
    if sides not in {1, 2}:
        raise InputError(f"sides={sides!r} is not 1 or 2: pass how many sides the test has.")
    return sides == 2
