"""Values and sets of one fit: standard errors as the sandwich's, and a set is what its own test does not reject."""

from __future__ import annotations

import dense_size
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_fits import CLUSTERED, fitted, unequal

from lyra.robust.covariance import covariance
from lyra.robust.exact import confidence_set as confidence_sets
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.confidence_set import ConfidenceSet, confidence_set, t_value
from lyra.robust.exact.statistic import STATISTICS, statistic


def parts(fit, j, name):
    about = Coefficient.of(fit, j)
    return fit, about, statistic(fit, about, name)


@pytest.mark.parametrize("name", CLUSTERED)
def test_t_is_the_estimate_over_the_sandwich(name):
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    se = np.sqrt(np.diag(covariance(fit, name)))
    for j in range(4):
        assert t_value(*parts(fit, j, name), null=0.3) == pytest.approx((fit.coef[j] - 0.3) / se[j], rel=1e-10)
        low, high = confidence_set(*parts(fit, j, name), 2.3).pieces[0]
        assert (low, high) == pytest.approx((fit.coef[j] - 2.3 * se[j], fit.coef[j] + 2.3 * se[j]), rel=1e-10)


@pytest.mark.parametrize("name", STATISTICS)
def test_t_is_that_of_every_row_in_full(name):
    y, X, clusters = unequal()
    fit, j = fitted(y, X, clusters), 2
    for null in (0.0, -0.4):
        z = (y - null * X[:, j]) @ dense_size.maps(X, clusters, j, name)
        assert t_value(*parts(fit, j, name), null=null) == pytest.approx(z[0] / np.linalg.norm(z[1:]), rel=1e-9)


@given(st.sampled_from(STATISTICS), st.floats(0.2, 4.0), st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_a_set_holds_what_its_test_does_not_reject(name, c, seed):
    y, X, clusters = unequal(seed=seed % 50)
    these = parts(fitted(y, X, clusters), 1 + seed % 3, name)
    whole, lower, upper = (confidence_set(*these, c, bound=b) for b in ("both", "lower", "upper"))
    estimate, scale = these[0].coef[1 + seed % 3], these[1].scale
    for null in estimate + scale * np.random.default_rng(seed).standard_cauchy(40) * 3:
        value = t_value(*these, null=null)
        if abs(abs(value) - c) > 1e-9:
            assert (null in whole) == (abs(value) <= c)
            assert (null in lower) == (value <= c)
            assert (null in upper) == (value >= -c)


def test_scores_under_the_null_give_every_kind_of_set():
    """Far from the estimate |t| tends to 1/√Σ|x̃_g|⁴: below it a set is bounded, above it is not."""
    kinds = []
    for seed in range(30):
        y, X, clusters = unequal(seed=seed)
        these = parts(fitted(y, X, clusters), 2, "R1")
        limit = 1.0 / np.linalg.norm(these[1].leverage)
        assert confidence_set(*these, 0.999 * limit).bounded
        kinds.append(confidence_set(*these, 1.001 * limit))
    assert not any(kind.bounded for kind in kinds)
    assert {len(kind.pieces) for kind in kinds} == {1, 2}
    for kind in kinds:
        ends = [end for piece in kind.pieces for end in piece]
        assert ends == sorted(ends)
        assert kind.words.startswith("every")


def test_a_set_on_the_edge_leaves_out_nothing():
    e, h = np.array([1.0, 0.0]), np.array([0.5, 0.5])
    assert confidence_sets._accepted(e, h, 2.0) == [(-np.inf, np.inf)]


def test_sets_say_what_they_are():
    inf = np.inf
    said = {
        ConfidenceSet(((-1.0, 2.5),)): "from -1 to 2.5",
        ConfidenceSet(((-inf, -1.0), (2.0, inf))): "everything but -1 to 2",
        ConfidenceSet(((-inf, inf),)): "every value: the data exclude none",
        ConfidenceSet(((0.25, inf),)): "0.25 or more",
        ConfidenceSet(((-inf, 3.0),)): "3 or less",
    }
    assert {each: each.words for each in said} == said
