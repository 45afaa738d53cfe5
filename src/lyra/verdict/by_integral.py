"""A cell on a fitted design -> the rows of the methods whose size there is an integral: no replicates, no error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, sqrt

import numpy as np

from lyra.regression.least_squares import Fit
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.effort import too_large
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.lines import exact_lines
from lyra.robust.exact.naive import naive_mean_square, naive_sizes
from lyra.robust.exact.periods import period_factor, sums_by_period
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import STATISTICS, statistic
from lyra.robust.exact.worlds import World
from lyra.robust.laws import critical_value
from lyra.robust.methods import METHODS
from lyra.robust.unidentified import unidentified
from lyra.simulation.from_fit import ModelSource
from lyra.trials.trial import Candidate, Scenario, method_name
from lyra.verdict.judging import judge_exact
from lyra.verdict.performance import Row
from lyra.verdict.rule import Rule

__all__ = ["EVERYWHERE", "integrated", "over_family"]

ALWAYS = "differs from nominal"  # said of counts; an exact size is never the nominal one to the last digit
LEVEL = 0.95  # of the intervals whose coverage and width are told
EVERYWHERE = "the fitted design, the worst of all listed worlds"


def integrated(scenario: Scenario, rules: Sequence[Rule]) -> dict[int, Row]:
    """Return the rows, by the method's place, of those with an exact size in this cell: of a fitted design alone."""
    source = scenario.trial.source
    if not isinstance(source, ModelSource) or too_large(source.fit):
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
    told = _told(fit, Coefficient.of(fit, j), law, world=source.world, alpha=rule.alpha)
    return None if told is None else _exact_row(scenario, m, told, rule)


def over_family(scenario: Scenario, rules: Sequence[Rule], family: Family) -> tuple[list[Row], str]:
    """Return a row for every method with an exact size: its largest over the family; and the family in a sentence."""
    source = scenario.trial.source
    if not isinstance(source, ModelSource):
        return [], ""
    fit, j = source.fit, source.param
    laws = {method_name(method): _law(fit, method) for method in scenario.trial.methods}
    rules_of = dict(zip(laws, rules, strict=True))
    textbook = {name: law for name, law in laws.items() if law is not None}
    factor = period_factor(fit, fit.names[j])
    rows = None if factor is None else sums_by_period(fit, factor)
    exact = exact_lines(fit, j, textbook=textbook, starred=(), family=family, alpha=rules[0].alpha, rows=rows)
    everywhere = replace(scenario, design=EVERYWHERE)
    named = [method_name(method) for method in scenario.trial.methods]
    worst = []
    for line in exact.lines:
        assert line.size.world is not None
        told = _told(fit, exact.about, textbook[line.name], world=line.size.world, alpha=rules[0].alpha)
        assert told is not None
        row = _exact_row(everywhere, named.index(line.name), replace(told, size=line.size.value), rules_of[line.name])
        worst.append(replace(row, flags=(*row.flags, f"set by: {line.size.words}")))
    return worst, f"The listed worlds: {exact.words[0].lower()}{exact.words[1:]}" if worst else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A size, coverage and half the width of 95 % intervals, √E[SE²] and sd of the estimate, in units of the rows'."""

    size: float
    coverage: float
    half_width: float
    root_mean_square: float
    sd: float


def _told(fit: Fit, about: Coefficient, law: tuple[str, str], *, world: World, alpha: float) -> _Told | None:
    nu = degrees_of_freedom(fit, *law)[0][fit.names.index(about.term)]
    if isnan(nu):
        return None
    c, of_interval = (float(critical_value(nu, level)) for level in (alpha, 1.0 - LEVEL))
    if law[0] == "iid":
        size, outside = naive_sizes(fit, about, [world], c)[0], naive_sizes(fit, about, [world], of_interval)[0]
        square = naive_mean_square(fit, about, world)
    else:
        made = forms(statistic(fit, about, law[0]), about, [world])
        size, outside, square = rejection(made, c)[0], rejection(made, of_interval)[0], made.mean_square[0]
    if isnan(size):
        return None
    W = world.covariances(about).sum(axis=0)
    sd = about.scale * sqrt(float(about.direction @ W @ about.direction))
    rms = sd * sqrt(float(square))
    return _Told(
        size=float(size), coverage=float(1.0 - outside), half_width=of_interval * rms, root_mean_square=rms, sd=sd
    )


def _exact_row(scenario: Scenario, m: int, told: _Told, rule: Rule) -> Row:
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
        coverage=told.coverage,
        bias=0.0,
        width=2.0 * unit * told.half_width,
        not_computable=0,
        verdict=verdict.verdict,
        flags=(*(flag for flag in verdict.flags if flag != ALWAYS), *scenario.flags_of(m)),
        analysis=scenario.analysis,
        ignores_clusters=scenario.ignores_clusters(m),
    )
