"""The exact size of a t test with a clustered standard error, for Gaussian errors: one integral, no replicates.

With e the tested coefficient, β̂_j − β_j = z₀ and SE² = factor · Σ z_g², where in orthonormal coordinates

    z₀ = Σ_k a₀'c_k,   z_g = Σ_k (1[g = k] ω_g − a_g)'c_k,   c_k = X_k'u_k with covariance W_k.

So |t| > c is z₀² > c² Σ z_g², a quadratic form in Gaussians with exactly one positive eigenvalue λ₀ [1]_, and [2]_

    P(|t| > c) = (2/π) ∫₀^{π/2} Π_j (1 + |λ_j|/(λ₀ sin²θ))^(−1/2) dθ
               = (2/π) ∫₀^∞ Π_j (1 + |λ_j| cosh²w/λ₀)^(−1/2) dw/cosh w,      sin θ = 1/cosh w.

On the line Im w = π/4 no factor exceeds one, whatever the eigenvalues, so the trapezoid rule of step h errs by no more
than about exp(−π²/2h), and the integrand falls like exp(−Gw). Cov(z) = diag(d) + B M B' with 2K columns in B, so
nothing larger than 2K×2K is ever factored: O(GK²) a node.

References
----------
.. [1] J. P. Imhof (1961), Computing the distribution of quadratic forms in normal variables. Biometrika 48, 419-426.
.. [2] J. W. Craig (1991), A new, simple and exact result for calculating the probability of error for two-dimensional
   signal constellations. MILCOM 91, 571-575.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.forms import Forms, forms
from lyra.robust.exact.statistic import statistic
from lyra.robust.exact.worlds import World

__all__ = ["ROUGH", "VANISHED", "one_sided", "positive_eigenvalue", "rejection", "size"]

Product = Callable[[Array], Array]

STEP = 0.125  # of the trapezoid rule: exp(−π²/2h) = 7e-18
ROUGH = 0.3  # 7e-8
NODES = 8  # at a time, until what is left is below LEFT of the sum
LEFT = 1e-17
FARTHEST = 20.0
VANISHED = 1e-13  # λ₀/Var(β̂) below which |t| cannot exceed c
SETTLED = 1e-8  # the last of Newton's steps, whose square is what is left
STEPS = 200
BLOCK = 2**21  # floats at a time


def size(fit: Fit, j: int, variant: str, world: World, *, critical_value: float) -> float:
    """Return P(|t| > critical_value) of a true null in a world of Gaussian errors, exactly.

    Examples
    --------
    The mean of 10 independent rows, each its own cluster: t(9), and its 97.5 % point is 2.262.

    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.robust.exact.worlds import Independent
    >>> from lyra.regression.least_squares import least_squares
    >>> fit = least_squares(Moments.from_arrays(np.arange(10.0), np.ones((10, 1)), np.arange(10)))
    >>> print(f"{size(fit, 0, 'CV1', Independent(), critical_value=2.262157):.6f}")
    0.050000
    """
    about = Coefficient.of(fit, j)
    return float(rejection(forms(statistic(fit, about, variant), about, [world]), critical_value)[0])


def one_sided(two_sided: Array, critical_value: float) -> Array:
    """Return P(t > c) from P(|t| > |c|): the law is symmetric."""
    return np.asarray(two_sided / 2.0 if critical_value >= 0.0 else 1.0 - two_sided / 2.0)


def rejection(made: Forms, critical_value: float, step: float = STEP) -> Array:
    """Return P(|t| > critical_value) in each world, (n,)."""
    worlds = max(1, BLOCK // (made.d.shape[1] * NODES))
    parts = [made.take(slice(start, start + worlds)) for start in range(0, len(made), worlds)]
    return np.concatenate([_tail(part, critical_value**2 * made.factor, step) for part in parts])


def _tail(made: Forms, c2: float, step: float) -> Array:
    """Return Craig's integral (n,) by the trapezoid rule in w, block by block until nothing is left.

    The product falls as w grows; where rounding would let it rise, beyond cosh²w ~ 1e14, it is held. An eigenvalue that
    is zero is known to rounding alone, so a size of 1, where SE vanishes, is known to √ε.
    """
    if c2 == 0.0:
        return np.ones(len(made))
    possible, product_at = (_by_eigenvalues if made.few else _by_rank)(made, c2)
    total, product = np.zeros(len(made)), np.ones((len(made), 1))
    for first in range(0, int(FARTHEST / step), NODES):
        cosh = np.cosh(step * np.arange(first, first + NODES))
        found = np.concatenate([product[:, -1:], product_at(cosh**2)], axis=1)
        product = np.minimum.accumulate(found, axis=1)[:, 1:]
        heights = product / cosh
        total += heights.sum(axis=1) - (heights[:, 0] / 2.0 if first == 0 else 0.0)
        if (heights[:, -1] <= LEFT * total).all():
            break
    return np.where(possible, np.minimum(total * step * 2.0 / np.pi, 1.0), 0.0)


def _by_rank(made: Forms, c2: float) -> tuple[Bools, Product]:
    """Return whether λ₀ > 0, and Π_j (1 + |λ_j| v/λ₀)^(−1/2) (n, p) as a function of v (p,), in O(GK²) a value.

    With x = λ₀/v the product is det(I + c²Cov(z)/x) · F(x)/(x − λ₀), and F(x) − F(λ₀) divided by x − λ₀ is written
    without the difference, as 1 − c² u(x)'u(λ₀) with u(x) = (x + c²Cov(z))⁻¹Cov(z, z₀): nothing cancels.
    """
    largest, u = positive_eigenvalue(made, c2)
    possible = largest > VANISHED
    lambda0 = np.where(possible, largest, 1.0)

    def product(v: Array) -> Array:
        x = lambda0[:, None] / v
        weights = 1.0 / (x[:, :, None] + c2 * made.d[:, None, :])
        C = made.inverse[:, None] + c2 * made.sums(weights)
        r = _solved(C, np.broadcast_to(made.b0[:, None, :, None], (*C.shape[:3], 1)))[..., 0]
        slope = 1.0 - c2 * np.einsum("npr,npr->np", r, weights @ (made.B * u[:, :, None]))
        logs = np.linalg.slogdet(C)[1] + made.log_det - np.log(x[:, :, None] * weights).sum(axis=2)
        return np.asarray(np.exp(-0.5 * (logs + np.log(np.maximum(slope, np.finfo(float).tiny)))))

    return possible, product


def _by_eigenvalues(made: Forms, c2: float) -> tuple[Bools, Product]:
    """Return the same from the eigenvalues of the whole form, for few clusters."""
    n, G = made.d.shape
    M = np.linalg.inv(made.inverse)
    s = (made.B @ (M @ made.b0[:, :, None]))[:, :, 0]
    S = np.ones((n, G + 1, G + 1))
    S[:, 1:, 1:] = made.B @ M @ made.B.swapaxes(1, 2)
    S[:, np.arange(1, G + 1), np.arange(1, G + 1)] += made.d
    S[:, 0, 1:] = S[:, 1:, 0] = s
    values, vectors = np.linalg.eigh(S)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    D = np.concatenate([[1.0], np.full(G, -c2)])
    eigenvalues = np.linalg.eigvalsh(root.swapaxes(1, 2) @ (D[:, None] * root))
    possible = eigenvalues[:, -1] > VANISHED
    ratios = np.maximum(-eigenvalues[:, :-1], 0.0) / np.where(possible, eigenvalues[:, -1], 1.0)[:, None]
    return possible, lambda v: np.asarray(np.exp(-0.5 * np.log1p(ratios[:, None, :] * v[:, None]).sum(axis=2)))


def positive_eigenvalue(made: Forms, c2: float) -> tuple[Array, Array]:
    """Return λ₀ (n,) and u(λ₀) (n, G), by Newton's steps from Var(z₀) = 1 down.

    λ₀ is the root of F(λ) = λ − Var(z₀) + c² s'(λ + c²Cov(z))⁻¹s = λ − b₀'r(λ), s = Cov(z, z₀). F is convex and not
    negative at Var(z₀), so the steps fall to the root and never pass it.
    """
    root = np.ones(len(made))
    for _ in range(STEPS):
        r, u = _at(made, c2, root)
        F = root - np.einsum("nr,nr->n", made.b0, r)
        step = np.maximum(F, 0.0) / np.maximum(1.0 - c2 * np.einsum("ng,ng->n", u, u), 1e-3)
        root = np.asarray(np.maximum(root - step, VANISHED / 2.0), dtype=np.float64)
        if (step <= SETTLED * root).all() or (root <= VANISHED).all():
            break
    return root, _at(made, c2, root)[1]


def _at(made: Forms, c2: float, x: Array) -> tuple[Array, Array]:
    """Return r(x) = C(x)⁻¹b₀ (n, r) and u(x) = B r/(x + c²d) (n, G), C(x) = M⁻¹ + c²B'(x + c²d)⁻¹B."""
    weights = 1.0 / (x[:, None] + c2 * made.d)
    C = made.inverse + c2 * ((made.B * weights[:, :, None]).swapaxes(1, 2) @ made.B)
    r = _solved(C, made.b0[:, :, None])[:, :, 0]
    return np.asarray(r, dtype=np.float64), weights * (made.B @ r[:, :, None])[:, :, 0]


def _solved(C: Array, b: Array) -> Array:
    """Return C⁻¹b; the shortest solution where rounding made a C singular, as it can far out in the tail."""
    try:
        return np.asarray(np.linalg.solve(C, b))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(C) @ b)
