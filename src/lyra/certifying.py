"""Front door of certification: lyra.certify(a world, your data, or a fit) -> Certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

from lyra.base.renamed import renamed
from lyra.errors import DroppedRowsWarning, InputError
from lyra.regression.least_squares import Fit
from lyra.regression.term import coefficient
from lyra.robust.exact.effort import ends_alone, too_large
from lyra.robust.exact.family import Family
from lyra.robust.methods import LADDER
from lyra.simulation.analysis import Analysis
from lyra.simulation.asked import Asked, dates_column, whole_seed
from lyra.simulation.setting import Designs
from lyra.simulation.subjects import Fitted, Subject, handed_in
from lyra.trials.runner import Progress, check_workers
from lyra.trials.store import Store
from lyra.trials.trial import Candidate, method_name
from lyra.verdict.budget import refuse_rule
from lyra.verdict.certificate import Certificate
from lyra.verdict.ladder import Ladder
from lyra.verdict.looks import certify_scenarios
from lyra.verdict.quick import on_sums, quick_maximum
from lyra.verdict.record import one_hash, recorded, run_record
from lyra.verdict.rule import tolerance_named
from lyra.verdict.scenarios import scenarios_of
from lyra.verdict.window_level import Named, level_of

__all__ = ["certified", "certify", "level_known"]


@renamed(level="cluster_by", param="term")
def certify(  # noqa: PLR0913  one keyword a choice
    subject: Any,
    design: Designs = None,
    *,
    methods: Candidate | Sequence[Candidate] = LADDER,
    alpha: float = 0.05,
    tolerance: float | str = 1.25,
    seed: int = 0,
    store: str | Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    first: int = 500,
    maximum: int | None = None,
    weights: str = "auto",
    cluster_by: str | None = None,
    analyses: Mapping[str, Analysis] | None = None,
    covariates: Sequence[str] = (),
    formula: str | None = None,
    outcome: str | None = None,
    cluster: str | None = None,
    window: str | None = None,
    time: str | None = None,
    stratum: str | None = None,
    decimal: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    missing: Sequence[str] | None = None,
    term: str | int | None = None,
    icc: float | Sequence[float] | None = None,
) -> Certificate:
    """Return how often each method flags a true null, with a verdict whose error rate is guaranteed.

    Parameters
    ----------
    subject : a world, a table, a path or a fit
        What replicates are made of [1]_. A world (or a list or mapping of worlds): fresh data sets. A table: your
        outcome stays, the treatment is drawn again by the design; exact for this outcome when the design has at most
        20,000 assignments. With few clusters the exact size on Gaussian outcomes stands beside it (`row.model_size`).
        A `Regression` or `Fit`: X and clusters stay, in worlds of Gaussian errors that are the same for every outcome.
        There the size of iid and CV0-CV3J is an integral, computed exactly, and the largest over a whole family of
        worlds is a cell of its own; bootstraps are simulated from cluster sums.
    design : Design, or a list or mapping of them
        Who could have been treated, from `lyra.designs`; none for a fit or a world that assigns nothing.
    methods : sequence of str or callable
        "iid", "HC0", "HC1", "HC2", "HC3", "CV1-normal", "CV0", "CV1", "CV2", "CV3", "CV3J", "WCR-11", "WCR-31",
        "WCR-13", "WCR-33", "WCU-11", "WCU-31", "WCU-13", "WCU-33" (the register `lyra.robust.methods`), or functions
        (y, X, clusters, rng) whose result has `.pvalue`, `.se`, `.estimate` of the last column of X.
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
    weights : {"auto", "rademacher", "webb", "mammen", "normal", "gamma"}
        The bootstraps' law.
    cluster_by : {"cluster", "unit", "window", "stratum", "pair", "user"}
        What the analysis of a world or a table clusters on, "cluster" when left out; "unit" is what the design
        randomises independently.
    analyses : mapping of str to Analysis
        Several analyses of a world, by name, instead of one and its covariates.
    covariates : sequence of str
        Columns to adjust for; in a world "pre" and "stratum" (an effect of each stratum).
    formula : str
        On a table, any regression `lyra.fit` takes, such as "y ~ treat + C(unit) + C(time)", instead of an outcome and
        covariates: the treatment, its first term or the one named with `term`, is drawn again and all else stays.
    outcome, cluster, window, stratum : str
        Columns of a table; `time` is another name of `window`, for the dates of a panel.
    decimal, delimiter, encoding, missing
        How the csv files of a table are written, as `lyra.fit` takes them.
    term : str
        The coefficient of a fit or a formula; left out, the first that is not the intercept.
    icc : float or sequence of float
        Intraclass correlations for a fit, instead of the worlds above.

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
    asked = Asked(
        cluster_by=cluster_by,
        covariates=covariates,
        analyses=analyses,
        formula=formula,
        outcome=outcome,
        cluster=cluster,
        window=dates_column(window, time),
        stratum=stratum,
        decimal=decimal,
        delimiter=delimiter,
        encoding=encoding,
        missing=missing,
        term=term,
        icc=icc,
    )
    judged = _several(methods)
    seed = whole_seed(seed)
    rule: dict[str, Any] = {"alpha": alpha, "tolerance": tolerance_named(tolerance), "first": first, "maximum": maximum}
    refuse_rule(**rule)
    check_workers(workers)
    of = handed_in(subject, asked)
    settings = of.stressed(design) if isinstance(of, Fitted) else of.settings(design)
    scenarios = scenarios_of(settings, methods=judged, seed=seed, weights=weights)
    told = of.described(design) | {"weights": weights, "methods": [method_name(method) for method in judged]}
    with nullcontext() if store is None else Store(store, run_record(scenarios, rule)) as kept:
        return certify_scenarios(
            scenarios,
            **rule,
            seed=seed,
            store=kept,
            workers=workers,
            progress=progress,
            config=recorded(told) | {"seed": seed} | rule,
            data=_facts(of),
            family=_family(of.fit) if isinstance(of, Fitted) and icc is None else None,
        )


