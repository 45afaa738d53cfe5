"""Every coefficient by its calibrated test: the arrays are those of the single tests, and the names are understood."""

from __future__ import annotations

import numpy as np
import pytest
from small_fits import fitted, unequal

import lyra
from lyra.errors import InputError, UnidentifiedWarning
from lyra.robust.exact.calibrated import calibrated_test
from lyra.robust.exact.family import Family
from lyra.robust.exact.inference import calibrated_inference
from lyra.robust.inference import infer

FAMILY = Family(arms=2.0)


@pytest.fixture(scope="module")
def fit():
    return fitted(*unequal())


@pytest.mark.parametrize("variant", ["CV1", "CV3", "R1"])
def test_each_coefficient_is_its_own_test(fit, variant):
    found = calibrated_inference(fit, variant, FAMILY)
    for j in range(fit.K):
        one = calibrated_test(fit, j, variant, FAMILY)
        said = (found.coef[j], found.se[j], found.statistic[j], found.pvalue[j], found.critical_value[j])
        assert said == (one.estimate, one.std_error, one.statistic, one.p_value, one.critical_value().value)
        np.testing.assert_array_equal(found.conf_int(0.9)[j], one.conf_int(0.9))
        assert found.set_by[j] == one.critical_value().words


def test_the_standard_errors_are_those_of_the_variance(fit):
    np.testing.assert_allclose(calibrated_inference(fit, "CV2", FAMILY).se, infer(fit, variant="CV2").se, rtol=1e-12)


@pytest.mark.parametrize(("asked", "meant"), [("CV3*", "CV3"), ("cr1", "CV1"), ("r1*", "R1"), ("CV3J", "CV3J")])
def test_names_are_understood_with_their_star_and_without(fit, asked, meant):
    assert calibrated_inference(fit, asked, FAMILY).method == f"{meant}*"


def test_a_variance_without_an_exact_law_is_refused(fit):
    with pytest.raises(InputError) as refused:
        calibrated_inference(fit, "HC1", FAMILY)
    assert str(refused.value) == (
        "variant='HC1' has no calibrated law: did you mean 'CV1'? there is 'CV0', 'CV1', 'CV2', 'CV3', 'CV3J', 'R1'."
    )


def test_coefficients_that_are_lost_without_a_cluster_are_nan_and_named():
    clusters = np.repeat(np.arange(8), 4)
    X = np.column_stack([np.ones(32), clusters == 0, np.arange(32) % 3]).astype(float)
    y = np.random.default_rng(1).normal(size=32)
    lost = lyra.fit_moments(lyra.Moments.from_arrays(y, X, clusters, names=["one", "first", "x"]))
    with pytest.warns(UnidentifiedWarning) as told:
        found = lost.robust("CV3", law="calibrated")
    (only,) = told
    assert str(only.message) == (
        "CV3 of first leaves out one cluster at a time, and without cluster 0 there is no estimate: read R1, or "
        "randomisation inference."
    )
    assert np.isnan(found.pvalue).tolist() == [False, True, False]
    assert np.isnan(found.conf_int()[1]).all()
    assert "not computable" in str(found)
    assert np.isfinite(lost.robust("R1", law="calibrated").pvalue).all()


def test_what_is_said_is_what_was_computed(fit):
    found = calibrated_inference(fit, "CV1", FAMILY)
    told = found.to_dict()
    assert told["p_value"] == found.pvalue.tolist()
    assert told["critical_value"] == found.critical_value.tolist()
    assert (told["method"], told["n_clusters"], told["dropped_rows"]) == ("CV1*", fit.G, 0)
    assert all(sentence.startswith("Errors may have ") for sentence in told["family"])
    assert all(words in found.explain() for words in found.set_by)
    assert len(repr(found)) <= 120
