"""The continuous regressor: the law of its paper, by rows and by sums."""

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from lyra.simulation.regressor_world import RegressorWorld
from sampled import anova_icc, gram_of, statistics_of


def test_regressor_world_has_the_law_of_its_paper():
    # ICC ½ of x and of y, slope 1: 40 groups of 250 clusters, t(39) beyond 5
    sample = RegressorWorld(10_000, effect=1.0).sample(None, 17)
    x, u = (column.reshape(40, 250, 30) for column in (sample["x"], sample["outcome"] - sample["x"]))
    for column in (x, u):
        for estimates, expected in (
            (np.array([anova_icc(group) for group in column]), 0.5),
            (column.reshape(40, -1).var(axis=1), 2.0),
        ):
            assert abs(estimates.mean() - expected) < 5 * estimates.std(ddof=1) / math.sqrt(40)
    product = (x * u).reshape(40, -1).mean(axis=1)
    assert abs(product.mean()) < 5 * product.std(ddof=1) / math.sqrt(40)
    assert sample.focal == "x"
    assert sample.kept.all()


def test_regressor_world_sums_of_products_have_the_law_of_the_rows():
    # two-sample Kolmogorov-Smirnov of 400 against 4,000, at 1e-5 for each of 4 statistics
    world, rng = RegressorWorld(6, cluster_size=5, effect=0.7), np.random.default_rng(18)
    rows = np.array([gram_of(world.sample(None, rng), ("1", "x", "outcome")) for _ in range(400)])
    grams = world.sample_grams(None, 4_000, rng)
    assert grams.names == ("1", "x", "outcome")
    expected, found = statistics_of(rows), statistics_of(grams.gram)
    for name in expected:
        assert ks_2samp(expected[name], found[name]).pvalue > 1e-5, name


def test_regressor_world_moulton_is_the_asymptotic_one():
    # true over naive sd of the slope: 4,000 replicates give the sd to 1.1 %; 4.5 of them: 1e-5
    world = RegressorWorld(60)
    gram = world.sample_grams(None, 4_000, 19).gram
    A = gram[..., :2, :2].sum(axis=1)
    found = statistics_of(gram)
    naive = np.sqrt(found["rss"] / (60 * 30 - 2) * np.linalg.inv(A)[:, 1, 1])
    assert found["coefficient"].std() / naive.mean() == pytest.approx(world.truth().moulton, rel=0.05)
