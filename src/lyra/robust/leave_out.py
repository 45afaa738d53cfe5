"""What is left of the design without a cluster: (I − E_g)⁻¹ and its root, for Grams with any leading axes.

With E = V diag(λ) V' a cluster's Gram in orthonormal coordinates, a function of I − E is V f(1 − λ) V'. One and two
columns have it in closed form; of more, the inverse needs no spectrum where every I − E_g is regular. Where a cluster
alone carries a direction, 1 − λ is zero and all are Moore and Penrose's; what is zero is said here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.regression.within import CARRIES

__all__ = [
    "CARRIES",
    "NIL",
    "SINGULAR",
    "LeaveOut",
    "OneColumn",
    "Spectrum",
    "TwoColumns",
    "adjustment",
    "all_regular",
    "inverse_times",
    "leave_out",
    "spectrum",
    "times",
]


SINGULAR = 1e-10  # 1 − λ below which a cluster alone carries a direction
NIL = 1e-13  # 1 − λ that is rounding


class LeaveOut(Protocol):
    """I − E of Grams E (..., K, K), prepared for as many vectors as one likes."""

    def root(self, z: Array) -> Array:
        """Return (I − E)^(−1/2) z (..., K)."""

    def inverse(self, z: Array) -> Array:
        """Return (I − E)⁻¹ z (..., K)."""

    def loses(self, z: Array) -> Bools:
        """Return whether a direction that a cluster alone carries has weight on the unit vector z, (...)."""


def leave_out(E: Array) -> LeaveOut:
    """Return I − E of Grams E (..., K, K), in closed form for one and two columns."""
    return CLOSED_FORMS.get(E.shape[-1], spectrum)(E)


def inverse_times(E: Array, Z: Array) -> Array:
    """Return (I − E)⁻¹ Z (..., K, c), by solving where every I − E is regular."""
    K = E.shape[-1]
    if max(CLOSED_FORMS) < K:
        left = np.eye(K) - E
        if all_regular(left):
            return np.asarray(np.linalg.solve(left, Z))
    prepared = leave_out(E)
    return np.stack([prepared.inverse(Z[..., i]) for i in range(Z.shape[-1])], axis=-1)


def all_regular(left: Array) -> bool:
    """Return whether no I − E (..., K, K) is singular: every leave-one-cluster-out estimate exists."""
    try:
        factors = np.linalg.cholesky(left)
    except np.linalg.LinAlgError:
        return False
    return bool((np.diagonal(factors, axis1=-2, axis2=-1) ** 2 > 1e3 * SINGULAR).all())


def adjustment(left: Array, power: float) -> Array:
    """Return f(1 − λ) = (1 − λ)^power, and 0 where 1 − λ is zero (Moore-Penrose)."""
    return np.where(left > SINGULAR, np.maximum(left, SINGULAR) ** power, 0.0 if power else 1.0)


def times(E: Array, z: Array) -> Array:
    """Return E z (..., K) for Grams (..., K, K) and as many vectors z (..., K)."""
    return np.asarray(np.einsum("...kl,...l->...k", E, z))


# --- any number of columns ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """E = V diag(λ) V' of clusters, with 1 − λ.

    Attributes
    ----------
    values, left : ndarray (..., K)
        λ and 1 − λ.
    vectors : ndarray (..., K, K)
        V.
    """

    values: Array
    left: Array
    vectors: Array

    def along(self, contrasts: Array, power: float) -> Array:
        """Return f(1 − λ) V'z, (..., q, K), for contrasts z (q, K): f(I − E) z in the coordinates of V."""
        return np.asarray((contrasts @ self.vectors) * adjustment(self.left, power)[..., None, :])

    def weighed(self, along: Array) -> Array:
        """Return V(λ ∘ z) (..., q, K) of z in the coordinates of V: E times the vectors `along` gives."""
        return np.asarray((along * self.values[..., None, :]) @ self.vectors.swapaxes(-1, -2))

    def root(self, z: Array) -> Array:
        """Return (I − E)^(−1/2) z (..., K)."""
        return self._times(np.sqrt(self._reciprocal), z)

    def inverse(self, z: Array) -> Array:
        """Return (I − E)⁻¹ z (..., K)."""
        return self._times(self._reciprocal, z)

    def loses(self, z: Array) -> Bools:
        """Return whether a direction that a cluster alone carries has weight on the unit vector z, (...)."""
        lost = self.left <= SINGULAR
        return np.asarray((lost & (np.abs(self._turned(z)) > CARRIES)).any(axis=-1) if lost.any() else lost[..., 0])

    @property
    def _reciprocal(self) -> Array:
        return adjustment(self.left, -1.0)

    def _turned(self, z: Array) -> Array:
        return np.asarray(np.einsum("...kl,...k->...l", self.vectors, z))

    def _times(self, factor: Array, z: Array) -> Array:
        return times(self.vectors, factor * self._turned(z))


