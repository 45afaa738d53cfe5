"""Worlds of errors: of each cluster the one K×K matrix W_k = X_k'Ω_kX_k that a test statistic feels.

Every clustered statistic reads the errors through the cluster sums X_k'u_k alone, so a world of Gaussian errors,
independent between clusters, is its covariances of those sums, in the orthonormal coordinates of a fit and up to one
common scale. A world is a small frozen object that says itself in words; worlds add.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.errors import InputError, RowsNeededError
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.arms import arms, cluster_values, column_sums

__all__ = [
    "Arms",
    "Autoregressive",
    "BySize",
    "Coefficient",
    "ColumnSlopeShare",
    "Independent",
    "InnerArms",
    "Intercept",
    "LeverageHalf",
    "RowSums",
    "Slope",
    "SlopeShare",
    "Sum",
    "World",
]

Bools = NDArray[np.bool_]

ABSORBED = 1e-18  # Σ|X_g'1|² as a share of Σ N_g² |x|² below which an effect of every cluster was swept out
TIE = 1e-9  # leverages that differ by less are equal: the first cluster comes first
TIMES = MappingProxyType({2.0: "twice", 3.0: "three times", 4.0: "four times"})

# --- what a world is told ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowSums:
    """Sums that only rows can give, for the worlds that need them.

    Attributes
    ----------
    inner : ndarray (G, K, K), optional
        X_g'D_gX_g over the rows with the larger value of the tested column, in orthonormal coordinates.
    inner_ones : ndarray (G, K), optional
        X_g'D_g1 of the same rows.
    paths : ndarray (G, T, K), optional
        Sums of the rows of each cluster in each period, zero where there are none.
    periods : ndarray (T,), optional
        The periods, increasing.
    """

    inner: Array | None = None
    inner_ones: Array | None = None
    paths: Array | None = None
    periods: Array | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coefficient:
    """One coefficient of a fit, as worlds of errors see it: β̂ − β = scale · direction'Σ X_g'u_g.

    Attributes
    ----------
    term : str
        The tested column.
    shares : ndarray (G, K, K)
        E_g = X_g'X_g in orthonormal coordinates; they add up to I.
    ones : ndarray (G, K)
        X_g'1; zero where an effect of every cluster was swept out.
    sizes : ndarray (G,)
        Rows per cluster.
    direction : ndarray (K,)
        The unit vector of the tested coefficient.
    scale : float
        The standard error of the coefficient when rows are independent with variance 1.
    column : ndarray (K,)
        The tested column itself, x = Q·column with Q the orthonormal columns.
    larger : ndarray (G,) of bool, optional
        The clusters with the larger value of a column that has two and is constant in clusters.
    rows : RowSums
        What was kept of the rows, for worlds that need them.
    """

    term: str
    shares: Array
    ones: Array
    sizes: NDArray[np.int64]
    direction: Array
    scale: float
    column: Array
    larger: Bools | None = None
    rows: RowSums = field(default_factory=RowSums)

    @classmethod
    def of(cls, fit: Fit, j: int) -> Coefficient:
        """Return coefficient number j of a fit as worlds see it."""
        scale = float(np.linalg.norm(fit.W[j]))
        return cls(
            term=fit.names[j],
            shares=np.concatenate([E for _, E in fit.grams()]),
            ones=fit.orthonormal(fit.moments.ones[:, :-1]),
            sizes=fit.moments.sizes,
            direction=fit.W[j] / scale,
            scale=scale,
            column=np.asarray(np.linalg.inv(fit.W)[:, j], dtype=np.float64),
            larger=arms(cluster_values(column_sums(fit), fit.moments.sizes)[:, j]),
        )

    @property
    def slopes(self) -> Array:
        """E_g·direction (G, K): X_g'x̃_g, with x̃ the tested column given the others, of length one."""
        return self.shares @ self.direction

    @property
    def column_slopes(self) -> Array:
        """E_g·column (G, K): X_g'x_g, with x the tested column as it is."""
        return self.shares @ self.column

    @property
    def leverage(self) -> Array:
        """The share (G,) of what is known about the coefficient that each cluster carries: |x̃_g|², adds up to 1."""
        return np.asarray(self.slopes @ self.direction)

    @property
    def leverage_half(self) -> Bools:
        """The fewest clusters (G,) that together carry half of the leverage."""
        leverage = np.round(self.leverage / TIE) * TIE
        order = np.argsort(-leverage, kind="stable")
        before = np.concatenate([[0.0], np.cumsum(leverage[order])[:-1]])
        half = np.zeros(order.size, dtype=np.bool_)
        half[order[before < 0.5 * leverage.sum() - TIE]] = True
        return half

    @property
    def absorbed(self) -> bool:
        """Whether an effect of every cluster was swept out of the columns: a random intercept then does nothing."""
        most = float(np.einsum("gkk,g->", self.shares, self.sizes.astype(float)))  # |X_g'1|² ≤ N_g tr E_g
        return bool(np.sum(self.ones**2) <= ABSORBED * most)

    def with_rows(self, rows: RowSums) -> Coefficient:
        """Return the same coefficient with sums that came from rows."""
        return replace(self, rows=rows)


