"""One set of replicates of a true null -> what a method sees of any effect.

Adding an effect to the treated moves each estimate by that effect and leaves its residuals alone, so one set of draws
gives the whole curve, and the smallest detectable effect is the point where that curve crosses the target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.base.search import rises_to
from lyra.errors import InputError, NotIdentifiedError
from lyra.robust.laws import critical_value
from lyra.robust.methods import METHODS, run_method
from lyra.robust.replicates import Replicates
from lyra.simulation.from_history import HistorySource
from lyra.simulation.setting import DrawnFrom
from lyra.trials.trial import BLOCK, Trial
from lyra.verdict.wanted import Wanted

__all__ = ["Draws", "detectable", "drawn", "interval", "mc_error"]

FINE, ROUGH = 1e-9, 1e-3  # to which an effect is solved for, where it costs nothing and where it costs a bootstrap
ENORMOUS = 1e6  # spreads of the estimate
Z95 = 1.959963984540054


Batches = Sequence[tuple[Replicates, Array]]
Seen = Callable[[float], tuple[Array, Bools]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Draws:
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


def drawn(source: DrawnFrom, wanted: Wanted) -> Draws:
    """Return the replicates of a source as the test wanted sees them; all assignments of the design, when few."""
    trial = Trial(cell=0, source=source, methods=(wanted.method,), seed=wanted.seed, weights=wanted.weights)
    exact = isinstance(source, HistorySource) and source.n_assignments is not None
    batches = _every(trial) if exact else _sampled(trial, wanted.replicates)
    G, draws = batches[0][0].G, METHODS[wanted.method].draws is not None
    if draws:
        _check_can_reject(trial, wanted, G)
    at = _bootstrapped(batches, wanted) if draws else _shifted(batches, wanted)
    estimate = at(0.0)[0]
    precision = ROUGH if draws else FINE
    return Draws(
        at=at, n=estimate.size, n_clusters=G, exact=exact, scale=float(np.nanstd(estimate)), precision=precision
    )


def _every(trial: Trial) -> Batches:
    reps = list(trial.source.every(BLOCK))  # type: ignore[attr-defined]
    return [(each, trial.bootstrap_weights(each.G)) for each in reps]


def _sampled(trial: Trial, replicates: int) -> Batches:
    blocks = range(-(-replicates // BLOCK))
    return [(reps, trial.bootstrap_weights(reps.G, block)) for block in blocks for reps in trial.batches(block)]


def _shifted(batches: Batches, wanted: Wanted) -> Seen:
    """Return what a t test sees: an effect moves the estimate and leaves what it must exceed."""
    said = [run_method(reps, wanted.method, V) for reps, V in batches]
    estimate, se, dof = (np.concatenate([getattr(o, name) for o in said]) for name in ("estimate", "se", "dof"))
    critical = critical_value(dof, wanted.alpha) * se

    def at(effect: float) -> tuple[Array, Bools]:
        return estimate + effect, np.abs(estimate + effect) >= critical

    return at


def _bootstrapped(batches: Batches, wanted: Wanted) -> Seen:
    """Return what a bootstrap sees: an effect moves the outcome, and the same weights are drawn for it again."""

    def at(effect: float) -> tuple[Array, Bools]:
        said = [run_method(reps.shifted(effect), wanted.method, V) for reps, V in batches]
        estimate, pvalue = (np.concatenate([getattr(o, name) for o in said]) for name in ("estimate", "pvalue"))
        return estimate, pvalue <= wanted.alpha * (1 + 1e-12)

    return at


def detectable(draws: Draws, wanted: Wanted) -> float:
    """Return the effect, of the sign planned, at which the share of significant draws reaches the target."""
    found = _reached(draws, wanted.target, wanted.sign)
    if np.isinf(found):
        most = draws.power(wanted.sign * draws.scale * ENORMOUS)
        raise NotIdentifiedError(
            f"No effect, however large, reaches power {wanted.target:g}: {wanted.method} sees {100 * most:.3g} % of "
            f"enormous ones with {draws.n_clusters} clusters; use another method, or more clusters on each side."
        )
    return wanted.sign * found


def _reached(draws: Draws, target: float, sign: float) -> float:
    """Return the size of the effect at which the share of significant draws reaches a target."""
    return rises_to(target, lambda size: draws.power(sign * size), scale=draws.scale, precision=draws.precision)


def interval(draws: Draws, mde: float, target: float) -> tuple[float, float]:
    """Return the effects at which the power is 1.96 Monte-Carlo errors below and above the target.

    Where all assignments were tried nothing is left to chance but the outcome itself, which is one of many: the
    interval is then that of its spread between the clusters, a chi-square on G − 1 degrees of freedom.
    """
    if draws.exact:
        return _over_outcomes(mde, draws.n_clusters - 1)
    error, sign = Z95 * mc_error(target, draws.n, exact=False), float(np.sign(mde))
    ends = max(target - error, target / 2.0), min(target + error, (1.0 + target) / 2.0)
    low, high = (_reached(draws, end, sign) for end in ends)
    return sign * low, sign * high


def _over_outcomes(mde: float, dof: int) -> tuple[float, float]:
    """Return the 95 % interval of an effect that is proportional to a standard deviation estimated on `dof`."""
    from scipy.special import chdtri

    low, high = (mde * float(np.sqrt(dof / chdtri(dof, share))) for share in (0.025, 0.975))
    return low, high


def mc_error(p: float, R: int, *, exact: bool) -> float:
    """Return the Monte-Carlo standard error √(p(1 − p)/R) of a share; nil when all was enumerated."""
    return 0.0 if exact else float(np.sqrt(p * (1.0 - p) / R))


def _check_can_reject(trial: Trial, wanted: Wanted, G: int) -> None:
    smallest = trial.smallest_pvalue(wanted.method, G)
    if smallest > wanted.alpha:
        raise InputError(
            f"method {wanted.method!r} cannot reject at {wanted.alpha:g} with {G} clusters, where its smallest p-value "
            f"is {smallest:.3g}: use weights='webb', another method or more clusters."
        )
