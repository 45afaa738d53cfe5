"""t and joint tests and intervals, from an estimate, a covariance and its degrees of freedom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from lyra.base.arrays import Array
from lyra.base.result import Contract
from lyra.base.text import listed
from lyra.data import check
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.dof import degrees_of_freedom, quadratic_forms
from lyra.robust.laws import law_name, t_interval, t_pvalue
from lyra.robust.sandwich import VARIANTS, is_rounding, scaled_covariance, small_sample, variant_named

__all__ = ["Inference", "WaldTest", "infer"]


SINGULAR = 1e-13  # the share of a restriction's variance below which the others explain all of it
JOINT = ("HTZ", "F", "chi2")


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class WaldTest(Contract):
    """A test of R β = r.

    Attributes
    ----------
    statistic : float
        The F-scaled statistic.
    pvalue : float
        P(F(df_num, df_denom) ≥ statistic) under the null.
    df_num, df_denom : float
        Degrees of freedom; df_denom is inf for the chi-square law.
    method : str
        "HTZ", "F" or "chi2".
    """

    statistic: float
    pvalue: float
    df_num: float
    df_denom: float
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        told = {"statistic": self.statistic, "p_value": self.p_value, "df_num": self.df_num, "df_denom": self.df_denom}
        return told | {"method": self.method}

    def explain(self) -> str:
        """Return in words the statistic, its law and what follows."""
        return f"{self._answer()}: a joint test of {self.df_num:g} restrictions by {self.method}."

    def _answer(self) -> str:
        on = (
            f"F({self.df_num:g}, {self.df_denom:.4g})"
            if np.isfinite(self.df_denom)
            else f"χ²({self.df_num:g})/{self.df_num:g}"
        )
        return f"{self.statistic:.4g} under {on}, p = {self.pvalue:.4g}"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Inference(Contract):
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
    def estimate(self) -> Array:
        """The same as `coef`."""
        return self.coef

    @property
    def std_error(self) -> Array:
        """The same as `se`."""
        return self.se

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

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return self.fit.N

    @property
    def n_clusters(self) -> int:
        """Clusters used."""
        return self.fit.G

    @property
    def dropped_rows(self) -> int:
        """Rows left out for a missing value or label."""
        return self.fit.moments.dropped_rows

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns left out as collinear."""
        return self.fit.dropped

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
        restrictions = _restrictions(R, self.names)
        q = restrictions.shape[0]
        if VARIANTS[self.variant].clustered and q > self.n_clusters - 1:
            raise InputError(
                f"{q} restrictions cannot be tested with {self.n_clusters} clusters: the rank of the covariance is at "
                f"most G-1 = {self.n_clusters - 1}; test fewer at once."
            )
        scaled = restrictions * self.fit.units
        size = np.abs(scaled).max(axis=1)
        gap, scaled = (restrictions @ self.coef - _values(r, q)) / size, scaled / size[:, None]
        used = scaled.any(axis=0)  # a coefficient that is NaN and not asked about does no harm
        lost = np.isnan(self.scaled[np.ix_(used, used)]).any()
        V = np.full((q, q), np.nan) if lost else VARIANTS[self.variant].function(self.fit, scaled)
        contrasts = scaled @ self.fit.directions
        if is_rounding(self.fit, self.variant, contrasts, np.diagonal(V)).any():
            _refuse_singular(q)
        return _tests()[self._joint_method(method)](self, contrasts, _quadratic(gap, V))

    def _joint_method(self, method: str | None) -> str:
        if method is None:
            if self.dof_rule == "normal":
                return "chi2"
            return "HTZ" if self.variant == "CV2" and self.dof_rule == "satterthwaite" else "F"
        method = check.one_of(method, JOINT, what="method")
        if method == "HTZ" and self.variant != "CV2":
            raise InputError(f"method='HTZ' is defined for CV2, not {self.variant}: fit CV2, or use method='F'.")
        return method

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
        columns = {
            key: list(value) if isinstance(value, list) else value.tolist() for key, value in self.tidy().items()
        }
        return columns | {
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
        heads = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")
        width = max(len(name) for name in (*self.names, "term"))
        lines = [f"{'term':<{width}}" + "".join(f"{head:>12}" for head in heads) + "  law"]
        for j, name in enumerate(self.names):
            cells = "".join(f"{float(np.asarray(columns[head])[j]):>12.5g}" for head in heads)
            lines.append(f"{name:<{width}}{cells}  {self.law(j)}")
        return "\n".join([*lines, _footer(self)])


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


# --- joint tests --------------------------------------------------------------------------------


def _restrictions(R: ArrayLike | str | Sequence[str], names: tuple[str, ...]) -> Array:
    wanted = [R] if isinstance(R, str) else R
    if isinstance(wanted, (list, tuple)) and wanted and all(isinstance(name, str) for name in wanted):
        matrix = np.eye(len(names))[[check.position(str(name), names, what="R") for name in wanted]]
    else:
        matrix = np.atleast_2d(check.as_numbers(R, what="R"))
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise InputError(
            f"R has shape {matrix.shape} and there are {len(names)} coefficients: pass one row a restriction and one "
            "column a coefficient."
        )
    if matrix.shape[0] == 0:
        raise InputError("R has no rows: pass at least one restriction.")
    if np.linalg.matrix_rank(matrix) < matrix.shape[0]:
        raise InputError(
            f"The {matrix.shape[0]} rows of R are not independent: leave out the restriction that repeats."
        )
    return matrix


def _values(r: ArrayLike, q: int) -> Array:
    values = check.as_numbers(r, what="r")
    if values.shape not in {(), (q,)}:
        raise InputError(f"r has shape {values.shape} and R has {q} rows: pass one value a restriction.")
    return np.broadcast_to(values, q)


def _quadratic(gap: Array, V: Array) -> float:
    """Return gap' V⁻¹ gap, or NaN where V is not computable."""
    if np.isnan(V).any():
        return np.nan
    scale = np.sqrt(np.maximum(np.diagonal(V), np.finfo(float).tiny))
    correlation = V / np.outer(scale, scale)
    if np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        _refuse_singular(gap.size)
    return float(gap / scale @ np.linalg.solve(correlation, gap / scale))


def _refuse_singular(q: int) -> NoReturn:
    raise NotIdentifiedError(
        f"The covariance of the {q} restrictions is singular: the scores of the clusters vary in fewer directions; "
        "test fewer at once."
    )


def _htz(res: Inference, Z: Array, Q: float) -> WaldTest:
    """(η − q + 1)/(ηq) Q ~ F(q, η − q + 1), η matched to the covariance's moments under Var(u) = σ²I."""
    from scipy.special import fdtrc

    q = Z.shape[0]
    omega = quadratic_forms(res.fit, Z, -0.5).expectation
    values, vectors = np.linalg.eigh(omega)
    rotated = (vectors / np.sqrt(values)) @ vectors.T @ Z
    eta = q * (q + 1) / quadratic_forms(res.fit, rotated, -0.5).variation
    df = eta - q + 1.0
    if df <= 0:
        return WaldTest(statistic=np.nan, pvalue=np.nan, df_num=float(q), df_denom=df, method="HTZ")
    F = df / (eta * q) * Q
    return WaldTest(statistic=F, pvalue=float(fdtrc(q, df, F)), df_num=float(q), df_denom=df, method="HTZ")


def _f(res: Inference, Z: Array, Q: float) -> WaldTest:
    """Q/q ~ F(q, dof), dof the law of the fit: G − 1 for cluster variants, N − K else."""
    from scipy.special import fdtrc

    q = Z.shape[0]
    df = float(res.fit.G - 1 if VARIANTS[res.variant].clustered and res.dof_rule != "N-K" else res.fit.N - res.fit.K)
    return WaldTest(statistic=Q / q, pvalue=float(fdtrc(q, df, Q / q)), df_num=float(q), df_denom=df, method="F")


def _chi2(_: Inference, Z: Array, Q: float) -> WaldTest:
    """Q ~ χ²(q)."""
    from scipy.special import chdtrc

    q = Z.shape[0]
    return WaldTest(statistic=Q / q, pvalue=float(chdtrc(q, Q)), df_num=float(q), df_denom=np.inf, method="chi2")


def _tests() -> dict[str, Callable[[Inference, Array, float], WaldTest]]:
    return {"HTZ": _htz, "F": _f, "chi2": _chi2}


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
