"""Power before the experiment: what effect a design can see, with how many clusters, and what it says when it sees one.

Every power is simulated from one set of replicates in which the null is true: adding an effect to the treated moves
each estimate by that effect and leaves its residuals alone, so one set of draws gives the whole curve, and the
smallest detectable effect is the point where that curve crosses the target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.search import fewest, rises_to
from lyra.base.text import did_you_mean
from lyra.designs import Design, Switchback
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.laws import critical_value
from lyra.robust.replicates import ANALYTIC, WILD, Replicates, run_method
from lyra.simulation.samples import WorldLike
from lyra.simulation.source import HistorySource, ModelSource, WorldSource
from lyra.simulation.subjects import TABLE, coefficient, fit_of, past, refuse_foreign, whole_seed
from lyra.trials.trial import BLOCK, Trial
from lyra.verdict.closed_form import MOST_ICC, ClosedForm, Planned, closed_form, t_power

__all__ = ["PowerAnalysis", "power"]


CURVE = np.linspace(0.0, 2.0, 11)  # multiples of the smallest detectable effect
LEAST_REPLICATES, MOST_REPLICATES = 100, 100_000
FINE, ROUGH = 1e-9, 1e-3  # to which an effect is solved for, where it costs nothing and where it costs a bootstrap
ENORMOUS = 1e6  # spreads of the estimate
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerAnalysis:
    """What effect a design and method can see.

    Attributes
    ----------
    method : str
    n_clusters : int
        Clusters of the analysis.
    effects, power : tuple of float
        The power curve; power is the probability of p ≤ α, and a replicate where the method is not computable is one
        where nothing is seen.
    mde : float
        The smallest detectable effect: the power reaches `target` there.
    mde_interval : tuple of float
        Its 95 % Monte-Carlo interval; both ends are `mde` when all assignments were enumerated.
    effect : float
        The planned effect; the smallest detectable one where none was planned.
    effect_power : float
        The power at it.
    type_s, type_m : float
        Among significant results at that effect, the share with the wrong sign, and the mean of |estimate|/|effect|.
    clusters_needed, windows_needed : int or None
        The fewest that reach the target at the planned effect; None where no effect was planned, where a switchback
        is not the design, or where no number tried is enough.
    closed_form : ClosedForm
        The formula's answer beside it.
    target, alpha : float
    replicates : int
        Replicates, or assignments enumerated.
    exact : bool
        Whether all assignments of the design were enumerated.
    notes : tuple of str
    """

    method: str
    n_clusters: int
    effects: tuple[float, ...]
    power: tuple[float, ...]
    mde: float
    mde_interval: tuple[float, float]
    effect: float
    effect_power: float
    type_s: float
    type_m: float
    clusters_needed: int | None
    windows_needed: int | None
    closed_form: ClosedForm
    target: float
    alpha: float
    replicates: int
    exact: bool
    notes: tuple[str, ...] = ()

    @property
    def mc_error(self) -> tuple[float, ...]:
        """Monte-Carlo standard errors of `power`, √(p(1 − p)/R); nil when enumerated."""
        return tuple(_mc_error(p, self.replicates, exact=self.exact) for p in self.power)

    def table(self) -> dict[str, list[float]]:
        """Return the curve as columns: effect, power, mc_error, and the closed form with the ends of its interval."""
        ends = [self.closed_form.power_interval(effect) for effect in self.effects]
        return {
            "effect": list(self.effects),
            "power": list(self.power),
            "mc_error": list(self.mc_error),
            "closed_form": [self.closed_form.power(effect) for effect in self.effects],
            "closed_form_low": [low for low, _ in ends],
            "closed_form_high": [high for _, high in ends],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        form = {f.name: getattr(self.closed_form, f.name) for f in fields(ClosedForm)}
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        derived = {name: getattr(self.closed_form, name) for name in ("design_effect", "se", "mde", "mde_interval")}
        return told | {"closed_form": form | derived, "mc_error": self.mc_error}

    def __str__(self) -> str:
        return "\n".join(_words(self))


def power(
    subject: Any,
    design: Design | None = None,
    *,
    effect: float | None = None,
    method: str = "CV1",
    target: float = 0.8,
    alpha: float = 0.05,
    level: str = "cluster",
    weights: str = "auto",
    seed: int = 0,
    replicates: int = 2_000,
    **asked_of: Any,
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
        The one you certified: "iid", "CV1-normal", "CV1", "CV2", "CV3", "WCR-11", "WCR-31", "WCR-13", "WCR-33",
        "WCU-11".
    target, alpha : float
        The power wanted, and the size of the test.
    level : str
        What the analysis of a world or a table clusters on.
    weights : {"auto", "rademacher", "webb", "mammen", "normal", "gamma"}
        A bootstrap's law.
    seed : int
    replicates : int
        From 100 to 100,000; rounded up to a multiple of 500.
    covariates : sequence of str
        What the analysis of a world or a table adjusts for.
    outcome, cluster, window, stratum : str
        Columns of a table.
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
    _check_asked(effect, target, alpha, replicates)
    _check_method(method)
    seed = whole_seed(seed)
    source = _source(subject, design, level, asked_of)
    asked = _Asked(method, alpha, weights, seed, replicates)
    draws = _drawn(source, asked)
    sign = -1.0 if effect is not None and effect < 0 else 1.0
    mde = sign * _detectable(draws, method, target, sign)
    planned = mde if effect is None else float(effect)
    form = closed_form(source, n_clusters=draws.n_clusters, alpha=alpha, target=target, seed=seed)
    estimate, seen = draws.at(planned)
    needed = None if effect is None else _Needed(source, asked, planned, target, _by_formula(form, draws, mde, planned))
    return PowerAnalysis(
        method=method,
        n_clusters=draws.n_clusters,
        effects=tuple((CURVE * mde).tolist()),
        power=tuple(draws.power(step * mde) for step in CURVE.tolist()),
        mde=mde,
        mde_interval=_interval(draws, mde, target),
        effect=planned,
        effect_power=float(seen.mean()),
        type_s=_mean(np.sign(estimate[seen]) != np.sign(planned)),
        type_m=_mean(np.abs(estimate[seen] / planned)),
        clusters_needed=needed.clusters() if needed else None,
        windows_needed=needed.windows() if needed else None,
        closed_form=form,
        target=target,
        alpha=alpha,
        replicates=draws.n,
        exact=draws.exact,
        notes=(*_flagging(source, draws, method, alpha), *(needed.notes if needed else ())),
    )


TOLERATED = 1.25


def _flagging(source: Planned, draws: _Draws, method: str, alpha: float) -> tuple[str, ...]:
    """Return a note where the method flags a true null too often: its power is then worth nothing."""
    size = draws.power(0.0)
    if size - 3.0 * _mc_error(alpha, draws.n, exact=draws.exact) <= TOLERATED * alpha:
        return ()
    finer = " (its clusters are finer than what the design randomises)" if getattr(source, "too_fine", 0) else ""
    return (f"{method} flags {100 * size:.3g} % of true nulls here{finer}: certify before you plan with it.",)


# --- one set of draws, any effect ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is drawn, and how it is judged."""

    method: str
    alpha: float
    weights: str
    seed: int
    replicates: int


