"""What a world of errors is: of each cluster the covariance of its sums, and what is left over; worlds add."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.errors import InputError
from lyra.robust.exact.coefficient import Coefficient

__all__ = ["Sum", "World", "outer"]


class World(ABC):
    """Errors that are Gaussian, independent between clusters, and known up to one scale."""

    __slots__ = ()

    @abstractmethod
    def covariances(self, about: Coefficient) -> Array:
        """Return W_g = X_g'Ω_gX_g (G, K, K) in orthonormal coordinates."""

    def noise(self, about: Coefficient) -> Array:
        """Return the variance (G,) of every direction of a cluster's rows that its columns leave over.

        One number a cluster, which presumes that the columns hold a constant. NaN where the directions differ.
        """
        return np.full(len(about.shares), np.nan)

    @abstractmethod
    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""

    def __add__(self, other: World) -> Sum:
        return Sum(self, other)


@dataclass(frozen=True, slots=True, init=False)
class Sum(World):
    """Independent errors of several worlds on top of each other: their W_g add."""

    parts: tuple[World, ...]

    def __init__(self, *parts: World) -> None:
        if not parts:
            raise InputError("A sum of no worlds is no world: pass at least one.")
        object.__setattr__(self, "parts", parts)

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return np.asarray(np.sum([part.covariances(about) for part in self.parts], axis=0))

    def noise(self, about: Coefficient) -> Array:
        """Return the variance (G,) of what the columns leave over."""
        return np.asarray(np.sum([part.noise(about) for part in self.parts], axis=0))

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        return " + ".join(part.words(about) for part in self.parts)


def outer(vectors: Array) -> Array:
    """Return v_g v_g' (G, K, K) of vectors (G, K)."""
    return np.asarray(vectors[:, :, None] * vectors[:, None, :])
