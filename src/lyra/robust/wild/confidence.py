"""Intervals of a wild bootstrap: every null value its own test does not reject, exactly.

With τ = t(r) before the small-sample factor, a draw's t* is N(τ)/√q(τ), N affine and q quadratic in τ, so it changes
sides of ±τ only at real roots of the quartic F(τ) = τ²q(τ) − N(τ)². The roots of all draws are the steps of the
p-value as a function of r; sorted, they give the whole set, its unbounded sides and its gaps, with no search.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array

__all__ = ["Curves", "Levels", "Steps"]


TIED = 1e-7  # of its terms' size, below which a quartic is zero: the draw repeats the sample at every null
DISTINCT = 1e-14  # of its coefficients' squares, the discriminant that makes two more roots more than rounding
CONVERGED = 1e-9  # a step of Newton's after which the next error is its square
MOST_STEPS = 80
FAR = 1.0 - 1e-7  # τ of ten million, which is infinite
AT_ONCE = 2**12  # quartics whose temporaries stay in cache


# --- a count as a step function -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A count of draws as a function of x = τ/(1 + |τ|): its value at −1, where it rises and where it falls."""

    base: int
    rises: Array
    falls: Array

    @classmethod
    def joined(cls, parts: Iterable[Steps]) -> Steps:
        """Return the count over several blocks of draws, its steps sorted."""
        held = list(parts)
        rises, falls = (np.concatenate([getattr(part, side) for part in held]) for side in ("rises", "falls"))
        rises.sort()
        falls.sort()
        return cls(sum(part.base for part in held), rises, falls)

    def reflected(self) -> Steps:
        """Return the same count as a function of −x."""
        end = self.base + self.rises.size - self.falls.size
        return Steps(end, -self.falls[::-1], -self.rises[::-1])

    def at_least(self, least: int) -> Array:
        """Return the closed intervals (m, 2) of x on which the count is at least `least`."""
        after = self.base + 1 + np.arange(self.rises.size) - np.searchsorted(self.falls, self.rises, side="left")
        before = self.base - np.arange(self.falls.size) + np.searchsorted(self.rises, self.falls, side="right")
        starts, ends = self.rises[after == least], self.falls[before == least]
        if self.base >= least:
            starts = np.concatenate([[-1.0], starts])
        if starts.size > ends.size:
            ends = np.concatenate([ends, [1.0]])
        return np.column_stack([starts, ends])


# --- what a draw does as the null moves ---------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Draws whose t* (b,) does not depend on the null; NaN where it is infinite."""

    stars: Array

    def reflected(self) -> Levels:
        """Return −t*(−τ): the lower tail as an upper one."""
        return Levels(-self.stars)

    def two_sided(self, *, ties: bool) -> Steps:
        """Return the number of draws with |t*| ≥ |τ|; nothing ties at every null."""
        infinite = np.isnan(self.stars)
        x = _compressed(np.abs(self.stars[~infinite]))
        return Steps(int(infinite.sum()), -x, x)

    def upper(self, *, ties: bool, mirrored: bool) -> Steps:
        """Return the number of draws with t* ≥ τ, of their negatives too if `mirrored`."""
        x = _compressed(self.stars[~np.isnan(self.stars)])
        return Steps((1 + mirrored) * self.stars.size, np.empty(0), np.concatenate([x, -x]) if mirrored else x)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curves:
    """Draws whose statistic moves with the null: t*(τ) = (N0 + N1 τ)/√(q0 + q1 τ + q2 τ²), (b,) each."""

    N0: Array
    N1: Array
    q0: Array
    q1: Array
    q2: Array

    def reflected(self) -> Curves:
        """Return −t*(−τ): the lower tail as an upper one."""
        return Curves(N0=-self.N0, N1=self.N1, q0=self.q0, q1=-self.q1, q2=self.q2)

    def two_sided(self, *, ties: bool) -> Steps:
        """Return the number of draws with |t*| ≥ |τ|; those that tie at every null count if `ties`."""
        F, tied = self._quartic()
        roots = _real_roots(F[:, ~tied])
        rises, falls = (side[side < 1.0] for side in (roots[0::2], roots[1::2]))
        return Steps(int(tied.sum()) if ties else 0, rises, falls)

    def upper(self, *, ties: bool, mirrored: bool) -> Steps:
        """Return the number of draws with t* ≥ τ, of their negatives too if `mirrored`; `ties` as above."""
        F, tied = self._quartic()
        N0, N1, q0 = self.N0[~tied], self.N1[~tied], self.q0[~tied]
        roots = _real_roots(F[:, ~tied])
        parts = [_tied_steps(self.N1[tied], ties=ties, mirrored=mirrored), _upper_steps(N0, N1, q0, roots)]
        if mirrored:
            parts.append(_upper_steps(-N0, -N1, q0, roots))
        return Steps.joined(parts)

    def _quartic(self) -> tuple[Array, NDArray[np.bool_]]:
        """Return F(τ) = τ²q(τ) − N(τ)², (5, b) with the constant first, and where it is zero: |t*| = |τ| always."""
        N0, N1 = self.N0, self.N1
        F = np.stack([-N0 * N0, -2.0 * N0 * N1, self.q0 - N1 * N1, self.q1, self.q2])
        return F, np.abs(F).max(axis=0) <= TIED * np.maximum(self.q0, N1 * N1)


