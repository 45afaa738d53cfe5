"""Who lives in a world: the sizes asked for."""

import numpy as np
import pytest

from lyra.simulation.world import World


def test_lognormal_sizes_have_the_mean_and_spread_asked_for():
    world = World(2_000, cluster_size="200 lognormal:0.8")
    sizes = np.bincount(world.units.cluster)
    assert sizes.mean() == pytest.approx(200, abs=0.05)
    assert sizes.std() / sizes.mean() == pytest.approx(0.8, rel=0.02)
    assert np.array_equal(sizes, np.sort(sizes))
    assert np.bincount(World(9, cluster_size="35 lognormal:0").units.cluster).tolist() == [35] * 9
