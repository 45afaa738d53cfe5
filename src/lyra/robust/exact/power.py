"""The exact power of a t test with a clustered standard error, for Gaussian errors: one integral in the complex plane.

With the true coefficient δ standard deviations from the null, z₀ has mean δ, and under restricted scores z_g has mean
δ·shift_g. q = z₀² − c²Σz_g² is then a non-central quadratic form, and on any line 0 < Re s < 1/(2λ₀)

    P(|t| > c) = P(q > 0) = (1/2πi) ∫ E[exp(sq)] ds/s,

    E[exp(sq)] = det(I + c²Cov(z)/x)^(−1/2) (F(x)/x)^(−1/2) exp(½{(δ − ν'H s)²/F(x) − ν'H ν}),   x = 1/(2s),

with ν = δ·shift, s = Cov(z, z₀), H = c²(x + c²Cov(z))⁻¹ and F as in `exact_size`. The line passes the saddle point,
where nothing cancels. An integral and not draws: the same power in every order of the clusters, without a seed, so
that a choice made by it never turns on luck.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.robust.exact.forms import Forms
from lyra.robust.exact.size import VANISHED, positive_eigenvalue

__all__ = ["power"]

Complex = NDArray[np.complex128]

STEP = 0.125
NODES = 32
LEFT = 1e-14
FARTHEST = 80.0
DISTANCES = np.exp(np.arange(-4.0, 8.0, 0.75))  # of x from λ₀, among which the saddle point is sought


def power(made: Forms, critical_value: float, effect: float) -> Array:
    """Return P(|t| > critical_value), (n,), when the coefficient is `effect` standard deviations from the null.

    The standard deviation is that of the estimate in each world. Under `effect=0` this is the size.
    """
    c2 = critical_value**2 * made.factor
    if c2 == 0.0:
        return np.ones(len(made))
    largest, _ = positive_eigenvalue(made, c2)
    curves = (_Curve(made.take([i]), c2, effect) for i in range(len(made)))
    return np.array(
        [curve.integral(top) if top > VANISHED else 0.0 for curve, top in zip(curves, largest.tolist(), strict=True)]
    )


@dataclass(frozen=True, slots=True)
class _Curve:
    """log E[exp(sq)] in one world, up to the phase of its determinant."""

    made: Forms
    c2: float
    effect: float

    def integral(self, largest: float) -> float:
        """Return P(q > 0) on the line through the saddle point, s = s₀ + iσ sinh w."""
        at, width = self._saddle(largest)
        total, turned, phase = 0.0, 0.0, 0.0  # the determinant's phase is zero on the real line
        for first in range(0, int(FARTHEST / STEP), NODES):
            w = STEP * np.arange(first, first + NODES)
            s = at + 1j * width * np.sinh(w)
            level, turning = self._logs(1.0 / (2.0 * s))
            turned = float(turning[0]) if first == 0 else turned
            phases = phase + np.unwrap(np.concatenate([[turned], turning]))[1:] - turned
            heights = (np.exp(level - 0.5j * phases) / s).real * width * np.cosh(w)
            total += float(heights.sum()) - (float(heights[0]) / 2.0 if first == 0 else 0.0)
            turned, phase = float(turning[-1]), float(phases[-1])
            if np.abs(heights[-2:]).max() <= LEFT * abs(total):
                break
        return min(max(total * STEP / np.pi, 0.0), 1.0)

    def _saddle(self, largest: float) -> tuple[float, float]:
        """Return where on the real line the integrand is least, and its width there."""
        s = 0.5 / (largest * (1.0 + DISTANCES))
        height = self._logs(np.asarray(0.5 / s, dtype=np.complex128))[0].real - np.log(s)
        at = float(s[np.argmin(height)])
        near = at * np.array([0.999, 1.0, 1.001])
        low, middle, high = self._logs(np.asarray(0.5 / near, dtype=np.complex128))[0].real - np.log(near)
        return at, at * 1e-3 / float(np.sqrt(max(low - 2.0 * middle + high, 1e-6)))

    def _logs(self, x: Complex) -> tuple[Complex, Array]:
        """Return log E[exp(sq)] at x (p,) but for the phase of det(C)·F/x, and that phase."""
        made, c2 = self.made, self.c2
        weights = 1.0 / (x[:, None] + c2 * made.d[0])
        C = made.inverse[0] + c2 * _sums(made.B[0], weights)
        nu = self.effect * made.shift
        across = (weights * nu) @ made.B[0]
        right = np.stack([np.broadcast_to(made.b0[0], across.shape), across], axis=2).astype(np.complex128)
        r, h = np.moveaxis(np.linalg.solve(C, right), 2, 0)
        F = x - r @ made.b0[0]
        distance = self.effect - c2 * np.einsum("pr,pr->p", across, r)
        inside = c2 * (weights @ nu**2 - c2 * np.einsum("pr,pr->p", across, h))
        turn, size = np.linalg.slogdet(C)
        others = np.log(x[:, None] * weights).sum(axis=1)
        log = 0.5 * (distance**2 / F - inside + others - size - made.log_det - np.log(np.abs(F / x)))
        return np.asarray(log), np.asarray(np.angle(turn * F / x))


def _sums(B: Array, weights: Complex) -> Complex:
    """Return Σ_g weight_g B_gB_g' (p, r, r) for complex weights (p, G)."""
    total = np.zeros((len(weights), B.shape[1] ** 2), dtype=np.complex128)
    for clusters in _blocks(len(B), B.shape[1] ** 2):
        products = (B[clusters, :, None] * B[clusters, None, :]).reshape(-1, B.shape[1] ** 2)
        part = weights[:, clusters]
        total += part.real @ products + 1j * (part.imag @ products)
    return total.reshape(-1, B.shape[1], B.shape[1])


def _blocks(G: int, width: int) -> Iterator[slice]:
    step = max(1, 2**21 // width)
    return (slice(start, start + step) for start in range(0, G, step))
