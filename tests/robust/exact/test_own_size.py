"""The size of a line under its own law: worlds stated in numbers are the worlds, and the doors refuse what is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t
from small_fits import fitted, two_arms, unequal

import lyra
from lyra.errors import InputError
from lyra.robust.exact.own_size import own_size, stated_world
from lyra.robust.exact.size import size
from lyra.robust.exact.worlds import Arms, Independent, Intercept, Slope
from lyra.robust.inference import infer


def reg(G=12, treated=5):
    clusters = np.repeat(np.arange(G), 4)
    X = np.column_stack([np.ones(clusters.size), clusters < treated]).astype(float)
    y = np.random.default_rng(1).normal(size=clusters.size)
    return lyra.fit_moments(lyra.Moments.from_arrays(y, X, clusters, names=["one", "treat"]))


@pytest.mark.parametrize("variant", ["CV0", "CV1", "CV2", "CV3", "CV3J"])
def test_the_critical_value_left_out_is_that_of_the_line(variant):
    fit = fitted(*unequal())
    nu = infer(fit, variant=variant).dof[1]
    own = own_size(fit, 1, variant, Intercept(0.1))
    assert own == pytest.approx(size(fit, 1, variant, Intercept(0.1), critical_value=t.ppf(0.975, nu)), rel=1e-9)


def test_cv1_of_a_mean_of_equal_clusters_holds_its_size_exactly():
    """The means of equal clusters are independent draws of one normal: t is Student's with G - 1 degrees of freedom."""
    clusters = np.repeat(np.arange(10), 3)
    fit = fitted(np.random.default_rng(0).normal(size=30), np.ones((30, 1)), clusters)
    assert own_size(fit, 0, "CV0", Intercept(0.3), critical_value=t.ppf(0.975, 9) * np.sqrt(10 / 9)) == pytest.approx(
        0.05, abs=1e-10
    )


def test_numbers_state_the_worlds():
    fit = two_arms(12, 5)
    assert stated_world(fit, 1, icc=0.2, arms=1.0, effects_sd=0.0) == Intercept(0.2)
    assert stated_world(fit, 1, icc=0.2, arms=4.0, effects_sd=0.0) == Arms(4.0, Intercept(0.2))
    assert stated_world(fit, 1, icc=0.0, arms=0.5, effects_sd=0.3) == Arms(0.5, Slope(0.3, Intercept(0.0)))
    np.testing.assert_allclose(
        own_size(fit, 1, "CV2", stated_world(fit, 1, icc=0.0, arms=1.0, effects_sd=0.0)),
        own_size(fit, 1, "CV2", Independent()),
        rtol=1e-12,
    )


def test_the_door_is_the_integral():
    asked = reg()
    world = Arms(4.0, Slope(0.2, Intercept(0.1)))
    assert asked.size("treat", "CV2", icc=0.1, arms=4.0, effects_sd=0.2) == own_size(asked.fit, 1, "CV2", world)
    assert asked.size("treat", "CV1", critical_value=2.5) < asked.size("treat", "CV1")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reg().size("treat", "R1"), "R1 has no law of its own: pass critical_value, such as that of its "),
        (lambda: reg().size("one", arms=2.0), "one does not split the clusters into two arms: leave arms at 1."),
        (lambda: reg().size("treat", arms=0.0), "ratio=0.0 is not a ratio of two variances: pass a positive number."),
        (lambda: reg().size("treat", icc=1.5), "icc=1.5 is not an intraclass correlation: pass a number from 0 to 1."),
        (lambda: reg().size("treat", "HC1"), "variant='HC1' has no exact size: "),
        (
            lambda: reg().robust("CV2", dof="G-1", law="calibrated"),
            "dof and law both choose the law of t: pass one of them.",
        ),
        (lambda: reg().robust("CV2", law="exact"), "law='exact' is unknown: there is 'calibrated'."),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value).startswith(words)
