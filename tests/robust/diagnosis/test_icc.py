"""The intraclass correlation: by hand, and the exactness of its interval."""

import numpy as np
import pytest

from lyra.errors import InputError
from lyra.robust.diagnosis.icc import Icc, anova


def test_interval_covers_exactly_for_equal_normal_clusters():
    """Inverting the interval: ρ is covered iff F/(1 + nρ/(1 − ρ)) lies between the F quantiles, an exact F law.

    20,000 draws of (MSB, MSW) from their chi-square laws; Monte-Carlo error .0021 at .90. Fails by chance in one of
    about 16,000 runs a level and ρ (4 errors), and the seed is fixed.
    """
    from scipy.special import fdtr

    rng, G, n, R = np.random.default_rng(20), 8, 5, 20_000
    for rho in (0.0, 0.3):
        ratio = 1 + n * rho / (1 - rho)
        between, within = ratio * rng.chisquare(G - 1, R) / (G - 1), rng.chisquare(G * (n - 1), R) / (G * (n - 1))
        inside = np.array(
            [
                _covers(Icc(between=b, within=w, df_between=G - 1, df_within=G * (n - 1), size=float(n)), rho)
                for b, w in zip(between, within, strict=True)
            ]
        )
        assert abs(inside.mean() - 0.90) < 4 * np.sqrt(0.09 / R)
        tail = fdtr(G - 1, G * (n - 1), between / within / ratio)
        np.testing.assert_array_equal(inside, (tail >= 0.05) & (tail <= 0.95))


def _covers(icc, rho):
    low, high = icc.conf_int(0.90)
    return low <= rho <= high


def test_interval_covers_from_rows():
    """4,000 samples of rows, 10 clusters of 6, ρ = .2, level .95: Monte-Carlo error .0034, 4 errors allowed."""
    rng, R = np.random.default_rng(21), 4_000
    rows = np.sqrt(0.2) * rng.standard_normal((R, 10, 1)) + np.sqrt(0.8) * rng.standard_normal((R, 10, 6))
    sums, squares = rows.sum(axis=2), np.sum(rows**2, axis=(1, 2))
    intervals = np.array([anova(np.full(10, 6), s, q).conf_int() for s, q in zip(sums, squares.tolist(), strict=True)])
    covered = np.mean((intervals[:, 0] <= 0.2) & (intervals[:, 1] >= 0.2))
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / R)


def test_estimate_is_unbiased_in_its_mean_squares_with_unequal_sizes():
    """E MSB = σ² + n₀σ_a²: tr(BΩ)/(G − 1) with B the projector on cluster means less the one on the mean."""
    sizes = np.array([2, 9, 4])
    same = np.equal.outer(np.repeat(np.arange(3), sizes), np.repeat(np.arange(3), sizes))
    between = np.trace((same / np.repeat(sizes, sizes) - 1 / 15) @ (0.7 * same + 1.3 * np.eye(15))) / 2
    size = anova(sizes, np.arange(3.0), 10.0).size
    assert between == pytest.approx(1.3 + size * 0.7)


def test_one_value_a_cluster_is_perfect_correlation():
    icc = anova(np.array([3, 4, 5]), np.array([3.0, 8.0, 15.0]), 3 + 4 * 4 + 5 * 9.0)
    assert float(icc) == pytest.approx(1.0)


def test_a_constant_has_none():
    assert np.isnan(anova(np.array([2, 2]), np.array([2.0, 2.0]), 4.0).estimate)


def test_level():
    with pytest.raises(InputError) as told:
        anova(np.array([2, 2]), np.array([4.0, 12.0]), 84.0).conf_int(95)
    assert str(told.value) == "level=95 is not a coverage: pass a number between 0 and 1, such as 0.95."
