"""The exact size of the naive t test: against all N eigenvalues of its quadratic form by rows, and known laws."""

from __future__ import annotations

import numpy as np
import pytest
from dense_size import blocks
from scipy.stats import t as student
from small_fits import fitted, unequal

from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.naive import naive_mean_square, naive_sizes
from lyra.robust.exact.worlds import Arms, BySize, Independent, Intercept, LeverageHalf, SlopeShare

J, LEVEL, VARIES = (1, 2, 3), 1, 2  # column 1 is constant in clusters, columns 2 and 3 are not


def given_the_others(X, j):
    """Return x̃ (N,): column j given the other columns."""
    others = np.delete(X, j, axis=1)
    return X[:, j] - others @ np.linalg.lstsq(others, X[:, j], rcond=None)[0]


def form(X, j, c):
    """Return A (N, N): u'Au > 0 where |t| > c."""
    N, K = X.shape
    x = given_the_others(X, j)
    M = np.eye(N) - X @ np.linalg.pinv(X)
    return np.outer(x, x) / (x @ x) - c**2 / (N - K) * M


def by_rows(X, j, omega, c):
    """Return P(u'Au > 0) from the N eigenvalues: one is positive, and the law is one integral over θ."""
    root = np.linalg.cholesky(omega)
    values = np.linalg.eigvalsh(root.T @ form(X, j, c) @ root)
    ratios = -values[:-1] / values[-1]
    theta = (np.arange(4_000) + 0.5) * np.pi / 8_000
    return float(np.mean(np.exp(-0.5 * np.log1p(np.maximum(ratios, 0.0) / np.sin(theta)[:, None] ** 2).sum(axis=1))))


def intercept(clusters, icc):
    return blocks(clusters, lambda rows: (1 - icc) * np.eye(len(rows)) + icc)


def slope_share(X, clusters, j, share, omega):
    """Return Ω with effects of column j that make this share of Var(β̂)."""
    x = given_the_others(X, j)
    squares = sum(np.sum(x[clusters == g] ** 2) ** 2 for g in np.unique(clusters))
    variance = share / (1 - share) * (x @ omega @ x) / squares
    return omega + variance * blocks(clusters, lambda rows: np.outer(x[rows], x[rows]))


def half(X, clusters, j):
    """Return the rows (N,) of the fewest clusters with half of Σ x̃², the largest first."""
    x = given_the_others(X, j)
    held = np.array([np.sum(x[clusters == g] ** 2) for g in np.unique(clusters)])
    order = np.argsort(-held)
    few = order[: int(np.searchsorted(np.cumsum(held[order]), 0.5 * held.sum())) + 1]
    return np.isin(clusters, np.unique(clusters)[few])


def worlds(X, clusters, j):
    """Return pairs of a world and its Ω (N, N) from rows."""
    base = intercept(clusters, 0.3)
    times = 1.0 + 3.0 * half(X, clusters, j)
    size = np.bincount(clusters)[clusters] / np.bincount(clusters).mean()
    yield Independent(), np.eye(len(X))
    yield Intercept(0.3), base
    yield SlopeShare(0.6, Intercept(0.3)), slope_share(X, clusters, j, 0.6, base)
    yield LeverageHalf(4.0, Intercept(0.3)), base * times
    yield LeverageHalf(4.0, SlopeShare(0.6, Intercept(0.3))), slope_share(X, clusters, j, 0.6, base) * times
    yield BySize(1.0, Intercept(0.3)), base * size
    if j == LEVEL:
        yield Arms(0.5, Intercept(0.3)), base * np.where(X[:, j] == X[:, j].max(), 0.5, 1.0)


@pytest.mark.parametrize("c", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("j", J)
def test_the_size_is_that_of_all_eigenvalues_by_rows(j, c):
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    known = list(worlds(X, clusters, j))
    found = naive_sizes(fit, Coefficient.of(fit, j), [world for world, _ in known], c)
    np.testing.assert_allclose(found, [by_rows(X, j, omega, c) for _, omega in known], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("j", J)
def test_the_mean_square_is_that_by_rows(j):
    """E[SE²] in units of Var(β̂): s² is u'Mu/(N − K), and both have Σ x̃² below."""
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    M, x = np.eye(len(X)) - X @ np.linalg.pinv(X), given_the_others(X, j)
    for world, omega in worlds(X, clusters, j):
        rows = np.trace(M @ omega) / (len(X) - X.shape[1]) * (x @ x) / (x @ omega @ x)
        assert naive_mean_square(fit, Coefficient.of(fit, j), world) == pytest.approx(rows, rel=1e-10)


@pytest.mark.parametrize("j", J)
def test_where_rows_are_independent_it_is_the_t_law(j):
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    for c in (0.3, 1.0, 2.0, 5.0):
        found = naive_sizes(fit, Coefficient.of(fit, j), [Independent(), Intercept(0.0)], c)
        np.testing.assert_allclose(found, 2.0 * student.sf(c, fit.N - fit.K), rtol=1e-10)


def test_a_critical_value_of_zero_flags_everything():
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    assert naive_sizes(fit, Coefficient.of(fit, VARIES), [Intercept(0.2)], 0.0).tolist() == [1.0]


def test_without_a_constant_nothing_is_said():
    """What a cluster's columns leave over is then not of one variance, whatever the world."""
    y, X, clusters = unequal()
    fit = fitted(y, X[:, 1:], clusters)
    about = Coefficient.of(fit, 1)
    assert np.isnan(naive_sizes(fit, about, [Independent(), Intercept(0.1)], 2.0)).all()
    assert np.isnan(naive_mean_square(fit, about, Intercept(0.1)))


def test_dummies_of_every_cluster_hold_a_constant():
    y, X, clusters = unequal()
    D = np.column_stack([X[:, 2], clusters[:, None] == np.unique(clusters)]).astype(float)
    fit = fitted(y, D, clusters)
    found = naive_sizes(fit, Coefficient.of(fit, 0), [Intercept(0.4), SlopeShare(0.9)], 2.0)
    omega = slope_share(D, clusters, 0, 0.9, np.eye(len(D)))
    rows = [by_rows(D, 0, intercept(clusters, 0.4), 2.0), by_rows(D, 0, omega, 2.0)]
    np.testing.assert_allclose(found, rows, rtol=1e-9, atol=1e-10)
