"""A ladder → the same with two lines of randomisation inference: by the draw declared, or as if there had been one."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import Any

import numpy as np

from lyra.designs import Design
from lyra.designs.named import Word
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family
from lyra.robust.exact.lines import ExactLines
from lyra.robust.exact.most_powerful import EFFECT, benchmark
from lyra.robust.exact.worlds import BySize, Intercept, World, unequal
from lyra.robust.placed import Placed
from lyra.robust.randomisation import NOWHERE, randomisation_test
from lyra.robust.randomised import NAMES, RandomisationTest
from lyra.verdict.drawn_sizes import drawn_sizes
from lyra.verdict.judged import Judged, judged_by_draws
from lyra.verdict.ladder import Ladder

__all__ = ["with_assumed_draw", "with_declared_draw"]

FEW = 5  # clusters in the smaller arm up to which the lines stand there by themselves
ASSIGNMENTS = 9_999  # drawn where not all can be listed
SIMULATED = "Their sizes are simulated, the largest in the ends of the worlds above, of 2,000 data sets in each."
CORRELATION = 0.1  # within clusters, in the worlds that drawn lines are tried in
MOST_NUMBERS, LEAST_SQUARE = 2**31, 2**9  # assignments times clusters times squared columns, or 512: about a second


def with_declared_draw(
    ladder: Ladder, fit: Fit, design: Design | Word, *, stratum: Any = None, placed: Placed = NOWHERE
) -> Ladder:
    """Return the ladder with RI-t and RI-beta by the design that was declared.

    Raises
    ------
    InputError
        The design draws within clusters, cannot have drawn these, or misses its strata.
    NotIdentifiedError
        The coefficient varies within clusters, or has not two values.
    """
    tests = _both(fit, fit.names.index(ladder.term), design, stratum=stratum, placed=placed)
    drawn = ladder.with_randomisation(*tests)
    judged = {} if ladder.exact is None else _judged(tests[0], ladder.exact)
    return drawn.with_judged(judged, SIMULATED) if judged else drawn


def with_assumed_draw(ladder: Ladder, fit: Fit) -> Ladder:
    """Return the ladder with RI-t and RI-beta as if clusters had been drawn, where few stand for one arm.

    Not where all the assignments that there are could reject nothing at the ladder's level, nor where there are so many
    clusters (about 420), or columns, that it would take seconds.
    """
    if ladder.arms is None or min(ladder.arms) > FEW or _many(fit):
        return ladder
    j, treated = fit.names.index(ladder.term), ladder.arms[0]
    if comb(fit.G, treated) * (1.0 - ladder.level) < 1.0:
        return ladder
    return ladder.with_randomisation(*_both(fit, j, "cluster"), assumed=True)


def _judged(test: RandomisationTest, exact: ExactLines) -> dict[str, Judged]:
    """Return the largest simulated size of RI-t and RI-beta over the ends of the family, none where it is not known."""
    about, family = exact.about, exact.family
    try:
        found = drawn_sizes(test, list(_ends(about, family)), alpha=exact.alpha)
    except InputError:  # cells of clusters were drawn, or there is no constant
        return {}
    power = drawn_sizes(test, [benchmark(about)], alpha=exact.alpha, effect=EFFECT)
    told = {"RI-t": (found.t, power.t), "RI-beta": (found.beta, power.beta)}
    return {
        name: judged_by_draws(float(sizes.max()), found.data_sets, alpha=exact.alpha, power=float(powers[0]))
        for name, (sizes, powers) in told.items()
    }


def _ends(about: Coefficient, family: Family) -> Iterator[World]:
    """Yield worlds in which clusters drawn again differ most: alike, unequal arms, variance by size."""
    yield Intercept(CORRELATION)
    if family.arms > 1.0:
        yield unequal(about, family.arms, Intercept(CORRELATION))
        yield unequal(about, 1.0 / family.arms, Intercept(CORRELATION))
    if family.sizes and np.ptp(about.sizes) > 0:
        yield BySize(1.0, Intercept(family.icc_max))
        yield BySize(-1.0, Intercept(family.icc_max))


def _both(fit: Fit, j: int, design: Design | Word, **where: Any) -> list[RandomisationTest]:
    """Return RI-t and RI-beta over the same assignments; drawn ones are the same every time."""
    return [
        randomisation_test(fit, term=j, design=design, statistic=kind, R=ASSIGNMENTS, rng=0, **where) for kind in NAMES
    ]


def _many(fit: Fit) -> bool:
    return ASSIGNMENTS * fit.G * max(fit.K**2, LEAST_SQUARE) > MOST_NUMBERS
