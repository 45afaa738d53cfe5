"""Cluster Grams E_g of many replicates, (R or 1, G, K, K): as they are, or all alike but for the tested column.

Where replicates differ in the tested column alone, E_g = (F_g f_g; f_g' e_g) with the same F_g in all of them. In the
coordinates of F_g = V diag(λ) V' what is left without a cluster, I − E_g, is an arrowhead: a diagonal 1 − λ with one
row and one column. Its inverse is one Schur complement, its inverse root a sum of such inverses (`inverse_root`), and
the spectrum of F_g is worked out once for all replicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.robust.inverse_root import LEAST, inverse_root
from lyra.robust.leave_out import CARRIES, SINGULAR, LeaveOut, Spectrum, adjustment, leave_out, spectrum, times

__all__ = ["Bordered", "Dense", "Grams", "Staying"]


class Grams(Protocol):
    """Cluster Grams, the tested column last."""

    @property
    def last(self) -> Array:
        """The last column of each, (R or 1, G, K)."""
        ...

    @property
    def others(self) -> Grams:
        """The Grams of the other columns."""
        ...

    @property
    def without(self) -> LeaveOut:
        """I − E_g."""
        ...

    def times(self, z: Array) -> Array:
        """Return E_g z_g (R, G, K) for vectors z (R or 1, G or 1, K)."""
        ...


@dataclass(frozen=True, eq=False)
class Dense:
    """Grams as they are, (R or 1, G, K, K)."""

    E: Array

    @property
    def last(self) -> Array:
        """The last column of each, (R or 1, G, K)."""
        return self.E[..., -1]

    @property
    def others(self) -> Dense:
        """The Grams of the other columns."""
        return Dense(self.E[..., :-1, :-1])

    @property
    def without(self) -> LeaveOut:
        """I − E_g."""
        return leave_out(self.E)

    def times(self, z: Array) -> Array:
        """Return E_g z_g (R, G, K) for vectors z (R or 1, G or 1, K)."""
        return times(self.E, z)


# --- the columns that stay, and the one that is new ---------------------------------------------


@dataclass(frozen=True, eq=False)
class Staying:
    """The Grams F (G, p, p) of the columns that are the same in all replicates."""

    F: Array

    @cached_property
    def spectrum(self) -> Spectrum:
        """F = V diag(λ) V'."""
        return spectrum(self.F)

    @cached_property
    def lost(self) -> Bools:
        """Directions (G, p) that a cluster alone carries: nothing of them is left without it."""
        return np.asarray(self.spectrum.left <= SINGULAR)

    @cached_property
    def left(self) -> Array:
        """1 − λ (G, p), and 1 where nothing is left."""
        return np.where(self.lost, 1.0, self.spectrum.left)

    @cached_property
    def shifted(self) -> Array:
        """1/(1 − λ + t) (G, p, J) for the shifts t of the inverse root."""
        shifts, _ = inverse_root()
        return np.asarray(1.0 / (self.left[..., None] + shifts))

    def turned(self, z: Array) -> Array:
        """Return V'z (R, G, p)."""
        return _by_cluster(z, self.spectrum.vectors)

    def turned_back(self, z: Array) -> Array:
        """Return V z (R, G, p)."""
        return _by_cluster(z, self.spectrum.vectors.swapaxes(-1, -2))


def _by_cluster(z: Array, M: Array) -> Array:
    """Return z_g'M_g (R, G, m) for z (R, G, p) and M (G, p, m), cluster by cluster; memory goes by cluster."""
    return np.asarray((z.swapaxes(0, 1) @ M).swapaxes(0, 1))


@dataclass(frozen=True, eq=False, kw_only=True)
class Bordered:
    """Grams (F_g f_g; f_g' e_g) of R replicates: F the same in all, f (R, G, p) and e (R, G) of the tested column."""

    staying: Staying
    f: Array
    e: Array

    @cached_property
    def last(self) -> Array:
        """The last column of each, (R, G, p + 1)."""
        return _joined(self.f, self.e)

    @property
    def others(self) -> Dense:
        """The Grams of the columns that stay, one for all."""
        return Dense(self.staying.F[None])

    @cached_property
    def without(self) -> Arrowhead:
        """I − E_g."""
        return Arrowhead.of(self)

    def times(self, z: Array) -> Array:
        """Return E_g z_g (R, G, p + 1) for vectors z (R or 1, G or 1, p + 1)."""
        z = np.broadcast_to(z, (z.shape[0], self.f.shape[1], z.shape[-1]))
        staying, own = z[..., :-1], z[..., -1]
        below = np.einsum("rgk,rgk->rg", *np.broadcast_arrays(self.f, staying)) + self.e * own
        return _joined(_by_cluster(staying, self.staying.F) + self.f * own[..., None], below)

    def dense(self, some: Bools) -> Array:
        """Return the Grams (n, p + 1, p + 1) of some replicates and clusters (R, G)."""
        _, cluster = np.nonzero(some)
        p = self.f.shape[-1]
        E = np.empty((cluster.size, p + 1, p + 1))
        E[:, :-1, :-1] = self.staying.F[cluster]
        E[:, :-1, -1] = E[:, -1, :-1] = self.f[some]
        E[:, -1, -1] = self.e[some]
        return E


