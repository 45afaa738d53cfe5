"""A cell on a fitted design -> the rows of the methods whose size there is an integral: no replicates, no error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np

from lyra.regression.least_squares import Fit
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.forms import forms
from lyra.robust.exact.naive import naive_mean_square, naive_sizes
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import STATISTICS, statistic
from lyra.robust.exact.worlds import World
from lyra.robust.laws import critical_value
from lyra.robust.methods import METHODS
from lyra.robust.unidentified import unidentified
from lyra.simulation.from_fit import ModelSource
from lyra.trials.trial import Candidate, Scenario
from lyra.verdict.judging import judge_exact
from lyra.verdict.performance import Row
from lyra.verdict.rule import Rule

__all__ = ["exact_row", "integrated"]


def integrated(scenario: Scenario, rules: Sequence[Rule]) -> dict[int, Row]:
    """Return the rows, by the method's place, of those with an exact size in this cell; none but for a fitted design."""
    source = scenario.trial.source
    if not isinstance(source, ModelSource):
        return {}
    known = ((m, _law(source.fit, method)) for m, method in enumerate(scenario.trial.methods))
    rows = ((m, _row(scenario, m, law, rules[m])) for m, law in known if law is not None)
    return {m: row for m, row in rows if row is not None}


def _law(fit: Fit, method: Candidate) -> tuple[str, str] | None:
    """Return the variance and the rule of the degrees of freedom of a method with an exact law."""
    known = METHODS.get(method) if isinstance(method, str) else None
    if known is None or known.variant is None or known.variant not in ("iid", *STATISTICS):
        return None
    return known.variant, known.law


def _row(scenario: Scenario, m: int, law: tuple[str, str], rule: Rule) -> Row | None:
    source: ModelSource = scenario.trial.source  # type: ignore[assignment]
    fit, j = source.fit, source.param
    if law[0] not in ("iid", "CV0", "CV1") and any(j in case.coefficients for case in unidentified(fit)):
        return None  # it is simulated, and found not to be computable
    c = float(critical_value(degrees_of_freedom(fit, *law)[0][j], rule.alpha))
    told = None if isnan(c) else _told(fit, j, law[0], source.world, c)
    return None if told is None else exact_row(scenario, m, told, rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A size with its critical value, √E[SE²] and the standard deviation of the estimate, in units of the rows'."""

    size: float
    critical_value: float
    root_mean_square: float
    sd: float


def _told(fit: Fit, j: int, variant: str, world: World, c: float) -> Told | None:
    about = Coefficient.of(fit, j)
    if variant == "iid":
        size, square = float(naive_sizes(fit, about, [world], c)[0]), naive_mean_square(fit, about, world)
    else:
        made = forms(statistic(fit, about, variant), about, [world])
        size, square = float(rejection(made, c)[0]), float(made.mean_square[0])
    if isnan(size):
        return None
    W = world.covariances(about).sum(axis=0)
    sd = about.scale * sqrt(float(about.direction @ W @ about.direction))
    return Told(size=size, critical_value=c, root_mean_square=sd * sqrt(square), sd=sd)


def exact_row(scenario: Scenario, m: int, told: Told, rule: Rule) -> Row:
    """Return the row of a method whose size is known without replicates, in the unit of the outcome."""
    source: ModelSource = scenario.trial.source  # type: ignore[assignment]
    unit = float(np.sqrt(source.fit.rss / (source.fit.N - source.fit.K)))
    verdict = judge_exact(told.size, 0, rule)
    return Row(
        design=scenario.design,
        method=str(scenario.trial.methods[m]),
        replicates=0,
        rejections=0,
        size=verdict.size,
        size_low=verdict.size_low,
        size_high=verdict.size_high,
        inflation=verdict.inflation,
        mean_se=unit * told.root_mean_square,
        sd_estimate=unit * told.sd,
        coverage=1.0 - told.size if rule.alpha == 0.05 else nan,
        bias=0.0,
        width=2.0 * told.critical_value * unit * told.root_mean_square,
        not_computable=0,
        verdict=verdict.verdict,
        flags=(*verdict.flags, *scenario.flags_of(m)),
        analysis=scenario.analysis,
        ignores_clusters=scenario.ignores_clusters(m),
    )
