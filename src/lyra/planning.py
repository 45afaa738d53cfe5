"""Power before the experiment: what effect a design can see, with how many clusters, and what it says when it sees one.

Every power is simulated from one set of replicates in which the null is true: adding an effect to the treated moves
each estimate by that effect and leaves its residuals alone, so one set of draws gives the whole curve, and the
smallest detectable effect is the point where that curve crosses the target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lyra.designs import Design, Switchback
from lyra.diagnose import diagnose
from lyra.errors import InputError, NotIdentifiedError
from lyra.focal import ANALYTIC, WILD, Replicates, run_method
from lyra.icc import Icc, anova
from lyra.samples import WorldLike
from lyra.sources import HistorySource, ModelSource, Table, WorldSource
from lyra.trials import BLOCK, Trial, method_name, stream

__all__ = ["ClosedForm", "PowerAnalysis", "power"]

Array = NDArray[np.float64]
Planned = WorldSource | HistorySource | ModelSource

CURVE = np.linspace(0.0, 2.0, 11)  # multiples of the smallest detectable effect
LEAST_REPLICATES = 100
PRECISION = 1e-6  # of a smallest detectable effect
DOUBLINGS = 24
TABLES = 200
ROWS = 500_000  # of the tables that the closed form is averaged over
MOST_ICC = 0.999
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedForm:
    """Power by a formula: a t test whose standard error carries a design effect.

    Under y = α_g + ε with Var(α) = ρσ² and Var(ε) = (1 − ρ)σ², and D what the covariates leave of the treatment,
    Var(β̂) = σ²/ΣD² · [(1 − ρ) + ρκ] with κ = Σ_g(Σ_i D_gi)²/ΣD²: Moulton's factor [1]_, and 1 + (ΣN_g²/N − 1)ρ when
    clusters are treated whole. The variance within clusters is held at its estimate when ρ moves.

    Parameters
    ----------
    within : float
        (1 − ρ)σ², the variance within clusters.
    information : float
        ΣD².
    sharing : float
        κ.
    dof : float
        Degrees of freedom, G − 1.
    icc, icc_low, icc_high : float
        ρ with its 95 % interval; all equal where a world plants it. A negative one counts as 0.
    alpha, target : float

    References
    ----------
    .. [1] B. R. Moulton (1986), Random group effects and the precision of regression estimates. Journal of
       Econometrics 32, 385-397.

    Examples
    --------
    50 clusters of 35, half of them treated, σ = 1 and ρ = .02: se = √(1.68 · 4/1750).

    >>> form = ClosedForm(within=0.98, information=1750 / 4, sharing=35, dof=49, icc=0.02, icc_low=0.0,
    ...                   icc_high=0.05, alpha=0.05, target=0.8)
    >>> print(f"{form.se:.4f} {form.mde:.3f} {form.power(0.2):.2f}")
    0.0620 0.177 0.88
    """

    within: float
    information: float
    sharing: float
    dof: float
    icc: float
    icc_low: float
    icc_high: float
    alpha: float
    target: float

    @property
    def design_effect(self) -> float:
        """(1 − ρ) + ρκ, the variance over that of independent rows."""
        return _design_effect(self.icc, self.sharing)

    @property
    def se(self) -> float:
        """The standard error at the estimated ρ."""
        return self.se_at(self.icc)

    @property
    def mde(self) -> float:
        """The effect seen with probability `target`, at the estimated ρ."""
        return self.noncentrality * self.se

    @property
    def mde_interval(self) -> tuple[float, float]:
        """The same at both ends of the interval of ρ."""
        return self.noncentrality * self.se_at(self.icc_low), self.noncentrality * self.se_at(self.icc_high)

    @property
    def noncentrality(self) -> float:
        """The effect over its standard error at which the power is `target`."""
        return _solve(lambda ratio: _t_power(ratio, self.dof, self.alpha), self.target, 1.0)

    def se_at(self, icc: float) -> float:
        """Return the standard error at another ρ."""
        variance = self.within / (1.0 - icc) * _design_effect(icc, self.sharing) / self.information
        return float(np.sqrt(variance))

    def power(self, effect: float) -> float:
        """Return the power at an effect."""
        return _t_power(effect / self.se, self.dof, self.alpha)

    def power_interval(self, effect: float) -> tuple[float, float]:
        """Return the power at both ends of the interval of ρ, the smaller first."""
        worst, best = (_t_power(effect / self.se_at(icc), self.dof, self.alpha) for icc in (self.icc_high, self.icc_low))
        return worst, best


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
    covariates: Sequence[str] = (),
    weights: str = "auto",
    seed: int = 0,
    replicates: int = 2_000,
) -> PowerAnalysis:
    """Return the power curve of a method under a design, and the smallest effect it can see.

    The null is that of no effect; the power at an effect is the probability of p ≤ α when it is added to the outcome
    of everyone treated, on the outcome's scale. All effects share the same replicates.

    Parameters
    ----------
    subject : a world, or a source of replicates
        A world: fresh data sets. A `HistorySource`: your own past outcome, its treatment drawn again by the design, all
        of its assignments when there are at most 20,000. A `ModelSource`: the design of a fit.
    design : Design
        Who could be treated, for a world; a source has its own.
    effect : float, optional
        The planned effect, for the clusters needed and for type-S and type-M errors [1]_; its sign is that of the
        whole curve.
    method : str
        The one you certified: "iid", "CV1-normal", "CV1", "CV2", "CV3", "WCR-11", "WCR-31", "WCR-13", "WCR-33",
        "WCU-11".
    target, alpha : float
        The power wanted, and the size of the test.
    level, covariates
        What the analysis of a world clusters on, and what it adjusts for.
    weights : {"auto", "rademacher", "webb"}
        A bootstrap's law.
    seed : int
    replicates : int
        At least 100; rounded up to a multiple of 500.

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
    For a world the clusters and windows needed are simulated with more or fewer of them, everything else as it is. For
    past data, a fit, or a world whose clusters have each their size, new clusters are taken to be like the old ones: the
    standard error that explains the simulated `mde` falls with √G, on G − 1 degrees of freedom.

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
    source = _source(subject, design, level, tuple(covariates))
    asked = _Asked(method, target, alpha, weights, seed, replicates)
    draws = _drawn(source, asked)
    sign = -1.0 if effect is not None and effect < 0 else 1.0
    mde = sign * _detectable(draws, asked, target, sign)
    planned = mde if effect is None else float(effect)
    form = _closed_form(source, asked, draws.n_clusters)
    estimate, seen = draws.at(planned)
    needed = _Needed(source, asked, planned)
    by_formula = None if effect is None else _clusters_by_formula(form, draws.n_clusters, abs(mde), abs(planned))
    clusters = None if effect is None else needed.clusters(by_formula) if needed.simulates else by_formula
    return PowerAnalysis(
        method=method,
        n_clusters=draws.n_clusters,
        effects=tuple((CURVE * mde).tolist()),
        power=tuple(draws.power(step * mde) for step in CURVE.tolist()),
        mde=mde,
        mde_interval=_interval(draws, asked, mde),
        effect=planned,
        effect_power=float(seen.mean()),
        type_s=_share(np.sign(estimate[seen]) != np.sign(planned)),
        type_m=_share(np.abs(estimate[seen] / planned)),
        clusters_needed=clusters,
        windows_needed=None if effect is None else needed.windows(),
        closed_form=form,
        target=target,
        alpha=alpha,
        replicates=draws.n,
        exact=draws.exact,
        notes=_notes(needed, effect),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a simulated power is the power of."""

    method: str
    target: float
    alpha: float
    weights: str
    seed: int
    replicates: int


# --- one set of draws, any effect ---------------------------------------------------------------


class _Draws(Protocol):
    """Replicates of a true null to which any effect can be added."""

    @property
    def n(self) -> int: ...
    @property
    def n_clusters(self) -> int: ...
    @property
    def exact(self) -> bool: ...
    @property
    def scale(self) -> float: ...
    def at(self, effect: float) -> tuple[Array, NDArray[np.bool_]]: ...
    def power(self, effect: float) -> float: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Shifted:
    """A t test: an effect moves the estimate (R,) and leaves what it must exceed (R,)."""

    estimate: Array
    critical: Array
    n_clusters: int
    exact: bool

    @property
    def n(self) -> int:
        """Replicates."""
        return self.estimate.size

    @property
    def scale(self) -> float:
        """The spread of the estimates."""
        return float(np.nanstd(self.estimate))

    def at(self, effect: float) -> tuple[Array, NDArray[np.bool_]]:
        """Return the estimates (R,) under an effect, and which are significant."""
        estimate = self.estimate + effect
        return estimate, np.abs(estimate) >= self.critical

    def power(self, effect: float) -> float:
        """Return the share that is significant."""
        return float(self.at(effect)[1].mean())


@dataclass(frozen=True, slots=True, eq=False)
class _Bootstrapped:
    """A bootstrap: an effect moves the outcome, and every replicate is bootstrapped again with the same weights."""

    batches: Sequence[tuple[Replicates, Array]]
    method: str
    alpha: float
    exact: bool

    @property
    def n_clusters(self) -> int:
        """Clusters."""
        return self.batches[0][0].G

    @property
    def n(self) -> int:
        """Replicates."""
        return sum(reps.yy.size for reps, _ in self.batches)

    @property
    def scale(self) -> float:
        """The spread of the estimates."""
        return float(np.std(np.concatenate([reps.estimate for reps, _ in self.batches])))

    def at(self, effect: float) -> tuple[Array, NDArray[np.bool_]]:
        """Return the estimates (R,) under an effect, and which are significant."""
        said = [run_method(reps.shifted(effect), self.method, V) for reps, V in self.batches]
        pvalue = np.concatenate([outcome.pvalue for outcome in said])
        return np.concatenate([outcome.estimate for outcome in said]), pvalue <= self.alpha * (1 + 1e-12)

    def power(self, effect: float) -> float:
        """Return the share that is significant."""
        return float(self.at(effect)[1].mean())


def _drawn(source: Planned, asked: _Asked) -> _Draws:
    trial = Trial(0, source, (asked.method,), asked.seed, asked.weights)
    exact = isinstance(source, HistorySource) and source.n_assignments is not None
    batches = _every(trial) if exact else _sampled(trial, asked.replicates)
    G = batches[0][0].G
    if asked.method in WILD:
        smallest = trial.smallest_pvalue(asked.method, G)
        if smallest > asked.alpha:
            raise InputError(
                f"method {asked.method!r} cannot reject at {asked.alpha:g} with {G} clusters, where its smallest p-value is "
                f"{smallest:.3g}: use weights='webb', another method or more clusters."
            )
        return _Bootstrapped(batches, asked.method, asked.alpha, exact)
    said = [run_method(reps, asked.method, V) for reps, V in batches]
    dof = np.concatenate([outcome.dof for outcome in said])
    se = np.concatenate([outcome.se for outcome in said])
    return _Shifted(np.concatenate([o.estimate for o in said]), _quantile(dof, asked.alpha) * se, G, exact)


def _every(trial: Trial) -> list[tuple[Replicates, Array]]:
    reps = list(trial.source.every(BLOCK))  # type: ignore[attr-defined]
    return [(each, trial.bootstrap_weights(each.G)) for each in reps]


def _sampled(trial: Trial, replicates: int) -> list[tuple[Replicates, Array]]:
    return [
        (reps, trial.bootstrap_weights(reps.G, block))
        for block in range(-(-replicates // BLOCK))
        for reps in trial.batches(block)
    ]


def _detectable(draws: _Draws, asked: _Asked, target: float, sign: float) -> float:
    """Return the size of the effect at which the share of significant draws reaches the target."""
    found = _solve(lambda effect: draws.power(sign * effect), target, draws.scale)
    if np.isinf(found):
        most = draws.power(sign * draws.scale * 2.0**DOUBLINGS)
        raise NotIdentifiedError(
            f"No effect, however large, reaches power {target:g}: {asked.method} sees at most {100 * most:.3g} % of them "
            f"with {draws.n_clusters} clusters; use another method, or more clusters on each side."
        )
    return found


def _interval(draws: _Draws, asked: _Asked, mde: float) -> tuple[float, float]:
    """Return the effects at which the power is 1.96 Monte-Carlo errors below and above the target."""
    error = Z95 * _mc_error(asked.target, draws.n, exact=draws.exact)
    if error == 0.0:
        return mde, mde
    sign = float(np.sign(mde))
    ends = (max(asked.target - error, asked.target / 2.0), min(asked.target + error, (1.0 + asked.target) / 2.0))
    low, high = (_solve(lambda effect: draws.power(sign * effect), end, draws.scale) for end in ends)
    return sign * low, sign * high


def _solve(curve: Callable[[float], float], target: float, scale: float) -> float:
    """Return where a rising curve reaches the target, by doubling and bisection; inf where it does not."""
    low, high = 0.0, scale
    for _ in range(DOUBLINGS):
        if curve(high) >= target:
            break
        low, high = high, 2.0 * high
    else:
        return np.inf
    while high - low > PRECISION * high:
        middle = (low + high) / 2.0
        low, high = (low, middle) if curve(middle) >= target else (middle, high)
    return high


def _mc_error(p: float, R: int, *, exact: bool) -> float:
    return 0.0 if exact else float(np.sqrt(p * (1.0 - p) / R))


def _share(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else float("nan")


# --- the formula --------------------------------------------------------------------------------


def _design_effect(icc: float, sharing: float) -> float:
    return (1.0 - icc) + icc * sharing


def _quantile(dof: Any, alpha: float) -> Array:
    from scipy.special import ndtri, stdtrit

    nu = np.asarray(dof, dtype=float)
    infinite = np.isinf(nu)
    return np.asarray(np.where(infinite, ndtri(1.0 - alpha / 2.0), stdtrit(np.where(infinite, 1.0, nu), 1.0 - alpha / 2.0)))


def _t_power(ratio: float, dof: float, alpha: float) -> float:
    """Return P(|T| ≥ t) for T noncentral t around effect/se."""
    from scipy.special import nctdtr

    t = float(_quantile(dof, alpha))
    return float(1.0 - nctdtr(dof, abs(ratio), t) + nctdtr(dof, abs(ratio), -t))


def _closed_form(source: Planned, asked: _Asked, G: int) -> ClosedForm:
    facts = _of_fit(source) if isinstance(source, ModelSource) else _of_tables(source, asked.seed)
    return ClosedForm(dof=G - 1, alpha=asked.alpha, target=asked.target, **facts)


def _of_fit(source: ModelSource) -> dict[str, float]:
    told = diagnose(source.fit)
    size = float(np.sum(told.sizes.astype(float) ** 2)) / source.fit.N
    z = source.fit.W[source.param]
    return {
        "within": (1.0 - source.icc) * source.fit.rss / (source.fit.N - source.fit.K),
        "information": float(1.0 / (z @ z)),
        "sharing": 1.0 + float(told.column_icc[source.param]) * (size - 1.0),
        "icc": source.icc,
    } | _ends(told.icc)


def _of_tables(source: WorldSource | HistorySource, seed: int) -> dict[str, float]:
    """Average what the formula needs over tables of the source, clusters being where shocks are shared."""
    switches = isinstance(source.design, Switchback) and source.design.pattern == "random"
    shared = replace(source, level="unit" if switches else "cluster")
    rng = stream(seed, 0, 0, 0)
    first = shared.table(rng)
    tables = [first, *(shared.table(rng) for _ in range(min(TABLES, ROWS // first[0].size) - 1))]
    found, information, sharing = zip(*map(_of_table, tables), strict=True)
    pooled = _pooled(found)
    known = _planted_icc(source)
    icc = float(np.clip(np.nan_to_num(pooled.estimate), 0.0, MOST_ICC)) if known is None else known
    fixed = isinstance(source, WorldSource)
    return {
        "within": pooled.within if pooled.df_within else pooled.between,
        "information": float(1.0 / np.mean(1.0 / np.array(information))),
        "sharing": float(np.mean(sharing)),
        "icc": icc,
    } | ({"icc_low": icc, "icc_high": icc} if fixed else _ends(pooled))


def _of_table(table: Table) -> tuple[Icc, float, float]:
    """Return the analysis of variance of the outcome, ΣD² and κ, covariates taken out of both."""
    y, X, codes = table
    W, both = X[:, :-1], np.column_stack([y, X[:, -1]])
    left, D = (both - W @ np.linalg.lstsq(W, both, rcond=None)[0]).T
    sums = np.bincount(codes, D)
    information = float(D @ D)
    icc = anova(np.bincount(codes), np.bincount(codes, left), float(left @ left))
    return icc, information, float(sums @ sums) / information


def _pooled(found: Sequence[Icc]) -> Icc:
    between, within = (float(np.mean([getattr(icc, name) for icc in found])) for name in ("between", "within"))
    return replace(found[0], between=between, within=within)


def _planted_icc(source: WorldSource | HistorySource) -> float | None:
    """Return the ICC a world plants, where one number says it."""
    if not isinstance(source, WorldSource):
        return None
    correlation = source.world.truth().correlation
    return float(correlation[0]) if len(correlation) == 1 and not source.covariates else None


def _ends(icc: Icc) -> dict[str, float]:
    low, high = np.clip(np.nan_to_num(icc.conf_int()), 0.0, MOST_ICC).tolist()
    return {"icc_low": low, "icc_high": high}


# --- how many are needed ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Needed:
    """The fewest clusters, or windows, with which a planned effect is seen often enough."""

    source: Planned
    asked: _Asked
    effect: float

    @property
    def world(self) -> Any:
        """The world, where there is one whose size can be changed."""
        world = getattr(self.source, "world", None)
        return world if is_dataclass(world) and hasattr(world, "n_clusters") else None

    @property
    def simulates(self) -> bool:
        """Whether more or fewer clusters can be simulated."""
        return self.world is not None and not isinstance(getattr(self.world, "cluster_size", 1), tuple)

    def clusters(self, guess: int | None) -> int | None:
        """Return the fewest clusters, starting from a guess; whole strata at a time where there are several."""
        strata = getattr(self.world, "strata", 1)
        step = self.world.n_clusters // strata if strata > 1 else 1
        return _fewest(lambda n: self._seen(**_with_strata(n, step, strata)), step, guess or self.world.n_clusters)

    def windows(self) -> int | None:
        """Return the fewest windows of a switchback, whole blocks at a time."""
        design = getattr(self.source, "design", None)
        if not isinstance(design, Switchback) or self.world is None:
            return None
        return _fewest(lambda n: self._seen(windows=n), design.block, self.world.windows)

    def _seen(self, **size: int) -> bool:
        try:
            draws = _drawn(replace(self.source, world=replace(self.world, **size)), self.asked)  # type: ignore[call-arg]
        except InputError:  # too few for the design, or for the method to reject
            return False
        return draws.power(self.effect) >= self.asked.target


def _with_strata(n: int, step: int, strata: int) -> dict[str, int]:
    return {"n_clusters": n, "strata": n // step} if strata > 1 else {"n_clusters": n}


def _fewest(enough: Callable[[int], bool], step: int, guess: int, most: int = 64) -> int | None:
    """Return the fewest multiple of `step` that is enough, by doubling and bisection around a guess; None beyond reach."""
    start = max(-(-guess // step), 1)
    low, high = 0, start
    while not enough(high * step):
        low, high = high, 2 * high
        if high > most * start:
            return None
    while high - low > 1:
        middle = max((low + high) // 2, high - max(high // 8, 1)) if low == 0 else (low + high) // 2
        low, high = (low, middle) if enough(middle * step) else (middle, high)
    return high * step


def _clusters_by_formula(form: ClosedForm, G: int, mde: float, effect: float) -> int | None:
    """Return the fewest clusters like those at hand, the standard error being what explains the simulated mde."""
    se = mde / form.noncentrality

    def enough(n: int) -> bool:
        return n > 1 and _t_power(effect / (se * np.sqrt(G / n)), n - 1, form.alpha) >= form.target

    return _fewest(enough, 1, G, most=4096)


# --- refusals and words -------------------------------------------------------------------------


def _check_asked(effect: float | None, target: float, alpha: float, replicates: int) -> None:
    if not 0.0 < alpha < 1.0:
        raise InputError(f"alpha={alpha!r} is not the size of a test: pass a number between 0 and 1, such as 0.05.")
    if not alpha < target < 1.0:
        raise InputError(f"target={target!r} is not a power: pass a number between alpha={alpha:g} and 1, such as 0.8.")
    if effect is not None and (effect == 0 or not np.isfinite(effect)):
        raise InputError(f"effect={effect!r} cannot be planned for: pass the effect worth finding, on the outcome's scale.")
    if replicates < LEAST_REPLICATES:
        raise InputError(f"replicates={replicates} are too few for a power: ask for at least {LEAST_REPLICATES}.")


def _source(subject: Any, design: Design | None, level: str, covariates: tuple[str, ...]) -> Planned:
    if isinstance(subject, (WorldSource, HistorySource, ModelSource)):
        if design is not None:
            raise InputError("A source has its design already: leave the design out.")
        return subject
    if isinstance(subject, WorldLike):
        return WorldSource(subject, design, level, covariates)
    raise InputError(f"power takes a world or a source of replicates, not {type(subject).__name__}: pass World(...).")


def _notes(needed: _Needed, effect: float | None) -> tuple[str, ...]:
    if effect is None or needed.simulates:
        return ()
    return ("Clusters needed: by the formula, new clusters taken to be like these.",)


def _words(plan: PowerAnalysis) -> list[str]:
    form = plan.closed_form
    drawn = f"all {plan.replicates:,} assignments" if plan.exact else f"{plan.replicates:,} replicates"
    low, high = plan.mde_interval
    worst, best = form.power_interval(plan.effect)
    lines = [
        f"Power of {plan.method} with {plan.n_clusters} clusters at alpha {plan.alpha:g}, {drawn}",
        f"  smallest detectable effect {plan.mde:.4g} at power {plan.target:g}"
        + ("" if plan.exact else f" (Monte-Carlo 95 %: {low:.4g} to {high:.4g})"),
        f"  by formula {form.mde:.4g}, from {form.mde_interval[0]:.4g} to {form.mde_interval[1]:.4g} over the interval of "
        f"the ICC {form.icc:.4g} [{form.icc_low:.4g}, {form.icc_high:.4g}]; design effect {form.design_effect:.3g}",
        f"  at an effect of {plan.effect:.4g}: power {plan.effect_power:.3f} (formula {form.power(plan.effect):.3f}, "
        f"{worst:.3f} to {best:.3f}); a significant estimate has the wrong sign in {100 * plan.type_s:.2g} % and is "
        f"{plan.type_m:.3g} times too large on average",
    ]
    counted = {"clusters": plan.clusters_needed, "windows": plan.windows_needed}
    lines += [f"  {name} needed for that effect: {n}" for name, n in counted.items() if n is not None]
    lines += ["", "  effect      power    +/-     formula"]
    curve = plan.table()
    columns = (curve["effect"], curve["power"], curve["mc_error"], curve["closed_form"])
    lines += [f"  {e:<10.4g}{p:>7.3f}{m:>8.3f}{c:>9.3f}" for e, p, m, c in zip(*columns, strict=True)]
    return [*lines, *plan.notes]
