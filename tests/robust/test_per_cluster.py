"""The t-test of estimates by cluster: explicit regressions, the exact t law, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra import Moments
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import least_squares
from lyra.robust.per_cluster import per_cluster_test


def sample(seed, G=6):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(G), rng.integers(5, 12, G))
    X = np.column_stack([np.ones(labels.size), rng.standard_normal((labels.size, 2)), labels % 2])
    return rng.standard_normal(labels.size) + X[:, 1] * rng.standard_normal(G)[labels], X, labels


def fitted(y, X, labels):
    return least_squares(Moments.from_arrays(y, X, labels, names=["one", "a", "b", "odd"]))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["a", "b"]))
@settings(max_examples=25, deadline=None)
def test_estimates_are_the_clusters_own_regressions(seed, param):
    """`odd` is constant within clusters, so each own regression is rank deficient and `a`, `b` stay identified."""
    y, X, labels = sample(seed)
    column = {"a": 1, "b": 2}[param]
    own = [np.linalg.lstsq(X[labels == g, :3], y[labels == g], rcond=None)[0][column] for g in range(6)]
    test = per_cluster_test(fitted(y, X, labels), param=param, h0=0.3)
    np.testing.assert_allclose(test.estimates, own, rtol=1e-8, atol=1e-9)
    assert test.statistic == pytest.approx(np.sqrt(6) * (np.mean(own) - 0.3) / np.std(own, ddof=1), rel=1e-6)


def test_pvalue_and_interval_are_those_of_a_one_sample_t_test():
    from scipy.stats import ttest_1samp

    test = per_cluster_test(fitted(*sample(1)), param="a", h0=0.2)
    theirs = ttest_1samp(test.estimates, 0.2)
    assert test.pvalue == pytest.approx(theirs.pvalue, rel=1e-10)
    np.testing.assert_allclose(test.conf_int(0.9), theirs.confidence_interval(0.9), rtol=1e-10)


@given(st.integers(0, 2**32 - 1), st.floats(1e-5, 1e5), st.floats(1e-5, 1e5))
@settings(max_examples=20, deadline=None)
def test_units_do_not_matter(seed, of_y, of_x):
    y, X, labels = sample(seed)
    before = per_cluster_test(fitted(y, X, labels), param="a")
    after = per_cluster_test(fitted(y * of_y, X * [1.0, of_x, 1.0, of_x], labels), param="a")
    np.testing.assert_allclose(after.estimates * of_x / of_y, before.estimates, rtol=1e-6)
    assert after.pvalue == pytest.approx(before.pvalue, rel=1e-5)


def test_size_is_exact_when_clusters_are_alike():
    """The law is t(G − 1) exactly: one normal estimate a cluster. 1,000 samples, Monte-Carlo error .0069 at .05."""
    rng, G, m, R = np.random.default_rng(7), 5, 4, 1_000
    x = np.tile([-1.0, -1.0, 1.0, 1.0], G)
    labels = np.repeat(np.arange(G), m)
    X = np.column_stack([np.ones(G * m), x])
    pvalues = [
        per_cluster_test(least_squares(Moments.from_arrays(y, X, labels)), param=1).pvalue
        for y in rng.standard_normal((R, G * m))
    ]
    assert abs(np.mean(np.array(pvalues) <= 0.05) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / R)


def test_explained():
    text = per_cluster_test(fitted(*sample(1)), param="a").explain()
    assert text.startswith("a: mean of 6 within-cluster estimates ")
    assert "law t(5)" in text


# --- refusals -----------------------------------------------------------------------------------


def test_a_column_constant_within_clusters():
    with pytest.raises(NotIdentifiedError) as told:
        per_cluster_test(fitted(*sample(2)), param="odd")
    assert str(told.value) == (
        "odd has no estimate within 6 of 6 clusters alone (0, 1, 2, 3, 4, 5): it does not vary there, or not apart "
        "from the other columns; leave those clusters out, or merge them."
    )


def test_one_cluster_where_the_column_stands_still():
    y, X, labels = sample(3)
    X[labels == 4, 1] = 0.7
    with pytest.raises(NotIdentifiedError) as told:
        per_cluster_test(fitted(y, X, labels), param="a")
    assert str(told.value) == (
        "a has no estimate within 1 of 6 clusters alone (4): it does not vary there, or not apart from the other "
        "columns; leave those clusters out, or merge them."
    )


def test_no_such_coefficient():
    with pytest.raises(InputError) as told:
        per_cluster_test(fitted(*sample(3)), param="c")
    assert str(told.value) == "param='c' is not a coefficient: there is 'one', 'a', 'b', 'odd'."
