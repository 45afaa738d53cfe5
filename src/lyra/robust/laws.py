"""The reference laws of a t statistic: p-values, intervals, and their names in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lyra.base.arrays import Array
from lyra.data import check

__all__ = ["critical_value", "law_name", "t_interval", "t_pvalue", "t_quantile"]


def t_pvalue(statistic: ArrayLike, dof: ArrayLike) -> Array:
    """Return P(|T| ≥ |statistic|) for T ~ t(dof); dof = inf is the normal."""
    from scipy.special import ndtr, stdtr

    size, nu = -np.abs(np.asarray(statistic, dtype=float)), np.asarray(dof, dtype=float)
    return np.asarray(2.0 * np.where(np.isinf(nu), ndtr(size), stdtr(nu, size)))


def t_quantile(dof: ArrayLike, below: float) -> Array:
    """Return q with P(T ≤ q) = `below` for T ~ t(dof); dof = inf is the normal, and NaN has none."""
    from scipy.special import ndtri, stdtrit

    nu = np.asarray(dof, dtype=float)
    quantile = np.where(np.isinf(nu), ndtri(below), stdtrit(np.where(np.isfinite(nu), nu, 1.0), below))
    return np.where(np.isnan(nu), np.nan, quantile)


def critical_value(dof: ArrayLike, alpha: float) -> Array:
    """Return the value that |T| exceeds with probability alpha, T ~ t(dof)."""
    return t_quantile(dof, 1.0 - alpha / 2.0)


def t_interval(estimate: Array, se: Array, dof: Array, level: float) -> Array:
    """Return estimate ± t(dof) quantile · se, (..., 2)."""
    half = t_quantile(dof, 0.5 + check.coverage(level) / 2.0) * se
    return np.stack([estimate - half, estimate + half], axis=-1)


def law_name(rule: str, dof: float) -> str:
    """Return the reference law in words, such as t(41) or t(17.3)."""
    return "normal" if rule == "normal" else f"t({dof:.4g})" if rule == "satterthwaite" else f"t({dof:.0f})"