def _joined(staying: Array, own: Array) -> Array:
    """Return vectors (R, G, p + 1) of their parts (R, G, p) and (R, G), in memory by cluster."""
    R, G, p = staying.shape
    z = np.empty((G, R, p + 1)).swapaxes(0, 1)
    z[..., :-1], z[..., -1] = staying, own
    return z


@dataclass(frozen=True, eq=False, kw_only=True)
class Arrowhead:
    """I − E of bordered Grams: the diagonal 1 − λ (G, p), and of every replicate the border f (R, G, p) and 1 − e.

    Where less than `LEAST` of a direction is left, the inverse root does not keep its digits and is taken of the
    spectrum of E itself, as is all that depends on which directions are lost.

    Attributes
    ----------
    staying : Staying
    f : ndarray (R, G, p)
        V'f, 0 in the directions that are lost.
    own : ndarray (R, G)
        1 − e.
    near : ndarray (R, G) of bool
        Where less than `LEAST` of a direction is left.
    spectrum : Spectrum
        E where it is near.
    """

    staying: Staying
    f: Array
    own: Array
    near: Bools
    spectrum: Spectrum

    @classmethod
    def of(cls, grams: Bordered) -> Arrowhead:
        """Return I − E."""
        staying = grams.staying
        f, own = np.where(staying.lost, 0.0, staying.turned(grams.f)), 1.0 - grams.e
        room = staying.left - LEAST  # I − E exceeds LEAST where its diagonal does, and so does its Schur complement
        below = np.einsum("rgp,gp->rg", f * f, 1.0 / np.where(room > 0.0, room, 1.0))
        near = (own - LEAST <= below) | (room <= 0.0).any(axis=1)
        return cls(staying=staying, f=f, own=own, near=near, spectrum=spectrum(grams.dense(near)))

    def inverse(self, z: Array) -> Array:
        """Return (I − E)⁻¹ z (R, G, p + 1)."""
        x, own = self._parts(z)
        reciprocal = np.where(self.staying.lost, 0.0, 1.0 / self.staying.left)
        schur = self.own - np.einsum("rgp,gp->rg", self.f * self.f, reciprocal)
        last = (own + np.einsum("rgp,rgp->rg", self.f, x * reciprocal)) / np.where(self.near, 1.0, schur)
        found = self._vectors((x + self.f * last[..., None]) * reciprocal, last)
        found[self.near] = self.spectrum.inverse(self._near(z))
        return found

    def root(self, z: Array) -> Array:
        """Return (I − E)^(−1/2) z (R, G, p + 1)."""
        x, own = self._parts(z)
        (shifts, weights), shifted = inverse_root(), self.staying.shifted
        schur = self.own[..., None] + shifts - _by_cluster(self.f * self.f, shifted)
        last = (
            (own[..., None] + _by_cluster(self.f * x, shifted)) / np.where(self.near[..., None], 1.0, schur) * weights
        )
        stays = x * adjustment(np.where(self.staying.lost, 0.0, self.staying.left), -0.5)
        turned = stays + self.f * _by_cluster(last, shifted.swapaxes(-1, -2))
        found = self._vectors(turned, last.sum(axis=-1))
        found[self.near] = self.spectrum.root(self._near(z))
        return found

    def loses(self, z: Array) -> Bools:
        """Return whether a direction that a cluster alone carries has weight on the unit vector z, (R, G)."""
        x, _ = self._parts(z)
        lost = np.asarray((self.staying.lost & (np.abs(x) > CARRIES)).any(axis=-1))
        lost[self.near] = self.spectrum.loses(self._near(z))
        return lost

    def _parts(self, z: Array) -> tuple[Array, Array]:
        """Return z (..., p + 1) as V'z of the columns that stay (R, G, p), and of the tested one (R, G)."""
        z = np.broadcast_to(z, (*self.f.shape[:2], z.shape[-1]))
        stays = z[..., :-1]
        return (self.staying.turned(stays) if stays.any() else np.zeros_like(self.f)), z[..., -1]

    def _vectors(self, turned: Array, last: Array) -> Array:
        return _joined(self.staying.turned_back(turned), last)

    def _near(self, z: Array) -> Array:
        return np.broadcast_to(z, (*self.f.shape[:2], z.shape[-1]))[self.near]
