"""Triangles and squares of numbers solved with care: rows of any scale keep their digits."""

from __future__ import annotations

import numpy as np

from lyra.base.arrays import Array

__all__ = ["backward", "forward", "inverse", "powers_of_two"]

LARGEST_POWER = 1000


def forward(L: Array, rows: Array) -> Array:
    """Return L⁻¹ applied to each row, (n, K)."""
    return _solved(L, rows, upper=False)


def backward(L: Array, rows: Array) -> Array:
    """Return L⁻ᵀ applied to each row, (n, K)."""
    return _solved(L, rows, upper=True)


def _solved(L: Array, rows: Array, *, upper: bool) -> Array:
    from scipy.linalg.lapack import dtrtrs

    if not rows.size:
        return rows
    solved, failed = dtrtrs(L.T, rows.T, lower=0, trans=0 if upper else 1)  # L.T: no copy of a matrix laid out by rows
    if failed:
        raise np.linalg.LinAlgError(f"triangle is singular at {failed}")
    return np.asarray(solved.T)


def inverse(M: Array) -> Array:
    """Return M⁻¹ (K, K); rows of any scale keep their digits, for powers of two are taken out first."""
    powers = powers_of_two(np.abs(M).max(axis=1))
    return np.asarray(np.linalg.inv(M * powers[:, None]) * powers)


def powers_of_two(sizes: Array) -> Array:
    """Return the powers of two that bring these sizes near 1; 1 for zero."""
    exponents = np.clip(np.frexp(sizes)[1], -LARGEST_POWER, LARGEST_POWER)
    return np.where(sizes > 0.0, np.ldexp(1.0, -exponents), 1.0)