# --- worlds --------------------------------------------------------------------------------------


class World(ABC):
    """Errors that are Gaussian, independent between clusters, and known up to one scale."""

    __slots__ = ()

    @abstractmethod
    def covariances(self, about: Coefficient) -> Array:
        """Return W_g = X_g'Ω_gX_g (G, K, K) in orthonormal coordinates."""

    @abstractmethod
    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""

    def __add__(self, other: World) -> Sum:
        return Sum(self, other)


@dataclass(frozen=True, slots=True)
class Independent(World):
    """Rows independent with one variance: W_g = E_g."""

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return about.shares

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
        return (1.0 - self.icc) * about.shares + self.icc * _outer(about.ones)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        return f"intraclass correlation {self.icc:.3g}" if self.icc else "rows independent"


@dataclass(frozen=True, slots=True)
class Slope(World):
    """An effect of the tested column that differs by cluster with this standard deviation, rows having variance 1."""

    sd: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        if not self.sd >= 0.0:
            raise InputError(f"sd={self.sd!r} is not a standard deviation: pass a number that is zero or more.")

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return self.of.covariances(about) + (self.sd / about.scale) ** 2 * _outer(about.slopes)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        return f"{self.of.words(about)}, the effect of {about.term} differs by cluster (sd {self.sd:.3g})"


@dataclass(frozen=True, slots=True)
class SlopeShare(World):
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
class ColumnSlopeShare(World):
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
class Arms(World):
    """Clusters with the larger value of the tested column κ times as variable: W_g κ_g."""

    ratio: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        _refuse_ratio(self.ratio)

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        if about.larger is None:
            raise InputError(
                f"{about.term} does not split the clusters into two arms: use LeverageHalf({self.ratio:g}) instead."
            )
        return _scaled(self.of.covariances(about), np.where(about.larger, self.ratio, 1.0))

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        larger, others = f"clusters with the larger {about.term}", f"clusters with the smaller {about.term}"
        return f"{self.of.words(about)}, {_variable(self.ratio, larger, others)}"


@dataclass(frozen=True, slots=True)
class LeverageHalf(World):
    """The fewest clusters that carry half of the leverage κ times as variable, for any column."""

    ratio: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        _refuse_ratio(self.ratio)

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        return _scaled(self.of.covariances(about), np.where(about.leverage_half, self.ratio, 1.0))

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        count = int(about.leverage_half.sum())
        half = f"the {count} clusters that carry" if count > 1 else "the one cluster that carries"
        half = f"{half} half of {about.term}"
        return f"{self.of.words(about)}, {_variable(self.ratio, half, 'the other clusters')}"


@dataclass(frozen=True, slots=True)
class BySize(World):
    """Variance that goes with the size of the cluster: W_g N_g^power."""

    power: float
    of: World = field(default_factory=Independent)

    def __post_init__(self) -> None:
        if not np.isfinite(self.power):
            raise InputError(f"power={self.power!r} is not a power of the size: pass a finite number.")

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        sizes = about.sizes / about.sizes.mean()
        return _scaled(self.of.covariances(about), sizes**self.power)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        more = "larger" if self.power > 0 else "smaller"
        return f"{self.of.words(about)}, {more} clusters more variable (variance ~ size^{self.power:g})"


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

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        return " + ".join(part.words(about) for part in self.parts)


