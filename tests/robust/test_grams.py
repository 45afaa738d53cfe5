"""Grams that share all but the tested column do what the same Grams in full do."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.robust.grams import Bordered, Dense, Staying
from lyra.robust.inverse_root import LEAST, inverse_root

LAST = np.array([0.0, 0.0, 0.0, 1.0])


def grams(seed, *, G=5, R=4, lost=False, heavy=0.0):
    """Return bordered Grams of three columns that stay and one that is new, and the same in full.

    `lost`: the first cluster alone carries a direction; `heavy`: the share of it that it carries of the new column.
    """
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((G, 8, 3))
    if lost:
        rows[1:, :, 0] = 0.0
    stays = rows.reshape(-1, 3) @ np.linalg.inv(np.linalg.cholesky(np.einsum("gik,gil->kl", rows, rows))).T
    new = rng.standard_normal((R, G * 8))
    new[:, 8:] *= np.sqrt(1.0 - heavy) if heavy else 1.0
    new -= (new @ stays) @ stays.T
    new /= np.linalg.norm(new, axis=1, keepdims=True)
    Q = np.concatenate([np.broadcast_to(stays, (R, *stays.shape)), new[..., None]], axis=-1).reshape(R, G, 8, 4)
    E = np.einsum("rgik,rgil->rgkl", Q, Q)
    F = np.einsum("gik,gil->gkl", *[stays.reshape(G, 8, 3)] * 2)
    return Bordered(staying=Staying(F), f=E[..., :-1, -1], e=E[..., -1, -1]), Dense(E)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_they_are_the_same_in_full(seed, lost):
    bordered, dense = grams(seed, lost=lost)
    z = np.random.default_rng(seed + 9).standard_normal((4, 5, 4))
    np.testing.assert_allclose(bordered.last, dense.last, atol=1e-14)
    np.testing.assert_allclose(bordered.times(z), dense.times(z), atol=1e-13)
    np.testing.assert_allclose(bordered.times(z[:, :1]), dense.times(z[:, :1]), atol=1e-13)
    np.testing.assert_allclose(bordered.others.E[0], dense.others.E[0], atol=1e-14)
    for vector in (LAST, z):
        for what in ("inverse", "root"):
            found, wanted = (getattr(E.without, what)(vector) for E in (bordered, dense))
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(bordered.without.loses(LAST), dense.without.loses(LAST))
    assert not bordered.without.loses(LAST).any()


@pytest.mark.parametrize("lost", [False, True])
def test_a_cluster_that_carries_all_of_the_tested_column_is_found(lost):
    bordered, dense = grams(1, lost=lost)
    only = bordered.f.copy(), bordered.e.copy()
    only[0][2, 3], only[1][2, 3] = 0.0, 1.0
    E = dense.E.copy()
    E[2, 3, :-1, -1] = E[2, 3, -1, :-1] = 0.0
    E[2, 3, -1, -1] = 1.0
    found = Bordered(staying=bordered.staying, f=only[0], e=only[1]).without
    np.testing.assert_array_equal(found.loses(LAST), Dense(E).without.loses(LAST))
    assert found.loses(LAST).sum() == 1
    np.testing.assert_allclose(found.root(LAST), Dense(E).without.root(LAST), atol=1e-10)
    np.testing.assert_allclose(found.inverse(LAST), Dense(E).without.inverse(LAST), atol=1e-10)


@pytest.mark.parametrize("left", [1e-3, 1e-5, 1e-7, 1e-9])
def test_a_cluster_that_carries_nearly_all_keeps_its_digits(left):
    """The direction (0, 0, 0, 1) of one cluster has only `left` left: its root is left^(-1/2), its inverse 1/left."""
    bordered, _ = grams(2)
    f, e = bordered.f.copy(), bordered.e.copy()
    f[0, 0], e[0, 0] = 0.0, 1.0 - left
    without = Bordered(staying=bordered.staying, f=f, e=e).without
    remains = 1.0 - (1.0 - left)  # as a float holds it
    np.testing.assert_allclose(without.root(LAST)[0, 0], LAST * remains**-0.5, rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(without.inverse(LAST)[0, 0], LAST / remains, rtol=1e-11, atol=1e-6)


def test_no_column_stays():
    bordered = Bordered(staying=Staying(np.zeros((3, 0, 0))), f=np.zeros((2, 3, 0)), e=np.full((2, 3), 1.0 / 3.0))
    one = np.ones(1)
    np.testing.assert_allclose(bordered.without.root(one), np.sqrt(1.5) * np.ones((2, 3, 1)), rtol=1e-12)
    np.testing.assert_allclose(bordered.without.inverse(one), 1.5 * np.ones((2, 3, 1)), rtol=1e-12)
    np.testing.assert_allclose(bordered.times(np.ones((2, 3, 1))), np.full((2, 3, 1), 1.0 / 3.0))


def test_the_inverse_root_is_a_sum_of_inverses():
    shifts, weights = inverse_root()
    M = np.geomspace(LEAST, 1.0, 500)
    np.testing.assert_allclose((weights / (M[:, None] + shifts)).sum(axis=1), M**-0.5, rtol=1e-12)
