"""Joint tests of R β = r: the covariance of the restrictions, and the law of its quadratic form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import ArrayLike

from lyra.base.arrays import Array
from lyra.base.result import Contract
from lyra.data import check
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.covariance import is_rounding
from lyra.robust.dof import quadratic_forms
from lyra.robust.sandwich import VARIANTS, small_sample

__all__ = ["Line", "WaldTest", "wald_test"]


SINGULAR = 1e-13  # the share of a restriction's variance below which the others explain all of it
JOINT = ("HTZ", "F", "chi2")


class Line(Protocol):
    """An estimate with one covariance and one law: an `Inference`."""

    @property
    def fit(self) -> Fit:
        """What was fitted."""

    @property
    def coef(self) -> Array:
        """The coefficients (K,)."""

    @property
    def scaled(self) -> Array:
        """Their covariance over the fit's units (K, K)."""

    @property
    def variant(self) -> str:
        """Which covariance."""

    @property
    def dof_rule(self) -> str:
        """Which rule gave the degrees of freedom."""


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


def wald_test(line: Line, R: ArrayLike | str | Sequence[str], r: ArrayLike, method: str | None) -> WaldTest:
    """Return the test of R β = r, as `Inference.wald` explains it."""
    fit, restrictions = line.fit, _restrictions(R, line.fit.names)
    q = restrictions.shape[0]
    if VARIANTS[line.variant].clustered and q > fit.G - 1:
        raise InputError(
            f"{q} restrictions cannot be tested with {fit.G} clusters: the rank of the covariance is at most "
            f"G-1 = {fit.G - 1}; test fewer at once."
        )
    scaled = restrictions * fit.units
    size = np.abs(scaled).max(axis=1)
    gap, scaled = (restrictions @ line.coef - _values(r, q)) / size, scaled / size[:, None]
    used = scaled.any(axis=0)  # a coefficient that is NaN and not asked about does no harm
    lost = np.isnan(line.scaled[np.ix_(used, used)]).any()
    V = np.full((q, q), np.nan) if lost else _covariance_of(fit, line.variant, scaled)
    contrasts = scaled @ fit.directions
    if is_rounding(fit, line.variant, contrasts, np.diagonal(V)).any():
        _refuse_singular(q)
    return _tests()[_method(line, method)](line, contrasts, _quadratic(gap, V))


def _covariance_of(fit: Fit, variant: str, R: Array) -> Array:
    return VARIANTS[variant].function(fit, R) * small_sample(fit, variant)


def _method(line: Line, method: str | None) -> str:
    if method is None:
        if line.dof_rule == "normal":
            return "chi2"
        return "HTZ" if line.variant == "CV2" and line.dof_rule == "satterthwaite" else "F"
    method = check.one_of(method, JOINT, what="method")
    if method == "HTZ" and line.variant != "CV2":
        raise InputError(f"method='HTZ' is defined for CV2, not {line.variant}: fit CV2, or use method='F'.")
    return method


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


def _htz(line: Line, Z: Array, Q: float) -> WaldTest:
    """(η − q + 1)/(ηq) Q ~ F(q, η − q + 1), η matched to the covariance's moments under Var(u) = σ²I."""
    from scipy.special import fdtrc

    q = Z.shape[0]
    omega = quadratic_forms(line.fit, Z, -0.5).expectation
    values, vectors = np.linalg.eigh(omega)
    rotated = (vectors / np.sqrt(values)) @ vectors.T @ Z
    eta = q * (q + 1) / quadratic_forms(line.fit, rotated, -0.5).variation
    df = eta - q + 1.0
    if df <= 0:
        return WaldTest(statistic=np.nan, pvalue=np.nan, df_num=float(q), df_denom=df, method="HTZ")
    F = df / (eta * q) * Q
    return WaldTest(statistic=F, pvalue=float(fdtrc(q, df, F)), df_num=float(q), df_denom=df, method="HTZ")


def _f(line: Line, Z: Array, Q: float) -> WaldTest:
    """Q/q ~ F(q, dof), dof the law of the fit: G − 1 for cluster variants, N − K else."""
    from scipy.special import fdtrc

    q = Z.shape[0]
    df = float(
        line.fit.G - 1 if VARIANTS[line.variant].clustered and line.dof_rule != "N-K" else line.fit.N - line.fit.K
    )
    return WaldTest(statistic=Q / q, pvalue=float(fdtrc(q, df, Q / q)), df_num=float(q), df_denom=df, method="F")


def _chi2(_: Line, Z: Array, Q: float) -> WaldTest:
    """Q ~ χ²(q)."""
    from scipy.special import chdtrc

    q = Z.shape[0]
    return WaldTest(statistic=Q / q, pvalue=float(chdtrc(q, Q)), df_num=float(q), df_denom=np.inf, method="chi2")


def _tests() -> dict[str, Callable[[Line, Array, float], WaldTest]]:
    return {"HTZ": _htz, "F": _f, "chi2": _chi2}
