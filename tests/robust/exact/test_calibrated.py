"""The calibrated line: its p-value, interval and critical value say one thing, and hold the level by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from small_fits import fitted, two_arms, unequal

from lyra.errors import InputError, NotIdentifiedError
from lyra.robust.exact.calibrated import CALIBRATED, calibrated_test
from lyra.robust.exact.family import Family
from lyra.robust.exact.statistic import STATISTICS
from lyra.robust.inference import infer

FAMILY = Family(arms=2.0)
CLUSTERED = tuple(name for name in STATISTICS if name != "R1")


def line(name="CV3", *, j=1, shift=0.0, family=FAMILY, **asked):
    y, X, clusters = unequal()
    return calibrated_test(fitted(y + shift * X[:, j], X, clusters), j, name, family, **asked)


def test_the_names_are_the_variances_with_a_star():
    assert CALIBRATED == ("CV0*", "CV1*", "CV2*", "CV3*", "CV3J*", "R1*")
    assert line("CV2").method == "CV2*"


@pytest.mark.parametrize("name", CLUSTERED)
def test_the_standard_error_is_that_of_the_variance(name):
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    found, plain = calibrated_test(fit, 1, name, FAMILY, h0=0.3), infer(fit, variant=name)
    assert found.std_error == pytest.approx(plain.se[1], rel=1e-12)
    assert found.statistic == pytest.approx((plain.coef[1] - 0.3) / plain.se[1], rel=1e-12)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("name", ["CV1", "CV3", "R1"])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_confidence_set_holds_what_the_p_value_does_not_reject(name, alternative, level):
    """The set is bounded by the nulls whose p-value is 1 - level, to the precision of the supremum over ICCs."""
    found = line(name, shift=0.4, alternative=alternative)
    for low, high in found.confidence_set(level).pieces:
        for end in (low, high):
            if np.isfinite(end):
                at_end = line(name, shift=0.4, alternative=alternative, h0=end).p_value
                assert at_end == pytest.approx(1.0 - level, rel=2e-3)


@pytest.mark.parametrize("name", ["CV1", "CV2", "CV3"])
def test_never_below_t(name):
    from scipy.stats import t

    found = line(name)
    for level in (0.5, 0.9, 0.99):
        assert found.critical_value(level).value >= t.ppf(0.5 + level / 2.0, 8) * (1.0 - 1e-12)
    assert found.p_value >= 2.0 * t.sf(abs(found.statistic), 8) * (1.0 - 1e-12)


def test_a_larger_family_asks_for_more():
    values = [line("CV1", family=Family(arms=kappa)).critical_value().value for kappa in (1.0, 2.0, 4.0)]
    assert values == sorted(values)
    assert values[0] < values[2]


def test_one_sided_p_values_add_up_to_one_and_the_smaller_is_half_of_both():
    both, less, greater = (line(alternative=side, shift=0.2).p_value for side in ("two-sided", "less", "greater"))
    assert less + greater == pytest.approx(1.0, abs=1e-12)
    assert min(less, greater) == pytest.approx(both / 2.0, rel=1e-12)


@pytest.mark.parametrize("name", ["CV1", "R1"])
def test_two_treated_of_twenty_reject_five_per_cent(name):
    """By simulation of cluster sums, in the world that sets c*; 20,000 draws, wrong with probability 1e-4."""
    rng = np.random.default_rng(20_350)
    fit = two_arms(20, 2)
    bound = calibrated_test(fit, 1, name, FAMILY).critical_value()
    assert "clusters with the larger" in bound.words
    about = calibrated_test(fit, 1, name, FAMILY).calibrated
    world = about.critical_value(0.05).world
    factors = np.linalg.cholesky(world.covariances(about.about) + 1e-12 * np.eye(2))
    test = about.test
    c = np.einsum("gkl,rgl->rgk", factors, rng.normal(size=(20_000, 20, 2)))
    total = c.sum(axis=1)
    z0 = total @ test.a0
    z = np.einsum("rgk,gk->rg", c, test.omega) - total @ test.a.T
    rejected = np.mean(z0**2 > bound.value**2 * test.factor * np.sum(z**2, axis=1))
    assert rejected == pytest.approx(0.05, abs=3.9 * np.sqrt(0.05 * 0.95 / 20_000))


@pytest.mark.parametrize("name", ["CV0", "CV1", "R1"])
def test_a_standard_error_that_is_zero_but_for_rounding_says_nothing(name):
    """One cluster an arm: the residuals of each add up to zero, so that every score is rounding."""
    found = calibrated_test(two_arms(2, 1), 1, name, FAMILY)
    assert np.isnan([found.std_error, found.statistic, found.p_value, *found.conf_int()]).all() == (name != "R1")


def test_without_a_cluster_there_is_no_estimate_and_restricted_scores_still_speak():
    clusters = np.repeat(np.arange(8), 4)
    X = np.column_stack([np.ones(32), clusters == 0]).astype(float)
    fit = fitted(np.random.default_rng(1).normal(size=32), X, clusters)
    with pytest.raises(NotIdentifiedError):
        calibrated_test(fit, 1, "CV3", FAMILY)
    assert 0.0 < calibrated_test(fit, 1, "R1", FAMILY).p_value <= 1.0


def test_an_unknown_alternative_or_variance_is_refused_by_name():
    with pytest.raises(InputError) as refused:
        line(alternative="larger")
    assert str(refused.value) == "alternative='larger' is unknown: there is 'two-sided', 'less', 'greater'."
    with pytest.raises(InputError, match=r"^variant='HC1' has no exact size: "):
        line("HC1")


def test_what_is_said_is_what_was_computed():
    found = line(shift=0.4)
    told, (low, high) = found.to_dict(0.9), found.conf_int(0.9)
    assert (told["conf_low"], told["conf_high"], told["p_value"]) == (low, high, found.p_value)
    assert told["critical_value"] == found.critical_value(0.9).value
    for said in (found.explain(), str(found)):
        assert found.critical_value().words in said
    assert found.family in found.explain()
    assert len(repr(found)) <= 120
