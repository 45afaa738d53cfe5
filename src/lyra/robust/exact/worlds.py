"""Worlds of errors: of each cluster the one K×K matrix W_k = X_k'Ω_kX_k that a test statistic feels.

Every clustered statistic reads the errors through the cluster sums X_k'u_k alone, so a world of Gaussian errors,
independent between clusters, is its covariances of those sums, in the orthonormal coordinates of a fit and up to one
common scale. A world is a small frozen object that says itself in words; worlds add.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from lyra.base.arrays import Array
from lyra.errors import InputError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.world import Sum, World, outer

__all__ = [
    "Arms",
    "BySize",
    "ColumnSlopeShare",
    "Independent",
    "Intercept",
    "LeverageHalf",
    "Scaled",
    "Slope",
    "SlopeShare",
    "Sloped",
    "Sum",
    "World",
    "outer",
    "refuse_ratio",
    "unequal",
    "variable",
]

TIMES = MappingProxyType({2.0: "twice", 3.0: "three times", 4.0: "four times"})


@dataclass(frozen=True, slots=True)
class Independent(World):
    """Rows independent with one variance: W_g = E_g."""

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return about.shares

    def noise(self, about: Coefficient) -> Array:
        """Return the variance (G,) of what the columns leave over."""
        return np.ones(len(about.shares))

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        return "rows independent"


@dataclass(frozen=True, slots=True)
class Intercept(World):
    """A random intercept of every cluster: W_g = (1 − ρ)E_g + ρ m_gm_g', with m_g = X_g'1."""

    icc: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.icc <= 1.0:
            raise InputError(f"icc={self.icc!r} is not an intraclass correlation: pass a number from 0 to 1.")

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return (1.0 - self.icc) * about.shares + self.icc * outer(about.ones)

    def noise(self, about: Coefficient) -> Array:
        """Return the variance (G,) of what the columns leave over."""
        return np.full(len(about.shares), 1.0 - self.icc)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        return f"intraclass correlation {self.icc:.3g}" if self.icc else "rows independent"


class Sloped(World):
    """Effects of a column that differ by cluster, on top of a world: what the columns leave over stays as it is."""

    __slots__ = ()
    of: World

    def noise(self, about: Coefficient) -> Array:
        """Return the variance (G,) of what the columns leave over."""
        return self.of.noise(about)


class Scaled(World):
    """A world whose clusters are each so many times as variable: W_g κ_g."""

    __slots__ = ()
    of: World

    @abstractmethod
    def factors(self, about: Coefficient) -> Array:
        """Return κ_g (G,)."""

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return self.of.covariances(about) * self.factors(about)[:, None, None]

    def noise(self, about: Coefficient) -> Array:
        """Return the variance (G,) of what the columns leave over."""
        return self.of.noise(about) * self.factors(about)


@dataclass(frozen=True, slots=True)
class Slope(Sloped):
    """An effect of the tested column that differs by cluster with this standard deviation, rows having variance 1."""

    sd: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        if not self.sd >= 0.0:
            raise InputError(f"sd={self.sd!r} is not a standard deviation: pass a number that is zero or more.")

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return self.of.covariances(about) + (self.sd / about.scale) ** 2 * outer(about.slopes)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        return f"{self.of.words(about)}, the effect of {about.term} differs by cluster (sd {self.sd:.3g})"


@dataclass(frozen=True, slots=True)
class SlopeShare(Sloped):
    """The same by its share π of Var(β̂): τ² = π/(1 − π) · Var(β̂ without it)/Σ |x̃_g|⁴."""

    share: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        if not 0.0 <= self.share < 1.0:
            raise InputError(f"share={self.share!r} is not a share of a variance: pass a number from 0, below 1.")

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return _with_share(self.of.covariances(about), self.share, about.slopes, about.direction)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        share = f"{100 * self.share:.3g} % of the variance of {about.term}"
        return f"{self.of.words(about)}, effects that differ by cluster make {share}"


@dataclass(frozen=True, slots=True)
class ColumnSlopeShare(Sloped):
    """The same for the tested column as it is, not given the others: errors grow with the size of x itself."""

    share: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        SlopeShare(self.share)

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return _with_share(self.of.covariances(about), self.share, about.column_slopes, about.direction)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        share = f"errors that grow with {about.term} make {100 * self.share:.3g} % of its variance"
        return f"{self.of.words(about)}, {share}"


@dataclass(frozen=True, slots=True)
class Arms(Scaled):
    """Clusters with the larger value of the tested column κ times as variable: W_g κ_g."""

    ratio: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        refuse_ratio(self.ratio)

    def factors(self, about: Coefficient) -> Array:
        """Return κ_g (G,)."""
        if about.larger is None:
            raise InputError(
                f"{about.term} does not split the clusters into two arms: use LeverageHalf({self.ratio:g}) instead."
            )
        return np.where(about.larger, self.ratio, 1.0)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        larger, others = f"clusters with the larger {about.term}", f"clusters with the smaller {about.term}"
        return f"{self.of.words(about)}, {variable(self.ratio, larger, others)}"


@dataclass(frozen=True, slots=True)
class LeverageHalf(Scaled):
    """The fewest clusters that carry half of the leverage κ times as variable, for any column."""

    ratio: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        refuse_ratio(self.ratio)

    def factors(self, about: Coefficient) -> Array:
        """Return κ_g (G,)."""
        return np.where(about.leverage_half, self.ratio, 1.0)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        count = int(about.leverage_half.sum())
        half = f"the {count} clusters that carry" if count > 1 else "the one cluster that carries"
        half = f"{half} half of {about.term}"
        return f"{self.of.words(about)}, {variable(self.ratio, half, 'the other clusters')}"


@dataclass(frozen=True, slots=True)
class BySize(Scaled):
    """Variance that goes with the size of the cluster: W_g N_g^power."""

    power: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        if not np.isfinite(self.power):
            raise InputError(f"power={self.power!r} is not a power of the size: pass a finite number.")

    def factors(self, about: Coefficient) -> Array:
        """Return κ_g (G,)."""
        return np.asarray((about.sizes / about.sizes.mean()) ** self.power)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        more = "larger" if self.power > 0 else "smaller"
        return f"{self.of.words(about)}, {more} clusters more variable (variance ~ size^{self.power:g})"


def unequal(about: Coefficient, ratio: float, of: World) -> Scaled:
    """Return the world in which one arm, or where there are none the leverage half, is so many times as variable."""
    return LeverageHalf(ratio, of) if about.larger is None else Arms(ratio, of)


# --- inside --------------------------------------------------------------------------------------


def _with_share(W: Array, share: float, slopes: Array, direction: Array) -> Array:
    """Return W_g + τ² slopes_g slopes_g', with τ² such that the slopes make this share of Var(direction'Σ c_g)."""
    without, unit = direction @ W.sum(axis=0) @ direction, np.sum((slopes @ direction) ** 2)
    return np.asarray(W + share / (1.0 - share) * without / unit * outer(slopes))


def variable(ratio: float, these: str, those: str) -> str:
    """Say which of two are more variable, and how many times."""
    who, times = (these, ratio) if ratio >= 1.0 else (those, 1.0 / ratio)
    known: Mapping[float, str] = TIMES
    return f"{who} {known.get(round(times, 9), f'{times:.3g} times')} as variable"


def refuse_ratio(ratio: float) -> None:
    """Raise InputError for what is not a ratio of two variances."""
    if not 0.0 < ratio < np.inf:
        raise InputError(f"ratio={ratio!r} is not a ratio of two variances: pass a positive number.")
