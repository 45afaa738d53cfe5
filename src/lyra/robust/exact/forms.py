"""What the law of a t statistic depends on in a world: Cov(z) and Cov(z, z₀), as a diagonal and a low rank.

Cov(z) = diag(d) + B M B' with 2K columns in B, so nothing larger than 2K×2K is ever factored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.errors import InputError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.statistic import Statistic
from lyra.robust.exact.worlds import World

__all__ = ["Forms", "forms"]

BLOCK = 2**21  # floats at a time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forms:
    """Cov(z) = diag(d) + B M B' and Cov(z, z₀) = B M b₀ in n worlds, each scaled to Var(z₀) = 1.

    Attributes
    ----------
    d : ndarray (n, G)
        ω_g'W_gω_g.
    B : ndarray (n, G, r)
        (W_gω_g, −a_g), r = 2K; centred, two columns more.
    inverse : ndarray (n, r, r)
        M⁻¹.
    log_det : float
        log |det M|.
    b0 : ndarray (n, r)
        (0, a₀).
    factor : float
        SE² = factor · Σ z_g².
    variance : ndarray (n,)
        Var(z₀) before scaling.
    shift : ndarray (G,)
        What a unit of β_j adds to z_g.
    """

    d: Array
    B: Array
    inverse: Array
    log_det: float
    b0: Array
    factor: float
    variance: Array
    shift: Array

    def __len__(self) -> int:
        return len(self.d)

    @property
    def few(self) -> bool:
        """Whether there are no more clusters than columns of B, so that their low rank saves nothing."""
        return bool(self.B.shape[1] <= self.B.shape[2])

    @property
    def mean_square(self) -> Array:
        """E[SE²] in each world (n,), in units of Var(β̂): 1 where the variance is unbiased."""
        M = np.linalg.inv(self.inverse)
        low_rank = np.einsum("ngr,nrs,ngs->n", self.B, M, self.B, optimize=True)
        return np.asarray(self.factor * (self.d.sum(axis=1) + low_rank))

    def take(self, worlds: slice | Sequence[int]) -> Forms:
        """Return these worlds alone."""
        return Forms(
            d=self.d[worlds],
            B=self.B[worlds],
            inverse=self.inverse[worlds],
            log_det=self.log_det,
            b0=self.b0[worlds],
            factor=self.factor,
            variance=self.variance[worlds],
            shift=self.shift,
        )

    def sums(self, weights: Array) -> Array:
        """Return Σ_g weight_g B_gB_g' (n, p, r, r) for weights (n, p, G)."""
        n, G, r = self.B.shape
        one, other = np.triu_indices(r)
        total = np.zeros((n, weights.shape[1], one.size))
        step = max(1, BLOCK // (n * one.size))
        for start in range(0, G, step):
            B = self.B[:, start : start + step]
            total += weights[:, :, start : start + step] @ (B[:, :, one] * B[:, :, other])
        whole = np.empty((n, weights.shape[1], r, r))
        whole[:, :, one, other] = whole[:, :, other, one] = total
        return whole


def forms(test: Statistic, about: Coefficient, worlds: Sequence[World]) -> Forms:
    """Return what the law of a statistic depends on, in each of these worlds."""
    parts = [_form(test, world.covariances(about)) for world in worlds]
    d, B, inverse, variance = (np.stack(part) for part in zip(*parts, strict=True))
    b0 = np.concatenate([np.zeros_like(test.a0), test.a0])
    made = Forms(
        d=d,
        B=B,
        inverse=inverse,
        log_det=0.0,
        b0=np.broadcast_to(b0, (len(parts), b0.size)),
        factor=test.factor,
        variance=variance,
        shift=test.shift,
    )
    return _centred(made) if test.centred else made


def _form(test: Statistic, W: Array) -> tuple[Array, Array, Array, np.float64]:
    total = W.sum(axis=0)
    variance = test.a0 @ total @ test.a0
    if not variance > 0.0:
        raise InputError("The estimate does not vary in one of the worlds: leave it out.")
    o = np.einsum("gkl,gl->gk", W, test.omega) / variance
    K = len(total)
    inverse = np.zeros((2 * K, 2 * K))
    inverse[:K, :K] = -total / variance
    inverse[:K, K:] = inverse[K:, :K] = np.eye(K)
    return np.einsum("gk,gk->g", o, test.omega), np.concatenate([o, -test.a], axis=1), inverse, variance


def _centred(raw: Forms) -> Forms:
    """Return the forms of z_g − z̄: Cov = diag(d) − (1d' + d1')/G + 11' Σd/G² + (CB)M(CB)', C = I − 11'/G."""
    n, G, r = raw.B.shape
    ones = np.ones((n, G, 1))
    B = np.concatenate([raw.B - raw.B.mean(axis=1, keepdims=True), ones, raw.d[:, :, None]], axis=2)
    inverse = np.zeros((n, r + 2, r + 2))
    inverse[:, :r, :r] = raw.inverse
    inverse[:, r, r + 1] = inverse[:, r + 1, r] = -G
    inverse[:, r + 1, r + 1] = -raw.d.sum(axis=1)
    return Forms(
        d=raw.d,
        B=B,
        inverse=inverse,
        log_det=raw.log_det - 2.0 * np.log(G),
        b0=np.concatenate([raw.b0, np.zeros((n, 2))], axis=1),
        factor=raw.factor,
        variance=raw.variance,
        shift=raw.shift,
    )
