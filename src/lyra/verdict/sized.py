"""A fit and a coefficient -> its ladder with exact sizes, calibrated lines, and how the data differ."""

from __future__ import annotations

from collections.abc import Sequence

from lyra.regression.least_squares import Fit
from lyra.robust.exact.family import Family
from lyra.robust.exact.lines import exact_lines
from lyra.robust.exact.most_powerful import LINES
from lyra.robust.exact.periods import period_factor, sums_by_period
from lyra.robust.methods import LADDER, METHODS
from lyra.verdict.fidelity import infidelities
from lyra.verdict.ladder import Ladder, climb

__all__ = ["MOST_CLUSTERS", "sized_ladder"]

MANY_CLUSTERS = 1_000  # from which on only the ends of a range are listed, and CV3 alone is calibrated
MOST_CLUSTERS = 10_000  # beyond which laws are those of many clusters and exact sizes take more than seconds


def sized_ladder(
    fit: Fit,
    j: int,
    *,
    methods: Sequence[str] | None,
    level: float,
    family: Family,
    tolerance: float,
    time: str | None = None,
) -> Ladder:
    """Return coefficient j under each method, with the exact size of those that have one.

    Left out, the methods are those of `LADDER` and every calibrated line; named ones are taken as they are, a
    calibrated one by its star. Beyond 10,000 clusters there are no exact sizes. `time` is a factor of the formula whose
    levels are numbers; left out, the one that crosses the clusters where their effects are swept out.
    """
    asked = LADDER if methods is None else [name for name in dict.fromkeys(methods) if not name.endswith("*")]
    ladder = climb(fit, j, methods=asked, level=level)
    if fit.G > MOST_CLUSTERS:
        return ladder
    many = fit.G > MANY_CLUSTERS
    every = ("CV3",) if many else LINES
    starred = every if methods is None else [name.removesuffix("*") for name in methods if name.endswith("*")]
    factor = period_factor(fit, fit.names[j]) if time is None else time
    exact = exact_lines(
        fit,
        j,
        textbook={name: (variant, METHODS[name].law) for name in asked if (variant := METHODS[name].variant)},
        starred=starred,
        family=family.coarse() if many else family,
        alpha=1.0 - level,
        rows=None if factor is None else sums_by_period(fit, factor),
    )
    if not exact.lines:
        return ladder
    cautions = infidelities(fit, exact, ladder.diagnosis, ladder.moulton)
    return ladder.with_exact(exact, tolerance=tolerance, cautions=cautions)
