"""Products of rows and a matrix whose terms cancel: working columns made of nearly collinear ones.

Z = X U with terms far larger than their sum loses as many digits of every row, each row its own, and no later step
can win them back. So both are cut into a leading half and the rest [1]_: leading halves are whole multiples of one
power of two, few enough that their products, and sums of these, are exact in any order, and what cancels cancels there.
The rest is 2^-20 of the terms or less, and so is its rounding.

References
----------
.. [1] K. Ozaki, T. Ogita, S. Oishi and S. M. Rump (2012), Error-free transformations of matrix multiplication by using
   fast routines of matrix multiplication and its applications. Numerical Algorithms 59, 95-118.
"""

from __future__ import annotations

import numpy as np

from lyra.base.arrays import Array

__all__ = ["difference", "halves"]


DIGITS = 53  # bits of a double


def difference(X: Array, shift: Array) -> tuple[Array, Array]:
    """Return X − shift (K, n) for shifts (K, 1), and what its rounding took away [Knuth]: both together are exact."""
    moved = X - shift
    back = moved - X
    low = X - (moved - back)
    low -= shift + back
    return moved, low


def halves(M: Array, X: Array, low: Array | None = None) -> tuple[Array, Array]:
    """Return the leading half of M (X + low), (c, n), without rounding, and the rest; `low` is last digits of X.

    M is (c, K) and X (K, n): columns lie along the second axis, where they are long.
    """
    bits = (DIGITS - int(np.ceil(np.log2(len(X))))) // 2
    lengths = np.ldexp(1.0, np.frexp(np.abs(X).max(axis=1, keepdims=True, initial=0.0))[1])
    level = M * lengths.T
    above = _leading(level, np.ldexp(1.0, np.frexp(np.abs(level).max(axis=1, keepdims=True))[1]), bits) / lengths.T
    leading = _leading(X, lengths, bits)
    rest = X - leading
    if low is not None:
        rest += low
    below = (M - above) @ leading
    below += M @ rest
    return above @ leading, below


def _leading(values: Array, sizes: Array, bits: int) -> Array:
    """Return the multiples of 2^-bits of these powers of two that are nearest to values below them in size."""
    magic = np.ldexp(sizes, DIGITS - 1 - bits) * 1.5  # adding it rounds to its last digit
    found = values + magic
    found -= magic
    return found
