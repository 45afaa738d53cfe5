"""What is left without a cluster: closed forms and spectra against dense matrices, for any leading axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from lyra.robust.leave_out import inverse_times, leave_out, spectrum

LEADING = [(), (3,), (2, 3)]


def grams(rng, leading, K, *, largest=0.95):
    """Return symmetric E (..., K, K) with eigenvalues between 0 and `largest`, and its eigenvectors."""
    vectors = np.linalg.qr(rng.standard_normal((*leading, K, K)))[0]
    values = rng.uniform(0.0, largest, (*leading, K))
    return (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2), values, vectors


def one_by_one(function, E):
    """Apply a function of one (K, K) matrix to each."""
    flat = [function(each) for each in E.reshape(-1, *E.shape[-2:])]
    return np.stack(flat).reshape(*E.shape[:-2], *flat[0].shape)


@pytest.mark.parametrize("leading", LEADING)
@pytest.mark.parametrize("K", [1, 2, 3, 5])
def test_the_inverse_and_its_root_are_those_of_dense_matrices(K, leading):
    rng = np.random.default_rng(K)
    E, _, _ = grams(rng, leading, K)
    Z = rng.standard_normal((*leading, K, 2))
    inverse = one_by_one(lambda each: np.linalg.inv(np.eye(K) - each), E)
    root = one_by_one(lambda each: sqrtm(np.linalg.inv(np.eye(K) - each)).real, E)
    for prepared in (leave_out(E), spectrum(E)):
        for i in (0, 1):
            z = Z[..., i]
            np.testing.assert_allclose(prepared.inverse(z), (inverse @ z[..., None])[..., 0], rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(prepared.root(z), (root @ z[..., None])[..., 0], rtol=1e-10, atol=1e-12)
        assert not prepared.loses(np.eye(K)[0]).any()
    np.testing.assert_allclose(inverse_times(E, Z), inverse @ Z, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("leading", LEADING)
@pytest.mark.parametrize("K", [1, 2, 3, 5])
def test_a_direction_that_is_carried_alone_is_left_out_as_by_moore_and_penrose(K, leading):
    rng = np.random.default_rng(K)
    _, values, vectors = grams(rng, leading, K)
    values[..., -1] = 1.0
    E = (vectors * values[..., None, :]) @ vectors.swapaxes(-1, -2)
    z = rng.standard_normal((*leading, K))
    pinv = one_by_one(lambda each: np.linalg.pinv(np.eye(K) - each, rcond=1e-9, hermitian=True), E)
    if K == 1:
        pinv[:] = 0.0  # pinv knows no size but the matrix's own
    for prepared in (leave_out(E), spectrum(E)):
        np.testing.assert_allclose(prepared.inverse(z), (pinv @ z[..., None])[..., 0], rtol=1e-8, atol=1e-10)
        twice = prepared.root(prepared.root(z))
        np.testing.assert_allclose(twice, (pinv @ z[..., None])[..., 0], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(inverse_times(E, z[..., None])[..., 0], prepared.inverse(z), rtol=1e-8, atol=1e-10)


def test_all_of_a_design_in_one_cluster_leaves_nothing():
    E = np.stack([np.eye(2), np.zeros((2, 2))])
    for prepared in (leave_out(E), spectrum(E)):
        np.testing.assert_array_equal(prepared.inverse(np.ones(2)), [[0.0, 0.0], [1.0, 1.0]])
        np.testing.assert_array_equal(prepared.root(np.ones(2)), [[0.0, 0.0], [1.0, 1.0]])
        np.testing.assert_array_equal(prepared.loses(np.array([0.6, 0.8])), [True, False])


@settings(deadline=None)
@given(st.floats(0.0, np.pi), st.floats(0.0, 0.9), st.floats(0.0, np.pi))
def test_both_forms_agree_on_what_is_lost(angle, value, other):
    # one direction is carried alone; another vector is lost with it unless it is orthogonal to it
    v, u = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    E = (np.outer(v, v) + value * np.outer(u, u))[None]
    for z in (v, np.array([np.cos(other), np.sin(other)])):
        weight = abs(z @ v)
        if weight > 1e-6:
            assert leave_out(E).loses(z).all()
            assert spectrum(E).loses(z).all()
    assert not leave_out(E).loses(u).any()
    assert not spectrum(E).loses(u).any()


def test_a_vector_for_each_replicate_meets_the_grams_that_all_share():
    rng = np.random.default_rng(0)
    for K in (1, 2, 4):
        E, _, _ = grams(rng, (1, 3), K)
        z = rng.standard_normal((5, 3, K))
        shared = leave_out(E).inverse(z)
        np.testing.assert_allclose(shared, leave_out(np.repeat(E, 5, axis=0)).inverse(z), rtol=1e-12)
        assert shared.shape == (5, 3, K)
