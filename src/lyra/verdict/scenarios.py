"""Settings, the methods and a seed -> scenarios to certify: a cell each, its clusters held against the design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lyra.base.text import option
from lyra.base.warn import warn
from lyra.errors import FinerClustersWarning
from lyra.robust.methods import LADDER
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.setting import Setting
from lyra.trials.trial import Candidate, Scenario, Trial, stream

__all__ = ["scenarios_of"]


def scenarios_of(
    settings: Mapping[str, Setting],
    *,
    methods: Sequence[Candidate] = LADDER,
    seed: int,
    weights: str = "auto",
) -> list[Scenario]:
    """Return a scenario a setting.

    Warns
    -----
    FinerClustersWarning
        An analysis clusters finer than its design randomises.
    """
    trials = (
        Trial(cell=k, source=one.source, methods=tuple(methods), seed=seed, weights=weights)
        for k, one in enumerate(settings.values())
    )
    return [_scenario(name, trial, setting) for (name, setting), trial in zip(settings.items(), trials, strict=True)]


def _scenario(name: str, trial: Trial, setting: Setting) -> Scenario:
    one = setting.source.batch(1, stream(trial.seed, trial.cell))
    scenario = Scenario(
        design=name,
        trial=trial,
        n_clusters=one.G,
        analysis=setting.analysis,
        notes=setting.notes,
        one_row_each=one.N == one.G,
    )
    if not _is_too_fine(setting):
        return scenario
    finer = _too_fine(setting.source)
    warn(finer, FinerClustersWarning)
    return replace(scenario, too_fine=True, notes=(*scenario.notes, finer))


def _is_too_fine(setting: Setting) -> bool:
    source = setting.source
    return not isinstance(source, ModelSource) and source.design is not None and bool(source.too_fine)


def _too_fine(source: Any) -> str:
    """Say that the analysis clusters finer than the design randomises."""
    return (
        f"The analysis clusters by {source.cluster_by} and the design randomises by {source.design.unit}: "
        f"{source.too_fine} of its units are split over several clusters, so cluster with "
        f"{option('cluster_by', 'unit')}."
    )