Batches = Sequence[tuple[Replicates, Array]]
Seen = Callable[[float], tuple[Array, NDArray[np.bool_]]]


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """R replicates of a true null: `at` gives the estimates (R,) under any effect, and which are significant."""

    at: Seen
    n: int
    n_clusters: int
    exact: bool
    scale: float  # the spread of the estimates
    precision: float  # to which an effect is solved for

    def power(self, effect: float) -> float:
        """Return the share that is significant."""
        return float(self.at(effect)[1].mean())


def _drawn(source: Planned, asked: _Asked) -> _Draws:
    trial = Trial(0, source, (asked.method,), asked.seed, asked.weights)
    exact = isinstance(source, HistorySource) and source.n_assignments is not None
    batches = _every(trial) if exact else _sampled(trial, asked.replicates)
    G = batches[0][0].G
    if asked.method in WILD:
        _check_can_reject(trial, asked, G)
    at = _bootstrapped(batches, asked) if asked.method in WILD else _shifted(batches, asked)
    estimate = at(0.0)[0]
    precision = ROUGH if asked.method in WILD else FINE
    return _Draws(at, estimate.size, G, exact, float(np.nanstd(estimate)), precision)


def _every(trial: Trial) -> Batches:
    reps = list(trial.source.every(BLOCK))  # type: ignore[attr-defined]
    return [(each, trial.bootstrap_weights(each.G)) for each in reps]


