"""Power by a formula: the standard error of a clustered experiment from its design effect."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lyra.base.result import Told
from lyra.base.search import rises_to
from lyra.robust.laws import critical_value
from lyra.simulation.source import Source

__all__ = ["ClosedForm", "closed_form", "t_power"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClosedForm(Told):
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
    0.0620 0.177 0.89
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
        return rises_to(self.target, lambda ratio: t_power(ratio, self.dof, self.alpha), scale=1.0)

    def se_at(self, icc: float) -> float:
        """Return the standard error at another ρ."""
        variance = self.within / (1.0 - icc) * _design_effect(icc, self.sharing) / self.information
        return float(np.sqrt(variance))

    def power(self, effect: float) -> float:
        """Return the power at an effect."""
        return t_power(effect / self.se, self.dof, self.alpha)

    def power_interval(self, effect: float) -> tuple[float, float]:
        """Return the power at both ends of the interval of ρ, the smaller first."""
        worst, best = (t_power(effect / self.se_at(icc), self.dof, self.alpha) for icc in (self.icc_high, self.icc_low))
        return worst, best

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        derived = ("design_effect", "se", "mde", "mde_interval")
        return asdict(self) | {name: getattr(self, name) for name in derived}

    def explain(self) -> str:
        """Return in words what effect the formula sees, and what makes its standard error."""
        low, high = self.mde_interval
        ends = f"{low:.4g} to {high:.4g} over the interval of the intraclass correlation"
        return f"By the formula {self._answer()} at a level of {self.alpha:g}, {ends}."

    def _answer(self) -> str:
        error = f"SE {self.se:.4g}, design effect {self.design_effect:.4g} at ICC {self.icc:.4g}"
        return f"{self.mde:.4g} is seen with power {self.target:g} ({error})"


def _design_effect(icc: float, sharing: float) -> float:
    return (1.0 - icc) + icc * sharing


def t_power(ratio: float, dof: float, alpha: float) -> float:
    """Return P(|T| ≥ t) for T noncentral t around effect/se."""
    from scipy.special import nctdtr

    t = float(critical_value(dof, alpha))
    return float(1.0 - nctdtr(dof, abs(ratio), t) + nctdtr(dof, abs(ratio), -t))


def closed_form(source: Source, *, n_clusters: int, alpha: float, target: float, seed: int) -> ClosedForm:
    """Return the formula for a source, its variance and intraclass correlation as the source tells them."""
    spread = source.spread(seed)
    return ClosedForm(dof=n_clusters - 1, alpha=alpha, target=target, **asdict(spread))
