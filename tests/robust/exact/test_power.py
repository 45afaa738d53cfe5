"""Exact power: against the non-central t, against the size, and against simulated rows."""

from __future__ import annotations

import dense_size
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr
from scipy.stats import chi, t
from small_fits import a_mean, fitted, two_arms, unequal

from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.forms import forms
from lyra.robust.exact.power import power
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import STATISTICS, statistic
from lyra.robust.exact.worlds import Arms, Independent, Intercept, SlopeShare


def powers(fit, j, name, worlds, c, effect):
    about = Coefficient.of(fit, j)
    return power(forms(statistic(fit, about, name), about, worlds), c, effect)


def non_central_t(c, nu, effect):
    """P(|T| > c) of T = (Z + effect)/√(χ²/ν), integrated over χ."""

    def rejected(x):
        s = x / np.sqrt(nu)
        return (ndtr(effect - c * s) + ndtr(-effect - c * s)) * chi.pdf(x, nu)

    return quad(rejected, 0, np.inf, epsabs=1e-14, epsrel=1e-13, limit=200)[0]


@pytest.mark.parametrize("G", [3, 4, 10, 60])
@pytest.mark.parametrize("effect", [0.0, 0.5, 2.8, 8.0])
def test_a_mean_of_equal_clusters_follows_the_non_central_t(G, effect):
    c = t.ppf(0.975, G - 1)
    truth = non_central_t(c, G - 1, effect)
    world = [Intercept(0.3)]
    assert powers(a_mean(G), 0, "CV2", world, c, effect)[0] == pytest.approx(truth, abs=1e-11)
    restricted = np.sqrt(G * c**2 / (c**2 + G - 1))  # scores under the null move with the effect
    assert powers(a_mean(G), 0, "R1", world, restricted, effect)[0] == pytest.approx(truth, abs=1e-11)


def test_two_equal_arms_follow_the_non_central_pooled_t():
    c = t.ppf(0.975, 10)
    truth = non_central_t(c, 10, 2.0)
    assert powers(two_arms(12, 6), 1, "CV2", [Intercept(0.2)], c, 2.0)[0] == pytest.approx(truth, abs=1e-11)


@pytest.mark.parametrize("name", STATISTICS)
def test_no_effect_has_the_power_of_the_size(name):
    """Two integrals, on the real line and on one in the complex plane."""
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    worlds = [Independent(), Intercept(0.6), SlopeShare(0.9, Intercept(0.1))]
    for j in (1, 2):
        about = Coefficient.of(fit, j)
        made = forms(statistic(fit, about, name), about, worlds)
        for c in (0.7, 1.9, 2.8, 4.0):
            np.testing.assert_allclose(power(made, c, 0.0), rejection(made, c), rtol=0, atol=1e-11)


def test_more_effect_has_more_power_either_way():
    fit = two_arms(12, 3)
    for name in STATISTICS:
        at = [powers(fit, 1, name, [Intercept(0.1)], 1.5, d)[0] for d in (0.0, 1.0, 2.0, 4.0)]
        assert np.all(np.diff(at) > 0)
        assert powers(fit, 1, name, [Intercept(0.1)], 1.5, -2.0)[0] == pytest.approx(at[2], abs=1e-12)


def test_the_order_of_clusters_does_not_matter():
    y, X, clusters = unequal()
    new = np.random.default_rng(3).permutation(9)[clusters]
    one, two = (powers(fitted(y, X, c), 2, "CV3", [Intercept(0.1)], 2.2, 2.8)[0] for c in (clusters, new))
    assert one == pytest.approx(two, abs=1e-12)


def test_a_bounded_statistic_never_passes_its_bound():
    assert powers(a_mean(9), 0, "R1", [Independent()], 3.01, 5.0)[0] == 0.0


def test_agrees_with_simulated_rows():
    """24 comparisons of 20,000 draws, each within 4.5 standard errors: a false alarm once in 6,000 seeds."""
    y, X, clusters = unequal(seed=9)
    fit, rng, R = fitted(y, X, clusters), np.random.default_rng(12), 20_000
    about = Coefficient.of(fit, 1)
    n = np.bincount(clusters)
    shared = np.repeat(rng.normal(size=(R, n.size)), n, axis=1)
    u = (np.sqrt(0.1) * shared + np.sqrt(0.9) * rng.normal(size=(R, y.size))) * np.where(clusters % 3 == 0, 2.0, 1.0)
    for effect in (1.5, 3.0):
        for name in STATISTICS:
            made = forms(statistic(fit, about, name), about, [Arms(4.0, Intercept(0.1))])
            true = u + effect * about.scale * np.sqrt(made.variance[0]) * X[:, 1]
            z = true @ dense_size.maps(X, clusters, 1, name)
            for c in (1.5, 2.3):
                p = power(made, c, effect)[0]
                seen = np.mean(z[:, 0] ** 2 > c**2 * np.sum(z[:, 1:] ** 2, axis=1))
                assert abs(seen - p) <= 4.5 * np.sqrt(max(p * (1 - p), 1e-4) / R), (name, c, effect)
