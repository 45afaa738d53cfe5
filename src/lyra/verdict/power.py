"""What effect a design and a method can see: the power curve, the smallest detectable effect, and what is needed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.result import Told
from lyra.base.text import laid_out
from lyra.errors import InputError
from lyra.robust.exact.calibrated import CALIBRATED
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.setting import DrawnFrom
from lyra.verdict.closed_form import ClosedForm, closed_form
from lyra.verdict.detection import Draws, detectable, drawn, interval, mc_error
from lyra.verdict.exact_detection import ExactDraws, has_exact_power, seen_exactly
from lyra.verdict.needed import Needed, by_formula
from lyra.verdict.wanted import Wanted

__all__ = ["PowerAnalysis", "analyse"]

CURVE = np.linspace(0.0, 2.0, 11)  # multiples of the smallest detectable effect
TOLERATED = 1.25


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PowerAnalysis(Told):
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
        Its 95 % interval: of Monte-Carlo error, or where all assignments were enumerated of the outcome, which is one
        of many, by the chi-square law of a spread between so many clusters. Where power is an integral, the same root
        at both ends of the 95 % interval of the intraclass correlation.
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
        Whether all assignments of the design were enumerated, or power is an integral.
    integral : bool
        Whether power is an integral; the replicates then stand behind `type_s` and `type_m` alone.
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
    integral: bool = False
    notes: tuple[str, ...] = ()

    @property
    def mc_error(self) -> tuple[float, ...]:
        """Monte-Carlo standard errors of `power`, √(p(1 − p)/R); nil when enumerated."""
        return tuple(mc_error(p, self.replicates, exact=self.exact) for p in self.power)

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
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        return told | {"closed_form": self.closed_form.to_dict(), "mc_error": self.mc_error}

    def _answer(self) -> str:
        seen = f"{self.mde:.4g} is seen with power {self.target:g}"
        return f"{self.method}, {self.n_clusters} clusters: {seen}; {self.effect:.4g} with {self.effect_power:.3f}"

    def explain(self) -> str:
        """Return in words what effect is seen how often, and how sure that is."""
        return "\n".join(_words(self))


def analyse(source: DrawnFrom, wanted: Wanted) -> PowerAnalysis:
    """Return what the test wanted sees of the replicates of a source, under one effect after another."""
    draws = _seen(source, wanted)
    mde = detectable(draws, wanted)
    effect = mde if wanted.effect is None else float(wanted.effect)
    form = closed_form(source, n_clusters=draws.n_clusters, alpha=wanted.alpha, target=wanted.target, seed=wanted.seed)
    estimate, seen = draws.at(effect)
    needed = None if wanted.effect is None else Needed(source, wanted, effect, by_formula(form, draws, mde, effect))
    return PowerAnalysis(
        method=wanted.method,
        n_clusters=draws.n_clusters,
        effects=tuple((CURVE * mde).tolist()),
        power=tuple(draws.power(step * mde) for step in CURVE.tolist()),
        mde=mde,
        mde_interval=_ends(draws, form, wanted, mde),
        effect=effect,
        effect_power=draws.power(effect),
        type_s=_mean(np.sign(estimate[seen]) != np.sign(effect)),
        type_m=_mean(np.abs(estimate[seen] / effect)),
        clusters_needed=needed.clusters() if needed else None,
        windows_needed=needed.windows() if needed else None,
        closed_form=form,
        target=wanted.target,
        alpha=wanted.alpha,
        replicates=draws.n,
        exact=draws.exact,
        integral=isinstance(draws, ExactDraws),
        notes=(*_flagging(source, draws, wanted), *(needed.notes if needed else ())),
    )


def _seen(source: DrawnFrom, wanted: Wanted) -> Draws:
    """Return what the test wanted sees: by an integral where there is one, else of replicates."""
    if isinstance(source, ModelSource) and has_exact_power(source, wanted.method):
        return seen_exactly(source, wanted)
    if wanted.method in CALIBRATED:
        raise InputError(
            f"method {wanted.method!r} is calibrated on columns and clusters, and here they are drawn: pass a fit of "
            "the design, or a line that is not calibrated."
        )
    return drawn(source, wanted)


def _ends(draws: Draws, form: ClosedForm, wanted: Wanted, mde: float) -> tuple[float, float]:
    """Return the interval of the smallest detectable effect: of the correlation, or of the replicates."""
    if not isinstance(draws, ExactDraws):
        return interval(draws, mde, wanted.target)
    if form.icc_low >= form.icc_high:
        return mde, mde
    low, high = (detectable(draws.at_correlation(icc), wanted) for icc in (form.icc_low, form.icc_high))
    return low, high


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _flagging(source: DrawnFrom, draws: Draws, wanted: Wanted) -> tuple[str, ...]:
    """Return a note where the method flags a true null too often: its power is then worth nothing."""
    size = draws.power(0.0)
    if isinstance(draws, ExactDraws):
        comparable = size <= TOLERATED * wanted.alpha
        told = f"{wanted.method} rejects a true null {100 * size:.3g} % of the time here: its power is not comparable."
        return () if comparable else (told,)
    if size - 3.0 * mc_error(wanted.alpha, draws.n, exact=draws.exact) <= TOLERATED * wanted.alpha:
        return ()
    finer = " (its clusters are finer than what the design randomises)" if getattr(source, "too_fine", 0) else ""
    return (f"{wanted.method} flags {100 * size:.3g} % of true nulls here{finer}: certify before you plan with it.",)


# --- in words -----------------------------------------------------------------------------------


def _words(plan: PowerAnalysis) -> list[str]:
    form = plan.closed_form
    low, high = plan.mde_interval
    over = "for this outcome; 95 % over outcomes like it" if plan.exact else "Monte-Carlo 95 %"
    error = f" ({over}: {low:.4g} to {high:.4g})"
    if plan.integral:
        error = f" ({low:.4g} to {high:.4g} over the ICC's interval)" if low != high else ""
    wrong = f"{100 * plan.type_s:.2g} % of cases and exaggerates the effect {plan.type_m:.3g} times"
    return [
        f"Power of {plan.method} with {plan.n_clusters} clusters at alpha {plan.alpha:g}, {_source(plan)}",
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


def _source(plan: PowerAnalysis) -> str:
    if plan.integral:
        return "by an exact integral"
    return f"all {plan.replicates:,} assignments" if plan.exact else f"{plan.replicates:,} replicates"


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
    rows = [(f"  {e:.4g}", f"{p:.3f}", f"{m:.3f}", f"{c:.3f}") for e, p, m, c in zip(*columns, strict=True)]
    return laid_out(("<12", ">7", ">8", ">9"), ("  effect", "power", "+/-", "formula"), rows)
