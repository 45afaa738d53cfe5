"""The real roots of many quartics that are ≤ 0 at 0 and ≥ 0 at ±∞, by one safeguarded Newton step for all."""

from __future__ import annotations

import numpy as np

from lyra.base.arrays import Array

__all__ = ["real_roots"]


DISTINCT = 1e-14  # of its coefficients' squares, the discriminant that makes two more roots more than rounding
CONVERGED = 1e-9  # a step of Newton's after which the next error is its square
MOST_STEPS = 80
FAR = 1.0 - 1e-7  # τ of ten million, which is infinite
AT_ONCE = 2**12  # quartics whose temporaries stay in cache


def real_roots(F: Array) -> Array:
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
