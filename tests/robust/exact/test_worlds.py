"""Worlds of errors: against every Ω in full, their shares and words, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_fits import unequal

from lyra.errors import InputError, RowsNeededError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.row_sums import arm_sums, period_sums
from lyra.robust.exact.worlds import (
    Arms,
    BySize,
    ColumnSlopeShare,
    Independent,
    Intercept,
    LeverageHalf,
    Slope,
    SlopeShare,
    Sum,
)
from lyra.robust.exact.worlds_of_rows import Autoregressive, InnerArms


@pytest.fixture(scope="module")
def case():
    y, X, clusters = unequal()
    return X, clusters, least_squares(Moments.from_arrays(y, X, clusters, names=["one", "treat", "x", "in"]))


def in_full(case, j, block):
    """Return Q_g'Ω_gQ_g (G, K, K) with Ω_g from its rows, Q = XW."""
    X, clusters, fit = case
    Q = X @ fit.W
    rows = [np.flatnonzero(clusters == g) for g in np.unique(clusters)]
    return np.stack([Q[i].T @ block(i) @ Q[i] for i in rows])


def residual(X, j):
    others = np.delete(X, j, axis=1)
    return X[:, j] - others @ np.linalg.lstsq(others, X[:, j], rcond=None)[0]


def test_each_world_is_its_omega_in_full(case):
    X, clusters, fit = case
    sizes = np.bincount(clusters)

    def intercept(rho):
        return lambda i: (1 - rho) * np.eye(i.size) + rho

    about = Coefficient.of(fit, 1)
    x = residual(X, 2)
    mean = sizes.mean()
    cases = [
        (1, Independent(), lambda i: np.eye(i.size)),
        (1, Intercept(0.3), intercept(0.3)),
        (2, Slope(0.7), lambda i: np.eye(i.size) + 0.49 * np.outer(x[i], x[i])),
        (1, Arms(4.0, Intercept(0.3)), lambda i: intercept(0.3)(i) * (4.0 if X[i[0], 1] else 1.0)),
        (1, BySize(1.0), lambda i: np.eye(i.size) * i.size / mean),
        (1, LeverageHalf(3.0), lambda i: np.eye(i.size) * (3.0 if about.leverage_half[clusters[i[0]]] else 1.0)),
        (1, Independent() + Intercept(0.5), lambda i: np.eye(i.size) + intercept(0.5)(i)),
    ]
    for j, world, block in cases:
        np.testing.assert_allclose(
            world.covariances(Coefficient.of(fit, j)), in_full(case, j, block), rtol=1e-11, atol=1e-12
        )


def test_a_slope_of_the_column_itself_is_along_x(case):
    X, _, fit = case
    about = Coefficient.of(fit, 2)
    added = ColumnSlopeShare(0.5).covariances(about) - about.shares
    full = in_full(case, 2, lambda i: np.outer(X[i, 2], X[i, 2]))
    np.testing.assert_allclose(added / added[0, 0, 0], full / full[0, 0, 0], rtol=1e-8, atol=1e-9)