def _compressed(tau: Array) -> Array:
    return np.asarray(tau / (1.0 + np.abs(tau)))


def _upper_steps(N0: Array, N1: Array, q0: Array, roots: Array) -> Steps:
    """Return where t* ≥ τ: it changes at the roots where N has the sign of τ, and at −∞ it holds unless N1 > √q0."""
    own = (N0 * (1.0 - np.abs(roots)) + N1 * roots) * roots >= 0.0
    crossings = np.sort(np.where(own & (np.abs(roots) < 1.0), roots, 1.0), axis=0)
    holds = (roots[0] > -1.0) | (N1 * np.abs(N1) <= q0)
    falls = np.where(holds, crossings[0::2], crossings[1::2])
    rises = np.where(holds, crossings[1::2], crossings[0::2])
    return Steps(int(holds.sum()), rises[rises < 1.0], falls[falls < 1.0])


def _tied_steps(N1: Array, *, ties: bool, mirrored: bool) -> Steps:
    """Return the steps of draws with t* = τ (ties, everywhere) or t* = −τ (in the tail up to 0)."""
    same, opposite = int((N1 > 0).sum()), int((N1 <= 0).sum())
    if mirrored:
        same = opposite = same + opposite
    return Steps(opposite + (same if ties else 0), np.empty(0), np.zeros(opposite))


# --- the quartics -------------------------------------------------------------------------------


def _real_roots(F: Array) -> Array:
    """Return the real roots of quartics (5, b) with F(0) ≤ 0 ≤ F(±∞), as x = τ/(1 + |τ|), sorted (4, b); 1 fills."""
    roots = np.empty((4, F.shape[1]))
    for start in range(0, F.shape[1], AT_ONCE):
        some = slice(start, start + AT_ONCE)
        roots[:, some] = _four_roots(F[:, some])
    return roots


def _four_roots(F: Array) -> Array:
    """Return one root on each side of 0, and the two more where they are real.

    The first two are found by Newton's method kept inside a bracket; what is left when both are divided out is a
    quadratic form, whose roots are on one side of 0.
    """
    right = _root_right(F)
    left = -_root_right(F * np.array([1.0, -1.0, 1.0, -1.0, 1.0])[:, None])
    alpha, beta, gamma = _divided(F, left, right)
    roots = np.ones((4, F.shape[1]))
    roots[0], roots[1] = np.where(left < -FAR, -1.0, left), np.where(right > FAR, 1.0, right)
    size = alpha * alpha + beta * beta + gamma * gamma
    more = beta * beta - 4.0 * alpha * gamma > DISTINCT * size
    if more.any():
        two = _quadratic(alpha[more], beta[more], gamma[more])
        far = np.abs(two) > FAR
        roots[2:, more] = np.where(far.all(axis=0), 1.0, np.where(far, np.copysign(1.0, two[::-1]), two))
        roots[:, more] = np.sort(roots[:, more], axis=0)
    return roots


