"""A ladder on which no line can be read -> the same with a calibrated line, where that can tell anything."""

from __future__ import annotations

from lyra.regression.least_squares import Fit
from lyra.robust.exact.calibrated import calibrated_test
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family
from lyra.robust.exact.most_powerful import calibrated_lines, most_powerful
from lyra.robust.methods import LADDER
from lyra.verdict.ladder import Ladder

__all__ = ["with_calibrated_line"]

MOST_CLUSTERS = 5_000  # beyond which the family takes seconds


def with_calibrated_line(ladder: Ladder, fit: Fit) -> Ladder:
    """Return the ladder with the most powerful calibrated line, where the usual lines are all there and none is read.

    Not where the treatment splits the clusters, for then randomisation inference is the way out; nor where the line
    would say nothing, its confidence set having no end.
    """
    if ladder.advice.method is not None or ladder.arms is not None or fit.G > MOST_CLUSTERS:
        return ladder
    if not {rung.method for rung in ladder.rungs} >= {*LADDER} or not ladder["CV1"].computable:
        return ladder
    j, family = fit.names.index(ladder.term), Family()
    best = most_powerful(calibrated_lines(Coefficient.of(fit, j), fit, family))
    test = calibrated_test(fit, j, best.name, family)
    return ladder.with_calibrated(test) if test.confidence_set(ladder.level).bounded else ladder
