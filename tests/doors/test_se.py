"""The front door for arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose

from examples import NAMES, experiment
from lyra import Moments
from lyra.errors import DroppedColumnsWarning, DroppedRowsWarning, InputError
from lyra.se import cluster_robust, wild_cluster_bootstrap

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


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("CR0", "CV0"), ("CRV1", "CV1"), ("cv2", "CV2"), ("Cr3", "CV3"), ("CV3j", "CV3J"), ("hc1", "HC1"), ("IID", "iid")],
)
def test_variants_are_known_by_their_other_names(asked, meant):
    result = cluster_robust(y, X, clusters=clusters, variant=asked)
    assert result.variant == meant
    assert_allclose(result.vcov, cluster_robust(y, X, clusters=clusters, variant=meant).vcov, rtol=0)
    assert result.dof_rule == cluster_robust(y, X, clusters=clusters, variant=meant).dof_rule


def refusal(function, *args, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("variant", [None, ["CV1"], 3, "CR9", "robust"])
def test_refuses_an_unknown_variant_and_offers_no_rows_for_clusters(variant):
    told = refusal(cluster_robust, y, X, clusters=clusters, variant=variant)
    assert told.startswith(f"variant={variant!r} is unknown: ")
    assert ("HC" in told) == (variant != "CR9")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("weights", ["webb"]),
        ("weights", None),
        ("kind", 11),
        ("ties", None),
        ("alternative", ["less"]),
        ("restricted", "no"),
        ("exact", "yes"),
        ("param", True),
        ("param", 1.0),
        ("h0", "zero"),
        ("h0", [[1.0], [1.0, 2.0]]),
        ("rng", "seed"),
        ("rng", -1),
        ("B", True),
        ("B", "99"),
        ("R", [["a", "b", "c"]]),
        ("R", np.ones((1, 1, 3))),
        ("bootstrap_clusters", [[1, 2]] * 32),
    ],
)
def test_the_bootstrap_refuses_what_is_no_option_in_one_sentence(option, value):
    given = ({} if option == "R" else {"param": "x1"}) | {option: value}
    told = refusal(wild_cluster_bootstrap, y, X, clusters=clusters, **given)
    assert told.endswith(".")
    assert "\n" not in told


def test_refuses_a_dof_that_is_no_name():
    for dof in (5, ["G-1"], np.array(["G-1", "N-K"])):
        assert refusal(cluster_robust, y, X, clusters=clusters, dof=dof).startswith(f"dof={dof!r} is unknown: ")


@pytest.mark.parametrize("door", [cluster_robust, wild_cluster_bootstrap, Moments.from_arrays])
@pytest.mark.parametrize("other", ["y", "X", "clusters"])
def test_pandas_indexes_that_differ_are_refused_in_every_door(door, other):
    given = {"y": pd.Series(y), "X": pd.DataFrame(X, columns=NAMES), "clusters": pd.Series(clusters)}
    more = {"param": 1} if door is wild_cluster_bootstrap else {}
    door(given["y"], given["X"], clusters=given["clusters"], **more)
    given[other] = given[other].iloc[::-1]
    assert "have different indexes" in refusal(door, given["y"], given["X"], clusters=given["clusters"], **more)
    given[other] = given[other].to_numpy()
    door(given["y"], given["X"], clusters=given["clusters"], **more)


def test_bootstrap_clusters_of_another_index_are_refused():
    fine = pd.Series(np.arange(32), index=np.arange(32)[::-1])
    told = refusal(
        wild_cluster_bootstrap, pd.Series(y), X, clusters=clusters, bootstrap_clusters=fine, param="x1", B=99
    )
    assert told.startswith("y and bootstrap_clusters have different indexes (row 0 is 0 in y and 31 in ")
