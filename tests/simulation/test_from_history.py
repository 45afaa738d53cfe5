"""The user's own outcome under a redrawn design: each replicate against the regression on its rows."""

import itertools

import numpy as np
import pytest

from agreement import METHODS, NO_WEIGHTS, agrees
from lyra.data.units import Units
from lyra.designs import ByCluster, ByUser, Custom, Pairs, Stratified, Switchback
from lyra.robust.methods import run_method
from lyra.simulation.analysis import cluster_codes
from lyra.simulation.cells import replicates_of_grams, table_gram
from lyra.simulation.from_history import HistorySource

SIZES = (7, 3, 12, 5, 9, 4, 8, 6)


def history(design, *, cluster_by="cluster", p=2, windows=4, collinear=False):
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(8), np.array(SIZES) * windows)
    window = np.concatenate([np.tile(np.arange(windows), n) for n in SIZES])
    mixed = rng.permutation(cluster.size)
    cluster, window = cluster[mixed], window[mixed]
    W = np.column_stack([np.ones(cluster.size), rng.standard_normal((cluster.size, p - 1)) + cluster[:, None] / 4])
    if collinear:
        W = np.column_stack([W[:, 0], 3 * W[:, 0], np.zeros(cluster.size), W[:, 1:], W[:, 1] - W[:, 0]])
    y = rng.standard_normal(cluster.size) + rng.standard_normal(8)[cluster] + 10.0
    units = Units(np.array([f"city {g}" for g in range(8)])[cluster], window=window, stratum=cluster // 2)
    return HistorySource(y=y, W=W, units=units, design=design, cluster_by=cluster_by)


DESIGNS = [
    (ByCluster(), "cluster"),
    (ByCluster("bernoulli"), "cluster"),
    (ByCluster(2), "window"),
    (ByUser(), "cluster"),
    (ByUser("half"), "window"),
    (Stratified(), "cluster"),
    (Pairs(), "pair"),
    (Switchback(block=2), "unit"),
    (Switchback(block=2), "cluster"),
    (Switchback(block=2), "window"),
    (Switchback(block=4, washout=1), "window"),
    (Switchback(block=2, washout=1), "unit"),
    (Switchback(block=1, pattern="alternating"), "cluster"),
    (Custom(lambda items, rng: rng.permutation(len(items)) < 3), "cluster"),
]


@pytest.mark.parametrize("p", [1, 2, 4])
@pytest.mark.parametrize(("design", "level"), DESIGNS, ids=lambda value: str(value)[:40])
def test_a_redrawn_history_is_its_regression_on_rows(design, level, p):
    source = history(design, cluster_by=level, p=p)
    drawn = design.draw_many(source.units, 6, np.random.default_rng(3))[:, design.items(source.units)]
    kept = design.kept(source.units)
    clusters = cluster_codes(source.units, level, design)[kept]
    tables = [(source.y[kept], np.column_stack([source.W, each])[kept], clusters) for each in drawn]
    agrees(source.batch(6, np.random.default_rng(3)), tables)


def test_collinear_covariates_leave_the_span_as_it_is():
    plain, crowded = history(ByCluster()), history(ByCluster(), collinear=True)
    for method in METHODS:
        expected = run_method(plain.batch(5, np.random.default_rng(1)), method, NO_WEIGHTS)
        outcome = run_method(crowded.batch(5, np.random.default_rng(1)), method, NO_WEIGHTS)
        np.testing.assert_allclose(outcome.se, expected.se, rtol=1e-10)
        np.testing.assert_allclose(outcome.estimate, expected.estimate, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("design", "level"),
    [(ByCluster(), "cluster"), (ByCluster("bernoulli"), "cluster"), (Pairs(), "pair"), (Switchback(block=2), "unit")],
    ids=str,
)
def test_enumeration_is_every_assignment_by_rows(design, level):
    cluster = np.repeat(np.arange(4), [4, 2, 6, 4])
    window = np.concatenate([np.arange(n) % 2 for n in (4, 2, 6, 4)])
    units = Units(cluster, window=window, stratum=cluster // 2)
    if isinstance(design, Switchback):
        design = Switchback(block=1)
    y = np.random.default_rng(5).standard_normal(cluster.size) + np.array([0, 1, 3, 2])[cluster]
    source = HistorySource(y=y, W=np.ones((cluster.size, 1)), units=units, design=design, cluster_by=level)
    items = design.items(units)
    allowed = {
        assigned
        for assigned in itertools.product([False, True], repeat=int(items.max()) + 1)
        if (type(design) is not ByCluster or design.treated == "bernoulli" or sum(assigned) == 2)
        and (type(design) is not Pairs or (assigned[0] != assigned[1] and assigned[2] != assigned[3]))
    }
    assert source.n_assignments == len(allowed)
    estimates = np.concatenate([run_method(reps, "CV1", NO_WEIGHTS).estimate for reps in source.every(5)])
    by_rows = []
    for assigned in allowed:
        D = np.array(assigned)[items]
        by_rows.append(y[D].mean() - y[~D].mean() if D.any() and not D.all() else np.nan)
    np.testing.assert_allclose(np.sort(estimates), np.sort(by_rows), rtol=1e-10)


def test_a_design_of_ones_own_or_with_too_many_assignments_is_not_listed():
    assert history(Custom(lambda items, rng: rng.integers(0, 2, len(items)))).n_assignments is None
    assert history(ByUser()).n_assignments is None
    assert history(ByCluster()).n_assignments == 70


def test_a_table_of_a_history_is_one_of_its_replicates():
    design = Switchback(block=4, washout=1)
    source = history(design, cluster_by="window")
    y, X, codes = source.table(np.random.default_rng(2))
    assert sorted(set(codes)) == list(range(8 * 3))  # the windows washed out leave no gap in the numbers
    reps = replicates_of_grams(table_gram((y, X, codes))[None], y.size)
    agrees(reps, [(y, X, codes)], rtol=1e-8)
    again = source.batch(1, np.random.default_rng(2))
    for method in METHODS:
        np.testing.assert_allclose(
            run_method(again, method, NO_WEIGHTS).se, run_method(reps, method, NO_WEIGHTS).se, rtol=1e-8
        )
