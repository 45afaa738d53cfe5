"""Who lives in a world: agents sorted by cluster, then window, and which of them are treated."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array, Bools, Codes
from lyra.data.units import Units
from lyra.errors import InputError
from lyra.simulation.ranges import MOST_AGENTS, MOST_CELLS, check_most, check_whole
from lyra.simulation.samples import Assigns

__all__ = ["Crowd", "arms", "check_layout", "crowd", "moulton", "shares", "sizes"]

MOST_SPREAD = 100.0  # coefficient of variation of cluster sizes


class Crowd(NamedTuple):
    """The agents of a world, sorted by cell: cell of each, first row and size of each cell."""

    units: Units
    cell: Codes
    start: Codes
    size: Codes


def crowd(sizes: Codes, windows: int, stratum: Codes) -> Crowd:
    """Return the agents of clusters (G,) of these sizes and strata, fresh ones in every window."""
    size = np.repeat(sizes, windows)
    cell = np.repeat(np.arange(len(size)), size)
    cluster, window = np.divmod(cell, windows)
    units = Units(cluster, window=window, user=np.arange(len(cell)), stratum=stratum[cluster])
    return Crowd(units, cell, np.cumsum(size) - size, size)


def shares(crowd: Crowd, treat: Bools) -> Array:
    """Return the share treated in each cell, of the agents treated (N,)."""
    return np.asarray(np.add.reduceat(treat, crowd.start, dtype=float) / crowd.size)


def arms(crowd: Crowd, design: Assigns, R: int, rng: Generator) -> tuple[Codes, Bools]:
    """Return the size and treatment of the arms of each cell, (R, cells, arms); one arm if treated whole."""
    drawn, item = design.draw_many(crowd.units, R, rng), design.items(crowd.units)
    if np.array_equal(item, item[crowd.start][crowd.cell]):
        whole = drawn[:, item[crowd.start], None]
        return np.broadcast_to(crowd.size[:, None], whole.shape), whole
    treated = np.add.reduceat(drawn[:, item], crowd.start, axis=1, dtype=np.intp)
    n = np.stack([crowd.size - treated, treated], axis=-1)
    return n, np.broadcast_to([False, True], n.shape)


def sizes(cluster_size: int | Sequence[int] | str, G: int) -> Codes:
    """Return the agents (G,) in each cluster and window."""
    if isinstance(cluster_size, str):
        return _lognormal(cluster_size, G)
    return np.broadcast_to(cluster_size, G).astype(np.intp)


def _lognormal(spelling: str, G: int) -> Codes:
    from scipy.special import ndtri

    found = re.fullmatch(r"(\d+\.?\d*) lognormal:(\d*\.?\d+)", spelling)
    if found is None:
        raise InputError(
            f"cluster_size={spelling!r} is not understood; "
            "write a number, one for each cluster, or '<mean> lognormal:<cv>' such as '35 lognormal:0.8'."
        )
    mean, cv = map(float, found.groups())
    if not (mean <= MOST_AGENTS and cv <= MOST_SPREAD):
        raise InputError(
            f"cluster_size={spelling!r} is out of range; the mean is at most {MOST_AGENTS:,} and the coefficient of "
            f"variation at most {MOST_SPREAD:g}."
        )
    spread = np.exp(math.sqrt(math.log1p(cv**2)) * ndtri((np.arange(G) + 0.5) / G))
    sizes: Codes = np.maximum(1, np.rint(mean * spread / spread.mean())).astype(np.intp)
    return sizes


def moulton(sizes: Codes, correlation: Array) -> float:
    """Return √(1 + Σ_{i≠j same cluster} ρ_ij / N), of correlations (W,) 0, 1, ... windows apart; see `Truth`."""
    W = len(correlation)
    pairs_of_windows = np.r_[W, 2 * np.arange(W - 1, 0, -1)]
    pairs = float(pairs_of_windows @ correlation) * float(sizes @ sizes)
    return math.sqrt(1 + pairs / (W * float(sizes.sum())) - correlation[0])


def check_layout(n_clusters: int, cluster_size: int | Sequence[int] | str, windows: int, strata: int) -> None:
    """Refuse clusters, windows or strata that are no whole numbers, too many, or do not divide."""
    check_whole("n_clusters", n_clusters, 2)
    check_whole("windows", windows, 1)
    check_whole("strata", strata, 1)
    check_most(n_clusters * windows, MOST_CELLS, "clusters times windows")
    if n_clusters % strata:
        raise InputError(
            f"{n_clusters} clusters are not divisible by strata={strata}; choose a number of strata that divides them."
        )
    if not isinstance(cluster_size, str):
        _check_sizes(cluster_size, n_clusters)


def _check_sizes(size: int | Sequence[int], G: int) -> None:
    sizes = size if isinstance(size, Sequence) else [size] * G
    if len(sizes) != G:
        raise InputError(f"cluster_size has {len(sizes)} sizes for {G} clusters; give one for each.")
    for each in sizes:
        check_whole("cluster_size", each, 1)
    check_most(sum(sizes), MOST_AGENTS, "agents")
