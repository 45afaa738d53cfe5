"""A fit and a coefficient -> its ladder with exact sizes, calibrated lines, and how the data differ."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from numbers import Real

from lyra.base.text import option
from lyra.data.check import one_of
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.exact.calibrated import CALIBRATED
from lyra.robust.exact.effort import ends_alone, the_most, too_large
from lyra.robust.exact.family import Family
from lyra.robust.exact.lines import exact_lines
from lyra.robust.exact.most_powerful import LINES
from lyra.robust.exact.periods import period_factor, sums_by_period
from lyra.robust.exact.statistic import statistic
from lyra.robust.methods import LADDER, METHODS
from lyra.verdict.fidelity import infidelities
from lyra.verdict.ladder import Ladder, climb

__all__ = ["sized_ladder"]


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
    calibrated one by its star. Fits that are too large have no exact sizes, see `robust.exact.effort`. `time` is a
    factor of the formula whose levels are numbers; left out, the one that crosses the clusters where their effects are
    swept out.

    Raises
    ------
    InputError
        No method, an unknown one, a calibrated one of too large a fit, or a tolerance that is not positive.
    NotIdentifiedError
        A calibrated line was named that has no estimate without one of the clusters.
    """
    _refuse_tolerance(tolerance)
    if methods is not None and not methods:
        raise InputError(f"{option('methods')} names no line: ask for one or more, such as CV3.")
    asked = LADDER if methods is None else [name for name in dict.fromkeys(methods) if not name.endswith("*")]
    named = [] if methods is None else _starred(methods, fit)
    ladder = climb(fit, j, methods=asked, level=level)
    if too_large(fit):
        return ladder
    many = ends_alone(fit)
    every = ("CV3",) if many else LINES
    starred = every if methods is None else named
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
    for lost in (name for name in named if f"{name}*" not in exact):
        statistic(fit, exact.about, lost)  # says why it has no answer
    if not exact.lines:
        return ladder
    cautions = infidelities(fit, exact, ladder.diagnosis, ladder.moulton)
    return ladder.with_exact(exact, tolerance=tolerance, cautions=cautions)


def _starred(methods: Sequence[str], fit: Fit) -> list[str]:
    """Return the variances of the calibrated lines that were asked for, or refuse them."""
    asked = [one_of(name, CALIBRATED, what="variant") for name in dict.fromkeys(methods) if name.endswith("*")]
    if asked and too_large(fit):
        plain = asked[0].removesuffix("*")
        raise InputError(
            f"{asked[0]} is calibrated for up to {the_most(fit)}: ask for {plain if plain in METHODS else 'CV3'}."
        )
    return [name.removesuffix("*") for name in asked]


def _refuse_tolerance(tolerance: float) -> None:
    if not (isinstance(tolerance, Real) and 0.0 < float(tolerance) < inf):
        raise InputError(
            f"{option('tolerance', tolerance)} is not how many times its level a line may reach: pass a positive "
            "number, such as 1.25."
        )
