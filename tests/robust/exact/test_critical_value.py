"""Critical values over a family: where they are known, that they hold, and that p-values and levels say one thing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from small_fits import a_mean, fitted, two_arms, unequal

from lyra.errors import InputError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.critical_value import calibrated
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.row_sums import arm_sums, period_sums
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import statistic
from lyra.robust.exact.worlds import Arms, BySize, ColumnSlopeShare, Intercept, LeverageHalf, Slope, SlopeShare
from lyra.robust.exact.worlds_of_rows import Autoregressive

NARROW = Family(arms=1.0, slopes=(), sizes=False)
NAMES = ("CV1", "CV2", "CV3", "R1")


def line(fit, j, name, family, about=None):
    about = about or Coefficient.of(fit, j)
    return calibrated(statistic(fit, about, name), about, family)


# --- where the answer is known -------------------------------------------------------------------


@pytest.mark.parametrize("G", [4, 12])
@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_a_mean_of_equal_clusters_needs_the_t_quantile(G, alpha):
    c = t.isf(alpha / 2, G - 1)
    assert line(a_mean(G), 0, "CV0", NARROW).critical_value(alpha).value == pytest.approx(
        c * np.sqrt(G / (G - 1)), rel=1e-9
    )
    assert line(a_mean(G), 0, "R1", NARROW).critical_value(alpha).value == pytest.approx(
        np.sqrt(G * c**2 / (c**2 + G - 1)), rel=1e-9
    )


def test_two_equal_arms_need_the_pooled_t_quantile():
    found = line(two_arms(10, 5), 1, "CV2", NARROW).critical_value()
    assert found.value == pytest.approx(t.ppf(0.975, 8), rel=1e-9)


def test_two_treated_of_fifty():
    """The study's values, found by another program: 50 equal clusters of 30 rows, two treated."""
    fit = two_arms(50, 2, rows=30)
    printed = {
        1.0: {"CV1": 5.92},
        2.0: {"CV1": 7.288, "CV2": 6.308, "CV3": 5.341, "R1": 1.444},
        4.0: {"CV1": 8.834, "CV2": 7.475, "CV3": 6.170, "R1": 1.453},
    }
    for arms, values in printed.items():
        for name, value in values.items():
            assert line(fit, 1, name, Family(arms=arms)).critical_value().value == pytest.approx(value, abs=6e-3), name


def test_ten_treated_of_fifty():
    fit = two_arms(50, 10, rows=30)
    for name, value in {"CV1": 2.261, "CV2": 2.182, "CV3": 2.105, "R1": 1.974}.items():
        assert line(fit, 1, name, Family(arms=2.0)).critical_value().value == pytest.approx(value, abs=6e-4)


def test_never_below_the_t_law():
    found = line(two_arms(10, 5), 1, "CV3", NARROW).critical_value(0.05)
    assert found.value == t.ppf(0.975, 9)
    assert found.world is None
    assert found.words == "the t(9) law"
    assert line(two_arms(10, 5), 1, "CV3", NARROW).p_value(1.5) == pytest.approx(2 * t.sf(1.5, 9), rel=1e-12)


# --- that it holds -------------------------------------------------------------------------------


