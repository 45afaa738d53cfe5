"""The exact size of the t test that takes rows as independent, in worlds where the rows of a cluster are not.

In orthonormal coordinates t² = (N − K) z₀²/RSS with z₀ = e'Σ c_g and RSS = Σ_g |u_g|² − |Σ c_g|², c_g = X_g'u_g. Where
the columns hold a constant, |u_g|² = c_g'E_g⁻c_g + v_g χ²(N_g − rank X_g): what of a cluster's rows its columns leave
over is noise of one variance v_g, independent of c_g. So |t| > c is a quadratic form in c_g and chi-squares,

    z₀² + k |Σ c_g|² − k Σ_g (c_g'E_g⁻c_g + v_g χ²) > 0,   k = c²/(N − K),

and with W_g = F_g diag(μ_g) F_g', F_g of length one in E_g⁻, its determinant at −x is Π (1 + x k μ) times
Π (1 + x k v)^(N_g − r_g) times that of I − x S(x)(ee' + kI), S(x) = Σ_g F_g diag(μ_g/(1 + x k μ_g)) F_g':
O(GK²) a node of the integral in `size`, whatever the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import World

__all__ = ["naive_mean_square", "naive_sizes"]

STEP = 0.125  # of the midpoint rule in w: see `size`
NODES = 8  # at a time, until the last adds less than LEFT of the sum
LEFT = 1e-15
FARTHEST = 20.0
RANK = 1e-10  # eigenvalues of E_g below this share of its largest are rounding


def naive_sizes(fit: Fit, about: Coefficient, worlds: Sequence[World], critical_value: float) -> Array:
    """Return P(|t| > critical_value) (n,) of a true null by the standard error of independent rows; NaN where unknown.

    Unknown in a world whose noise differs within clusters, and where the columns hold no constant.
    """
    spans = _Spans.of(about)
    if not spans.hold_a_constant(about):
        return np.full(len(worlds), np.nan)
    k = critical_value**2 / (fit.N - fit.K)
    return np.array([_size(about, spans, world, k) for world in worlds])


def naive_mean_square(fit: Fit, about: Coefficient, world: World) -> float:
    """Return E[SE²] of the standard error of independent rows, in units of Var(β̂); NaN where unknown."""
    spans = _Spans.of(about)
    if np.isnan(world.noise(about)).any() or not spans.hold_a_constant(about):
        return float("nan")
    form = _form(about, spans, world, 1.0)
    total = (form.mu @ form.squares).reshape(form.root.shape).trace()
    return float((form.mu.sum() + form.noise @ form.dimensions - total) / (fit.N - fit.K))


def _size(about: Coefficient, spans: _Spans, world: World, k: float) -> float:
    if k == 0.0 or np.isnan(world.noise(about)).any():
        return 1.0 if k == 0.0 else float("nan")
    return _integral(_form(about, spans, world, k))


def _integral(form: _Form) -> float:
    """Return (2/π) ∫ Π_j (1 + |λ_j| cosh²w/λ₀)^(−1/2) dw/cosh w over w > 0, midpoint by midpoint while it counts."""
    largest, total = form.positive_root(), 0.0
    for first in range(0, int(FARTHEST / STEP), NODES):
        cosh = np.cosh(STEP * (np.arange(first, first + NODES) + 0.5))
        added = form.product(cosh**2 / largest, cosh**2) / cosh
        total += float(added.sum())
        if added[-1] <= LEFT * total:
            break
    return 2.0 / np.pi * STEP * total


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """A root and the inverse root (G, K, K) of every E_g, and what dimensions (G,) of its rows are left over."""

    root: Array
    inverse: Array
    left_over: Array

    @classmethod
    def of(cls, about: Coefficient) -> _Spans:
        values, vectors = np.linalg.eigh(about.shares)
        there = values > RANK * values[:, -1:]
        length = np.sqrt(np.where(there, values, 0.0))
        inverse = np.divide(1.0, length, where=there, out=np.zeros_like(length))
        left_over = (about.sizes - there.sum(axis=1)).astype(float)
        return cls(vectors * length[:, None, :], vectors * inverse[:, None, :], left_over)

    def hold_a_constant(self, about: Coefficient) -> bool:
        """Whether every cluster's rows of ones lie in the span of its columns: m_g'E_g⁻m_g = N_g."""
        inside = np.einsum("gkr,gk->gr", self.inverse, about.ones)
        return bool(np.allclose(np.sum(inside**2, axis=1), about.sizes, rtol=1e-6))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Form:
    """The quadratic form whose sign decides: parts f f' of W_g with their μ, noise with its dimensions, and k."""

    squares: Array  # (n, K²): f f'
    mu: Array  # (n,)
    noise: Array  # (G,)
    dimensions: Array  # (G,)
    k: float
    root: Array  # (K, K): of ee' + kI

    def positive_root(self) -> float:
        """Return the one positive eigenvalue λ₀: where the largest eigenvalue of x S(x)(ee' + kI), x = 1/λ₀, is 1."""
        from scipy.optimize import brentq

        def above(log_x: float) -> float:
            return float(self._inner(np.exp([log_x]))[0, -1] - 1.0)

        low = -float(np.log((1.0 + self.k) * (self.mu @ self.squares).reshape(self.root.shape).trace()))
        high = low + 1.0
        while above(high) < 0.0:
            high += 2.0
        return float(np.exp(-brentq(above, low, high, xtol=1e-14, rtol=1e-14)))

    def product(self, x: Array, v: Array) -> Array:
        """Return Π_j (1 + |λ_j| x)^(−1/2) (p,) over the negative eigenvalues, at x = v/λ₀ (p,) with v > 1."""
        inner = self._inner(x)
        logs = np.log1p(self.k * x[:, None] * self.mu).sum(axis=1)
        logs += np.log1p(self.k * x[:, None] * self.noise) @ self.dimensions
        logs += np.log(np.abs(1.0 - inner[:, :-1])).sum(axis=1)
        return np.asarray(np.exp(-0.5 * (logs + np.log(np.maximum(inner[:, -1] - 1.0, 0.0) / (v - 1.0)))))

    def _inner(self, x: Array) -> Array:
        """Return the eigenvalues (p, K) of x S(x)(ee' + kI), increasing."""
        weights = x[:, None] * self.mu / (1.0 + self.k * x[:, None] * self.mu)
        S = (weights @ self.squares).reshape(len(x), *self.root.shape)
        return np.asarray(np.linalg.eigvalsh(self.root @ S @ self.root), dtype=np.float64)


def _form(about: Coefficient, spans: _Spans, world: World, k: float) -> _Form:
    """Return the form in a world, the estimate's variance scaled to one."""
    W, noise = world.covariances(about), world.noise(about)
    variance = float(about.direction @ W.sum(axis=0) @ about.direction)
    mu, turned = np.linalg.eigh(spans.inverse.swapaxes(1, 2) @ (W / variance) @ spans.inverse)
    f = (spans.root @ turned).swapaxes(1, 2).reshape(-1, len(about.direction))
    e = np.outer(about.direction, about.direction)
    return _Form(
        squares=(f[:, :, None] * f[:, None, :]).reshape(len(f), -1),
        mu=np.maximum(mu, 0.0).ravel(),
        noise=noise / variance,
        dimensions=spans.left_over,
        k=k,
        root=np.sqrt(k) * np.eye(len(e)) + (np.sqrt(1.0 + k) - np.sqrt(k)) * e,
    )
