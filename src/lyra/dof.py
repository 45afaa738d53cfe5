"""Degrees of freedom: G − 1, N − K, the normal, and Satterthwaite's for any contrast of any cluster variant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra import check
from lyra.errors import InputError
from lyra.ols import Fit
from lyra.sandwich import VARIANTS, adjustment

__all__ = ["RULES", "QuadraticForms", "degrees_of_freedom", "quadratic_forms", "satterthwaite"]

Array = NDArray[np.float64]

ROUNDING = 1e-12  # the share of tr P that is rounding: a form that is zero has no degrees of freedom
RULES = ("satterthwaite", "G-1", "N-K", "normal")


def satterthwaite(fit: Fit, contrasts: Array, variant: str) -> Array:
    """Return ν = (tr P)²/tr P² for each contrast (q, K), with P of the variant's quadratic form under Var(u) = σ²I.

    NaN where P is zero: cluster dummies alone leave no score to any cluster.

    For CV2 these are the degrees of freedom of Bell and McCaffrey [1]_, as in Pustejovsky and Tipton [2]_.

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey (2002), Bias reduction in standard errors for linear regression with
       multi-stage samples. Survey Methodology 28, 169-181.
    .. [2] J. E. Pustejovsky and E. Tipton (2018), Small-sample methods for cluster-robust variance estimation and
       hypothesis testing in fixed effects models. JBES 36, 672-683.
    """
    power = VARIANTS[variant].power
    if power is None:
        raise InputError(f"dof='satterthwaite' is not defined for {variant}: choose CV1, CV2 or CV3, or another dof.")
    own, squares = np.zeros(len(contrasts)), np.zeros(len(contrasts))
    WW = np.zeros((len(contrasts), fit.K, fit.K))
    for _, z, weighted, W in _contrasted(fit, contrasts, power):
        d = np.einsum("gsk,gsk->gs", z, weighted)
        own += d.sum(axis=0)
        squares += np.sum(d * d - 2.0 * d * np.einsum("gsk,gsk->gs", W, W), axis=0)
        WW += W.transpose(1, 2, 0) @ W.transpose(1, 0, 2)
    trace = own - np.trace(WW, axis1=1, axis2=2)
    squares += np.sum(WW * WW, axis=(1, 2))
    real = trace > ROUNDING * own
    return np.asarray(np.divide(trace**2, squares, out=np.full(len(contrasts), np.nan), where=real))


def _contrasted(fit: Fit, contrasts: Array, power: float) -> Iterator[tuple[slice, Array, Array, Array]]:
    """Yield (clusters, z, λ ∘ z, V(λ ∘ z)), each (g, q, K), with z = (1 − λ)^power ∘ V'W'ℓ for every contrast ℓ."""
    Z = contrasts @ fit.W
    for clusters, values, vectors in fit.spectra():
        z = (Z @ vectors) * adjustment(values, power)[:, None, :]
        weighted = z * values[:, None, :]
        yield clusters, z, weighted, weighted @ vectors.transpose(0, 2, 1)


@dataclass(frozen=True, slots=True, eq=False)
class QuadraticForms:
    """The quadratic forms P^st of c_s'V c_t under Var(u) = I; the G×G matrices diag(d^st) − W^s W^t' are never formed.

    Attributes
    ----------
    d : ndarray (G, q, q)
        d_g^st = Σ_k z_gk^s z_gk^t λ_gk.
    W : ndarray (G, q, K)
        W_g^s = V_g (λ_g ∘ z_g^s).
    """

    d: Array
    W: Array

    @property
    def expectation(self) -> Array:
        """tr P^st (q, q): the expected covariance of the contrasts under Var(u) = I."""
        return np.asarray(self.d.sum(axis=0) - np.einsum("gsk,gtk->st", self.W, self.W))

    @property
    def variation(self) -> float:
        """Σ_st Σ_gh P^ss_gh P^tt_gh + P^st_gh P^ts_gh: the summed variances of the covariance's entries."""
        inner = np.einsum("gsk,gtk->gst", self.W, self.W)
        M = np.einsum("gsk,gtl->stkl", self.W, self.W)
        own = np.einsum("gss->gs", self.d)
        length = np.einsum("gss->gs", inner)
        diagonal = np.sum(own, axis=1) @ np.sum(own - 2.0 * length, axis=1) + np.sum(M * M)
        crossed = np.sum(self.d * (self.d - 2.0 * inner)) + np.einsum("stkl,stlk->", M, M)
        return float(diagonal + crossed)


def quadratic_forms(fit: Fit, contrasts: Array, power: float) -> QuadraticForms:
    """Return the quadratic forms of contrasts (q, K) under the variant with f = (1 − λ)^power."""
    q = len(contrasts)
    forms = QuadraticForms(np.empty((fit.G, q, q)), np.empty((fit.G, q, fit.K)))
    for clusters, z, weighted, W in _contrasted(fit, contrasts, power):
        forms.d[clusters] = z @ weighted.transpose(0, 2, 1)
        forms.W[clusters] = W
    return forms


def degrees_of_freedom(fit: Fit, variant: str, rule: str | None) -> tuple[Array, str]:
    """Return the degrees of freedom (K,) of every coefficient and the name of the rule used.

    With no rule: Satterthwaite for CV2, G − 1 for the other cluster variants, N − K for iid and HC0-HC3.
    """
    if rule is None:
        rule = "satterthwaite" if variant == "CV2" else "G-1" if VARIANTS[variant].clustered else "N-K"
    match check.one_of(rule, RULES, what="dof"):
        case "satterthwaite":
            return satterthwaite(fit, np.eye(fit.K), variant), rule
        case "G-1":
            return np.full(fit.K, float(fit.G - 1)), rule
        case "N-K":
            return np.full(fit.K, float(fit.N - fit.K)), rule
    return np.full(fit.K, np.inf), rule
