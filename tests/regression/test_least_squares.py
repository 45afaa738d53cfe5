"""Least squares in orthonormal coordinates: what it drops, warns of and refuses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose

from examples import NAMES, experiment
from lyra import Moments
from lyra.errors import ConditionWarning, DroppedColumnsWarning, NotIdentifiedError
from lyra.regression.least_squares import least_squares
from lyra.robust.spectra import spectra

y, X, clusters = experiment()


def fitted(X=X, y=y, clusters=clusters, names=None):
    return least_squares(Moments.from_arrays(y, X, clusters, names=names))


def refusal(**changed) -> str:
    with pytest.raises(NotIdentifiedError) as caught:
        fitted(**changed)
    return str(caught.value)


def test_coefficients_and_residual_sum_of_squares_are_those_of_lapack():
    expected, rss, *_ = np.linalg.lstsq(X, y, rcond=None)
    fit = fitted()
    assert_allclose(fit.coef, expected, rtol=1e-12)
    assert fit.rss == pytest.approx(rss[0], rel=1e-12)
    assert_allclose(fit.W @ fit.W.T, np.linalg.inv(X.T @ X), rtol=1e-10, atol=1e-14)


def test_cluster_grams_are_shares_of_the_identity():
    fit = fitted()
    grams = np.concatenate([E for _, E in fit.grams()])
    assert_allclose(grams.sum(axis=0), np.eye(3), atol=1e-12)
    assert_allclose(fit.scores.sum(axis=0), 0.0, atol=1e-12)
    for each in spectra(fit):
        assert each.values.min() >= 0.0
        assert each.values.max() <= 1.0


@pytest.mark.parametrize(
    ("columns", "names", "dropped", "left"),
    [
        (np.column_stack([X, X[:, 1]]), (*NAMES, "again"), "again", 3),
        (np.column_stack([X, np.full(32, 7.0)]), (*NAMES, "seven"), "seven", 3),
        (np.column_stack([np.full(32, 7.0), X]), ("seven", *NAMES), "one", 3),
        (np.column_stack([X, np.zeros(32)]), (*NAMES, "zero"), "zero", 3),
        (np.column_stack([X, 3 * X[:, 1] - 2 * X[:, 2] + 5]), (*NAMES, "mix"), "mix", 3),
        (np.column_stack([X[:, 1], 1 - X[:, 1], X[:, 0]]), ("treat", "control", "one"), "control", 2),
        (np.column_stack([X, 1e8 + X[:, 2]]), (*NAMES, "far"), "far", 3),
        (np.column_stack([X, X[:, 1], X[:, 2]]), (*NAMES, "p", "q"), "p, q", 3),
    ],
    ids=["twice", "constant", "constant first", "zero", "mixture", "dummies", "far away", "two"],
)
def test_a_column_that_is_a_combination_of_others_is_left_out_by_name(columns, names, dropped, left):
    """The constant comes first and the later column goes; the fit is that of the columns kept."""
    with pytest.warns(DroppedColumnsWarning) as caught:
        fit = fitted(columns, names=names)
    assert str(caught[0].message) == (
        f"Left out, as constant or as combinations of earlier columns: {dropped}; {left} coefficients remain."
    )
    assert fit.dropped == tuple(dropped.split(", "))
    kept = [names.index(name) for name in fit.names]
    assert_allclose(fit.coef, np.linalg.lstsq(columns[:, kept], y, rcond=None)[0], rtol=1e-8)


def test_nearly_collinear_columns_are_not_dropped_when_the_rows_are_there():
    rng = np.random.default_rng(1)
    near = np.column_stack([X, X[:, 2] + 1e-7 * rng.normal(size=32)])
    fit = fitted(near)
    assert fit.dropped == ()
    u = y - near @ fit.coef
    assert_allclose(near.T @ u, 0.0, atol=1e-6)


def test_ill_conditioned_sums_without_rows_warn():
    """Sums of raw columns, as a warehouse would send them."""
    rng = np.random.default_rng(1)
    near = np.column_stack([X, X[:, 2] + 3e-5 * rng.normal(size=32)])
    W = np.column_stack([near, y])
    labels = np.unique(clusters)
    tensor = np.array([W[clusters == g].T @ W[clusters == g] for g in labels])
    ones = np.array([W[clusters == g].sum(axis=0) for g in labels])
    sizes = np.array([(clusters == g).sum() for g in labels])
    stored = Moments.from_tensor(
        tensor, ones, names=(*NAMES, "near"), labels=labels, sizes=sizes, T_inverse=np.eye(4), a=np.zeros(4), unit=0
    )
    with pytest.warns(ConditionWarning) as caught:
        least_squares(stored)
    before, _, after = str(caught[0].message).partition(" (a share of ")
    share, _, remedy = after.partition(" of one is its own)")
    assert before == "The columns are nearly collinear"
    assert remedy == " and only sums are at hand, so about half the digits are lost: fit from the rows."
    others = near[:, :3] @ np.linalg.lstsq(near[:, :3], near[:, 3], rcond=None)[0]
    assert float(share) == pytest.approx(np.sum((near[:, 3] - others) ** 2) / np.sum(near[:, 3] ** 2), rel=0.1)


def test_a_collinear_column_is_known_behind_a_nearly_constant_one():
    """On two clusters x and z are affine in each other, and x nearly a constant: rounding hides z's zero share."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(6), 5)
    x, z = np.array([0.5840, 0.5825, -1.6, 0.7, 0.5, -2.5])[g], np.array([0.061, -0.964, -0.5, 1.2, -2.2, 0.7])[g]
    m = Moments.from_arrays(rng.normal(size=30), np.column_stack([np.ones(30), x, z]), g)
    with pytest.warns(DroppedColumnsWarning, match="x2; 2 coefficients remain"):
        least_squares(m.subset([0, 1]))