def test_worlds_from_rows_are_their_omega_in_full(case):
    X, clusters, fit = case
    time = np.concatenate([np.arange(n) * 2.0 for n in np.bincount(clusters)])
    about = Coefficient.of(fit, 2).with_rows(period_sums(fit, clusters, time))

    def decay(i):
        return 0.6 ** np.abs(np.subtract.outer(time[i], time[i]))

    for phi, share in ((0.6, 1.0), (0.6, 0.25), (0.0, 1.0)):
        full = in_full(
            case, 2, lambda i, p=phi, s=share: (1 - s) * np.eye(i.size) + s * (decay(i) if p else np.eye(i.size))
        )
        np.testing.assert_allclose(Autoregressive(phi, share).covariances(about), full, rtol=1e-11, atol=1e-12)

    arm = X[:, 3] > 0
    about = Coefficient.of(fit, 3).with_rows(arm_sums(fit, clusters, arm))

    def arms(i):
        sd = np.where(arm[i], 2.0, 1.0)
        return np.outer(sd, sd) * (0.8 * np.eye(i.size) + 0.2)

    np.testing.assert_allclose(InnerArms(4.0, 0.2).covariances(about), in_full(case, 3, arms), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("kind", [SlopeShare, ColumnSlopeShare])
def test_a_slope_makes_its_share_of_the_variance_of_the_estimate(case, share, kind):
    about = Coefficient.of(case[2], 2)

    def variance(world):
        return about.direction @ world.covariances(about).sum(axis=0) @ about.direction

    without, whole = variance(Intercept(0.2)), variance(kind(share, Intercept(0.2)))
    assert (whole - without) / whole == pytest.approx(share, rel=1e-12)


def test_leverage_adds_up_and_half_of_it_is_the_fewest_clusters(case):
    about = Coefficient.of(case[2], 2)
    x = residual(case[0], 2)
    mine = np.bincount(case[1], x**2) / (x @ x)
    np.testing.assert_allclose(about.leverage, mine, rtol=1e-11)
    half = about.leverage_half
    assert mine[half].sum() >= 0.5
    assert mine[half].sum() - mine[half].min() < 0.5
    assert mine[half].min() >= mine[~half].max()


def test_equal_leverages_take_the_first_clusters():
    clusters = np.repeat(np.arange(6), 3)
    fit = least_squares(Moments.from_arrays(np.arange(18.0), np.ones((18, 1)), clusters))
    about = Coefficient.of(fit, 0)
    assert about.leverage_half.tolist() == [True] * 3 + [False] * 3
    rounding = 1.0 + 1e-13 * np.arange(6)[:, None, None]
    assert replace(about, shares=about.shares * rounding).leverage_half.tolist() == [True] * 3 + [False] * 3


def test_a_swept_effect_leaves_nothing_to_a_random_intercept():
    y, X, clusters = unequal()
    x = X[:, 2:] - np.array([X[clusters == g, 2:].mean(axis=0) for g in range(9)])[clusters]
    about = Coefficient.of(least_squares(Moments.from_arrays(y, x, clusters)), 0)
    assert about.absorbed
    np.testing.assert_allclose(Intercept(0.4).covariances(about), 0.6 * about.shares, atol=1e-14)
    assert not Coefficient.of(least_squares(Moments.from_arrays(y, X, clusters)), 1).absorbed


def test_worlds_say_themselves(case):
    about = Coefficient.of(case[2], 1)
    said = {
        Arms(4.0): "rows independent, clusters with the larger treat four times as variable",
        Arms(0.5, Intercept(0.1)): ("intraclass correlation 0.1, clusters with the smaller treat twice as variable"),
        SlopeShare(0.6): "rows independent, effects that differ by cluster make 60 % of the variance of treat",
        ColumnSlopeShare(0.3): "rows independent, errors that grow with treat make 30 % of its variance",
        Slope(0.2): "rows independent, the effect of treat differs by cluster (sd 0.2)",
        BySize(-1.0): "rows independent, smaller clusters more variable (variance ~ size^-1)",
        LeverageHalf(
            5.5
        ): f"rows independent, the {about.leverage_half.sum()} clusters that carry half of treat 5.5 times as variable",
        Autoregressive(0.4): "correlation 0.4 from one period to the next",
        Autoregressive(0.4, 0.1): "correlation 0.4 from one period to the next in 10 % of the variance",
        InnerArms(2.0, 0.1): "intraclass correlation 0.1, rows with the larger treat twice as variable",
        Intercept(0.0) + Intercept(0.2): "rows independent + intraclass correlation 0.2",
    }
    assert {world: world.words(about) for world in said} == said


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Intercept(1.5), "icc=1.5 is not an intraclass correlation: pass a number from 0 to 1."),
        (lambda: Intercept(float("nan")), "icc=nan is not an intraclass correlation: pass a number from 0 to 1."),
        (lambda: Slope(-1.0), "sd=-1.0 is not a standard deviation: pass a number that is zero or more."),
        (lambda: SlopeShare(1.0), "share=1.0 is not a share of a variance: pass a number from 0, below 1."),
        (lambda: Arms(0.0), "ratio=0.0 is not a ratio of two variances: pass a positive number."),
        (lambda: Autoregressive(1.0), "phi=1.0 is not a correlation in time: pass a number between -1 and 1."),
        (lambda: Autoregressive(0.1, 2.0), "share=2.0 is not a share of a variance: pass a number from 0 to 1."),
        (lambda: BySize(float("inf")), "power=inf is not a power of the size: pass a finite number."),
        (Sum, "A sum of no worlds is no world: pass at least one."),
    ],
)
def test_what_is_no_world_is_refused(make, words):
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == words


def test_a_world_that_the_design_cannot_have_is_refused(case):
    with pytest.raises(InputError) as refused:
        Arms(2.0).covariances(Coefficient.of(case[2], 2))
    assert str(refused.value) == "x does not split the clusters into two arms: use LeverageHalf(2) instead."
    for world, what in (
        (
            InnerArms(2.0),
            (
                "Arms inside clusters of x cannot be read from cluster sums: pass the rows once to "
                "row_sums.arm_sums and the result on."
            ),
        ),
        (
            Autoregressive(0.5),
            (
                "Correlation in time of x cannot be read from cluster sums: pass the rows once to "
                "row_sums.period_sums and the result on."
            ),
        ),
    ):
        with pytest.raises(RowsNeededError) as needed:
            world.covariances(Coefficient.of(case[2], 2))
        assert str(needed.value) == what
