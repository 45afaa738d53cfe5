"""Forms of draws with replicates in front: the same numbers as each replicate's own, and as rows resampled."""

from __future__ import annotations

import brute_force
import numpy as np
import pytest
from scipy.linalg import block_diag

from lyra.moments.moments import Moments
from lyra.moments.partition import Partition
from lyra.regression.least_squares import least_squares
from lyra.regression.nested import Nested
from lyra.robust.methods import METHODS
from lyra.robust.null import make_null
from lyra.robust.replicates import wild_forms
from lyra.robust.wild.draws import Forms, t_statistics, values_at, wald_statistics
from lyra.robust.wild.multipliers import LAWS
from lyra.robust.wild.statistic import make_pivot
from lyra.simulation.cells import replicates_of_grams, table_gram

WILD = [name for name, method in METHODS.items() if method.draws is not None]


def samples(R, *, K, G=7, N=56):
    """Return R regressions of one shape by rows, the clusters in one order."""
    rng = np.random.default_rng(K)
    clusters = np.sort(np.concatenate([np.arange(G)] * 3 + [rng.integers(0, G, N - 3 * G)]))
    for _ in range(R):
        X = np.column_stack([np.ones(N), rng.normal(size=(N, K - 1)) + rng.normal(size=(G, K - 1))[clusters]])
        yield X @ rng.normal(size=K) + rng.normal(size=N) + rng.normal(size=G)[clusters], X, clusters


@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("name", WILD)
def test_both_drivers_draw_what_rows_resampled_and_refitted_give(name, K):
    # The licence: one fit, R replicates, and the definition by brute force agree draw by draw.
    tables, kind = list(samples(4, K=K)), METHODS[name].draws
    digits = f"{3 if kind.jackknife else 1}{3 if kind.cv3 else 1}"
    V = LAWS["webb"].draw(np.random.default_rng(0), 20, 7)
    reps = replicates_of_grams(np.stack([table_gram(each) for each in tables]), tables[0][0].size)
    forms = wild_forms(reps, kind)
    (stars,) = t_statistics(forms, values_at(forms, [V], unit=False))
    for table, star in zip(tables, stars, strict=True):
        fit = least_squares(Moments.from_arrays(*table))
        null = make_null(fit, K - 1, None, 0.0)
        pivot = make_pivot(Nested.itself(fit), null, kind=digits, restricted=kind.restricted)
        (own,) = t_statistics(pivot.at_null, values_at(pivot.at_null, [V], unit=False))
        wanted = brute_force.t_star(*table, null.R, null.r, V, kind=digits, restricted=kind.restricted)
        np.testing.assert_allclose(pivot.scaled(own), wanted, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(pivot.scaled(star), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("q", [1, 2])
def test_axes_in_front_are_so_many_forms_of_their_own(q, nested):
    rng = np.random.default_rng(q)
    partition = Partition(np.array([0, 0, 1, 2, 2, 2])) if nested else Partition.trivial(6)
    S, P, h = (rng.normal(size=(m, 2, 3, n, 4)) for m, n in ((1, 6), (q, partition.G), (q, partition.G)))
    Q = np.linalg.qr(rng.normal(size=(4, q)))[0].T
    V = rng.choice([-1.0, 1.0], (11, 6))
    whole = Forms(S=S, Q=Q, P=P, h=h, partition=partition)
    for unit in (True, False):
        (block,) = values_at(whole, [V], unit=unit)
        for i in np.ndindex(2, 3):
            own = Forms(S=S[:, *i], Q=Q, P=P[:, *i], h=h[:, *i], partition=partition)
            (alone,) = values_at(own, [V], unit=unit)
            for ours, theirs in zip(block.numerators, alone.numerators, strict=True):
                np.testing.assert_allclose(ours[i], theirs, rtol=1e-12)
            for pair, entry in alone.denominators.items():
                found = np.broadcast_to(block.denominators[pair], (2, 3, 11))
                np.testing.assert_allclose(found[i], np.broadcast_to(entry, 11), rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(whole.expected()[(..., *i)], own.expected(), rtol=1e-12)
            for pair, matrix in own.matrices().items():
                np.testing.assert_allclose(whole.matrices()[pair][i], matrix, rtol=1e-12, atol=1e-12)


def test_a_denominator_is_the_sum_of_squares_of_what_coarse_clusters_add():
    # p_g = Σ_{h in g} v_h P_g s_h − h_g T, by hand.
    rng = np.random.default_rng(0)
    partition = Partition(np.array([0, 0, 1, 2, 2, 2]))
    S, P, h = rng.normal(size=(1, 6, 4)), rng.normal(size=(1, 3, 4)), rng.normal(size=(1, 3, 4))
    forms = Forms(S=S, Q=np.eye(4)[:1], P=P, h=h, partition=partition)
    V = rng.normal(size=(5, 6))
    (block,) = values_at(forms, [V], unit=False)
    member = block_diag(np.ones(2), np.ones(1), np.ones(3))
    for v, found in zip(V, block.denominators[0, 0], strict=True):
        T = v @ S[0]
        p = np.einsum("gk,gk->g", P[0], member @ (v[:, None] * S[0])) - h[0] @ T
        np.testing.assert_allclose(found, p @ p, rtol=1e-12)


def test_a_denominator_below_what_rounding_carries_is_none():
    rng = np.random.default_rng(0)
    S, P, h = rng.normal(size=(3, 1, 2, 5, 3))
    forms = Forms(S=S, Q=np.eye(3)[:1], P=P, h=h, partition=Partition.trivial(5))
    V = rng.normal(size=(9, 5))
    (plain,) = t_statistics(forms, values_at(forms, [V], unit=False))
    (block,) = values_at(forms, [V], unit=False)
    least = np.array([np.sort(block.denominators[0, 0][0])[3], 0.0])
    (cut,) = t_statistics(forms, values_at(forms, [V], unit=False), least=least)
    assert np.isnan(cut).sum(axis=1).tolist() == [4, 0]
    np.testing.assert_array_equal(cut[~np.isnan(cut)], plain[~np.isnan(cut)])
    (squares,) = wald_statistics(forms, values_at(forms, [V], unit=False))
    np.testing.assert_allclose(squares, plain**2, rtol=1e-12)