def _sampled(trial: Trial, replicates: int) -> Batches:
    blocks = range(-(-replicates // BLOCK))
    return [(reps, trial.bootstrap_weights(reps.G, block)) for block in blocks for reps in trial.batches(block)]


def _shifted(batches: Batches, asked: _Asked) -> Seen:
    """Return what a t test sees: an effect moves the estimate and leaves what it must exceed."""
    said = [run_method(reps, asked.method, V) for reps, V in batches]
    estimate, se, dof = (np.concatenate([getattr(o, name) for o in said]) for name in ("estimate", "se", "dof"))
    critical = critical_value(dof, asked.alpha) * se

    def at(effect: float) -> tuple[Array, NDArray[np.bool_]]:
        return estimate + effect, np.abs(estimate + effect) >= critical

    return at


def _bootstrapped(batches: Batches, asked: _Asked) -> Seen:
    """Return what a bootstrap sees: an effect moves the outcome, and the same weights are drawn for it again."""

    def at(effect: float) -> tuple[Array, NDArray[np.bool_]]:
        said = [run_method(reps.shifted(effect), asked.method, V) for reps, V in batches]
        estimate, pvalue = (np.concatenate([getattr(o, name) for o in said]) for name in ("estimate", "pvalue"))
        return estimate, pvalue <= asked.alpha * (1 + 1e-12)

    return at


def _detectable(draws: _Draws, method: str, target: float, sign: float) -> float:
    """Return the size of the effect at which the share of significant draws reaches the target."""
    found = rises_to(target, lambda effect: draws.power(sign * effect), scale=draws.scale, precision=draws.precision)
    if np.isinf(found):
        most = draws.power(sign * draws.scale * ENORMOUS)
        raise NotIdentifiedError(
            f"No effect, however large, reaches power {target:g}: {method} sees {100 * most:.3g} % of enormous ones "
            f"with {draws.n_clusters} clusters; use another method, or more clusters on each side."
        )
    return found


def _interval(draws: _Draws, mde: float, target: float) -> tuple[float, float]:
    """Return the effects at which the power is 1.96 Monte-Carlo errors below and above the target."""
    if draws.exact:
        return mde, mde
    error, sign = Z95 * _mc_error(target, draws.n, exact=False), float(np.sign(mde))
    ends = max(target - error, target / 2.0), min(target + error, (1.0 + target) / 2.0)
    low, high = (
        rises_to(end, lambda d: draws.power(sign * d), scale=draws.scale, precision=draws.precision) for end in ends
    )
    return sign * low, sign * high


def _mc_error(p: float, R: int, *, exact: bool) -> float:
    return 0.0 if exact else float(np.sqrt(p * (1.0 - p) / R))


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else float("nan")


# --- how many are needed ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Needed:
    """The fewest clusters, or windows, with which a planned effect is seen often enough."""

    source: Planned
    asked: _Asked
    effect: float
    target: float
    formula: tuple[int, int] | None  # the clusters of the analysis at hand, and those needed by the formula

    @property
    def world(self) -> Any:
        """The world, where there is one whose size can be changed."""
        world = getattr(self.source, "world", None)
        return world if is_dataclass(world) and hasattr(world, "n_clusters") else None

    @property
    def simulates(self) -> bool:
        """Whether more or fewer clusters can be simulated."""
        return self.world is not None and not isinstance(getattr(self.world, "cluster_size", 1), tuple)

    @property
    def notes(self) -> tuple[str, ...]:
        """How clusters were counted, where they could not be simulated."""
        return () if self.simulates else ("Clusters needed are by the formula: new ones are taken to be like these.",)

    def clusters(self) -> int | None:
        """Return the fewest clusters; whole strata at a time where a world has several."""
        if not self.simulates:
            return self.formula[1] if self.formula else None
        strata = getattr(self.world, "strata", 1)
        step = self.world.n_clusters // strata if strata > 1 else 1

        def enough(n: int) -> bool:
            return self._seen({"n_clusters": n} if strata == 1 else {"n_clusters": n, "strata": n // step})

        return fewest(enough, step, self._guess(self.world.n_clusters))

    def windows(self) -> int | None:
        """Return the fewest windows of a switchback, whole blocks at a time."""
        design = getattr(self.source, "design", None)
        if not isinstance(design, Switchback) or not hasattr(self.world, "windows"):
            return None
        return fewest(lambda n: self._seen({"windows": n}), design.block, self._guess(self.world.windows))

    def _guess(self, now: int) -> int:
        at_hand, needed = self.formula or (1, 1)
        return round(now * needed / at_hand)

    def _seen(self, size: dict[str, int]) -> bool:
        try:
            draws = _drawn(replace(self.source, world=replace(self.world, **size)), self.asked)
        except InputError:  # too few for the design, or for the method to reject
            return False
        return draws.power(self.effect) >= self.target


def _by_formula(form: ClosedForm, draws: _Draws, mde: float, effect: float) -> tuple[int, int] | None:
    """Return the clusters at hand and the fewest like them needed, the standard error being what explains the mde."""
    G, se = draws.n_clusters, abs(mde) / form.noncentrality

    def enough(n: int) -> bool:
        return n > 1 and t_power(effect / (se * np.sqrt(G / n)), n - 1, form.alpha) >= form.target

    needed = fewest(enough, 1, G, most=4096)
    return None if needed is None else (G, needed)


# --- refusals and words -------------------------------------------------------------------------


def _check_asked(effect: float | None, target: float, alpha: float, replicates: int) -> None:
    for name, value in (("alpha", alpha), ("target", target), ("effect", effect)):
        if value is not None and (not isinstance(value, Real) or isinstance(value, bool)):
            raise InputError(f"{name}={value!r} is not a number: pass one.")
    if not 0.0 < alpha < 1.0:
        raise InputError(f"alpha={alpha!r} is not the size of a test: pass a number between 0 and 1, such as 0.05.")
    if not alpha < target < 1.0:
        raise InputError(f"target={target!r} is not a power: pass a number between alpha={alpha:g} and 1, such as 0.8.")
    if effect is not None and (effect == 0 or not np.isfinite(effect)):
        raise InputError(f"effect={effect!r} cannot be planned for: pass the effect worth finding, or none.")
    if not isinstance(replicates, Integral) or isinstance(replicates, bool) or replicates > MOST_REPLICATES:
        raise InputError(f"replicates={replicates!r} is not a whole number up to {MOST_REPLICATES:,}: pass one.")
    if replicates < LEAST_REPLICATES:
        raise InputError(f"replicates={replicates} are too few for a power: ask for at least {LEAST_REPLICATES}.")


def _check_method(method: str) -> None:
    known = (*ANALYTIC, *WILD)
    if method not in known:
        raise InputError(f"method {method!r} has no power curve: {did_you_mean(str(method), known)}.")


def _check_can_reject(trial: Trial, asked: _Asked, G: int) -> None:
    smallest = trial.smallest_pvalue(asked.method, G)
    if smallest > asked.alpha:
        raise InputError(
            f"method {asked.method!r} cannot reject at {asked.alpha:g} with {G} clusters, where its smallest p-value "
            f"is {smallest:.3g}: use weights='webb', another method or more clusters."
        )


def _source(subject: Any, design: Design | None, level: str, asked: dict[str, Any]) -> Planned:
    """Return the source of replicates of a world, a table, a fit, or the source itself."""
    given = {name: value for name, value in asked.items() if value not in (None, ())}
    if isinstance(subject, (WorldSource, HistorySource, ModelSource)):
        refuse_foreign("a source", given, ())
        if design is not None:
            raise InputError("A source has its design already: leave the design out.")
        return subject
    fit = fit_of(subject)
    if fit is not None:
        refuse_foreign("a fit", given, ("term", "icc"))
        if design is not None:
            raise InputError("A fit is planned from as it stands: leave the design out, or plan from the table itself.")
        param = coefficient(fit, given.get("term"))
        return ModelSource(fit, param, _icc(fit, fit.names[param], given.get("icc")))
    if isinstance(subject, WorldLike):
        refuse_foreign("a world", given, ("covariates",))
        return WorldSource(subject, design, level, tuple(given.get("covariates", ())))
    refuse_foreign("a table", given, TABLE)
    history = past(subject, given)
    if design is None:
        raise InputError("A table needs a design: say how the treatment will be drawn, such as ByCluster().")
    return HistorySource(history.y, history.W, history.units, design, level)


def _icc(fit: Fit, term: str, asked: float | None) -> float:
    if asked is not None and not (isinstance(asked, Real) and 0.0 <= asked <= MOST_ICC):
        raise InputError(f"icc={asked!r} is not an intraclass correlation: pass a share from 0 to {MOST_ICC:g}.")
    if asked is None and fit.N == fit.G:  # rows that share a cluster with none are alike at any correlation
        return 0.0
    diagnosis = diagnose(fit)
    if asked is None and diagnosis.free_of_shocks(term):  # other columns take up all that clusters have in common
        return 0.0
    rho = diagnosis.icc.estimate if asked is None else asked
    if np.isnan(rho):
        raise NotIdentifiedError(
            "The intraclass correlation cannot be estimated from this fit, and its power depends on it: pass icc=, "
            "such as icc=0.05."
        )
    return float(np.clip(rho, 0.0, MOST_ICC))


def _words(plan: PowerAnalysis) -> list[str]:
    form = plan.closed_form
    drawn = f"all {plan.replicates:,} assignments" if plan.exact else f"{plan.replicates:,} replicates"
    low, high = plan.mde_interval
    error = "" if plan.exact else f" (Monte-Carlo 95 %: {low:.4g} to {high:.4g})"
    wrong = f"{100 * plan.type_s:.2g} % of cases and exaggerates the effect {plan.type_m:.3g} times"
    return [
        f"Power of {plan.method} with {plan.n_clusters} clusters at alpha {plan.alpha:g}, {drawn}",
        f"  smallest detectable effect {plan.mde:.4g} at power {plan.target:g}{error}",
        f"  by formula {form.mde:.4g}, the design effect being {form.design_effect:.3g} at an ICC of {form.icc:.4g}",
        *_over_the_icc(plan),
        f"  at an effect of {plan.effect:.4g}: power {plan.effect_power:.3f}, by formula {form.power(plan.effect):.3f}",
        f"  a significant estimate has the wrong sign in {wrong}",
        *_counted(plan),
        "",
        *_curve(plan),
        *plan.notes,
    ]


def _over_the_icc(plan: PowerAnalysis) -> list[str]:
    form = plan.closed_form
    if form.icc_low >= form.icc_high:
        return []
    (low, high), (worst, best) = form.mde_interval, form.power_interval(plan.effect)
    told = f"{low:.4g} to {high:.4g}, and power {best:.3f} to {worst:.3f} at {plan.effect:.4g}"
    return [f"    over the ICC's interval [{form.icc_low:.4g}, {form.icc_high:.4g}]: {told}"]


def _counted(plan: PowerAnalysis) -> list[str]:
    counted = {"clusters": plan.clusters_needed, "windows": plan.windows_needed}
    return [f"  {name} needed for that effect: {n}" for name, n in counted.items() if n is not None]


def _curve(plan: PowerAnalysis) -> list[str]:
    curve = plan.table()
    columns = (curve["effect"], curve["power"], curve["mc_error"], curve["closed_form"])
    lines = [f"  {e:<10.4g}{p:>7.3f}{m:>8.3f}{c:>9.3f}" for e, p, m, c in zip(*columns, strict=True)]
    return ["  effect      power    +/-     formula", *lines]
