"""Lines over a family: starred ones hold their level at every grid point, printed sizes are the largest."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from small_fits import fitted, two_arms, unequal

from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.lines import exact_lines
from lyra.robust.exact.most_powerful import LINES, benchmark
from lyra.robust.exact.naive import naive_sizes
from lyra.robust.exact.power import power
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import statistic
from lyra.robust.exact.worlds import Arms, Independent, Intercept
from lyra.robust.inference import infer
from lyra.robust.laws import critical_value

TEXTBOOK = {"iid": ("iid", "N-K"), "CV1": ("CV1", "G-1"), "CV2": ("CV2", "satterthwaite"), "CV3": ("CV3", "G-1")}
FAMILY = Family(slopes=(0.6,))


def lines(fit, j, *, family=FAMILY, textbook=TEXTBOOK, starred=LINES, alpha=0.05):
    return exact_lines(fit, j, textbook=textbook, starred=starred, family=family, alpha=alpha)


def an_unequal_fit():
    return fitted(*unequal())


def worlds(fit, j, family=FAMILY):
    return [world for shape in family.shapes(Coefficient.of(fit, j)) for world in shape.worlds()]


@pytest.mark.parametrize("alpha", [0.01, 0.05])
@pytest.mark.parametrize("j", [1, 2])
def test_a_starred_line_holds_its_level_in_every_world_that_is_listed(j, alpha):
    fit = an_unequal_fit()
    about, known = Coefficient.of(fit, j), worlds(fit, j)
    for line in lines(fit, j, alpha=alpha).starred:
        made = forms(statistic(fit, about, line.name.removesuffix("*")), about, known)
        assert rejection(made, line.critical_value).max() <= alpha * (1 + 1e-6)
        assert line.size.value <= alpha * (1 + 1e-6)


@pytest.mark.parametrize("method", ["CV1", "CV2", "CV3"])
def test_the_size_of_a_textbook_line_is_the_largest_over_a_fine_grid(method):
    """Along each shape 57 correlations up to the largest: none is above the printed size, and one comes close."""
    fit = an_unequal_fit()
    about, line = Coefficient.of(fit, 1), lines(fit, 1, starred=())[method]
    assert line.critical_value == pytest.approx(
        float(critical_value(infer(fit, variant=method).dof[1], 0.05)), rel=1e-12
    )
    fine = [shape.make(icc) for shape in FAMILY.shapes(about) for icc in np.linspace(0.0, FAMILY.icc_max, 57)]
    largest = float(rejection(forms(statistic(fit, about, method), about, fine), line.critical_value).max())
    assert largest <= line.size.value * (1 + 1e-4)
    assert largest == pytest.approx(line.size.value, rel=2e-3)


def test_the_size_of_the_naive_line_is_at_the_ends_of_the_family():
    """It is looked for there alone: no world that is listed between has a larger one."""
    for fit, j in ((an_unequal_fit(), 1), (an_unequal_fit(), 2), (two_arms(12, 4), 1)):
        line = lines(fit, j, starred=())["iid"]
        between = naive_sizes(fit, Coefficient.of(fit, j), worlds(fit, j), line.critical_value)
        assert between.max() <= line.size.value * (1 + 1e-12)
        assert isnan(line.power)


def test_the_outcome_is_not_looked_at():
    y, X, clusters = unequal()
    one, two = (lines(fitted(values, X, clusters), 2) for values in (y, 1e3 * y[::-1] ** 3))
    for a, b in zip(one.lines, two.lines, strict=True):
        assert (a.name, a.critical_value, a.size.value, a.size.words) == (
            b.name,
            b.critical_value,
            b.size.value,
            b.size.words,
        )
        assert a.power == b.power or isnan(a.power)


def test_power_is_that_of_an_effect_of_2_8_standard_deviations_in_the_benchmark_world():
    fit = an_unequal_fit()
    about = Coefficient.of(fit, 1)
    for line in lines(fit, 1).lines[1:]:
        made = forms(statistic(fit, about, line.name.removesuffix("*")), about, [benchmark(about)])
        assert line.power == pytest.approx(float(power(made, line.critical_value, 2.8)[0]), rel=1e-12)


def test_textbook_lines_come_first_as_they_were_asked_for_and_what_has_no_exact_law_is_left_out():
    found = lines(an_unequal_fit(), 1, textbook={**TEXTBOOK, "HC3": ("HC3", "N-K")}, starred=("R1", "CV3"))
    assert [line.name for line in found.lines] == ["iid", "CV1", "CV2", "CV3", "R1*", "CV3*"]
    assert [line.name for line in found.starred] == ["R1*", "CV3*"]
    assert "CV3*" in found
    assert "HC3" not in found
    assert found.words == FAMILY.words(found.about)


def test_without_a_constant_the_naive_line_is_left_out():
    y, X, clusters = unequal()
    found = lines(fitted(y, X[:, 1:], clusters), 1, starred=())
    assert [line.name for line in found.lines] == ["CV1", "CV2", "CV3"]


def test_what_leaves_out_a_cluster_without_which_there_is_no_estimate_is_left_out():
    assert [line.name for line in lines(two_arms(12, 1), 1).lines] == ["iid", "CV1", "CV1*", "R1*"]


def test_a_statistic_that_is_one_number_never_rejects():
    """One cluster an arm: under the null |t| of R1 is √2 whatever the outcome, and a calibrated line is above it."""
    line = lines(two_arms(2, 1), 1)["R1*"]
    assert line.critical_value == pytest.approx(np.sqrt(2.0), rel=1e-6)
    assert line.size.value == 0.0


def test_whether_an_interval_always_has_two_ends():
    """With scores under the null SE² grows with the null as Σ shift², so t² falls to 1/Σ shift² far away."""
    clusters = np.repeat(np.arange(16), [2, 3, 5, 80, 90, 4, 4, 3, 2, 60, 5, 6, 2, 3, 4, 5])
    X = np.column_stack([np.ones(clusters.size), clusters < 8]).astype(float)
    giants = fitted(np.random.default_rng(1).normal(size=clusters.size), X, clusters)
    bounded = set()
    for fit in (two_arms(20, 10), two_arms(20, 2), giants):
        for line in lines(fit, 1).starred:
            test = line.calibrated.test
            far = test.factor * np.sum(test.shift**2)
            assert line.always_bounded == (far == 0.0 or line.critical_value < 1.0 / np.sqrt(far))
            bounded.add((line.name, line.always_bounded))
    assert bounded == {("CV2*", True), ("CV3*", True), ("CV1*", True), ("R1*", True), ("R1*", False)}


def test_the_world_of_a_size_is_named():
    found = lines(two_arms(20, 2), 1)
    assert isinstance(found["CV1"].size.world, Arms)
    assert found["CV1"].size.words.endswith("clusters with the larger x1 twice as variable")
    alone = exact_lines(two_arms(20, 10), 1, textbook={}, starred=("CV3",), family=Family(arms=1.0, icc_max=0.0))
    assert alone["CV3*"].size.world is None or isinstance(alone["CV3*"].size.world, (Independent, Intercept))
    assert alone["CV3*"].size.value <= 0.05
