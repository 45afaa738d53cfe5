"""Per-cluster sums: made, added, cut, and what they refuse."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose

from examples import NAMES, experiment
from lyra import Moments
from lyra.errors import DroppedRowsWarning, InputError, NotIdentifiedError, RowsNeededError
from lyra.regression.least_squares import least_squares
from lyra.robust.inference import infer
from strategies import LABELLINGS

y, X, clusters = experiment()


def moments(**changed) -> Moments:
    given = {"y": y, "X": X, "clusters": clusters, "names": NAMES} | changed
    return Moments.from_arrays(given["y"], given["X"], given["clusters"], names=given["names"])


def refusal(kind, function, *args, **kwargs) -> str:
    with pytest.raises(kind) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_the_tensor_is_the_sums():
    m, W = moments(), np.column_stack([X, y])
    assert np.array_equal(m.T_inverse, np.eye(3))
    for g, label in enumerate("abcdefgh"):
        inside = W[clusters == label]
        assert m.sizes[g] == len(inside)
        assert_allclose(m.tensor[g], inside.T @ inside, rtol=1e-12, atol=1e-12)
        assert_allclose(m.ones[g], inside.sum(axis=0), rtol=1e-12, atol=1e-12)


def test_scores_and_products_from_the_rows_equal_those_from_the_tensor():
    theta = np.array([1.0, -2.0, 0.5])
    lazy, built = moments(), moments().with_tensor()
    assert_allclose(lazy.scores(theta), built.scores(theta), rtol=1e-11, atol=1e-11)
    assert_allclose(lazy.products(theta), built.products(theta), rtol=1e-11, atol=1e-11)


def test_working_rows_and_basis_give_back_the_data():
    """X = Z T and y = ỹ + X a, in each of the three bases."""
    rng = np.random.default_rng(0)
    near = np.column_stack([X, X[:, 2] + 1e-5 * rng.normal(size=y.size)])
    for columns, outcome in (
        (X, y),
        (X + np.array([0.0, 0.0, 1e4]), y),
        (near, y),
        (X + np.array([0.0, 0.0, 1e4]), y + 1e6),
    ):
        m = Moments.from_arrays(outcome, columns, clusters)
        Z, work = (np.concatenate(parts) for parts in zip(*m.working_rows(), strict=True))
        assert_allclose(Z @ np.linalg.inv(m.T_inverse), columns, rtol=1e-12, atol=1e-9)
        assert_allclose(work + columns @ m.a, outcome, rtol=1e-12, atol=1e-9)


def test_input_is_not_changed():
    before = y.copy(), X.copy(), clusters.copy()
    infer(least_squares(moments(y=y + 1e8, X=X)), variant="HC3")
    for array, copy in zip((y, X, clusters), before, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize("labelling", LABELLINGS)
def test_subset_takes_back_its_own_labels(labelling):
    members = np.repeat(np.arange(8), 4)
    m = moments(clusters=LABELLINGS[labelling](members))
    part = m.subset(m.labels[2:5])
    assert part.labels.tolist() == m.labels[2:5].tolist()
    assert (m.drop(m.labels[0]) + m.subset(m.labels[:1])).labels.tolist() == m.labels.tolist()


def test_missing_values_and_labels_are_counted():
    incomplete, sparse, few = y.copy(), X.copy(), clusters.astype(object)
    incomplete[[0, 3]], sparse[3, 2], few[5] = np.nan, np.nan, None
    with pytest.warns(DroppedRowsWarning) as caught:
        m = moments(y=incomplete, X=sparse, clusters=few)
    assert str(caught[0].message) == "3 of 32 rows have a missing value or cluster label and were left out."
    assert (m.dropped_rows, m.N) == (3, 29)
    kept = np.delete(np.arange(32), [0, 3, 5])
    alone = moments(y=y[kept], X=X[kept], clusters=clusters[kept])
    assert_allclose(least_squares(m).coef, least_squares(alone).coef, rtol=1e-12)
    assert (m.drop("a") + m.subset(["a"])).dropped_rows == 6  # each part tells of the table it came from


def test_a_cluster_whose_rows_are_all_missing_is_gone():
    incomplete = np.where(clusters == "c", np.nan, y)
    with pytest.warns(DroppedRowsWarning, match="7 of 32 rows"):
        assert moments(y=incomplete).labels.tolist() == list("abdefgh")


@pytest.mark.filterwarnings("ignore::lyra.errors.DroppedRowsWarning")
def test_refuses_when_no_row_is_complete():
    told = (
        "All 32 rows were dropped: each has a missing value or cluster label; "
        "fill them in, or leave out the column that is missing."
    )
    assert refusal(InputError, moments, y=np.full(32, np.nan)) == told
    assert refusal(InputError, moments, clusters=[None] * 32) == told


def test_refuses_infinite_values_by_column():
    far = X.copy()
    far[[4, 9], 2] = np.inf, -np.inf
    assert refusal(InputError, moments, X=far) == (
        "column 'x' has 2 infinite value(s), the first in row 4: replace them, or leave those rows out."
    )
    assert refusal(InputError, moments, y=np.where(np.arange(32) == 7, np.inf, y)) == (
        "y has 1 infinite value(s), the first in row 7: replace them, or leave those rows out."
    )


def test_refuses_lengths_that_differ_and_empty_data():
    assert refusal(InputError, moments, y=y[:-1]) == (
        "The lengths differ: y has 31, X has 32, clusters has 32 rows; pass arrays of the same rows."
    )
    assert refusal(InputError, moments, y=[], X=np.empty((0, 3)), clusters=[]) == (
        "The data are empty: there are no rows to fit; pass at least one row a coefficient."
    )


def test_a_shard_may_have_a_constant_outcome_but_the_whole_may_not():
    first = clusters < "d"
    zero = np.where(first, 0.0, y)
    parts = [moments(y=zero[s], X=X[s], clusters=clusters[s]) for s in (first, ~first)]
    assert parts[0].constant_y == 0.0
    assert (parts[0] + parts[1]).constant_y is None
    assert_allclose(least_squares(parts[0] + parts[1]).coef, least_squares(moments(y=zero)).coef, rtol=1e-10)
    told = "y is constant (every value is 3): there is nothing to explain; pass an outcome that varies."
    constant = moments(y=np.full(32, 3.0))
    for m in (constant, constant + constant, constant.drop("a")):
        assert refusal(NotIdentifiedError, least_squares, m) == told


def test_refuses_to_add_other_columns():
    assert refusal(InputError, lambda: moments() + moments(names=("one", "treat", "z"))) == (
        "Moments of different columns do not add: ('one', 'treat', 'x') and ('one', 'treat', 'z')."
    )


def test_refuses_a_label_that_is_no_cluster():
    assert refusal(InputError, moments().drop, "z") == (
        "z is not a cluster: there is 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'."
    )
    cities = moments(clusters=[f"city {label}" for label in clusters])
    assert refusal(InputError, cities.subset, ["city a", "cty b"]) == (
        "cty b is not a cluster: did you mean 'city b'? there is 'city a', 'city b', 'city c', 'city d', 'city e', "
        "'city f', 'city g', 'city h'."
    )


@pytest.mark.parametrize("variant", ["HC0", "HC1", "HC2", "HC3"])
def test_sums_alone_refuse_what_needs_rows(variant):
    fit = least_squares(moments().drop("a"))
    assert refusal(RowsNeededError, infer, fit, variant=variant) == (
        "HC0-HC3 need the rows, and these moments hold only per-cluster sums: "
        "fit from the table or the arrays, or choose CV1, CV2 or CV3."
    )


def test_labels_are_found_as_they_are_written_and_as_numpy_holds_them():
    numbered = moments(clusters=np.repeat(np.arange(8), 4))
    for label in (3, np.int8(3), np.int64(3), 3.0):
        assert numbered.subset([label]).labels.tolist() == [3]
    days = moments(clusters=np.datetime64("2026-03-01") + np.repeat(np.arange(8), 4) * np.timedelta64(1, "D"))
    for label in (days.labels[2], days.labels[2].item()):
        assert days.drop(label).G == 7
    assert moments().drop(np.str_("a")).labels.tolist() == list("bcdefgh")


def test_refuses_a_label_that_is_a_list():
    assert refusal(InputError, moments().subset, [["a"]]).startswith("['a'] is not a cluster: there is 'a', 'b', ")


def test_cutting_takes_linear_time():
    """20,000 of 40,000 clusters: a search through all labels for each would take minutes."""
    G = 40_000
    many = Moments.from_arrays(np.arange(2.0 * G) % 7, np.ones((2 * G, 1)), np.repeat(np.arange(G), 2))
    started = time.process_time()
    half = many.subset(many.labels[::2])
    assert time.process_time() - started < 5
    assert half.labels.tolist() == list(range(0, G, 2))


def test_shards_whose_labels_are_of_different_integers_add_without_loss():
    """int64 beside uint64 would be float64 together, where these labels are one."""
    members = np.repeat(np.arange(8), 4)
    low = moments(clusters=members + 2**62)
    high = moments(clusters=members.astype(np.uint64) + np.uint64(2**63))
    assert (low + high).labels.tolist() == [2**62 + k for k in range(8)] + [2**63 + k for k in range(8)]


def test_masked_values_are_left_out():
    hidden = np.zeros(32, dtype=bool)
    hidden[[1, 9]] = True
    with pytest.warns(DroppedRowsWarning, match="2 of 32 rows"):
        m = moments(y=np.ma.masked_array(y, hidden))
    alone = moments(y=y[~hidden], X=X[~hidden], clusters=clusters[~hidden])
    assert_allclose(m.total, alone.total, rtol=1e-13)
    with pytest.warns(DroppedRowsWarning, match="2 of 32 rows"):
        m = moments(X=np.ma.masked_array(X, np.column_stack([hidden, hidden, hidden])))
    assert_allclose(m.total, alone.total, rtol=1e-13)
