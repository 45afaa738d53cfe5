"""What was asked to be certified -> scenarios: a world, the user's own data, or the fitted design itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from lyra.base.text import option
from lyra.base.warn import warn
from lyra.data.units import History
from lyra.designs import Design
from lyra.errors import FinerClustersWarning, InputError
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.simulation.samples import WorldLike
from lyra.simulation.source import HistorySource, ModelSource, WorldSource
from lyra.trials.trial import Method, Scenario, Trial, stream

__all__ = [
    "DEFAULT_METHODS",
    "Analyses",
    "Analysis",
    "design_name",
    "history_scenarios",
    "model_scenarios",
    "world_scenarios",
]

Designs = Design | None | Sequence[Design | None] | Mapping[str, Design | None]

DEFAULT_METHODS = ("iid", "CV1", "CV2", "CV3")
LEAST_ICC, MOST_ICC = 0.0, 0.999
STATED_ICC = (0.05, 0.2)  # where none can be estimated: unknown is not zero


def design_name(design: Design | None) -> str:
    """Return what a design is called in tables."""
    return "nothing assigned" if design is None else design.title


@dataclass(frozen=True, slots=True)
class Analysis:
    """How the data are analysed: what is a cluster (see `sources.cluster_codes`) and what is adjusted for."""

    level: str = "cluster"
    covariates: tuple[str, ...] = ()


Analyses = Mapping[str, Analysis]


def world_scenarios(
    world: WorldLike | Sequence[WorldLike] | Mapping[str, WorldLike],
    designs: Designs,
    analyses: Analyses,
    *,
    methods: Sequence[Method] = DEFAULT_METHODS,
    seed: int,
    weights: str = "auto",
) -> list[Scenario]:
    """Return a scenario a world, design and analysis, on fresh data sets."""
    out: list[Scenario] = []
    worlds = _named(world, lambda _: "")
    for place, (name, design), (how, analysis) in product(
        worlds, _named(designs, design_name).items(), analyses.items()
    ):
        source = WorldSource(worlds[place], design, analysis.level, analysis.covariates)
        label = ", ".join(part for part in (place, "" if design is None and place else f"{name} A/A", how) if part)
        out.append(_scenario(label, Trial(len(out), source, tuple(methods), seed, weights), source, how))
    return out


def history_scenarios(
    past: History,
    designs: Designs,
    levels: Sequence[str] = ("cluster",),
    *,
    methods: Sequence[Method] = DEFAULT_METHODS,
    seed: int,
    weights: str = "auto",
) -> list[Scenario]:
    """Return a scenario a design and level of clustering on the user's own outcome."""
    out: list[Scenario] = []
    for (name, design), level in product(_named(designs, design_name).items(), levels):
        if design is None:
            raise InputError("Own data need a design: say how the treatment is drawn, such as ByCluster().")
        source = HistorySource(past.y, past.W, past.units, design, level)
        how = f"clustered by {level}" if len(levels) > 1 else ""
        label = ", ".join(part for part in (f"own data, {name}", how) if part)
        out.append(_scenario(label, Trial(len(out), source, tuple(methods), seed, weights), source, how))
    return out


def model_scenarios(
    fit: Fit,
    param: int,
    *,
    methods: Sequence[Method] = DEFAULT_METHODS,
    seed: int,
    icc: float | Sequence[float] | None = None,
    weights: str = "auto",
) -> list[Scenario]:
    """Return a scenario an intraclass correlation on the fitted design: its estimate and both ends of its interval.

    There is one scenario, at none, where it changes no size (rows that are clusters of their own, an effect for every
    cluster), and one for each of `STATED_ICC` where it would and cannot be estimated.
    """
    named, notes = _correlations(fit, fit.names[param]) if icc is None else (_asked(icc), ())
    out = []
    for cell, (name, rho) in enumerate(named.items()):
        trial = Trial(cell, ModelSource(fit, param, rho), tuple(methods), seed, weights)
        scenario = Scenario(f"the fitted design, {name}", trial, fit.G, one_row_each=fit.N == fit.G)
        out.append(replace(scenario, notes=notes))
    return out


def _asked(icc: float | Sequence[float]) -> dict[str, float]:
    shares = np.atleast_1d(np.asarray(icc, dtype=np.float64)).tolist()
    wrong = [rho for rho in shares if not LEAST_ICC <= rho <= MOST_ICC]
    if wrong or not shares:
        told = f"icc={wrong[0]:g} is" if wrong else "icc=[] holds no"
        raise InputError(f"{told} not an intraclass correlation: pass shares from {LEAST_ICC:g} to {MOST_ICC:g}.")
    return {f"ICC {rho:.4g}": rho for rho in shares}


def _correlations(fit: Fit, term: str) -> tuple[dict[str, float], tuple[str, ...]]:
    if fit.N == fit.G:  # rows that share a cluster with none are alike at any correlation
        return _asked(0.0), ()
    diagnosis = diagnose(fit)
    if diagnosis.free_of_shocks(term):
        return _asked(0.0), (_taken_up(term),)
    found = diagnosis.icc
    low, high = found.conf_int(0.95)
    ends = {"ICC": found.estimate, "lower end of its 95 % interval": low, "upper end of its 95 % interval": high}
    known = {name: float(np.clip(rho, LEAST_ICC, MOST_ICC)) for name, rho in ends.items() if not np.isnan(rho)}
    if not known:
        stated = " and ".join(f"{rho:g}" for rho in STATED_ICC)
        unknown = "The intraclass correlation cannot be estimated from this fit"
        return _asked(STATED_ICC), (f"{unknown}, so {stated} are tried: pass icc= for others.",)
    return {f"ICC {rho:.4g}" + ("" if name == "ICC" else f", {name}"): rho for name, rho in known.items()}, ()


def _taken_up(term: str) -> str:
    return (
        f"A shock common to a cluster's rows is taken up by its effect and does not reach {term!r}, so one correlation "
        "stands for all; serial correlation and effects that differ by cluster are not covered."
    )


def _named(items: Any, name: Any) -> dict[str, Any]:
    if isinstance(items, Mapping):
        return dict(items)
    listed_items = list(items) if isinstance(items, (list, tuple)) else [items]
    names = [name(item) for item in listed_items]
    if len(set(names)) == len(names):
        return dict(zip(names, listed_items, strict=True))
    return {f"{label} #{k}".strip(): item for k, (label, item) in enumerate(zip(names, listed_items, strict=True), 1)}


def _scenario(label: str, trial: Trial, source: WorldSource | HistorySource, how: str) -> Scenario:
    one = source.batch(1, stream(trial.seed, trial.cell))
    scenario = Scenario(label, trial, one.G, how, one_row_each=one.N == one.G)
    if not source.too_fine or source.design is None:
        return scenario
    sentence = (
        f"The analysis clusters by {source.level} and the design randomises by {source.design.unit}: {source.too_fine} "
        f"of its units are split over several clusters, so cluster with {option('level', 'unit')}."
    )
    warn(sentence, FinerClustersWarning)
    return replace(scenario, too_fine=True, notes=(sentence,))
