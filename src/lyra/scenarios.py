"""What was asked to be certified -> scenarios: a world, the user's own data, or the fitted design itself."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.designs import ByCluster, ByUser, Custom, Design, Pairs, Stratified, Switchback
from lyra.diagnose import diagnose
from lyra.errors import FinerClustersWarning, InputError
from lyra.ols import Fit
from lyra.samples import WorldLike
from lyra.sources import HistorySource, ModelSource, WorldSource
from lyra.trials import Method, Scenario, Trial, stream
from lyra.units import Units

__all__ = ["DEFAULT_METHODS", "design_name", "history_scenarios", "model_scenarios", "world_scenarios"]

Array = NDArray[np.float64]
Designs = Design | None | Sequence[Design | None] | Mapping[str, Design | None]

DEFAULT_METHODS = ("iid", "CV1", "CV2", "CV3")
LEAST_ICC, MOST_ICC = 0.0, 0.999


def design_name(design: Design | None) -> str:
    """Return what a design is called in tables."""
    match design:
        case None:
            return "nothing assigned"
        case ByCluster(treated=treated):
            return "cluster-randomised" + ("" if treated == "half" else f", {treated} treated")
        case ByUser():
            return "user-randomised"
        case Stratified():
            return "stratified by cluster"
        case Pairs():
            return "matched pairs"
        case Switchback(block=block, pattern=pattern, washout=washout):
            kind = f"switchback, blocks of {block}" + (", alternating" if pattern == "alternating" else "")
            return kind + (f", washout {washout}" if washout else "")
        case Custom():
            return "the user's own design"
    return type(design).__name__


def world_scenarios(
    world: WorldLike | Sequence[WorldLike] | Mapping[str, WorldLike],
    designs: Designs,
    *,
    methods: Sequence[Method] = DEFAULT_METHODS,
    seed: int,
    level: str = "cluster",
    covariates: Sequence[str] = (),
    weights: str = "auto",
) -> list[Scenario]:
    """Return a scenario a world and design: fresh data sets, analysed by clusters of this level."""
    worlds = _named(world, lambda w: "")
    out: list[Scenario] = []
    for prefix, one in worlds.items():
        for name, design in _named(designs, design_name).items():
            source = WorldSource(one, design, level, tuple(covariates))
            label = ", ".join(part for part in (prefix, f"{name} A/A") if part)
            trial = Trial(len(out), source, tuple(methods), seed, weights)
            out.append(_scenario(label, trial, source.too_fine, level, design))
    return out


def history_scenarios(
    y: Array,
    W: Array,
    units: Units,
    designs: Designs,
    *,
    methods: Sequence[Method] = DEFAULT_METHODS,
    seed: int,
    level: str = "cluster",
    weights: str = "auto",
) -> list[Scenario]:
    """Return a scenario a design on the user's own outcome y (N,) and columns W (N, p), a constant among them."""
    out: list[Scenario] = []
    for name, design in _named(designs, design_name).items():
        if design is None:
            raise InputError("Own data need a design: say how the treatment is drawn, such as ByCluster().")
        source = HistorySource(y, W, units, design, level)
        label = f"own data, {name}"
        trial = Trial(len(out), source, tuple(methods), seed, weights)
        out.append(_scenario(label, trial, source.too_fine, level, design))
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
    """Return a scenario an intraclass correlation on the fitted design: its estimate and both ends of its interval."""
    named = _correlations(fit) if icc is None else {f"ICC {rho:.4g}": rho for rho in np.atleast_1d(icc).tolist()}
    out = []
    for cell, (name, rho) in enumerate(named.items()):
        trial = Trial(cell, ModelSource(fit, param, rho), tuple(methods), seed, weights)
        out.append(Scenario(f"the fitted design, {name}", trial, fit.G))
    return out


def _correlations(fit: Fit) -> dict[str, float]:
    found = diagnose(fit).icc
    low, high = found.conf_int(0.95)
    ends = {"ICC": found.estimate, "lower end of its 95 % interval": low, "upper end of its 95 % interval": high}
    known = {name: float(np.clip(rho, LEAST_ICC, MOST_ICC)) for name, rho in ends.items() if not np.isnan(rho)}
    if not known:
        return {"ICC 0": 0.0}
    return {f"ICC {rho:.4g}" + ("" if name == "ICC" else f", {name}"): rho for name, rho in known.items()}


def _named(items: Any, name: Any) -> dict[str, Any]:
    if isinstance(items, Mapping):
        return dict(items)
    listed_items = list(items) if isinstance(items, (list, tuple)) else [items]
    names = [name(item) for item in listed_items]
    if len(set(names)) == len(names):
        return dict(zip(names, listed_items, strict=True))
    return {f"{label} #{k}".strip(): item for k, (label, item) in enumerate(zip(names, listed_items, strict=True), 1)}


def _scenario(label: str, trial: Trial, too_fine: int, level: str, design: Design | None) -> Scenario:
    G = trial.source.batch(1, stream(trial.seed, trial.cell)).G
    scenario = Scenario(label, trial, G)
    if not too_fine or design is None:
        return scenario
    sentence = (
        f"{label}: the analysis clusters by {level} and the design randomises by {design.unit}, so {too_fine} of its "
        f"units are split over several clusters: cluster with level='unit'."
    )
    warnings.warn(sentence, FinerClustersWarning, stacklevel=4)
    return replace(scenario, too_fine=True, notes=(sentence,))