def _family(fit: Fit) -> Family | None:
    """Return the worlds whose worst is a cell of a fit's certificate; none for a fit that is too large."""
    if too_large(fit):
        return None
    return Family().coarse() if ends_alone(fit) else Family()


def certified(
    fit: Fit, ladder: Ladder, *, seed: int = 0, maximum: int | None = None, progress: Progress | None = None
) -> Ladder:
    """Return a ladder of this fit with a simulated certificate of those of its lines that have no exact size."""
    lines = [method for method in on_sums(rung.method for rung in ladder.rungs) if method not in ladder.judged]
    if not lines:
        return ladder
    most = quick_maximum(fit) if maximum is None else maximum
    quick = certify(fit, term=ladder.term, methods=lines, seed=seed, progress=progress, maximum=most)
    return ladder.with_certificate(quick)


def level_known(
    fit: Fit,
    ladder: Ladder,
    data: Any,
    *,
    formula: str,
    cluster: str,
    window: str,
    coarse: str | None = None,
    decimal: str = ".",
    delimiter: str | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] | None = None,
) -> Ladder:
    """Return a ladder of this fit with what a column of windows, and one of what switches, say of its clusters.

    Raises
    ------
    InputError
        Rows without a window, or a cluster in several coarser ones.
    """
    from lyra.data.formula import parse
    from lyra.data.history import read_history

    with catch_warnings():
        simplefilter("ignore", DroppedRowsWarning)  # said when it was fitted
        history = read_history(
            data,
            outcome=parse(formula).response.column,
            cluster=cluster,
            covariates=[formula.split("~", 1)[1]],
            window=window,
            stratum=coarse,
            decimal=decimal,
            delimiter=delimiter,
            encoding=encoding,
            missing=missing,
        )
    named = Named(cluster=cluster, window=window, coarse=coarse)
    return level_of(fit, coefficient(fit, ladder.term), history.units, named).beside(ladder)


def _facts(subject: Subject) -> dict[str, Any]:
    """Return the size of the user's data and one hash of them; nothing where there are none."""
    identity = subject.identity()
    return subject.facts | ({} if identity is None else {"sha256": one_hash(identity)})


def _several(methods: Any) -> tuple[Candidate, ...]:
    """Return the methods as given, several of them or one."""
    several = tuple(methods) if isinstance(methods, (list, tuple)) else (methods,)
    if not several or several == (None,):
        raise InputError("No method is to be certified: name one, such as methods=['CV2'].")
    for method in several:
        if not isinstance(method, str) and not callable(method):
            raise InputError(f"{method!r} is neither the name of a method nor a function: name one, such as 'CV2'.")
    return several
