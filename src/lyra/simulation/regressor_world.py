"""A world with a continuous regressor: y = effect·x + u, both with an effect of the cluster.

References
----------
.. [1] Cameron, Gelbach & Miller (2008), "Bootstrap-based improvements for inference with clustered errors",
   Review of Economics and Statistics 90.
"""

import math
from dataclasses import KW_ONLY, dataclass

import numpy as np

from lyra.data.units import Seed, Units
from lyra.errors import InputError
from lyra.simulation.ranges import MOST_AGENTS, MOST_CELLS, check_between, check_most, check_whole
from lyra.simulation.samples import Grams, Sample, Truth, draw_grams

__all__ = ["RegressorWorld"]


@dataclass(frozen=True, slots=True)
class RegressorWorld:
    """A regression with a continuous regressor, the design of Cameron, Gelbach & Miller (2008) [1]_.

    y = effect·x + u, where x and u are each a cluster's N(0, 1) plus an individual's N(0, 1). There is
    nothing to assign, so the design is None.

    Parameters
    ----------
    n_clusters : int
        Number of clusters, at least 2.
    cluster_size : int
        Rows in each cluster.
    effect : float
        The slope of x.

    Raises
    ------
    InputError
        When there are fewer than 2 clusters or less than 1 row in each.

    Examples
    --------
    >>> RegressorWorld(10).truth().moulton ** 2  # 1 + 29 / 4
    8.25
    """

    n_clusters: int
    _: KW_ONLY
    cluster_size: int = 30
    effect: float = 0.0

    def __post_init__(self) -> None:
        check_whole("n_clusters", self.n_clusters, 2)
        check_whole("cluster_size", self.cluster_size, 1)
        check_most(self.n_clusters, MOST_CELLS, "clusters")
        check_most(self.n_clusters * self.cluster_size, MOST_AGENTS, "rows")
        check_between("effect", self.effect, -math.inf, math.inf)

    def truth(self) -> Truth:
        """Return the slope; the ICC of u; and the Moulton factor √(1 + (m − 1)ρ_xρ_u) of the slope."""
        return Truth(self.effect, self.effect, (0.5,), math.sqrt(1 + (self.cluster_size - 1) / 4))

    def sample(self, design: None, rng: Seed) -> Sample:
        """Return one fresh data set with columns cluster, x and outcome; `design` is None."""
        _check_no_design(design)
        rng = np.random.default_rng(rng)
        cluster = np.repeat(np.arange(self.n_clusters), self.cluster_size)
        x, u = rng.standard_normal((2, self.n_clusters))[:, cluster] + rng.standard_normal((2, len(cluster)))
        columns = {"cluster": cluster, "x": x, "outcome": self.effect * x + u}
        return Sample(columns, "x", np.ones(len(cluster), dtype=np.bool_))

    def sample_grams(self, design: None, R: int, rng: Seed) -> Grams:
        """Return R fresh data sets as sums of products of "1", "x", "outcome"; `design` is None."""
        _check_no_design(design)
        rng = np.random.default_rng(rng)
        n = np.full((R, self.n_clusters), self.cluster_size)
        slope = np.array([[1.0, 0.0], [self.effect, 1.0]])
        means = np.ones((*n.shape, 3))
        means[..., 1:] = rng.standard_normal((*n.shape, 2)) @ slope.T
        gram = draw_grams(n, means, slope, rng)
        return Grams(("1", "x", "outcome"), gram, Units(np.arange(self.n_clusters)))


def _check_no_design(design: object) -> None:
    if design is not None:
        raise InputError("a RegressorWorld draws its regressor itself and nothing is assigned; pass design=None.")
