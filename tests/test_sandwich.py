"""The variance family: what it refuses, and where it has no answer."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dense
from examples import NAMES, experiment
from lyra import Moments, rows
from lyra.errors import InputError, UnidentifiedWarning
from lyra.ols import least_squares
from lyra.sandwich import CLUSTERED, VARIANTS, covariance, unidentified
from lyra.se import cluster_robust
from strategies import Regression

y, X, clusters = experiment()


def test_refuses_an_unknown_variant():
    fit = least_squares(Moments.from_arrays(y, X, clusters))
    all_of_them, clustered = (", ".join(map(repr, names)) for names in (VARIANTS, CLUSTERED))
    for asked, hint, known in (
        ("CV4", "did you mean 'CV3'? ", clustered),
        ("CR4", "", clustered),  # never a row's HC4 or HC2 for a cluster's
        ("HC4", "did you mean 'HC3'? ", all_of_them),
        ("robust", "", all_of_them),
    ):
        with pytest.raises(InputError) as caught:
            covariance(fit, asked)
        assert str(caught.value) == f"variant={asked!r} is unknown: {hint}there is {known}."


def one_treated() -> np.ndarray:
    return np.column_stack([X[:, 0], clusters == "c", X[:, 2]]).astype(float)


@pytest.mark.parametrize("variant", ["CV2", "CV3", "CV3J"])
def test_one_treated_cluster_has_no_answer_and_says_which(variant):
    with pytest.warns(UnidentifiedWarning) as caught:
        res = cluster_robust(y, one_treated(), clusters=clusters, variant=variant, names=NAMES)
    assert len(caught) == 1
    assert str(caught[0].message) == (
        f"{variant} is not computable (NaN) where leaving out one cluster leaves no estimate: "
        "treat without cluster c; CV1 exists there but is far too small: "
        "use randomisation inference, or more clusters on each side."
    )
    for values in (res.se, res.statistic, res.pvalue, res.dof, res.conf_int()[:, 0], res.conf_int()[:, 1]):
        assert np.isnan(values).tolist() == [False, True, False]
    assert "NaN: leaving out one cluster leaves no estimate of these coefficients" in res.explain()


def test_one_treated_cluster_leaves_the_other_coefficients_as_without_it():
    """Where the treated cluster has its own mean, only its spread of x around it still tells of x."""
    with pytest.warns(UnidentifiedWarning):
        res = cluster_robust(y, one_treated(), clusters=clusters, variant="CV3", names=NAMES)
    moved = []
    for g in np.unique(clusters):
        others = clusters != g
        moved.append(np.linalg.lstsq(one_treated()[others], y[others], rcond=None)[0] - res.coef)
    expected = 7 / 8 * np.sum(np.square(moved), axis=0)
    assert_allclose(res.se[[0, 2]] ** 2, expected[[0, 2]], rtol=1e-9)


def test_many_lost_coefficients_are_counted_after_four():
    D = (clusters[:, None] == np.unique(clusters)).astype(float)
    with pytest.warns(UnidentifiedWarning, match=r"x0 without cluster a, .* x3 without cluster d and 4 more; CV1"):
        cluster_robust(y, D, clusters=clusters, variant="CV2")


@pytest.mark.parametrize("variant", ["HC2", "HC3"])
def test_a_row_that_alone_carries_a_column_has_no_answer(variant):
    own = np.column_stack([X, np.arange(32) == 20]).astype(float)
    with pytest.warns(UnidentifiedWarning) as caught:
        res = cluster_robust(y, own, clusters=clusters, variant=variant, names=(*NAMES, "own"))
    assert str(caught[0].message) == (
        f"{variant} is not computable (NaN) where leaving out one row leaves no estimate: own without row 20; "
        "leave out those rows with their columns, or read HC1 with care."
    )
    rest = np.delete(np.arange(32), 20)
    without = cluster_robust(y[rest], X[rest], clusters=clusters[rest], variant=variant)
    assert np.isnan(res.se[3])
    assert_allclose(res.vcov[:3, :3], without.vcov, rtol=1e-9)


def test_rows_are_counted_across_blocks(monkeypatch):
    monkeypatch.setattr(rows.ArrayRows.blocks, "__defaults__", (5,))
    own = np.column_stack([X, np.arange(32) == 20]).astype(float)
    with pytest.warns(UnidentifiedWarning, match="own without row 20;"):
        cluster_robust(y, own, clusters=clusters, variant="HC3", names=(*NAMES, "own"))


def test_cv1_of_one_treated_cluster_keeps_its_own_degrees_of_freedom():
    """CV1 leaves nothing out, so nothing is set to zero in its quadratic form."""
    r = Regression(y, one_treated(), clusters)
    res = cluster_robust(y, r.X, clusters=clusters, dof="satterthwaite")
    assert_allclose(res.dof, [dense.satterthwaite(r, e, 0.0) for e in np.eye(3)], rtol=1e-8)


def test_identified_designs_name_no_cluster():
    assert unidentified(least_squares(Moments.from_arrays(y, X, clusters))) == []


def test_a_perfect_fit_has_no_spread_and_does_not_warn():
    perfect = cluster_robust(2.0 * np.arange(32) + 1, np.column_stack([X[:, 0], np.arange(32)]), clusters=clusters)
    assert_allclose(perfect.coef, [1.0, 2.0], rtol=1e-12)
    assert_allclose(perfect.se, 0.0, atol=1e-12)
    assert_allclose(perfect.pvalue, 0.0, atol=1e-12)
