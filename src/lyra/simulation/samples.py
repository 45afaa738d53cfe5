"""What a world hands out: a table, or the sums of products of many tables; and the truth behind them.

References
----------
.. [1] Moulton (1990), "An illustration of a pitfall in estimating the effects of aggregate variables on micro
   units", Review of Economics and Statistics 72.
.. [2] Anderson (2003), An Introduction to Multivariate Statistical Analysis, 3rd ed., §7.2: the Bartlett
   decomposition of a Wishart matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lyra.base.arrays import Array, Bools, Codes
from lyra.data.units import Seed, Units

__all__ = ["Assigns", "CellCovariance", "Grams", "Sample", "Truth", "WorldLike", "draw_grams"]


class Assigns(Protocol):
    """What a world asks of a design; every design of `lyra.designs` has it."""

    def draw(self, units: Units, rng: Seed) -> Bools:
        """Return one assignment over the rows of `units`, (n,)."""

    def draw_many(self, units: Units, R: int, rng: Seed) -> Bools:
        """Return R assignments of the items, (R, items)."""

    def items(self, units: Units) -> Codes:
        """Return the item of each row, (n,)."""

    def kept(self, units: Units) -> Bools:
        """Return which rows the analysis keeps, (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What an analyst sees of one world: a table.

    Attributes
    ----------
    columns : mapping of str to (N,) array
        The columns by name, all of one length, "outcome" and "cluster" among them; `sample["outcome"]` is
        one.
    focal : str
        The column whose coefficient is tested: "treat" in an experiment, "x" in a regression.
    kept : (N,) bool array
        False on the rows that the design's washout leaves out of the analysis.
    """

    columns: Mapping[str, NDArray[Any]]
    focal: str
    kept: Bools

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.kept)


@dataclass(frozen=True, slots=True, eq=False)
class Grams:
    """Sums of products by cell for R worlds: all that a regression with clusters needs, without the rows.

    Attributes
    ----------
    names : tuple of str
        The columns Z of the products: "1", the focal regressor, any covariate, "outcome".
    gram : (R, cells, len(names), len(names)) array
        Z'Z of each cell over the rows kept; all zero in a cell that a washout leaves out.
    units : Units
        Cluster, window and stratum of each cell; cells of a coarser cluster add up.
    """

    names: tuple[str, ...]
    gram: Array
    units: Units


@dataclass(frozen=True, slots=True)
class Truth:
    """What only the world knows.

    Attributes
    ----------
    effect : float
        Mean change of an agent's outcome by its own treatment, no one else treated, on the outcome's scale.
    total_effect : float
        Mean change when everyone is treated, always, against no one: with carry-over and interference.
    correlation : tuple of float
        Correlation of the outcomes of two agents of one cluster, 0, 1, ... windows apart.
    moulton : float
        True over naive standard error when whole clusters are treated throughout [1]_,
        √(1 + Σ_{i≠j same cluster} ρ_ij / N); √(1 + (m − 1)ρ) when sizes are equal and there is one window.
    """

    effect: float
    total_effect: float
    correlation: tuple[float, ...]
    moulton: float

    @property
    def icc(self) -> float:
        """Correlation of the outcomes of two agents of one cluster and window."""
        return self.correlation[0]


@dataclass(frozen=True, slots=True, eq=False)
class CellCovariance:
    """Covariance of linear outcomes around their means, given who is treated.

    A cell is a cluster in a window, in that order. With s the sums of row weights v by cell, an estimate
    v'y has the exact variance s'·between·s + within·v'v; weights constant inside cells give w'Ωw with Ω =
    `cell_means`.

    Attributes
    ----------
    between : (cells, cells) array
        Covariance of what the agents of a cell share.
    within : float
        Variance of what is an agent's own.
    cell : (N,) int array
        The cell of each row.
    """

    between: Array
    within: float
    cell: Codes

    @property
    def cell_means(self) -> Array:
        """Ω, the (cells, cells) covariance of the cells' mean outcomes."""
        return self.between + np.diag(self.within / np.bincount(self.cell))

    def variance(self, v: Array) -> float:
        """Return the variance of v'y for row weights v (N,)."""
        s = np.bincount(self.cell, weights=v, minlength=len(self.between))
        return float(s @ self.between @ s + self.within * (v @ v))


@runtime_checkable
class WorldLike(Protocol):
    """Any object that can be sampled and knows its truth is a world."""

    def sample(self, design: Any, rng: Seed) -> Sample:
        """Return one fresh data set."""

    def truth(self) -> Truth:
        """Return what only the world knows."""


def draw_grams(n: Codes, means: Array, root: Array, rng: Generator) -> Array:
    """Return the sums of products of n (...) rows, (..., p, p), drawn without the rows.

    A row is `means` (..., p), the last two columns of which gain fresh normals of covariance root·root' [2]_.
    """
    means = means.copy()
    means[..., -2:] += rng.standard_normal((*n.shape, 2)) @ root.T / np.sqrt(np.maximum(n, 1))[..., None]
    gram = means[..., :, None] * (n[..., None] * means)[..., None, :]
    scatter = _wishart(np.maximum(n - 1, 0), rng).reshape(*n.shape, 4) @ np.kron(root, root).T
    gram[..., -2:, -2:] += scatter.reshape(*n.shape, 2, 2)
    return gram


def _wishart(dof: Codes, rng: Generator) -> Array:
    """Return standard 2×2 Wishart matrices (..., 2, 2) of 0, 1, 2, ... degrees of freedom, by Bartlett."""
    first = 2 * rng.standard_gamma(dof / 2)
    second = 2 * rng.standard_gamma(np.maximum(dof - 1, 0) / 2)
    corner = rng.standard_normal(dof.shape) * (dof > 0)
    cross = np.sqrt(first) * corner
    return np.stack([first, cross, cross, second + corner**2], axis=-1).reshape(*dof.shape, 2, 2)
