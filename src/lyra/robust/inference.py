"""t tests and intervals from an estimate, a covariance and its degrees of freedom, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lyra.base.arrays import Array
from lyra.base.result import HEADS, Estimated, plain
from lyra.base.text import laid_out, listed
from lyra.data import check
from lyra.regression.least_squares import Fit
from lyra.regression.of_fit import OfFit
from lyra.robust.covariance import scaled_covariance
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.joint import WaldTest, wald_test
from lyra.robust.laws import law_name, t_interval, t_pvalue
from lyra.robust.sandwich import VARIANTS, small_sample, variant_named

__all__ = ["Inference", "WaldTest", "infer"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Inference(OfFit, Estimated):
    """Estimates with one covariance and one law: what `cluster_robust` and `Regression.robust` return.

    Attributes
    ----------
    names : tuple of str
        The K coefficients.
    coef, se, statistic, pvalue : ndarray (K,)
        Estimate, standard error, t = coef/se, and the two-sided p-value of coef = 0 under t(dof).
    vcov : ndarray (K, K)
        Covariance of the estimates, with the variant's factor.
    dof : ndarray (K,)
        Degrees of freedom; inf for the normal.
    variant, dof_rule : str
        Which covariance, and which rule gave the degrees of freedom.
    n_rows, n_clusters, dropped_rows : int
        Rows and clusters used, and rows left out for a missing value.
    dropped : tuple of str
        Columns left out as collinear.
    """

    names: tuple[str, ...]
    coef: Array
    scaled: Array = field(repr=False)  # (K, K): vcov in units whose squares leave no double
    dof: Array
    variant: str
    dof_rule: str
    fit: Fit = field(repr=False)
    chosen: bool = False  # whether the rule was asked for, or is the variant's own

    @property
    def term(self) -> tuple[str, ...]:
        """The same as `names`."""
        return self.names

    @property
    def se(self) -> Array:
        """Standard errors (K,)."""
        return np.asarray(self.fit.units * np.sqrt(np.maximum(np.diagonal(self.scaled), 0.0)))

    @property
    def vcov(self) -> Array:
        """Covariance of the estimates (K, K); an entry beyond a double is infinite or zero, its se is not."""
        units = self.fit.units
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(self.scaled * units[:, None] * units)

    @property
    def statistic(self) -> Array:
        """coef / se (K,)."""
        return np.asarray(self.coef / self.se)

    @property
    def pvalue(self) -> Array:
        """Two-sided p-values (K,) of coef = 0."""
        return t_pvalue(self.statistic, self.dof)

    def law(self, param: str | int) -> str:
        """Return the law of one coefficient's t statistic in words."""
        return law_name(self.dof_rule, float(self.dof[check.position(param, self.names)]))

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the intervals (K, 2) that hold every value the t-test does not reject."""
        return t_interval(self.coef, self.se, self.dof, level)

    def wald(self, R: ArrayLike | str | Sequence[str], r: ArrayLike = 0.0, *, method: str | None = None) -> WaldTest:
        """Test R β = r jointly.

        Parameters
        ----------
        R : array (q, K), or one name or several
            Each row one restriction; names test those coefficients.
        r : float or array (q,)
            The values under the null.
        method : {"HTZ", "F", "chi2"}, optional
            Left out: HTZ [1]_ for CV2 with Satterthwaite's law, chi2 with dof="normal", else F(q, dof).

        Raises
        ------
        InputError
            R has other columns, is rank deficient, or asks more restrictions than G − 1; r has another length.
        NotIdentifiedError
            The covariance of R β̂ is singular.

        References
        ----------
        .. [1] Pustejovsky and Tipton (2018), JBES 36, 672-683.
        """
        return wald_test(self, R, r, method)

    def tidy(self) -> dict[str, Array | list[str]]:
        """Return columns term, estimate, std_error, statistic, p_value, conf_low, conf_high, dof."""
        low, high = self.conf_int().T
        return {
            "term": list(self.names),
            "estimate": self.coef,
            "std_error": self.se,
            "statistic": self.statistic,
            "p_value": self.pvalue,
            "conf_low": low,
            "conf_high": high,
            "dof": self.dof,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, ready for JSON."""
        return plain(self.tidy()) | {
            "vcov": self.vcov.tolist(),
            "variant": self.variant,
            "dof_rule": self.dof_rule,
            "n_rows": self.n_rows,
            "n_clusters": self.n_clusters,
            "dropped_rows": self.dropped_rows,
            "dropped": list(self.dropped),
        }

    def explain(self) -> str:
        """Return in words the formula, its factor, the law and every choice made along the way."""
        return "\n".join(_explained(self))

    def _answer(self) -> str:
        told = zip(self.names, self.coef, self.se, self.pvalue, strict=True)
        lines = (f"{name} {coef:.4g}, SE {se:.4g}, p = {p:.3g}" for name, coef, se, p in told)
        return f"{self.variant}, {self.n_clusters} clusters: " + "; ".join(lines)

    def __str__(self) -> str:
        columns = self.tidy()
        layout = (f"<{max(map(len, (*self.names, 'term')))}", *[">12"] * len(HEADS), "")
        rows = [
            (name, *(f"{float(np.asarray(columns[head])[j]):.5g}" for head in HEADS), f"  {self.law(j)}")
            for j, name in enumerate(self.names)
        ]
        return "\n".join([*laid_out(layout, ("term", *HEADS, "  law"), rows), _footer(self)])


