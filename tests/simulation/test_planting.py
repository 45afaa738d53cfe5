import math

import numpy as np
import pytest
from scipy import integrate
from scipy.special import expit
from scipy.stats import norm

from lyra.errors import InputError
from lyra.simulation.planting import (
    LOGISTIC_VARIANCE,
    conversion_covariance,
    conversion_rate,
    plant,
    plant_basket,
    plant_conversion,
    plant_latent,
)

# base rate, mu, sd, latent ICC: solved by Gauss-Hermite quadrature and confirmed on 200,000 simulated
# clusters before this library existed.
TABLE = [
    (0.01, -5.1765, 1.0984, 0.268),
    (0.05, -3.1124, 0.6168, 0.104),
    (0.10, -2.2824, 0.4660, 0.062),
    (0.20, -1.4238, 0.3570, 0.037),
    (0.50, 0.0000, 0.2886, 0.025),
]


@pytest.mark.parametrize(("base_rate", "mu", "sd", "latent"), TABLE)
def test_calibration_table(base_rate, mu, sd, latent):
    found = plant_conversion(base_rate, 0.02)
    assert found == pytest.approx((mu, sd), abs=5e-5)
    assert found[1] ** 2 / (found[1] ** 2 + LOGISTIC_VARIANCE) == pytest.approx(latent, abs=5e-4)


@pytest.mark.parametrize("icc", [1e-4, 0.02, 0.3, 0.8])
@pytest.mark.parametrize("base_rate", [0.001, 0.05, 0.5, 0.97])
def test_planted_moments_hold_under_adaptive_quadrature(base_rate, icc):
    mu, sd = plant_conversion(base_rate, icc)

    def moment(power):
        bend = [-mu / sd] if abs(mu) < 9 * sd else None
        integrand = lambda z: expit(mu + sd * z) ** power * norm.pdf(z)  # noqa: E731
        return integrate.quad(integrand, -9, 9, points=bend, epsabs=1e-13, limit=400)[0]

    assert moment(1) == pytest.approx(base_rate, rel=1e-9)
    assert moment(2) - base_rate**2 == pytest.approx(icc * base_rate * (1 - base_rate), rel=1e-7)


def test_a_latent_icc_of_two_percent_is_far_less_on_the_outcome():
    # From the same study; its last entry, .0163, is .0162 by Gauss-Hermite with 60 nodes and by simulation.
    planted = {0.01: 0.0007, 0.05: 0.0033, 0.1: 0.0061, 0.2: 0.0106, 0.5: 0.0162}
    for base_rate, outcome_icc in planted.items():
        mu, sd = plant_latent(base_rate, 0.02)
        assert sd**2 / (sd**2 + LOGISTIC_VARIANCE) == pytest.approx(0.02, rel=1e-12)
        covariance = conversion_covariance(mu, sd)
        assert covariance / (base_rate * (1 - base_rate)) == pytest.approx(outcome_icc, abs=5e-5)


@pytest.mark.parametrize(
    ("base_rate", "basket_sd", "spread", "digits"),
    [(0.2, 0.5, 0.1715, 5e-5), (0.2, 1.0, 0.4391, 5e-5), (0.05, 1.0, 1.10, 5e-3)],
)
def test_basket_table(base_rate, basket_sd, spread, digits):
    assert math.sqrt(plant_basket(base_rate, 0.02, basket_sd**2)) == pytest.approx(spread, abs=digits)


def test_conversions_of_independent_clusters_do_not_covary():
    assert conversion_covariance(-2.0, 1.3, 0.0) == pytest.approx(0, abs=1e-15)


def test_covariance_is_continuous_where_the_double_integral_becomes_a_single_one():
    assert conversion_covariance(-2.0, 1.3, 1 - 1e-12) == pytest.approx(conversion_covariance(-2.0, 1.3), rel=1e-9)


def test_covariance_at_partial_correlation_by_double_quadrature():
    mu, sd, share = -1.5, 0.9, 0.4

    def given(common):
        spread = sd * math.sqrt(1 - share)
        return integrate.quad(lambda z: expit(mu + sd * math.sqrt(share) * common + spread * z) * norm.pdf(z), -9, 9)[0]

    second = integrate.quad(lambda a: given(a) ** 2 * norm.pdf(a), -9, 9)[0]
    expected = second - conversion_rate(mu, sd) ** 2
    assert conversion_covariance(mu, sd, share) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("outcome", ["linear", "conversion", "spend"])
@pytest.mark.parametrize(("icc", "icc_window"), [(0.02, 0.0), (0.0, 0.02), (0.01, 0.015), (0.0, 0.0)])
def test_planted_correlations_are_the_ones_asked_for(outcome, icc, icc_window):
    plan = plant(outcome, base_rate=0.2, icc=icc, icc_window=icc_window, latent=False, basket_sd=0.7)
    assert plan.mean(0.0) == pytest.approx(0.2, rel=1e-12)
    assert plan.correlation(1.0) == pytest.approx(icc + icc_window, abs=1e-12)
    assert plan.correlation(0.0) == pytest.approx(icc, abs=1e-12)


def test_latent_correlations_split_as_asked_on_the_latent_scale():
    plan = plant("spend", base_rate=0.2, icc=0.03, icc_window=0.01, latent=True, basket_sd=0.7)
    assert plan.utility.sd**2 / (plan.utility.sd**2 + plan.noise**2) == pytest.approx(0.04, rel=1e-12)
    assert plan.basket.sd**2 / (plan.basket.sd**2 + plan.basket_noise**2) == pytest.approx(0.04, rel=1e-12)
    assert plan.utility.lasting == plan.basket.lasting == pytest.approx(0.75, rel=1e-12)


def test_an_impossible_icc_of_conversions_says_what_is_possible():
    with pytest.raises(InputError) as refusal:
        plant_conversion(0.01, 0.95)
    assert str(refusal.value) == (
        "an ICC of 0.95 cannot be planted in a conversion at base_rate=0.01; "
        "the attainable range is 0 to 0.91, so lower it or plant it latent."
    )
    assert plant_conversion(0.01, 0.91)[1] > 25


def test_an_impossible_icc_of_spend_says_what_is_possible():
    # P / (P + e^1 - 1) = .01 / 1.72828 = .005786
    with pytest.raises(InputError) as refusal:
        plant_basket(0.01, 0.02, 1.0)
    assert str(refusal.value) == (
        "an ICC of 0.02 cannot be planted in a spend at base_rate=0.01 with basket_sd=1; "
        "the attainable range is 0 to 0.00578, so lower it or basket_sd, or raise base_rate."
    )
    assert np.isfinite(plant_basket(0.01, 0.00578, 1.0))
