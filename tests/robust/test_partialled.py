"""A treatment given the other columns: cluster sums against the residuals of one regression on rows an assignment."""

import numpy as np
import pytest

from lyra.robust.partialled import Partialled


def by_sums(Q, r, D, clusters):
    """Return the treatments D (R, N) given Q (N, p), from sums by cluster."""
    G = clusters.max() + 1
    member = (clusters == np.arange(G)[:, None]).astype(float)
    gamma = D @ Q
    return Partialled(
        n=D**2 @ member.T,
        t=(D * r) @ member.T,
        gamma=gamma,
        along=(D * (gamma @ Q.T)) @ member.T,
        gram=np.einsum("gn,nk,nl->gkl", member, Q, Q),
        scores=np.einsum("gn,nk,n->gk", member, Q, r),
    )


@pytest.mark.parametrize("p", [1, 3])
def test_sums_are_those_of_residuals_by_rows(p):
    rng = np.random.default_rng(p)
    clusters = np.sort(rng.integers(0, 6, 50))
    clusters = np.unique(clusters, return_inverse=True)[1]
    X = np.column_stack([np.ones(50), rng.normal(size=(50, p - 1))])
    Q = np.linalg.qr(X)[0]
    y = rng.normal(size=50)
    r = y - Q @ (Q.T @ y)
    D = rng.integers(0, 2, (7, 50)).astype(float) * rng.uniform(0.5, 2.0)
    found = by_sums(Q, r, D, clusters)
    for i, d in enumerate(D):
        left = d - X @ np.linalg.lstsq(X, d, rcond=None)[0]
        beta = np.linalg.lstsq(np.column_stack([X, d]), y, rcond=None)[0][-1]
        np.testing.assert_allclose(found.left[i], left @ left, rtol=1e-12)
        np.testing.assert_allclose(found.estimate[i], beta, rtol=1e-10)
        squares, products = (np.bincount(clusters, weights=left * each) for each in (left, r))
        np.testing.assert_allclose(found.squares[i], squares, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(found.products[i], products, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_what_the_columns_span_is_not_identified_in_any_unit(unit):
    clusters = np.repeat(np.arange(4), 5)
    Q = np.full((20, 1), 1 / np.sqrt(20))
    r = np.random.default_rng(0).normal(size=20)
    r -= r.mean()
    D = unit * np.stack([np.ones(20), np.zeros(20), (clusters < 2).astype(float)])
    found = by_sums(Q, r, D, clusters)
    assert found.identified.tolist() == [False, False, True]
    assert np.isnan(found.estimate).tolist() == [True, True, False]
