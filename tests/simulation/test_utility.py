"""What clusters share in utility: the covariance they state, what is seen of it, and what others' treatment does."""

import numpy as np
import pytest

from lyra.simulation.planting import Shared, plant
from lyra.simulation.utility import OUTCOMES, Effects, basket, rest


def effects(**changed):
    told = {"windows": 4, "stratum_share": 0.3, "ar1": 0.6, "period_shock": 0.5, "carryover": 0.2}
    told |= {"carryover_decay": 0.0, "interference": 0.1}
    return Effects(**({"stratum": np.array([0, 0, 1, 1])} | told | changed))


def test_what_clusters_share_has_the_covariance_stated():
    """R = 40,000 draws of variance 1.25: the standard error of a mean of products is at most 1.25 √2/200, five."""
    shared, rng = effects(), np.random.default_rng(5)
    _, lasting = shared.shocks(Shared(sd=1.0, lasting=0.4), 40_000, rng)
    cells = lasting + shared.common(40_000, rng)
    np.testing.assert_allclose(cells.T @ cells / 40_000, shared.covariance(0.4, 0.6), atol=5 * 1.25 * np.sqrt(2) / 200)


def test_a_common_shock_is_that_of_its_window_in_every_cluster():
    drawn = effects().common(3, np.random.default_rng(1)).reshape(3, 4, 4)
    assert (drawn == drawn[:, :1]).all()
    assert len(set(drawn[0, 0])) == 4


def test_what_spills_over_comes_from_the_window_before_and_stays_in_the_cluster():
    share = np.zeros((1, 16))
    share[0, 5] = 1.0  # the second cluster in its second window
    told = np.zeros(16)
    told[5], told[6] = -0.1, 0.2
    np.testing.assert_allclose(effects().spill(share)[0], told)


def test_what_is_carried_over_fades_by_its_decay_and_adds_up_to_all_of_it():
    """H_t = Σ_k (1 − φ)φ^(k−1) S_(t−k), written out as a sum."""
    share = np.random.default_rng(4).random((2, 16))
    spilt = effects(carryover_decay=0.7, interference=0.0).spill(share).reshape(2, 4, 4)
    for t in range(4):
        carried = sum(0.3 * 0.7 ** (k - 1) * share.reshape(2, 4, 4)[..., t - k] for k in range(1, t + 1))
        np.testing.assert_allclose(spilt[..., t], 0.2 * carried, atol=1e-15)
    long = effects(windows=200, carryover_decay=0.7, interference=0.0).spill(np.ones((1, 800)))
    assert long[0, 199] == pytest.approx(0.2, rel=1e-12)


def test_a_basket_has_mean_1():
    """One agent a cluster: the mean of G lognormals of log variance v has the standard error √((e^v − 1)/G), five."""
    G, plan = 100_000, plant("spend", base_rate=0.5, icc=0.02, icc_window=0.0, latent=False, basket_sd=0.5)
    alone = effects(windows=1, stratum_share=0.0, stratum=np.arange(G))
    drawn = basket(plan, alone, np.arange(G), np.random.default_rng(3))
    v = plan.basket.sd**2 + plan.basket_noise**2
    assert drawn.min() > 0
    assert np.mean(drawn) == pytest.approx(1.0, abs=5 * np.sqrt(np.expm1(v) / G))


def test_baskets_are_drawn_only_where_they_are_seen():
    def refuse():
        raise AssertionError("drawn")

    utility = np.array([-1.0, 2.0])
    assert OUTCOMES["linear"](utility, refuse) is utility
    assert OUTCOMES["conversion"](utility, refuse).tolist() == [0.0, 1.0]
    assert OUTCOMES["spend"](utility, lambda: np.array([3.0, 4.0])).tolist() == [0.0, 4.0]


def test_what_is_left_beside_a_correlation():
    assert rest(0.6) == pytest.approx(0.8)
