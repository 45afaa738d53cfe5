"""Scenarios to certify: a small world, and a small history with few assignments."""

import numpy as np

from lyra.data.units import Units
from lyra.designs import ByCluster
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.world import World
from lyra.trials.trial import Scenario, Trial


def world(*methods, G=20, icc=0.1, design=None, seed=1, cell=0):
    source = WorldSource(World(G, cluster_size=10, icc=icc), design or ByCluster())
    return Scenario(
        design=f"{G} clusters", trial=Trial(cell=cell, source=source, methods=methods, seed=seed), n_clusters=G
    )


def past(*methods, G=8, design=None, weights="auto"):
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(G), rng.integers(3, 9, G))
    y = rng.standard_normal(cluster.size) + rng.standard_normal(G)[cluster]
    source = HistorySource(y=y, W=np.ones((cluster.size, 1)), units=Units(cluster), design=design or ByCluster())
    return Scenario(
        design="own data", trial=Trial(cell=0, source=source, methods=methods, seed=1, weights=weights), n_clusters=G
    )
