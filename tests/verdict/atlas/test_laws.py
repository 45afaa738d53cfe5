"""Laws of errors, each beside its moments."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from lyra.verdict.atlas.blueprint import Blueprint, Rows
from lyra.verdict.atlas.laws import LAWS

R, ICC = 20_000, 0.2
PAIR = Rows(cluster=np.repeat([0, 1], 2), treated=np.array([True, True, False, False]), window=np.zeros(4, dtype=int))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("law", ["normal", "serial"])
def test_rows_of_a_cluster_have_the_correlation_asked_for(law, rng):
    """Four standard errors of a correlation of 20,000 pairs, 4(1 − ρ²)/√R = .027: one false alarm in 16,000 each."""
    y = LAWS[law].draw(PAIR, ICC, R, rng)
    together, apart = np.corrcoef(y.T)[0, 1], np.corrcoef(y.T)[0, 2]
    assert together == pytest.approx(ICC, abs=0.027)
    assert apart == pytest.approx(0.0, abs=0.028)
    assert y.var() == pytest.approx(1.0, abs=0.04)


BELOW = {"exponential": 1 - np.exp(-1), "lognormal": norm.cdf(0.5), "t3": 0.5}


@pytest.mark.parametrize(("law", "below"), BELOW.items())
def test_effects_of_clusters_have_mean_zero_and_their_law(law, below, rng):
    """How often an effect is below its mean tells the laws apart; the rows' errors, sd .16, move it by .01."""
    shared = LAWS[law].draw(PAIR, 0.95, R, rng)[:, :2].mean(axis=1)
    assert shared.mean() == pytest.approx(0.0, abs=0.035)  # five errors of a mean of R
    assert np.mean(shared < 0.0) == pytest.approx(below, abs=0.03)


@pytest.mark.parametrize(("law", "ratio"), [("treated-noisier", 4.0), ("others-noisier", 0.25)])
def test_one_arm_is_four_times_as_variable(law, ratio, rng):
    """The ratio of two variances of 20,000 pairs each has a standard error below 2 %: five of them."""
    y = LAWS[law].draw(PAIR, ICC, R, rng)
    assert y[:, :2].var() / y[:, 2:].var() == pytest.approx(ratio, rel=0.1)


def test_effects_that_differ_have_mean_zero_and_add_their_variance(rng):
    """Var of y₁ − y₃ in a cluster with both arms: 2(1 − ρ) and .3² of the effect."""
    rows = Rows(cluster=np.zeros(2, dtype=int), treated=np.array([True, False]))
    y = LAWS["effects"].draw(rows, ICC, R, rng)
    contrast = y[:, 0] - y[:, 1]
    assert contrast.mean() == pytest.approx(0.0, abs=0.04)
    assert contrast.var() == pytest.approx(2 * (1 - ICC) + 0.09, rel=0.04)  # four errors of a variance, √(2/R) = .01


@pytest.mark.parametrize(("law", "mean"), [("conversion", 0.02), ("spend", 0.1 * np.exp(1.5**2 / 2))])
def test_events_are_as_rare_as_is_said(law, mean, rng):
    """The spend's mean is P·e^{σ²/2}, its cluster effect aside, which an ICC of 0 leaves out; 4 errors."""
    y = LAWS[law].draw(PAIR, 0.0, R, rng)
    assert y.mean() == pytest.approx(mean, abs=4 * y.std() / np.sqrt(y.size))


def test_window_shocks_fade_in_time(rng):
    rows = Blueprint(by="switchback", clusters=4, treated=0, sizes="equal", rows=6).laid_out()
    y = LAWS["serial"].draw(rows, 0.95, 4_000, rng)
    first, next_, far = (y[:, rows.window == w].T.ravel() for w in (0, 1, 8))
    assert np.corrcoef(first, next_)[0, 1] == pytest.approx(0.95 * 0.8, abs=0.02)
    assert np.corrcoef(first, far)[0, 1] == pytest.approx(0.95 * 0.8**8, abs=0.04)


def test_only_gaussian_errors_have_a_world():
    gaussian = {"normal", "treated-noisier", "others-noisier", "effects", "serial"}
    assert {name for name, law in LAWS.items() if law.world is not None} == gaussian