# --- worlds that need rows -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InnerArms(World):
    """Rows with the larger value of the tested column κ times as variable, inside clusters, with an intercept.

    (1 − ρ)(κ E_g1 + E_g0) + ρ(√κ m_g1 + m_g0)(…)': each arm's own error and its share of the intercept are scaled.
    """

    ratio: float
    icc: float = 0.0

    def __post_init__(self) -> None:
        _refuse_ratio(self.ratio)
        Intercept(self.icc)

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        inner, ones = about.rows.inner, about.rows.inner_ones
        if inner is None or ones is None:
            raise RowsNeededError(_needed("Arms inside clusters", about, "row_worlds.arm_sums"))
        rows = about.shares + (self.ratio - 1.0) * inner
        shared = about.ones + (self.ratio**0.5 - 1.0) * ones
        return np.asarray((1.0 - self.icc) * rows + self.icc * _outer(shared))

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        larger, others = f"rows with the larger {about.term}", f"rows with the smaller {about.term}"
        return f"{Intercept(self.icc).words(about)}, {_variable(self.ratio, larger, others)}"


@dataclass(frozen=True, slots=True)
class Autoregressive(World):
    """Shocks of cluster and period with correlation φ^|t − t'|: (1 − s)E_g + s P_g'R(φ)P_g, P_g the sums by period.

    With one row in each period and share 1 this is AR(1) in the rows. Columns with swept effects need nothing more.
    """

    phi: float
    share: float = 1.0

    def __post_init__(self) -> None:
        if not -1.0 < self.phi < 1.0:
            raise InputError(f"phi={self.phi!r} is not a correlation in time: pass a number between -1 and 1.")
        if not 0.0 <= self.share <= 1.0:
            raise InputError(f"share={self.share!r} is not a share of a variance: pass a number from 0 to 1.")

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        paths, periods = about.rows.paths, about.rows.periods
        if paths is None or periods is None:
            raise RowsNeededError(_needed("Correlation in time", about, "row_worlds.period_sums"))
        lag = np.abs(np.subtract.outer(periods, periods))
        R = np.sign(self.phi) ** np.round(lag) * np.abs(self.phi) ** lag if self.phi else (lag == 0).astype(float)
        together = paths.transpose(0, 2, 1) @ (R @ paths)
        return np.asarray((1.0 - self.share) * about.shares + self.share * together)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        part = "" if self.share == 1.0 else f" in {100 * self.share:.3g} % of the variance"
        return f"correlation {self.phi:.3g} from one period to the next{part}"


# --- inside --------------------------------------------------------------------------------------


def _outer(vectors: Array) -> Array:
    return np.asarray(vectors[:, :, None] * vectors[:, None, :])


def _with_share(W: Array, share: float, slopes: Array, direction: Array) -> Array:
    """Return W_g + τ² slopes_g slopes_g', with τ² such that the slopes make this share of Var(direction'Σ c_g)."""
    without, unit = direction @ W.sum(axis=0) @ direction, np.sum((slopes @ direction) ** 2)
    return np.asarray(W + share / (1.0 - share) * without / unit * _outer(slopes))


def _scaled(W: Array, factors: Array) -> Array:
    return np.asarray(W * factors[:, None, None])


def _variable(ratio: float, these: str, those: str) -> str:
    who, times = (these, ratio) if ratio >= 1.0 else (those, 1.0 / ratio)
    known: Mapping[float, str] = TIMES
    return f"{who} {known.get(round(times, 9), f'{times:.3g} times')} as variable"


def _refuse_ratio(ratio: float) -> None:
    if not 0.0 < ratio < np.inf:
        raise InputError(f"ratio={ratio!r} is not a ratio of two variances: pass a positive number.")


def _needed(what: str, about: Coefficient, maker: str) -> str:
    return f"{what} of {about.term} cannot be read from cluster sums: pass the rows once to {maker} and the result on."
