"""The front door for arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from examples import NAMES, experiment
from lyra.errors import DroppedColumnsWarning, DroppedRowsWarning
from lyra.se import cluster_robust

y, X, clusters = experiment()


def test_the_line_in_the_documentation_runs():
    res = cluster_robust(y, X, clusters=clusters, variant="CV3", dof="satterthwaite")
    assert res.variant == "CV3"
    assert res.law(1).startswith("t(")


def test_default_pairings():
    for variant, dof in (("CV0", 7), ("CV1", 7), ("CV3", 7), ("CV3J", 7), ("iid", 29), ("HC0", 29), ("HC3", 29)):
        assert cluster_robust(y, X, clusters=clusters, variant=variant).dof.tolist() == [dof] * 3
    assert cluster_robust(y, X, clusters=clusters, variant="CV2").dof_rule == "satterthwaite"


def test_frames_keep_their_names_and_give_the_same_numbers():
    plain = cluster_robust(y, X, clusters=clusters, variant="CV2")
    for frame in (pd.DataFrame(X, columns=NAMES), pl.DataFrame(X, schema=list(NAMES))):
        res = cluster_robust(frame["treat"].to_numpy() * 0 + y, frame, clusters=clusters, variant="CV2")
        assert res.names == NAMES
        assert_allclose(res.vcov, plain.vcov, rtol=1e-12)


def test_columns_left_out_are_not_counted_in_k():
    """CV1's factor is G/(G−1) · (N−1)/(N−K) with K = 3, not 4."""
    with pytest.warns(DroppedColumnsWarning):
        res = cluster_robust(y, np.column_stack([X, X[:, 2]]), clusters=clusters, names=(*NAMES, "again"))
    assert res.dropped == ("again",)
    assert res.names == NAMES
    assert_allclose(res.vcov, cluster_robust(y, X, clusters=clusters).vcov, rtol=1e-9)
    assert "left out as collinear, not counted in K: again" in res.explain()


def test_rows_left_out_are_counted_and_told():
    incomplete = y.copy()
    incomplete[:2] = np.nan
    with pytest.warns(DroppedRowsWarning) as caught:
        res = cluster_robust(incomplete, X, clusters=clusters)
    assert str(caught[0].message) == "2 of 32 rows have a missing value or cluster label and were left out."
    assert (res.n_rows, res.dropped_rows) == (30, 2)
    assert "2 rows were left out: a value or a cluster label was missing" in res.explain()


def test_every_cluster_a_single_row_is_fine_and_explained():
    res = cluster_robust(y, X, clusters=np.arange(32), variant="CV2")
    assert "every cluster is one row: CV0, CV1, CV2 equal HC0, HC1, HC2, and CV3 G/(G-1) equals HC3" in res.explain()


def test_shifted_columns_are_told():
    told = "computed in shifted or orthogonalised columns and carried back: the sums kept every digit"
    assert told in cluster_robust(y + 1e8, X, clusters=clusters).explain()
    assert told not in cluster_robust(y, X, clusters=clusters).explain()
