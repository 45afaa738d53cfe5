"""A fitted design and a line → its power under any effect, by one integral and without replicates.

For the analytic lines, and for those with a calibrated critical value, power is exact under the fit's random intercept.
What is left to draws is what significant estimates look like: they are drawn as z₀ and the z_g of the statistic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lyra.base.arrays import Array
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.critical_value import calibrated
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.most_powerful import advised
from lyra.robust.exact.power import power
from lyra.robust.exact.statistic import STATISTICS, Statistic, statistic
from lyra.robust.exact.worlds import Intercept
from lyra.robust.laws import critical_value
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.setting import DrawnFrom
from lyra.verdict.detection import FINE, Draws, Seen
from lyra.verdict.wanted import Wanted

__all__ = ["ExactDraws", "advised_line", "has_exact_power", "seen_exactly"]

NUMBERS = 2**22  # drawn at a time


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ExactDraws(Draws):
    """A line whose power is an integral; `at` draws estimates, for what the significant among them look like.

    Attributes
    ----------
    line : _Line
        The statistic, its critical value and the fitted design.
    icc : float
        The intraclass correlation.
    """

    line: _Line
    icc: float

    def power(self, effect: float) -> float:
        """Return the probability that an effect is significant."""
        return self.line.power(self.icc, effect)

    def at_correlation(self, icc: float) -> ExactDraws:
        """Return the same line at another intraclass correlation, the variance within clusters held."""
        return replace(self, icc=icc, scale=self.line.sd(icc))


def has_exact_power(source: DrawnFrom, method: str) -> bool:
    """Return whether power is an integral: an analytic line, or a calibrated one, of a fitted design."""
    return isinstance(source, ModelSource) and method.removesuffix("*") in STATISTICS


def advised_line(source: DrawnFrom, alpha: float) -> str | None:
    """Return the calibrated line with the most power on a fitted design; None where there is no such design."""
    if not isinstance(source, ModelSource):
        return None
    return f"{advised(source.fit, source.param, Family(), alpha=alpha).name}*"


def seen_exactly(source: ModelSource, wanted: Wanted) -> ExactDraws:
    """Return what a line sees of a fitted design."""
    line = _line(source, wanted.method, wanted.alpha)
    return ExactDraws(
        at=_drawn(line, source.icc, wanted),
        n=wanted.replicates,
        n_clusters=source.fit.G,
        exact=True,
        scale=line.sd(source.icc),
        precision=FINE,
        line=line,
        icc=source.icc,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Line:
    """A statistic of a fitted design with its critical value; `within` is the variance within clusters."""

    about: Coefficient
    test: Statistic
    critical: float
    within: float

    def sd(self, icc: float) -> float:
        """Return the standard deviation of the estimate."""
        W = Intercept(icc).covariances(self.about).sum(axis=0)
        return float(self.about.scale * np.sqrt(self.within / (1.0 - icc) * (self.test.a0 @ W @ self.test.a0)))

    def power(self, icc: float, effect: float) -> float:
        """Return P(|t| > c) when the coefficient is the effect."""
        made = forms(self.test, self.about, [Intercept(icc)])
        return float(power(made, self.critical, effect / self.sd(icc))[0])


def _line(source: ModelSource, method: str, alpha: float) -> _Line:
    fit, about = source.fit, Coefficient.of(source.fit, source.param)
    name = method.removesuffix("*")
    test = statistic(fit, about, name)
    if method == name:
        critical = float(critical_value(degrees_of_freedom(fit, name, None)[0][source.param], alpha))
    else:
        critical = calibrated(test, about, Family()).critical_value(alpha).value
    return _Line(about=about, test=test, critical=critical, within=(1.0 - source.icc) * fit.rss / (fit.N - fit.K))


def _drawn(line: _Line, icc: float, wanted: Wanted) -> Seen:
    """Return estimates and which are significant, of data sets that are drawn when they are first asked for."""

    @lru_cache(maxsize=1)
    def sums() -> tuple[Array, Array, Array]:
        return _sums(line, icc, wanted)

    def at(effect: float) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        z0, squares, crossed = sums()
        unit = line.sd(icc)
        shifted = squares + (effect / unit) * (2.0 * crossed + (effect / unit) * line.test.shift @ line.test.shift)
        far = np.abs(z0 + effect / unit) > line.critical * np.sqrt(line.test.factor * shifted)
        return unit * z0 + effect, far

    return at


def _sums(line: _Line, icc: float, wanted: Wanted) -> tuple[Array, Array, Array]:
    """Return z₀, Σ z_g² and Σ z_g shift_g of data sets without an effect, in standard deviations of the estimate."""
    test, W = line.test, Intercept(icc).covariances(line.about)
    W = W / (test.a0 @ W.sum(axis=0) @ test.a0)
    values, vectors = np.linalg.eigh(W)
    root = np.sqrt(np.maximum(values, 0.0))[:, :, None] * vectors.swapaxes(1, 2)
    rng = np.random.default_rng(np.random.SeedSequence(wanted.seed))
    step = max(1, NUMBERS // test.omega.size)
    parts = []
    for start in range(0, wanted.replicates, step):
        n = min(step, wanted.replicates - start)
        c = (rng.standard_normal((len(W), n, W.shape[1])) @ root).swapaxes(0, 1)
        total = c.sum(axis=1)
        z = np.einsum("ngk,gk->ng", c, test.omega) - total @ test.a.T
        z = z - z.mean(axis=1, keepdims=True) if test.centred else z
        parts.append((total @ test.a0, np.einsum("ng,ng->n", z, z), z @ test.shift))
    z0, squares, crossed = (np.concatenate(part) for part in zip(*parts, strict=True))
    return z0, squares, crossed
