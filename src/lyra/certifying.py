"""Front door of certification: lyra.certify(a world, your data, or a fit) -> Certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lyra.base.text import option
from lyra.designs import Pairs, Stratified, Switchback
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.simulation.samples import WorldLike
from lyra.simulation.source import ModelSource
from lyra.simulation.subjects import TABLE, coefficient, fit_of, past, refuse_foreign, whole_seed
from lyra.trials.runner import Progress, check_workers
from lyra.trials.store import Store
from lyra.trials.trial import Method, Scenario, method_name
from lyra.verdict.budget import refuse_rule
from lyra.verdict.certificate import Certificate
from lyra.verdict.looks import certify_scenarios
from lyra.verdict.record import one_hash, recorded, run_record
from lyra.verdict.rule import tolerance_named
from lyra.verdict.scenarios import (
    DEFAULT_METHODS,
    Analysis,
    Designs,
    design_name,
    history_scenarios,
    model_scenarios,
    world_scenarios,
)

__all__ = ["Asked", "certify"]


def certify(
    subject: Any,
    design: Designs = None,
    *,
    methods: Sequence[Method] = DEFAULT_METHODS,
    alpha: float = 0.05,
    tolerance: float | str = 1.25,
    seed: int = 0,
    store: str | Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    first: int = 500,
    maximum: int | None = None,
    **asked: Any,
) -> Certificate:
    """Return how often each method flags a true null, with a verdict whose error rate is guaranteed.

    Parameters
    ----------
    subject : a world, a table, a path or a fit
        What replicates are made of [1]_. A world (or a list or mapping of worlds): fresh data sets. A table: your
        outcome stays, the treatment is drawn again by the design; exact when the design has at most 20,000
        assignments. A `Regression` or `Fit`: X and clusters stay, scores are simulated from cluster sums under a
        random effect at the estimated intraclass correlation and both ends of its interval.
    design : Design, or a list or mapping of them
        Who could have been treated, from `lyra.designs`; none for a fit or a world that assigns nothing.
    methods : sequence of str or callable
        "iid", "CV1-normal", "CV1", "CV2", "CV3", "HC1", "WCR-11", "WCR-31", "WCR-13", "WCR-33", "WCU-11", or
        functions (y, X, clusters, rng) whose result has `.pvalue`, `.se`, `.estimate` of the last column of X.
    alpha, tolerance : float
        Nominal size, and the tolerated inflation κ: certified means a size of at most κα. "stringent", "default" and
        "liberal" are 1.1, 1.25 and 1.5.
    seed : int
        Entropy of every stream; equal seeds give equal digests for any number of workers.
    store : path, optional
        A checkpoint: killed at any moment and run again, only what is missing is computed. It knows the run by all
        its data and options, and serves no other; code of your own (a function, a world) cannot be known and is
        refused with it. A file that is not a checkpoint of lyra's is refused and not touched.
    workers : int
        Processes, 256 at most.
    progress : callable (done, total), optional
    first, maximum : int
        Replicates before the first look, a multiple of 500 (more give the size more digits), and most replicates, a
        million at most; left out, 64,000. Bootstraps and functions of rows stop at 8,000 at the latest.
    level : {"cluster", "unit", "window", "stratum", "pair", "user"}
        What the analysis of a world or a table clusters on; "unit" is what the design randomises independently.
    analyses : mapping of str to Analysis
        Several analyses of a world, by name, instead of one level and its covariates.
    covariates : sequence of str
        Columns to adjust for; in a world "pre" and "stratum" (an effect of each stratum).
    outcome, cluster, window, stratum : str
        Columns of a table.
    decimal, delimiter, encoding, missing
        How the csv files of a table are written, as `lyra.fit` takes them.
    term : str
        The coefficient of a fit; left out, the first that is not the intercept.
    icc : float or sequence of float
        Intraclass correlations for a fit, instead of the estimated ones.
    weights : {"auto", "rademacher", "webb", "mammen", "normal", "gamma"}
        The bootstraps' law.

    Returns
    -------
    Certificate
        `.verdicts`, `.recommended`, `.rows`, `.table()`, `.to_json(path)`; print it.

    Raises
    ------
    InputError
        A keyword that does not belong to the subject, no method or an unknown one, a negative seed, a design that
        the data cannot bear.

    Warns
    -----
    FinerClustersWarning
        The analysis clusters finer than the design randomises.

    References
    ----------
    .. [1] M. Bertrand, E. Duflo and S. Mullainathan (2004), How much should we trust differences-in-differences
       estimates? Quarterly Journal of Economics 119, 249-275, for placebo treatments on real data.

    Examples
    --------
    Clusters of 35 with an intraclass correlation of .02, whole clusters treated, nothing to find:

    >>> import lyra
    >>> from lyra.designs import ByCluster
    >>> cert = lyra.certify(lyra.World(50), ByCluster(), methods=["iid", "CV2"], seed=1)
    >>> sorted(cert.verdicts.values()), cert.recommended
    (['certified', 'uncertified'], 'CV2')
    """
    methods = _methods(methods)
    seed = whole_seed(seed)
    rule: dict[str, Any] = {"alpha": alpha, "tolerance": tolerance_named(tolerance), "first": first, "maximum": maximum}
    refuse_rule(**rule)
    check_workers(workers)
    made = _asked(subject, design, methods=methods, seed=seed, **asked)
    config = made.config | {"methods": [method_name(method) for method in methods], "seed": seed} | rule
    with nullcontext() if store is None else Store(store, run_record(made.scenarios, rule)) as kept:
        return certify_scenarios(
            made.scenarios,
            **rule,
            seed=seed,
            store=kept,
            workers=workers,
            progress=progress,
            config=config,
            data=made.data,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """The scenarios of a subject, what describes them, and a fingerprint of the data."""

    scenarios: Sequence[Scenario]
    config: dict[str, Any]
    data: dict[str, Any]


def _asked(subject: Any, design: Designs, **asked: Any) -> Asked:
    fit = fit_of(subject)
    if fit is not None:
        return _of_fit(fit, design, **asked)
    worlds = list(subject.values()) if isinstance(subject, Mapping) else subject
    if all(isinstance(world, WorldLike) for world in (worlds if isinstance(worlds, (list, tuple)) else [worlds])):
        return _of_world(subject, design, **asked)
    return _of_table(subject, design, **asked)


def _of_world(world: Any, design: Designs, **asked: Any) -> Asked:
    refuse_foreign("a world", _own(asked), ("level", "covariates", "analyses", "weights"))
    one = Analysis(asked.pop("level", "cluster"), tuple(asked.pop("covariates", ())))
    analyses = asked.pop("analyses", None) or {"": one}
    config = {"source": world, "designs": design, "analyses": analyses, "weights": asked.get("weights", "auto")}
    config |= {"term": "x"} if design is None else {}
    return Asked(world_scenarios(world, design, analyses, **asked), recorded(config), {})


def _of_table(table: Any, design: Designs, **asked: Any) -> Asked:
    refuse_foreign("a table", _own(asked), (*TABLE, "level", "weights"))
    named = {name: asked.pop(name) for name in TABLE if name in asked}
    history = past(table, named)
    level = asked.pop("level", "cluster")
    _refuse_unlabelled(design, level, named)
    config = {"source": "own data", "designs": design, "level": level, "weights": asked.get("weights", "auto")} | named
    facts: dict[str, Any] = {
        "rows": history.y.size,
        "clusters": np.unique(history.units.cluster).size,
        "dropped_rows": history.dropped_rows,
    }
    facts["sha256"] = one_hash(history.identity())
    return Asked(history_scenarios(history, design, [level], **asked), recorded(config), facts)


def _of_fit(fit: Fit, design: Designs, **asked: Any) -> Asked:
    refuse_foreign("a fit", _own(asked), ("term", "icc", "weights"))
    if design is not None:
        raise InputError("A fit is certified as it stands: leave the design out, or certify the table itself.")
    param = coefficient(fit, asked.pop("term", None))
    config = {"source": "the fitted design", "term": fit.names[param], "icc": asked.get("icc")}
    facts = {"rows": fit.N, "clusters": fit.G, "sha256": one_hash(ModelSource(fit, param, 0.0).identity())}
    config |= {"weights": asked.get("weights", "auto")}
    return Asked(model_scenarios(fit, param, **asked), recorded(config), facts)


def _refuse_unlabelled(designs: Designs, level: str, named: Mapping[str, Any]) -> None:
    """Refuse a design or a level of clustering that reads labels for which no column was named."""
    several: Any = list(designs.values()) if isinstance(designs, Mapping) else designs
    for design in several if isinstance(several, (list, tuple)) else [several]:
        labels = {
            "stratum": isinstance(design, (Pairs, Stratified)) or level in ("stratum", "pair"),
            "window": isinstance(design, Switchback) or level == "window",
        }
        for label in (label for label, read in labels.items() if read and not named.get(label)):
            reader = f"the design {design_name(design)!r}" if level not in (label, "pair") else option("level", level)
            raise InputError(f"{reader} reads the {label} of each row: name its column with {option(label)}.")


def _own(asked: Mapping[str, Any]) -> list[str]:
    """Return the keywords that are the subject's, and not every subject's."""
    return [name for name in asked if name not in ("methods", "seed")]


def _methods(methods: Any) -> tuple[Method, ...]:
    """Return the methods as given, several of them or one."""
    several = tuple(methods) if isinstance(methods, (list, tuple)) else (methods,)
    if not several or several == (None,):
        raise InputError("No method is to be certified: name one, such as methods=['CV2'].")
    for method in several:
        if not isinstance(method, str) and not callable(method):
            raise InputError(f"{method!r} is neither the name of a method nor a function: name one, such as 'CV2'.")
    return several
