"""Scenarios -> a certificate: replicates are added, look by look, until the verdict on each method is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.robust.exact.family import Family
from lyra.trials.chunks import Key, digest
from lyra.trials.runner import Progress, check_workers, run_chunks
from lyra.trials.store import Store
from lyra.trials.trial import BLOCK, Scenario
from lyra.verdict.budget import rule_of
from lyra.verdict.by_integral import integrated, over_family
from lyra.verdict.certificate import Certificate
from lyra.verdict.one_outcome import beside_the_model
from lyra.verdict.performance import Row, performance
from lyra.verdict.recommendation import recommend
from lyra.verdict.rule import Rule
from lyra.version import __version__

__all__ = ["certify_scenarios"]

INTEGRALS = -1  # the block, before all that are drawn, that stands for sizes found without replicates


def certify_scenarios(
    scenarios: Sequence[Scenario],
    *,
    alpha: float = 0.05,
    tolerance: float = 1.25,
    seed: int = 0,
    first: int = BLOCK,
    maximum: int | None = None,
    store: Store | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    config: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    family: Family | None = None,
) -> Certificate:
    """Return the certificate of every scenario: replicates are added until each method's verdict is known.

    Parameters
    ----------
    scenarios : sequence of Scenario
    alpha, tolerance : float
        Nominal size, and the tolerated inflation κ.
    seed : int
        The seed the scenarios' trials were made with, recorded.
    first, maximum : int
        Replicates of the first look, a multiple of 500, and most replicates; left out, 64,000 for closed-form methods
        and 8,000 for bootstraps and functions of rows.
    store, workers, progress
        See `runner.run_chunks`.
    config, data : mapping
        What was asked and what the data are, recorded.
    family : Family, optional
        Of a fitted design: the worlds whose largest exact sizes make a cell of their own.
    """
    tolerated = Rule(alpha=alpha, tolerance=tolerance)
    rows, notes = list[Row](), list[str]()
    tables: dict[Key, Array] = {}
    check_workers(workers)
    run = partial(run_chunks, store=store, workers=workers, progress=progress)
    for scenario in scenarios:
        rules = [rule_of(method, tolerated, (first, maximum)) for method in scenario.trial.methods]
        judged, made = _certify_one(scenario, rules, run)
        beside, told = beside_the_model(judged, scenario, tolerated)
        rows += beside
        notes += (*scenario.notes, *told)
        tables |= made
    if family is not None:
        of_methods = [rule_of(method, tolerated, (first, maximum)) for method in scenarios[0].trial.methods]
        worst, listed = over_family(scenarios[0], of_methods, family)
        rows += worst
        notes += [listed] if listed else []
    recommended, reason = recommend(rows)
    return Certificate(
        rows=tuple(rows),
        recommended=recommended,
        reason=reason,
        alpha=alpha,
        tolerance=tolerance,
        delta=tolerated.delta,
        seed=seed,
        digest=digest(tables),
        config={"first": first, "maximum": maximum} | dict(config or {}),
        data=dict(data or {}),
        versions={"lyra": __version__, "numpy": np.__version__},
        notes=tuple(dict.fromkeys(notes)),
    )


def _certify_one(
    scenario: Scenario, rules: Sequence[Rule], run: Callable[..., dict[Key, Array]]
) -> tuple[list[Row], dict[Key, Array]]:
    """Return the rows of one cell and the tables they were judged from, asking `run` for blocks look by look."""
    trial = scenario.trial
    every = trial.every_assignment()
    if every is not None:
        rows = [performance(scenario, m, every[:, m], rule, exact=True) for m, rule in enumerate(rules)]
        return rows, {(trial.cell, 0): every}
    done = integrated(scenario, rules)
    seen: list[list[Array]] = [[] for _ in rules]
    made: dict[Key, Array] = {}
    trial.source.numbers  # noqa: B018  what a source works out once travels to the workers with it
    for look in sorted({look for rule in rules for look in rule.looks}):
        active = [m for m in range(len(rules)) if m not in done]
        if not active:
            break
        keys = [(trial.cell, block) for block in range(len(made), -(-look // BLOCK))]
        tables = run(partial(_block, trial, active), keys)
        made |= tables
        for place, m in enumerate(active):
            seen[m] += [tables[key][:, place] for key in keys]
            if look in rules[m].looks:
                row = performance(scenario, m, np.concatenate(seen[m])[:look], rules[m], exact=False)
                if row.verdict != "go on":
                    done[m] = row
    known = np.array([[row.size, row.mean_se, row.sd_estimate] for row in done.values() if row.replicates == 0])
    return [done[m] for m in range(len(rules))], made | ({(trial.cell, INTEGRALS): known} if known.size else {})


def _block(trial: Any, active: Sequence[int], _: int, block: int) -> Array:
    return np.asarray(trial.block(active, block))
