"""A ladder → the same with two lines of randomisation inference: by the draw declared, or as if there had been one."""

from __future__ import annotations

from math import comb
from typing import Any

from lyra.designs import Design
from lyra.designs.named import Word
from lyra.regression.least_squares import Fit
from lyra.robust.placed import Placed
from lyra.robust.randomisation import NOWHERE, randomisation_test
from lyra.robust.randomised import NAMES, RandomisationTest
from lyra.verdict.ladder import Ladder

__all__ = ["with_assumed_draw", "with_declared_draw"]

FEW = 5  # clusters in the smaller arm up to which the lines stand there by themselves
ASSIGNMENTS = 9_999  # drawn where not all can be listed
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
    j = fit.names.index(ladder.term)
    return ladder.with_randomisation(*_both(fit, j, design, stratum=stratum, placed=placed))


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


def _both(fit: Fit, j: int, design: Design | Word, **where: Any) -> list[RandomisationTest]:
    """Return RI-t and RI-beta over the same assignments; drawn ones are the same every time."""
    return [
        randomisation_test(fit, term=j, design=design, statistic=kind, R=ASSIGNMENTS, rng=0, **where) for kind in NAMES
    ]


def _many(fit: Fit) -> bool:
    return ASSIGNMENTS * fit.G * max(fit.K**2, LEAST_SQUARE) > MOST_NUMBERS
