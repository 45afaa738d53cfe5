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
    return Scenario(f"{G} clusters", Trial(cell, source, methods, seed), G)


def past(*methods, G=8, design=None, weights="auto"):
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(G), rng.integers(3, 9, G))
    y = rng.standard_normal(cluster.size) + rng.standard_normal(G)[cluster]
    source = HistorySource(y, np.ones((cluster.size, 1)), Units(cluster), design or ByCluster())
    return Scenario("own data", Trial(0, source, methods, 1, weights), G)
