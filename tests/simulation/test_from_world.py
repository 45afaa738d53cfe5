"""Fresh worlds: sums and rows have one law, and the effect is taken out."""

import numpy as np
import pytest

from agreement import NO_WEIGHTS, agrees
from lyra.designs import ByCluster, ByUser, Pairs, Switchback
from lyra.errors import InputError
from lyra.robust.methods import run_method
from lyra.simulation.cells import replicates_of_grams, table_gram
from lyra.simulation.from_world import WorldSource
from lyra.simulation.regressor_world import RegressorWorld
from lyra.simulation.world import World


@pytest.mark.parametrize("covariates", [(), ("pre",), ("stratum",), ("pre", "stratum")], ids=str)
@pytest.mark.parametrize(
    ("design", "level"),
    [(ByCluster(), "cluster"), (ByUser(), "cluster"), (Pairs(), "pair"), (Switchback(block=2, washout=1), "window")],
    ids=lambda value: str(value)[:30],
)
def test_a_table_of_a_world_is_one_of_its_replicates(design, level, covariates):
    world = World(12, cluster_size="8 lognormal:0.5", windows=4, strata=6, icc=0.1, effect=0.3)
    source = WorldSource(world, design, level, covariates)
    tables = [source.table(np.random.default_rng(seed)) for seed in range(3)]
    reps = replicates_of_grams(np.stack([table_gram(rows) for rows in tables]), tables[0][0].size)
    assert reps.G == source.batch(1, np.random.default_rng(0)).G
    assert reps.K == source.batch(1, np.random.default_rng(0)).K
    assert reps.N == source.batch(1, np.random.default_rng(0)).N
    agrees(reps, tables, rtol=1e-8)


@pytest.mark.parametrize(
    ("world", "design", "level", "covariates"),
    [
        (World(8, cluster_size=10, icc=0.2, effect=0.5), ByCluster(), "cluster", ()),
        (World(8, cluster_size=10, icc=0.2, effect=0.5, strata=4, stratum_share=0.5), Pairs(), "pair", ("stratum",)),
        (World(10, cluster_size=5, windows=4, icc_window=0.2, ar1=0.5), Switchback(block=2), "unit", ("pre",)),
        (RegressorWorld(9, cluster_size=6, effect=1.0), None, "cluster", ()),
    ],
    ids=["clusters", "pairs", "switchback", "regressor"],
)
def test_sums_and_rows_have_one_law(world, design, level, covariates):
    # Means and variances of estimate and log se agree within 4.5 standard errors: 2 x 4 x 4 looks, error rate 2e-4.
    source = WorldSource(world, design, level, covariates)
    rng = np.random.default_rng(11)
    tables = [source.table(rng) for _ in range(500)]
    by_rows = replicates_of_grams(np.stack([table_gram(rows) for rows in tables]), tables[0][0].size)
    for method in ("iid", "CV1"):
        a, b = (run_method(reps, method, NO_WEIGHTS) for reps in (by_rows, source.batch(4000, rng)))
        for few, many in ((a.estimate, b.estimate), (np.log(a.se), np.log(b.se))):
            for power in (1, 2):
                few_p, many_p = few**power, many**power
                error = np.sqrt(few_p.var() / few_p.size + many_p.var() / many_p.size)
                assert abs(few_p.mean() - many_p.mean()) < 4.5 * error


@pytest.mark.parametrize("level", ["user", "unit"])
def test_a_level_finer_than_the_cells_is_drawn_by_rows(level):
    source = WorldSource(World(6, cluster_size=5), ByUser(), level)
    assert not source.by_sums
    assert source.batch(2, np.random.default_rng(0)).G == 30
    assert WorldSource(World(6, cluster_size=5), ByCluster(), "unit").by_sums


def test_the_effect_of_a_world_is_taken_out():
    # 2,000 worlds: the mean estimate lies within 4.5 standard errors of 0, error rate 1e-5 each.
    for world in (World(10, effect=2.0), World(10, cluster_size=8, outcome="conversion", effect=1.0, base_rate=0.3)):
        R = 2000 if world.outcome == "linear" else 300
        estimate = WorldSource(world, ByUser("half")).batch(R, np.random.default_rng(1)).estimate
        assert abs(estimate.mean()) < 4.5 * estimate.std() / np.sqrt(R)


def test_a_covariate_the_world_lacks():
    source = WorldSource(World(6), ByCluster(), covariates=("prior",))
    with pytest.raises(InputError) as caught:
        source.batch(1, np.random.default_rng(0))
    assert str(caught.value) == (
        "the world has no covariate 'prior': "
        "there is 'user', 'cluster', 'window', 'stratum', 'treat', 'outcome', 'pre'."
    )
