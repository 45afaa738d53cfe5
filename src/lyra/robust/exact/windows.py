"""The exact size of CV1 where shocks of a region's windows last: clustered by windows, by blocks of them, by regions.

Elsewhere in this folder clusters are independent. Here the errors of one region are not, and a line may cluster finer:
with d the tested direction, a_b = E_b d and m_k the sums of the columns over cell k (a window of a region),

    z₀ = d'Σ c_k,   z_b = Σ_k (1[k in b] d − a_b)'c_k,   Cov(c_k, c_l) = (1 − s) 1[k = l] E_k + s φ^|t_k − t_l| m_k m_l'

within a region, so that Cov(z) is one matrix of clusters, and its eigenvalues give the size by the same integral.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array, Codes
from lyra.moments.partition import Partition
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.laws import t_quantile

__all__ = ["LastingShocks", "size_clustered_by"]

NODES = 64  # of the midpoint rule, which converges geometrically: 1e-13 at 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LastingShocks:
    """A shock of each cell, a window of a region, that lasts: AR(1) along the windows of a region.

    Attributes
    ----------
    region, window : ndarray (H,)
        Of each cell.
    share : float
        s, the share of a row's variance that its cell has in common.
    phi : float
        φ, the correlation of that shock with the next window's.
    """

    region: Codes
    window: Codes
    share: float = 0.05
    phi: float = 0.8

    @property
    def correlation(self) -> Array:
        """The correlation of the shocks of cells (H, H)."""
        lag = np.abs(np.subtract.outer(self.window, self.window))
        return np.where(np.equal.outer(self.region, self.region), self.phi**lag, 0.0)


def size_clustered_by(about: Coefficient, clusters: Codes, shocks: LastingShocks) -> float:
    """Return P(|t| > c) of a true null, t by CV1 with these clusters of cells (H,), c the 97.5 % point of t(B − 1).

    Codes of clusters are 0, 1, ..., B − 1. The errors are Gaussian.
    """
    cells, d = Partition(clusters), about.direction
    a = cells.total(about.shares) @ d
    V = _of_shocks(cells, about, a)
    S = shocks.share * V @ shocks.correlation @ V.T
    S[1:, 1:] += (1.0 - shocks.share) * (np.diag(a @ d) - a @ a.T)
    S[0, 0] += 1.0 - shocks.share
    N, B, K = int(about.sizes.sum()), len(a), len(d)
    factor = B / (B - 1) * (N - 1) / (N - K)
    return _tail(S, float(t_quantile(B - 1.0, 0.975)) ** 2 * factor)


def _of_shocks(cells: Partition, about: Coefficient, a: Array) -> Array:
    """Return what a unit shock in each cell does to z₀ and the z_b, (B + 1, H)."""
    along = about.ones @ about.direction
    inside = cells.spread(np.eye(len(a))).T
    return np.concatenate([along[None], inside * along - a @ about.ones.T])


def _tail(S: Array, c2: float) -> float:
    """Return P(z₀² > c²Σz_b²) of Gaussians with this covariance, by Craig's integral over its eigenvalues."""
    values, vectors = np.linalg.eigh(S)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    D = np.concatenate([[1.0], np.full(len(S) - 1, -c2)])
    eigenvalues = np.linalg.eigvalsh(root.T @ (D[:, None] * root))
    ratios = np.maximum(-eigenvalues[:-1], 0.0) / eigenvalues[-1]
    sines = np.sin((np.arange(NODES) + 0.5) * np.pi / (2 * NODES)) ** 2
    return float(np.exp(-0.5 * np.log1p(ratios[:, None] / sines).sum(axis=0)).mean())
