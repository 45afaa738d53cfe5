"""Lines with an exact law -> the size of each over a family of worlds, and its power: no outcome is read.

A textbook line is a variance with a law of its own; a starred line is a variance with the critical value that holds the
level in every world of the family. Both are functions of X and the clusters alone, so to choose among them is no
pre-test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan

from lyra.errors import NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.calibrated import CalibratedTest, answer
from lyra.robust.exact.coefficient import Coefficient, RowSums
from lyra.robust.exact.critical_value import Bound, Calibrated, calibrated
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.most_powerful import EFFECT, benchmark
from lyra.robust.exact.naive import naive_sizes
from lyra.robust.exact.power import power
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import STATISTICS, statistic
from lyra.robust.laws import critical_value

__all__ = ["ExactLine", "ExactLines", "exact_lines"]

NAIVE = "iid"
NOT_IN_TIME = " (correlation in time not tried)"
STEP = 1e-6  # above a critical value, where a size that is reached is still half of it at least


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactLine:
    """A line with its critical value, the largest size over a family, and its power.

    Attributes
    ----------
    name : str
        The method; a starred one is calibrated.
    critical_value : float
        Of its own law, or c*.
    size : Bound
        The largest share of true nulls it flags in any world of the family, and that world.
    model_size : float
        The largest in those with a random intercept of every cluster alone.
    power : float
        The share of effects of 2.8 standard deviations of the estimate it finds in the benchmark world; NaN for iid.
    calibrated : Calibrated or None
        Its statistic in the worlds of the family; None for iid.
    always_bounded : bool
        Whether its confidence set has two ends whatever the outcome.
    test : CalibratedTest or None
        Its answer, where it is starred.
    """

    name: str
    critical_value: float
    size: Bound
    model_size: float
    power: float
    calibrated: Calibrated | None = None
    always_bounded: bool = True
    test: CalibratedTest | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExactLines:
    """Every line of a coefficient that has an exact law, over one family of worlds.

    Attributes
    ----------
    about : Coefficient
        The coefficient as worlds see it.
    family : Family
    alpha : float
        The level.
    lines : tuple of ExactLine
        Textbook lines first, as they were asked for.
    """

    about: Coefficient
    family: Family
    alpha: float
    lines: tuple[ExactLine, ...]

    def __getitem__(self, name: str) -> ExactLine:
        return next(line for line in self.lines if line.name == name)

    def __contains__(self, name: str) -> bool:
        return any(line.name == name for line in self.lines)

    @property
    def starred(self) -> tuple[ExactLine, ...]:
        """The calibrated lines."""
        return tuple(line for line in self.lines if line.test is not None)

    @property
    def words(self) -> str:
        """The worlds of the family, in one sentence."""
        return self.family.words(self.about)


def exact_lines(
    fit: Fit,
    j: int,
    *,
    textbook: Mapping[str, tuple[str, str]],
    starred: Sequence[str],
    family: Family,
    alpha: float = 0.05,
    rows: RowSums | None = None,
) -> ExactLines:
    """Return the lines of coefficient j that have an exact law.

    Parameters
    ----------
    fit : Fit
    j : int
        The coefficient's place.
    textbook : mapping of str to (str, str)
        Lines by name: the variance and the rule of its degrees of freedom. What has no exact law is left out.
    starred : sequence of str
        Variances to be calibrated.
    family : Family
    alpha : float
        The level.
    rows : RowSums, optional
        Sums by period, for correlation in time.
    """
    about = Coefficient.of(fit, j)
    about = about if rows is None else about.with_rows(rows)
    known = dict(_known(fit, about, [*(variant for variant, _ in textbook.values()), *starred], family))
    plain = (
        replace(_naive(fit, about, family, alpha), name=name)
        if variant == NAIVE
        else _textbook(known[variant], family, name, _quantile(fit, j, (variant, rule), alpha))
        for name, (variant, rule) in textbook.items()
        if variant == NAIVE or variant in known
    )
    stars = (_starred(fit, known[name], family, alpha) for name in starred if name in known)
    lines = (*(line for line in plain if not isnan(line.size.value)), *stars)
    return ExactLines(about=about, family=family, alpha=alpha, lines=lines)


def _known(fit: Fit, about: Coefficient, variants: Sequence[str], family: Family) -> Iterator[tuple[str, Calibrated]]:
    """Yield every variance that has an exact law and an estimate without each cluster it leaves out, in its worlds."""
    for name in dict.fromkeys(variant for variant in variants if variant in STATISTICS):
        try:
            yield name, calibrated(statistic(fit, about, name), about, family)
        except NotIdentifiedError:
            continue


def _quantile(fit: Fit, j: int, law: tuple[str, str], alpha: float) -> float:
    return float(critical_value(degrees_of_freedom(fit, *law)[0][j], alpha))


def _textbook(found: Calibrated, family: Family, name: str, c: float) -> ExactLine:
    size = Bound(nan, None, "") if isnan(c) else found.size(c)
    return ExactLine(
        name=name,
        critical_value=c,
        size=size,
        model_size=nan if isnan(c) else _model_size(found, family, c),
        power=_power(found, c),
        calibrated=found,
    )


def _starred(fit: Fit, found: Calibrated, family: Family, alpha: float) -> ExactLine:
    bound = found.critical_value(alpha)
    spread = found.test.factor * float(found.test.shift @ found.test.shift)
    return ExactLine(
        name=f"{found.test.name}*",
        critical_value=bound.value,
        size=found.size(bound.value) if bound.world is None else _reached(found, bound, alpha),
        model_size=_model_size(found, family, bound.value),
        power=_power(found, bound.value),
        calibrated=found,
        always_bounded=bound.value**2 * spread < 1.0,
        test=answer(fit, found, family.words(found.about)),
    )


def _model_size(found: Calibrated, family: Family, c: float) -> float:
    return float(rejection(forms(found.test, found.about, family.model(found.about)), c).max())


def _reached(found: Calibrated, bound: Bound, alpha: float) -> Bound:
    """Return α in the world that sets c*; zero where |t| is one number there, which is never above c*."""
    above = 0.0 if bound.world is None else found.size_in(bound.world, bound.value * (1.0 + STEP))
    return replace(bound, value=alpha if above > 0.5 * alpha else 0.0)


def _naive(fit: Fit, about: Coefficient, family: Family, alpha: float) -> ExactLine:
    """Return the line that takes rows as independent, at the ends of the family: its size grows towards them.

    Without correlation in time, in which what a cluster's columns leave over is not of one variance.
    """
    left_out = "" if about.rows.paths is None else NOT_IN_TIME
    about = about.with_rows(RowSums())
    c = float(critical_value(fit.N - fit.K, alpha))
    worlds = [world for shape in family.coarse().shapes(about) for world in shape.worlds()]
    sizes = naive_sizes(fit, about, worlds, c).tolist()
    worst = max(range(len(sizes)), key=lambda k: -1.0 if isnan(sizes[k]) else sizes[k])
    return ExactLine(
        name=NAIVE,
        critical_value=c,
        size=Bound(sizes[worst], worlds[worst], worlds[worst].words(about) + left_out),
        model_size=float(naive_sizes(fit, about, family.model(about), c).max()),
        power=nan,
    )


def _power(found: Calibrated, c: float) -> float:
    if isnan(c):
        return nan
    return float(power(forms(found.test, found.about, [benchmark(found.about)]), c, EFFECT)[0])