def spectrum(E: Array) -> Spectrum:
    """Return the spectrum of Grams (..., K, K), 1 − λ as a difference."""
    values, vectors = np.linalg.eigh(E)
    values = np.clip(values, 0.0, 1.0)
    return Spectrum(values, 1.0 - values, vectors)


# --- one column, and two ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class OneColumn:
    """1 − E for one column."""

    left: Array

    @classmethod
    def of(cls, E: Array) -> OneColumn:
        """Return it for Grams (..., 1, 1)."""
        return cls(1.0 - E[..., 0, 0])

    def root(self, z: Array) -> Array:
        """Return (1 − E)^(−1/2) z (..., 1)."""
        return adjustment(self.left, -0.5)[..., None] * z

    def inverse(self, z: Array) -> Array:
        """Return (1 − E)⁻¹ z (..., 1)."""
        return adjustment(self.left, -1.0)[..., None] * z

    def loses(self, z: Array) -> Bools:
        """Return whether a cluster alone carries the column, and z is not nil."""
        return np.asarray((self.left <= SINGULAR) & (np.abs(z[..., 0]) > CARRIES))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TwoColumns:
    """M = I − E = (a b; b d) for two columns, with D = √det M: M⁻¹ = adj M/D², M^(−½) = (adj M + D I)/(D √(tr M + 2D)).

    Where a cluster alone carries one direction, M = tr M · vv': M⁺ = M/(tr M)², and its root is M/(tr M)^(3/2).
    """

    a: Array
    b: Array
    d: Array
    det: Array  # 1 where a direction is lost
    lost: Bools

    @classmethod
    def of(cls, E: Array) -> TwoColumns:
        """Return it for Grams (..., 2, 2)."""
        a, b, d = 1.0 - E[..., 0, 0], -E[..., 0, 1], 1.0 - E[..., 1, 1]
        trace, det = a + d, a * d - b * b
        largest = (trace + np.sqrt(np.maximum(trace * trace - 4.0 * det, 0.0))) / 2.0
        lost = det <= SINGULAR * largest  # the smaller eigenvalue is det over the larger
        return cls(a=a, b=b, d=d, det=np.where(lost, 1.0, det), lost=lost)

    def inverse(self, z: Array) -> Array:
        """Return (I − E)⁻¹ z (..., 2)."""
        return self._or_one_direction(self._adjugate(z, 0.0) / self.det[..., None], z, 2.0)

    def root(self, z: Array) -> Array:
        """Return (I − E)^(−1/2) z (..., 2)."""
        root = np.sqrt(self.det)
        scale = root * np.sqrt(self.a + self.d + 2.0 * root)
        return self._or_one_direction(self._adjugate(z, root) / scale[..., None], z, 1.5)

    def loses(self, z: Array) -> Bools:
        """Return whether a direction that a cluster alone carries has weight on the unit vector z, (...)."""
        if not self.lost.any():
            return self.lost
        first = self.a >= self.d  # the row of M that is longer, to which the direction is orthogonal
        u, v = np.where(first, -self.b, self.d), np.where(first, self.a, -self.b)
        has_weight = np.abs(u * z[..., 0] + v * z[..., 1]) > CARRIES * np.hypot(u, v)
        return np.asarray(self.lost & (has_weight | (self.a + self.d <= SINGULAR)))

    def _adjugate(self, z: Array, more: Array | float) -> Array:
        """Return (adj M + more I) z."""
        x, y = z[..., 0], z[..., 1]
        return np.stack([(self.d + more) * x - self.b * y, (self.a + more) * y - self.b * x], axis=-1)

    def _or_one_direction(self, found: Array, z: Array, power: float) -> Array:
        """Return `found`, or where one direction is lost M z over (tr M)^power, or nothing where both are."""
        if not self.lost.any():
            return found
        x, y, trace = z[..., 0], z[..., 1], self.a + self.d
        along = np.stack([self.a * x + self.b * y, self.b * x + self.d * y], axis=-1)
        return np.asarray(np.where(self.lost[..., None], along * adjustment(trace, -power)[..., None], found))


CLOSED_FORMS: dict[int, Callable[[Array], LeaveOut]] = {1: OneColumn.of, 2: TwoColumns.of}