def _root_right(F: Array) -> Array:
    """Return a root x in [0, 1] of the quartic form F(x, 1 − x), which is ≤ 0 at 0 and ≥ 0 at 1."""
    G = _in_x(F)
    low, high = np.zeros(F.shape[1]), np.ones(F.shape[1])
    found = x = _guess(F)
    active = np.arange(F.shape[1])
    for _ in range(MOST_STEPS):
        value = (((G[4] * x + G[3]) * x + G[2]) * x + G[1]) * x + G[0]
        slope = ((4.0 * G[4] * x + 3.0 * G[3]) * x + 2.0 * G[2]) * x + G[1]
        low, high = np.where(value <= 0.0, x, low), np.where(value > 0.0, x, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = x - value / slope
        moved = np.where((moved >= low) & (moved <= high), moved, (low + high) / 2.0)
        open_ = np.abs(moved - x) > CONVERGED
        found[active] = x = moved
        if not open_.any():
            break
        if open_.sum() < 0.5 * open_.size:
            active, x, low, high, G = active[open_], x[open_], low[open_], high[open_], G[:, open_]
    return found


def _in_x(F: Array) -> Array:
    """Return Σ F_k x^k (1 − x)^(4−k) as a polynomial in x, (5, b)."""
    F0, F1, F2, F3, F4 = F
    return np.stack(
        [
            F0,
            F1 - 4.0 * F0,
            F2 - 3.0 * F1 + 6.0 * F0,
            F3 - 2.0 * F2 + 3.0 * F1 - 4.0 * F0,
            F4 - F3 + F2 - F1 + F0,
        ]
    )


def _guess(F: Array) -> Array:
    """Return the root to the right were q constant: |N0|/(√q0 ∓ N1)."""
    size = np.sqrt(-F[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        N1 = np.where(size > 0.0, -F[1] / (2.0 * size), 0.0)
        tau = size / (np.sqrt(np.maximum(F[2] + N1 * N1, 0.0)) - N1)
    tau = np.where((tau >= 0.0) & (tau < 1e6), tau, 3.0)
    return np.asarray(tau / (1.0 + tau))


def _divided(F: Array, left: Array, right: Array) -> tuple[Array, Array, Array]:
    """Return (α, β, γ) of αx² + βxy + γy² = F(x, y) divided by both roots' factors, by least squares.

    The normal equations are a symmetric Toeplitz system of three, solved by its symmetric and antisymmetric parts.
    """
    y1, y2 = 1.0 + left, 1.0 - right
    A, B, C = y1 * y2, -(left * y2 + right * y1), left * right
    R0, R1, R2 = A * F[4] + B * F[3] + C * F[2], A * F[3] + B * F[2] + C * F[1], A * F[2] + B * F[1] + C * F[0]
    p, q, r = A * A + B * B + C * C, B * (A + C), A * C
    determinant = p * (p + r) - 2.0 * q * q
    both = (p * (R0 + R2) - 2.0 * q * R1) / determinant
    beta = ((p + r) * R1 - q * (R0 + R2)) / determinant
    apart = (R0 - R2) / (p - r)
    return (both + apart) / 2.0, beta, (both - apart) / 2.0


def _quadratic(alpha: Array, beta: Array, gamma: Array) -> Array:
    """Return the two real roots of αx² + βxy + γy² as x/(|x| + |y|), y ≥ 0, (2, b)."""
    w = -(beta + np.copysign(np.sqrt(beta * beta - 4.0 * alpha * gamma), beta)) / 2.0
    x, y = np.stack([w, gamma]), np.stack([alpha, w])
    x = np.where(y < 0.0, -x, x)
    with np.errstate(invalid="ignore"):
        return np.asarray(x / (np.abs(x) + np.abs(y)))
