from __future__ import annotations

import numpy as np
import pytest

from lyra.verdict.atlas.blueprint import BLOCK, WINDOWS, Blueprint


def blueprint(**fields):
    return Blueprint(**{"by": "cluster", "clusters": 20, "treated": 4, "sizes": "equal", "rows": 30} | fields)


def test_whole_clusters_are_treated():
    rows = blueprint().laid_out()
    by_cluster = np.add.reduceat(rows.treated, rows.starts)
    assert sorted(by_cluster.tolist()) == [0] * 16 + [30] * 4
    assert np.bincount(rows.cluster).tolist() == [30] * 20


def test_a_giant_is_treated_and_has_a_third_of_all_rows():
    rows = blueprint(sizes="giant").laid_out()
    sizes = np.bincount(rows.cluster)
    assert sizes[0] / rows.N == pytest.approx(1 / 3, abs=1 / rows.N)
    assert rows.treated[rows.cluster == 0].all()


def test_lognormal_sizes_vary_by_about_their_mean():
    sizes = np.bincount(blueprint(sizes="lognormal", clusters=200, rows=1_000).laid_out().cluster)
    assert sizes.mean() == pytest.approx(1_000, rel=1e-3)
    # 200 quantiles of the law leave a little of its tail out
    assert 0.9 < sizes.std() / sizes.mean() < 1.0


def test_users_are_treated_inside_clusters():
    rows = blueprint(by="user", treated=0).laid_out()
    share = np.add.reduceat(rows.treated, rows.starts) / 30
    assert (share > 0).all()
    assert (share < 1).all()


def test_a_switchback_switches_whole_blocks():
    rows = blueprint(by="switchback", treated=0, clusters=6).laid_out()
    block = rows.cluster * (WINDOWS // BLOCK) + rows.window // BLOCK
    assert all(np.ptp(rows.treated[block == b].astype(int)) == 0 for b in np.unique(block))
    assert np.ptp(np.bincount(rows.cluster * WINDOWS + rows.window)) == 0


def test_a_design_is_the_same_rows_each_time():
    one, other = (blueprint(by="user", treated=0, sizes="lognormal").laid_out() for _ in range(2))
    np.testing.assert_array_equal(one.X, other.X)
