import numpy as np
import pytest

from lyra.designs import ByCluster
from lyra.simulation.regressor_world import RegressorWorld
from lyra.simulation.samples import CellCovariance, WorldLike, draw_grams
from lyra.simulation.world import World

ROOT = np.array([[0.8, 0.6], [1.5, 0.0]])


def test_no_rows_have_no_products_and_few_rows_few_dimensions():
    means = np.tile([1.0, 2.0, -1.0], (4, 1))
    gram = draw_grams(np.array([0, 1, 2, 3]), means, ROOT, np.random.default_rng(1))
    assert not gram[0].any()
    assert [np.linalg.matrix_rank(each, tol=1e-10) for each in gram] == [0, 1, 2, 3]
    assert gram[:, 0, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_expected_products(n):
    # E Z'Z = n(mean mean' + root root'): 100,000 draws, each entry within 5 of its standard errors (6e-7)
    means = np.array([1.0, 2.0, -1.0])
    R = 100_000
    gram = draw_grams(np.full(R, n), np.tile(means, (R, 1)), ROOT, np.random.default_rng(2))
    expected = n * np.outer(means, means)
    expected[1:, 1:] += n * ROOT @ ROOT.T
    error = gram.std(axis=0) / np.sqrt(R)
    assert np.all(np.abs(gram.mean(axis=0) - expected) <= 5 * error)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_scatter_of_rows_and_drawn_scatter_vary_alike(n):
    # variances of the three centred products, which for a Wishart are (n − 1)(σ_ii σ_jj + σ_ij²)
    R = 100_000
    gram = draw_grams(np.full(R, n), np.tile([1.0, 0.3, 0.7], (R, 1)), ROOT, np.random.default_rng(3))
    centred = gram[:, 1:, 1:] - gram[:, 1:, :1] * gram[:, :1, 1:] / n
    S = ROOT @ ROOT.T
    for i, j in ((0, 0), (0, 1), (1, 1)):
        product = centred[:, i, j]
        deviation = (product - (n - 1) * S[i, j]) ** 2
        expected = (n - 1) * (S[i, i] * S[j, j] + S[i, j] ** 2)
        # 5 standard errors: 6e-7
        assert abs(deviation.mean() - expected) < 5 * deviation.std() / np.sqrt(R)


def test_variance_agrees_with_the_full_covariance():
    cell = np.array([0, 0, 1, 2, 2, 2])
    between = np.array([[0.5, 0.2, 0.1], [0.2, 0.4, 0.0], [0.1, 0.0, 0.3]])
    covariance = CellCovariance(between, 0.7, cell)
    full = between[np.ix_(cell, cell)] + 0.7 * np.eye(6)
    v = np.array([1.0, -2.0, 0.5, 3.0, 0.0, 1.0])
    assert covariance.variance(v) == pytest.approx(v @ full @ v, rel=1e-14)
    averages = (cell == np.arange(3)[:, None]) / np.bincount(cell)[:, None]
    assert np.allclose(covariance.cell_means, averages @ full @ averages.T, rtol=1e-14)


def test_any_object_with_sample_and_truth_is_a_world():
    class Own:
        def sample(self, design, rng):
            return World(3).sample(design, rng)

        def truth(self):
            return World(3).truth()

    assert len(Own().sample(ByCluster(), 1)) == 105
    assert isinstance(Own(), WorldLike)
    assert isinstance(World(3), WorldLike)
    assert isinstance(RegressorWorld(3), WorldLike)
    assert not isinstance(object(), WorldLike)
