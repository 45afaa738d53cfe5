"""Front door of planning: lyra.power(a world, your data, or a fit) -> what effect a design can see.

Of an analytic line of a fit it is an integral, see `verdict.exact_detection`; every other power is simulated from one
set of replicates in which the null is true, see `verdict.detection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lyra.base.renamed import renamed
from lyra.base.text import listed
from lyra.designs import Design
from lyra.errors import InputError, NotIdentifiedError
from lyra.simulation.asked import Asked, dates_column
from lyra.simulation.setting import DrawnFrom, Setting
from lyra.simulation.subjects import sources_of
from lyra.verdict.exact_detection import advised_line
from lyra.verdict.power import PowerAnalysis, analyse
from lyra.verdict.wanted import Wanted

__all__ = ["power"]


@renamed(level="cluster_by", param="term")
def power(  # noqa: PLR0913  one keyword a choice
    subject: Any,
    design: Design | None = None,
    *,
    effect: float | None = None,
    method: str | None = None,
    target: float = 0.8,
    alpha: float = 0.05,
    weights: str = "auto",
    seed: int = 0,
    replicates: int = 2_000,
    cluster_by: str | None = None,
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
    icc: float | None = None,
) -> PowerAnalysis:
    """Return the power curve of a method under a design, and the smallest effect it can see.

    The null is that of no effect; the power at an effect is the probability of p ≤ α when it is added to the outcome
    of everyone treated, on the outcome's scale. All effects share the same replicates.

    Parameters
    ----------
    subject : a world, a table, a path or a fit
        A world: fresh data sets. A table: your own past outcome, its treatment drawn again by the design, all of its
        assignments when there are at most 20,000. A `Regression` or `Fit`: its design, X and clusters fixed. Or a
        source of replicates.
    design : Design
        Who could be treated, for a world or a table.
    effect : float, optional
        The planned effect, for the clusters needed and for type-S and type-M errors [1]_; its sign is that of the
        whole curve.
    method : str
        Left out, of a fit the calibrated line with the most power (`lyra.robust.exact.most_powerful`), else CV1. The
        one you certified: "iid", "CV1-normal", "CV0", "CV1", "CV2", "CV3", "CV3J", "WCR-11", "WCR-31", "WCR-13",
        "WCR-33", "WCU-11", "WCU-31", "WCU-13", "WCU-33"; of a fit also "CV1*", "CV2*", "CV3*", "R1*" and the like.
    target, alpha : float
        The power wanted, and the size of the test.
    weights : {"auto", "rademacher", "webb", "mammen", "normal", "gamma"}
        A bootstrap's law.
    seed : int
    replicates : int
        From 100 to 100,000; rounded up to a multiple of 500.
    cluster_by : str
        What the analysis of a world or a table clusters on, "cluster" when left out.
    covariates : sequence of str
        What the analysis of a world or a table adjusts for.
    formula : str
        On a table, any regression `lyra.fit` takes, such as "y ~ treat + C(unit) + C(time)", instead of an outcome and
        covariates: the treatment, its first term or the one named with `term`, is drawn again and all else stays.
    outcome, cluster, window, stratum : str
        Columns of a table; `time` is another name of `window`, for the dates of a panel.
    decimal, delimiter, encoding, missing
        How the csv files of a table are written, as `lyra.fit` takes them.
    term, icc
        The coefficient of a fit, and the intraclass correlation instead of the estimated one.

    Returns
    -------
    PowerAnalysis
        `.mde`, `.power`, `.effects`, `.type_s`, `.type_m`, `.clusters_needed`, `.closed_form`; print it.

    Raises
    ------
    InputError
        A value out of range, an unknown method or one that cannot reject with these clusters.
    NotIdentifiedError
        No effect, however large, reaches the target.

    Notes
    -----
    For a world the clusters and windows needed are simulated with more or fewer of them, everything else as it is.
    For past data, a fit, or a world whose clusters have each their size, new clusters are taken to be like the old
    ones: the standard error that explains the simulated `mde` falls with √G, on G − 1 degrees of freedom.

    References
    ----------
    .. [1] A. Gelman and J. Carlin (2014), Beyond power calculations: assessing type S (sign) and type M (magnitude)
       errors. Perspectives on Psychological Science 9, 641-651.

    Examples
    --------
    >>> import lyra
    >>> from lyra.designs import ByCluster
    >>> plan = lyra.power(lyra.World(50), ByCluster(), effect=0.15, seed=1)
    >>> print(f"{plan.mde:.2f} {plan.closed_form.mde:.2f} {plan.effect_power:.1f}")
    0.18 0.18 0.7
    """
    wanted = Wanted(
        effect=effect,
        method="CV1" if method is None else method,
        target=target,
        alpha=alpha,
        weights=weights,
        seed=seed,
        replicates=replicates,
    )
    asked = Asked(
        cluster_by=cluster_by,
        covariates=covariates,
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
        lacks=("analyses",),
    )
    source = _one(sources_of(subject, design, asked))
    best = advised_line(source, alpha) if method is None else None
    return analyse(source, wanted if best is None else replace(wanted, method=best))


def _one(settings: Mapping[str, Setting]) -> DrawnFrom:
    """Return the source that is planned with: of a fit, that at the estimated correlation."""
    if any(setting.assumed for setting in settings.values()):
        raise NotIdentifiedError(
            "The intraclass correlation cannot be estimated from this fit, and its power depends on it: pass icc=, "
            "such as icc=0.05."
        )
    meant = {name: setting.source for name, setting in settings.items() if not setting.end}
    if len(meant) != 1:
        raise InputError(f"Power is asked of one setting, and these are {len(meant)} ({listed(meant)}): pass one.")
    return next(iter(meant.values()))