def test_the_same_columns_stored_from_rows_do_not_warn():
    rng = np.random.default_rng(1)
    near = np.column_stack([X, X[:, 2] + 3e-5 * rng.normal(size=32)])
    m = Moments.from_arrays(y, near, clusters)
    assert_allclose(least_squares(m.drop("a") + m.subset(["a"])).coef, fitted(near).coef, rtol=1e-7)


@pytest.mark.parametrize(
    ("label", "told"), [(3.5, "3.5"), ("Oslo", "Oslo"), (np.datetime64("2026-03-01"), "2026-03-01")]
)
def test_refuses_one_cluster(label, told):
    assert refusal(clusters=np.full(32, label)) == (
        f"There is one cluster ({told}): no variance between clusters can be seen; cluster at a finer level."
    )


def test_refuses_no_cluster():
    with pytest.raises(NotIdentifiedError, match=r"^There are no clusters left: keep at least two\.$"):
        least_squares(Moments.from_arrays(y, X, clusters).subset([]))


def test_refuses_when_every_column_is_dropped():
    assert refusal(X=np.zeros((32, 2))) == (
        "Every column was dropped: X holds nothing but zeros; pass a column that varies."
    )


@pytest.mark.parametrize("N", [3, 2])
def test_refuses_as_many_coefficients_as_rows(N):
    rows = np.flatnonzero(np.isin(clusters, ["a", "b"]))[:N]
    assert len(np.unique(clusters[rows])) == 2
    rng = np.random.default_rng(2)
    K = min(N, 3)
    assert refusal(X=rng.normal(size=(N, 3)), y=y[rows], clusters=clusters[rows]) == (
        f"There are {K} coefficients and {N} rows: leave out columns or add rows, so that N exceeds K."
    )


def test_refuses_a_constant_outcome():
    assert refusal(y=np.full(32, -1.5)) == (
        "y is constant (every value is -1.5): there is nothing to explain; pass an outcome that varies."
    )


def test_nothing_is_warned_of_in_an_ordinary_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted()