@given(st.sampled_from(NAMES), st.floats(0.0, 0.7), st.integers(0, 10**6), st.sampled_from([0.01, 0.05, 0.2]))
@settings(max_examples=20, deadline=None)
def test_no_world_of_the_family_rejects_more_than_the_level(name, icc, seed, alpha):
    rng = np.random.default_rng(seed)
    y, X, clusters = unequal(seed=int(seed % 7))
    fit, j = fitted(y, X, clusters), 1 + seed % 2
    mine = line(fit, j, name, Family(arms=2.0))
    c = mine.critical_value(alpha).value
    base = Intercept(icc)
    worlds = [base, LeverageHalf(2.0, base), LeverageHalf(0.5, base), BySize(1.0, base), BySize(-1.0, base)]
    worlds += [Arms(2.0, base), Arms(0.5, base)] if j == 1 else [SlopeShare(s, base) for s in (0.3, 0.6, 0.9)]
    rng.shuffle(worlds)
    about = mine.about
    assert rejection(forms(mine.test, about, worlds), c).max() <= alpha * (1 + 1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_binding_world_rejects_at_exactly_the_level(name):
    y, X, clusters = unequal()
    mine = line(fitted(y, X, clusters), 2, name, Family(arms=4.0))
    found = mine.critical_value(0.05)
    assert found.world is not None
    assert rejection(forms(mine.test, mine.about, [found.world]), found.value)[0] == pytest.approx(0.05, rel=1e-8)
    assert found.words == found.world.words(mine.about)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sides", [1, 2])
def test_a_p_value_at_the_critical_value_is_the_level(name, sides):
    y, X, clusters = unequal()
    mine = line(fitted(y, X, clusters), 1, name, Family(arms=2.0))
    for alpha in (0.2, 0.05, 0.001):
        c = mine.critical_value(alpha, sides=sides).value
        assert mine.p_value(c, sides=sides) == pytest.approx(alpha, rel=1e-5)


def test_one_side_is_two_at_twice_the_level():
    mine = line(two_arms(12, 3), 1, "CV2", Family())
    assert mine.critical_value(0.025, sides=1).value == mine.critical_value(0.05).value
    assert mine.p_value(1.2, sides=1) + mine.p_value(-1.2, sides=1) == pytest.approx(1.0, abs=1e-12)


def test_critical_values_grow_with_the_family():
    fit = two_arms(12, 3)
    values = [line(fit, 1, "CV1", Family(arms=arms)).critical_value().value for arms in (1.0, 2.0, 3.0, 4.0, 8.0)]
    assert np.all(np.diff(values) > 0)
    more = Family(arms=1.0, more=(Arms(30.0),))
    assert line(fit, 1, "CV1", more).critical_value().world == Arms(30.0)


def test_the_supremum_is_found_between_the_points_of_a_grid():
    """A dense search over the correlation finds nothing larger."""
    y, X, clusters = unequal(G=14, seed=3)
    for name in NAMES:
        mine = line(fitted(y, X, clusters), 2, name, NARROW)
        c = mine.critical_value().value
        dense = rejection(forms(mine.test, mine.about, [Intercept(r) for r in np.linspace(0, 0.7, 701)]), c)
        assert dense.max() <= 0.05 * (1 + 1e-5)


# --- what the family holds -----------------------------------------------------------------------


def test_swept_effects_leave_slopes_and_scales():
    y, X, clusters = unequal()
    x = X[:, 2:3] - (np.bincount(clusters, X[:, 2]) / np.bincount(clusters))[clusters][:, None]
    fit = fitted(y, x, clusters)
    shapes = Family(arms=2.0).shapes(Coefficient.of(fit, 0))
    assert {shape.points for shape in shapes} == {(0.0,)}
    worlds = [world for shape in shapes for world in shape.worlds()]
    assert SlopeShare(0.9, Intercept(0.0)) in worlds
    assert LeverageHalf(2.0, Intercept(0.0)) in worlds


def test_which_worlds_a_family_holds():
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    by_treat, by_x = (
        [world for shape in Family(arms=2.0).shapes(Coefficient.of(fit, j)) for world in shape.worlds()] for j in (1, 2)
    )
    base = Intercept(0.1)
    for ratio in (2.0, 0.5):
        assert Arms(ratio, base) in by_treat
        assert LeverageHalf(ratio, base) in by_x
    for power in (1.0, -1.0):
        assert BySize(power, base) in by_treat
        assert BySize(power, base) in by_x
    for share in (0.3, 0.6, 0.9):
        for kind in (SlopeShare, ColumnSlopeShare):
            assert LeverageHalf(2.0, kind(share, base)) in by_x
            assert kind(share, base) not in by_treat
    equal = Family(arms=2.0).shapes(Coefficient.of(two_arms(8, 4), 1))
    assert [shape.worlds()[2] for shape in equal] == [base, Arms(2.0, base), Arms(0.5, base)]


def test_known_periods_bring_correlation_in_time():
    y, X, clusters = unequal()
    time = np.concatenate([np.arange(n) for n in np.bincount(clusters)])
    fit = fitted(y, X, clusters)
    about = Coefficient.of(fit, 2).with_rows(period_sums(fit, clusters, time))
    worlds = [world for shape in Family(phi_max=0.8).shapes(about) for world in shape.worlds()]
    assert {world.phi for world in worlds if isinstance(world, Autoregressive)} == {0.0, 0.4, 0.8}
    assert Intercept(0.3) in worlds
    wider = line(fit, 2, "CV1", Family(), about).critical_value().value
    assert wider >= line(fit, 2, "CV1", Family()).critical_value().value


def test_arms_inside_clusters_join_when_their_rows_were_summed():
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    about = Coefficient.of(fit, 3).with_rows(arm_sums(fit, clusters, X[:, 3] > 0))
    more, fewer = (len(Family(arms=4.0).shapes(a)) for a in (about, Coefficient.of(fit, 3)))
    assert more - fewer == 4  # twice and four times, either way


def test_a_family_says_itself_in_one_sentence():
    about = Coefficient.of(two_arms(6, 3), 1)
    assert Family(arms=2.0).words(about) == (
        "Errors may have an intraclass correlation from 0 to 0.7, either arm of x1, or the clusters that carry half of "
        "x1, 2 or 1/2 times as variable."
    )
    y, X, clusters = unequal()
    assert Family(arms=1.0, more=(Slope(0.3),)).words(Coefficient.of(fitted(y, X, clusters), 2)) == (
        "Errors may have an intraclass correlation from 0 to 0.7, effects of x2 that differ by cluster and make up to "
        "90 % of its variance, variance that goes with the size of the cluster or with its inverse, rows independent, "
        "the effect of x2 differs by cluster (sd 0.3)."
    )


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Family(icc_max=1.0), "icc_max=1.0 is not a correlation: pass a number from 0, below 1."),
        (lambda: Family(phi_max=-0.1), "phi_max=-0.1 is not a correlation: pass a number from 0, below 1."),
        (lambda: Family(arms=0.5), "arms=0.5 is not how many times as variable: pass a number, 1 or more."),
        (
            lambda: line(a_mean(4), 0, "CV1", NARROW).critical_value(0.7, sides=1),
            "alpha=0.7 is not a level: pass a number between 0 and 0.5, such as 0.05.",
        ),
        (
            lambda: line(a_mean(4), 0, "CV1", NARROW).p_value(1.0, sides=3),
            "sides=3 is not 1 or 2: pass how many sides the test has.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value) == words
