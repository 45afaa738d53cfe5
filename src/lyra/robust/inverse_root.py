"""The inverse square root as a sum of inverses: M^(−1/2) = Σ_j w_j (M + t_j I)⁻¹, for any M between `LEAST` and 1.

So the root of a matrix whose shifted inverses are known in closed form costs no spectrum. The nodes are those of the
trapezoidal rule after the map by elliptic functions under which it converges geometrically [1]_.

References
----------
.. [1] N. Hale, N. J. Higham and L. N. Trefethen (2008), Computing A^α, log(A), and related matrix functions by contour
   integrals. SIAM Journal on Numerical Analysis 46, 2505-2523.
"""

from functools import cache

import numpy as np

from lyra.base.arrays import Array

__all__ = ["LEAST", "inverse_root"]

LEAST = 1e-6
NODES = 26  # the error is of order exp(−2π²n/(log(1/LEAST) + 3)), 5e-14


@cache
def inverse_root() -> tuple[Array, Array]:
    """Return the shifts t (26,) and the weights w (26,).

    Examples
    --------
    >>> shifts, weights = inverse_root()
    >>> M = np.array([1e-6, 0.01, 1.0])
    >>> bool(np.allclose((weights / (M[:, None] + shifts)).sum(axis=1), M**-0.5, rtol=1e-12))
    True
    """
    from scipy.special import ellipj, ellipk

    modulus = 1.0 - LEAST
    quarter = ellipk(modulus)
    sn, cn, dn, _ = ellipj((np.arange(NODES) + 0.5) * quarter / NODES, modulus)
    scale = 2.0 * quarter * np.sqrt(LEAST) / (np.pi * NODES)
    return np.asarray(LEAST * (sn / cn) ** 2), np.asarray(scale * dn / cn**2)
