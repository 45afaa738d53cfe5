"""Degrees of freedom: G − 1, N − K, the normal, and Satterthwaite's for any contrast of any cluster variant."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.base.text import listed
from lyra.base.warn import warn
from lyra.data import check
from lyra.errors import ConditionWarning, InputError
from lyra.regression.least_squares import Fit
from lyra.robust.sandwich import LEAVE_OUT, VARIANTS
from lyra.robust.spectra import ClusterSpectra, heavy_spectra, spectra
from lyra.robust.unidentified import MOST, carriers

__all__ = [
    "RULES",
    "QuadraticForms",
    "Traces",
    "degrees_of_freedom",
    "own_rule",
    "quadratic_forms",
    "reads_grams",
    "satterthwaite",
    "traces",
]


ROUNDING = 1e-13  # the share of tr P that is rounding: a form that is zero has no degrees of freedom
NEARLY_ALL = 1e-6  # 1 − λ below which the degrees of freedom of CV3 lose digits
LEAVES_OUT = -1.0
RULES = ("satterthwaite", "G-1", "N-K", "normal")


def satterthwaite(fit: Fit, contrasts: Array, variant: str) -> Array:
    """Return ν = (tr P)²/tr P² for each contrast (q, K), with P of the variant's quadratic form under Var(u) = σ²I.

    NaN where P is zero: cluster dummies alone leave no score to any cluster. Nothing is subtracted that could cancel:
    P_gg = z_g'E_g(I − E_g)z_g and P_gh = −W_g'W_h, summed pair by pair for clusters that dominate.

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
    if power == LEAVES_OUT:
        _warn_of_lost_digits(fit, variant)
    Z = _unit(contrasts * fit.units @ fit.directions)
    heavy = heavy_spectra(fit)
    apart = np.isin(np.arange(fit.G), [each.first for each in heavy])
    dominant = [each.weighed(each.along(Z, power))[0] for each in heavy]
    blocks = (_traces(each, Z, power, apart=apart[each.clusters], dominant=dominant) for each in spectra(fit))
    total = reduce(add, blocks)
    pairs = sum(2.0 * np.einsum("sk,sk->s", one, other) ** 2 for one, other in itertools.combinations(dominant, 2))
    return replace(total, own=total.own + pairs).dof


def _warn_of_lost_digits(fit: Fit, variant: str) -> None:
    """Warn where (1 − λ)^−1 is so large that its square, in orthonormal coordinates, hides the other columns' part."""
    worst = min(heavy_spectra(fit), key=lambda each: each.least, default=None)
    if worst is None or worst.least > NEARLY_ALL:
        return
    names = listed((fit.names[j] for j in carriers(fit, worst.vectors[0][:, [int(worst.left[0].argmin())]], MOST)), 4)
    digits = -np.log10(np.finfo(float).eps / np.sqrt(worst.least)) - 1.0
    warn(
        f"Cluster {fit.labels[worst.clusters][0]!s} holds nearly all that identifies {names}: the degrees of freedom "
        f"of {variant} keep about {digits:.0f} digits; read CV2, whose own keep all.",
        ConditionWarning,
    )


def _unit(Z: Array) -> Array:
    """Return contrasts (q, K) of length one."""
    Z = Z / np.abs(Z).max(axis=1, keepdims=True)
    return np.asarray(Z / np.linalg.norm(Z, axis=1, keepdims=True))


def _traces(each: ClusterSpectra, Z: Array, power: float, *, apart: Bools, dominant: list[Array]) -> Traces:
    """Return the traces over a block of clusters, the pairs with a dominant one summed one by one."""
    z = each.along(Z, power)
    W = np.where(apart[:, None], 0.0, each.weighed(z).transpose(1, 0, 2))
    squares = z * z
    size = np.einsum("gsk,gk->sg", squares, each.values)
    inside = np.einsum("gsk,gk->sg", squares, each.values * each.left)
    block = traces(W, size, inside)
    pairs = sum(2.0 * np.sum(np.einsum("sgk,sk->sg", W, one) ** 2, axis=1) for one in dominant)
    return replace(block, own=block.own + pairs)


# --- the law, for any leading axes --------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """tr P, and what tr P² is summed from, of quadratic forms with P_gh = −W_g'W_h; they add over clusters.

    Attributes
    ----------
    size : ndarray (...)
        Σ_g z_g'E_gz_g, beside which a trace is zero or not.
    trace : ndarray (...)
        tr P = Σ_g P_gg.
    own : ndarray (...)
        Σ_g P_gg² − |W_g|⁴.
    outer : ndarray (..., K, K)
        Σ_g W_gW_g', whose sum of squares and `own` are tr P².
    """

    size: Array
    trace: Array
    own: Array
    outer: Array

    def __add__(self, other: Traces) -> Traces:
        return Traces(self.size + other.size, self.trace + other.trace, self.own + other.own, self.outer + other.outer)

    @property
    def dof(self) -> Array:
        """(tr P)²/tr P², the degrees of freedom of Satterthwaite; NaN where P is zero."""
        squares = self.own + np.sum(self.outer**2, axis=(-2, -1))
        real = self.trace > ROUNDING * np.maximum(self.size, 1.0)  # the size is 1 unless a cluster alone carries z
        return np.asarray(np.divide(self.trace**2, squares, out=np.full(squares.shape, np.nan), where=real))


def traces(W: Array, size: Array, inside: Array) -> Traces:
    """Return the traces of forms with W_g = E_gz_g (..., G, K), z_g'E_gz_g and P_gg = z_g'E_g(I − E_g)z_g (..., G)."""
    length = np.sum(W * W, axis=-1)
    own = np.sum(inside * inside, axis=-1) - np.sum(length * length, axis=-1)
    return Traces(size.sum(axis=-1), inside.sum(axis=-1), own, W.swapaxes(-1, -2) @ W)


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
    """Return the quadratic forms of contrasts (q, K) in orthonormal coordinates, f = (1 − λ)^power."""
    q = len(contrasts)
    forms = QuadraticForms(np.empty((fit.G, q, q)), np.empty((fit.G, q, fit.K)))
    for each in spectra(fit):
        z = each.along(contrasts, power)
        forms.d[each.clusters] = z @ (z * each.values[:, None, :]).transpose(0, 2, 1)
        forms.W[each.clusters] = each.weighed(z)
    return forms


def reads_grams(variant: str, rule: str | None) -> bool:
    """Return whether a covariance or its law reads cluster Grams, not scores alone."""
    return variant in LEAVE_OUT or rule == "satterthwaite"


def own_rule(variant: str) -> str:
    """Return the rule that goes with a variant: Satterthwaite for CV2, G − 1 for other clusters', N − K for rows'."""
    return VARIANTS[variant].law


def degrees_of_freedom(fit: Fit, variant: str, rule: str | None) -> tuple[Array, str]:
    """Return the degrees of freedom (K,) of every coefficient and the name of the rule used.

    With no rule: Satterthwaite for CV2, G − 1 for the other cluster variants, N − K for iid and HC0-HC3.
    """
    if rule is None:
        rule = own_rule(variant)
    match check.one_of(rule, RULES, what="dof"):
        case "satterthwaite":
            return satterthwaite(fit, np.eye(fit.K), variant), rule
        case "G-1":
            return np.full(fit.K, float(fit.G - 1)), rule
        case "N-K":
            return np.full(fit.K, float(fit.N - fit.K)), rule
    return np.full(fit.K, np.inf), rule
