"""Which calibrated line has the most power: chosen from X and the clusters alone, never from the outcome."""

from __future__ import annotations

from dataclasses import dataclass

from lyra.errors import NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.critical_value import Bound, Calibrated, calibrated
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.power import power
from lyra.robust.exact.statistic import statistic
from lyra.robust.exact.worlds import Independent, Intercept, World
from lyra.robust.exact.worlds_of_rows import Autoregressive

__all__ = ["EFFECT", "LINES", "TIE", "Line", "advised", "benchmark", "calibrated_lines", "most_powerful"]

LINES = ("CV2", "CV3", "CV1", "R1")
"""The lines that may be calibrated, in the order in which ties are broken."""

EFFECT = 2.8  # standard deviations of the estimate: power .80 when their size is known
TIE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A variance with the critical value that holds the level over a family, and its power.

    Attributes
    ----------
    name : str
        The variance.
    calibrated : Calibrated
        Its sizes, critical values and p-values over the family.
    critical : Bound
        The critical value, and the world that sets it.
    power : float
        P(|t| > c*) at 2.8 standard deviations of the estimate in the benchmark world.
    """

    name: str
    calibrated: Calibrated
    critical: Bound
    power: float


def benchmark(about: Coefficient) -> World:
    """Return the world in which power is compared: ICC .05; swept, correlation .4 in time, or rows independent."""
    if not about.absorbed:
        return Intercept(0.05)
    return Independent() if about.rows.paths is None else Autoregressive(0.4)


def calibrated_lines(about: Coefficient, fit: Fit, family: Family, *, alpha: float = 0.05) -> list[Line]:
    """Return the calibrated lines that exist for a coefficient, in their fixed order."""
    world, found = benchmark(about), list[Line]()
    for name in LINES:
        try:
            test = statistic(fit, about, name)
        except NotIdentifiedError:
            continue
        line = calibrated(test, about, family)
        critical = line.critical_value(alpha)
        at_effect = power(forms(test, about, [world]), critical.value, EFFECT)
        found.append(Line(name, line, critical, float(at_effect[0])))
    return found


def most_powerful(lines: list[Line]) -> Line:
    """Return the line with the most power; of lines within a percentage point the first."""
    best = max(line.power for line in lines)
    return next(line for line in lines if line.power >= best - TIE)


def advised(fit: Fit, j: int, family: Family, *, alpha: float = 0.05) -> Line:
    """Return the calibrated line to read for a coefficient.

    Examples
    --------
    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.regression.least_squares import least_squares
    >>> treat = np.repeat([1.0, 0.0], 10)[np.repeat(np.arange(20), 5)]
    >>> X, y = np.column_stack([np.ones(100), treat]), np.random.default_rng(1).normal(size=100)
    >>> fit = least_squares(Moments.from_arrays(y, X, np.repeat(np.arange(20), 5), names=["Intercept", "treat"]))
    >>> line = advised(fit, 1, Family(arms=2.0))
    >>> print(line.name, line.critical.words)
    CV2 rows independent, clusters with the larger treat twice as variable
    """
    return most_powerful(calibrated_lines(Coefficient.of(fit, j), fit, family, alpha=alpha))