def infer(fit: Fit, *, variant: str = "CV1", dof: str | None = None, about: Sequence[int] | None = None) -> Inference:
    """Return the inference of a fit under one covariance and one law: the step every front door ends in.

    Warnings speak of the coefficients at the positions `about`; left out, of all.
    """
    variant = variant_named(variant)
    scaled = scaled_covariance(fit, variant, about)
    nu, rule = degrees_of_freedom(fit, variant, dof)
    nu = np.where(np.isnan(np.diagonal(scaled)), np.nan, nu)
    return Inference(
        names=fit.names,
        coef=fit.coef,
        scaled=scaled,
        dof=nu,
        variant=variant,
        dof_rule=rule,
        fit=fit,
        chosen=dof is not None,
    )


# --- words --------------------------------------------------------------------------------------


def _footer(res: Inference) -> str:
    clusters = f"{res.n_rows} rows, {res.n_clusters} clusters"
    return f"{res.variant}: {VARIANTS[res.variant].formula}; {clusters}; law {_rule(res)}"


def _rule(res: Inference) -> str:
    return {
        "satterthwaite": "t with Satterthwaite degrees of freedom, one a coefficient",
        "G-1": f"t(G-1) = t({res.n_clusters - 1})",
        "N-K": f"t(N-K) = t({res.n_rows - len(res.names)})",
        "normal": "standard normal",
    }[res.dof_rule]


def _explained(res: Inference) -> list[str]:
    fit, m = res.fit, res.fit.moments
    G, N, K = res.n_clusters, res.n_rows, len(res.names)
    lines = [f"{res.variant} = {VARIANTS[res.variant].formula}"]
    factor = 1.0 if res.variant == "iid" else small_sample(fit, res.variant)
    lines.append(f"factor in front: {factor:.10g}")
    lines.append(f"law: {_rule(res)} ({'as asked' if res.chosen else 'the default for ' + res.variant})")
    lines.append(f"G = {G} clusters, N = {N} rows, K = {K} coefficients")
    if m.dropped_rows:
        lines.append(f"{m.dropped_rows} rows were left out: a value or a cluster label was missing")
    if fit.dropped:
        lines.append(f"left out as collinear, not counted in K: {', '.join(fit.dropped)}")
    if G == N:
        lines.append("every cluster is one row: CV0, CV1, CV2 equal HC0, HC1, HC2, and CV3 G/(G-1) equals HC3")
    if np.isnan(res.vcov).any():
        gone = np.flatnonzero(np.isnan(np.diagonal(res.vcov)))
        lines.append(f"not computable (NaN): {listed((res.names[j] for j in gone), len(res.names))}")
    if not np.array_equal(m.T_inverse, np.eye(m.K)) or m.a.any():
        lines.append("computed in shifted or orthogonalised columns and carried back: the sums kept every digit")
    return lines
