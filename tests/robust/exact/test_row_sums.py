"""Sums that only rows can give: additive, in any order of the rows, and refused politely."""

from __future__ import annotations

import numpy as np
import pytest
from small_fits import unequal

from lyra.errors import InputError, RowsNeededError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.row_sums import arm_sums, period_sums


def test_sums_do_not_depend_on_the_order_of_rows():
    y, X, clusters = unequal()
    time = np.concatenate([np.arange(n) for n in np.bincount(clusters)])
    order = np.random.default_rng(1).permutation(y.size)
    fits = [least_squares(Moments.from_arrays(y[i], X[i], clusters[i])) for i in (np.arange(y.size), order)]
    one, two = (period_sums(f, clusters[i], time[i]) for f, i in zip(fits, (slice(None), order), strict=True))
    np.testing.assert_allclose(one.paths, two.paths, atol=1e-13)
    np.testing.assert_allclose(one.paths.sum(axis=1), fits[0].orthonormal(fits[0].moments.ones[:, :-1]), atol=1e-13)
    one, two = (arm_sums(f, clusters[i], X[i, 3] > 0) for f, i in zip(fits, (slice(None), order), strict=True))
    np.testing.assert_allclose(one.inner, two.inner, atol=1e-13)


def test_both_arms_make_the_whole():
    y, X, clusters = unequal()
    fit = least_squares(Moments.from_arrays(y, X, clusters))
    both = [arm_sums(fit, clusters, X[:, 3] == arm) for arm in (0, 1)]
    np.testing.assert_allclose(both[0].inner + both[1].inner, np.concatenate([E for _, E in fit.grams()]), atol=1e-13)


def test_what_does_not_fit_is_refused():
    y, X, clusters = unequal()
    fit = least_squares(Moments.from_arrays(y, X, clusters))
    N = y.size
    time = np.zeros(N)
    time[4] = np.nan
    strange = clusters.copy()
    strange[2] = 99
    for call, words in (
        (
            lambda: period_sums(fit, clusters[1:], time),
            f"clusters has {N - 1} values and {N} rows were fitted: pass one for each fitted row.",
        ),
        (
            lambda: period_sums(fit, clusters, time),
            "The period of row 4 is not a finite number: pass one for every fitted row.",
        ),
        (
            lambda: arm_sums(fit, strange, X[:, 3] > 0),
            "99 (row 2) is not a cluster of the fit: pass the labels it was fitted on.",
        ),
    ):
        with pytest.raises(InputError) as refused:
            call()
        assert str(refused.value) == words


def test_a_fit_of_sums_says_what_it_needs():
    y, X, clusters = unequal()
    fit = least_squares(Moments.from_arrays(y, X, clusters).drop(0))
    with pytest.raises(RowsNeededError) as needed:
        period_sums(fit, clusters, clusters)
    assert str(needed.value) == (
        "Sums by period or arm need the rows, and this fit holds only per-cluster sums: "
        "fit from the table or the arrays."
    )
