"""Whatever the user passes becomes numbers and codes, or one sentence."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lyra.data import check
from lyra.data.labels import encode
from lyra.errors import InputError
from strategies import LABELLINGS


def refusal(function, *args, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        [1, 0, 1],
        (1.0, 0.0, 1.0),
        np.array([[1], [0], [1]]),
        np.array([True, False, True]),
        np.array([1, 0, 1], dtype=np.float32),
        pd.Series([1, 0, 1], dtype="Int64"),
        pl.Series([True, False, True]),
        pa.chunked_array([[1], [0, 1]]),
        [Decimal(1), Decimal(0), Decimal(1)],
    ],
    ids=lambda values: type(values).__name__,
)
def test_a_column_of_numbers_of_any_kind(values):
    assert check.as_vector(values, what="y").astype(float).tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_every_missing_value_is_nan(missing):
    values = np.array([1.0, missing], dtype=object)
    assert np.isnan(check.as_vector(values, what="y")).tolist() == [False, True]


def test_columns_of_a_frame_keep_their_names():
    frame = {"one": [1.0, 1.0], "treat": [False, True]}
    for X in (pd.DataFrame(frame), pl.DataFrame(frame), pa.table(frame)):
        columns, names = check.as_matrix(X)
        assert names == ("one", "treat")
        assert columns.tolist() == [[1.0, 0.0], [1.0, 1.0]]


def test_columns_of_an_array_are_numbered_and_one_column_is_a_matrix():
    columns, names = check.as_matrix([1.0, 2.0])
    assert columns.shape == (2, 1)
    assert names == ("x0",)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["a", "b"], "a"),
        (np.array(["1", "2"], dtype=object), "1"),
        (np.array([1.0, "n/a"], dtype=object), "n/a"),
        (np.array(["2026-03-01"], dtype="datetime64[ns]"), "2026-03-01T00:00:00.000000000"),
        (np.array([1 + 2j]), "(1+2j)"),
        (np.array([], dtype=str), "nothing"),
    ],
)
def test_refuses_a_column_that_is_not_numeric(values, told):
    assert refusal(check.as_vector, values, what="y") == (
        f"y is not numeric (it holds {told}): turn it into numbers, or into 0/1 columns."
    )


def test_refuses_a_column_of_a_frame_by_name():
    assert refusal(check.as_matrix, pd.DataFrame({"one": [1, 1], "town": ["a", "b"]})) == (
        "column 'town' is not numeric (it holds a): turn it into numbers, or into 0/1 columns."
    )


def test_refuses_shapes():
    assert refusal(check.as_vector, np.ones((2, 2)), what="y") == "y has shape (2, 2): pass one column of numbers."
    assert refusal(check.as_matrix, np.ones((2, 2, 2))) == (
        "X has shape (2, 2, 2): pass a table of N rows and K columns."
    )
    assert refusal(check.as_matrix, np.empty((3, 0))) == (
        "X has no columns: pass at least one, such as a column of ones."
    )


def test_refuses_names_of_the_wrong_number_or_said_twice():
    assert refusal(check.as_matrix, np.ones((2, 2)), names=["a"]) == (
        "names has 1 entries and X has 2 columns: pass one a column."
    )
    assert refusal(check.as_matrix, np.ones((2, 2)), names=["a", "a"]) == (
        "names holds 'a' more than once: give every column its own name."
    )
    assert refusal(check.as_matrix, pd.DataFrame(np.ones((2, 2)), columns=["a", "a"])) == (
        "X holds 'a' more than once: give every column its own name."
    )


def test_refuses_lengths_that_differ_and_no_rows():
    assert check.same_length(y=3, X=3) == 3
    assert refusal(check.same_length, y=3, X=4, clusters=3) == (
        "The lengths differ: y has 3, X has 4, clusters has 3 rows; pass arrays of the same rows."
    )
    assert refusal(check.same_length, y=0, X=0) == (
        "The data are empty: there are no rows to fit; pass at least one row a coefficient."
    )


def test_refuses_infinite_values_with_their_number_and_first_row():
    check.refuse_infinite(np.array([1.0, np.nan]), what="y")
    assert refusal(check.refuse_infinite, np.array([0.0, np.inf, np.nan, -np.inf]), what="column 'x1'") == (
        "column 'x1' has 2 infinite value(s), the first in row 1: replace them, or leave those rows out."
    )


def test_positions_by_name_and_number():
    assert [check.position(param, ("a", "b")) for param in ("b", 0, -1)] == [1, 0, 1]
    assert refusal(check.position, "tret", ("treat", "x")) == (
        "param='tret' is not a coefficient: did you mean 'treat'? there is 'treat', 'x'."
    )
    assert refusal(check.position, 2, ("treat", "x")) == "param=2 is out of range: there are 2 coefficients."


# --- cluster labels -----------------------------------------------------------------------------


@pytest.mark.parametrize("labelling", LABELLINGS)
def test_labels_of_any_type_are_coded(labelling):
    """Equal labels have one code, labels come back as they were given, and each label is its code's."""
    members = np.array([3, 1, 1, 7, 3, 0])
    labels = LABELLINGS[labelling](members)
    codes, seen = encode(labels)
    assert codes.dtype == np.int32
    assert len(seen) == 4
    assert [seen[code] for code in codes] == list(labels)


@pytest.mark.parametrize(
    "labels",
    [
        ["b", None, "a", "b"],
        np.array(["b", np.nan, "a", "b"], dtype=object),
        pd.Categorical(["b", None, "a", "b"], categories=["unused", "a", "b"]),
        pd.Series(["b", None, "a", "b"], dtype="category"),
        pd.Series(["b", None, "a", "b"], dtype="string"),
        pl.Series(["b", None, "a", "b"]),
        pl.Series(["b", None, "a", "b"], dtype=pl.Categorical),
    ],
    ids=lambda labels: f"{type(labels).__module__}-{getattr(labels, 'dtype', None)}",
)
def test_null_labels_have_the_code_minus_one(labels):
    codes, seen = encode(labels)
    assert codes.tolist() == [1, -1, 0, 1]
    assert list(seen) == ["a", "b"]


@pytest.mark.parametrize(
    "labels",
    [
        [2.0, float("nan"), 1.0, 2.0],
        pd.Series([2, None, 1, 2], dtype="Int64"),
        pl.Series([2, None, 1, 2]),
        np.array(["2026-02-02", "NaT", "2026-01-01", "2026-02-02"], dtype="datetime64[D]"),
    ],
    ids=["floats", "nullable integers", "polars integers", "dates"],
)
def test_missing_numbers_and_dates_are_null(labels):
    codes, seen = encode(labels)
    assert codes.tolist() == [1, -1, 0, 1]
    assert len(seen) == 2


def test_booleans_stay_booleans():
    codes, seen = encode(np.array([True, False, True]))
    assert codes.tolist() == [1, 0, 1]
    assert seen.tolist() == [False, True]


def test_all_null_labels_and_no_labels():
    for labels, expected in (([None, None], [-1, -1]), ([], [])):
        codes, seen = encode(labels)
        assert codes.tolist() == expected
        assert len(seen) == 0


# --- digits, masks, missing values --------------------------------------------------------------


def test_the_mask_is_missing_in_y_and_in_any_cell_of_x():
    y = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    assert np.isnan(check.as_vector(y, what="y")).tolist() == [False, True, False]
    X = np.ma.masked_array([[1, 2], [3, 4]], [[False, True], [False, False]])
    assert np.isnan(check.as_matrix(X)[0]).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1, None, 3], dtype="int64[pyarrow]"),
        pd.Series([Decimal(1), None, Decimal(3)]),
        pl.Series([1, None, 3]),
        pl.Series([Decimal(1), None, Decimal(3)]),
        pa.array([1, None, 3]),
        [1, None, 3],
        (1.0, float("nan"), 3),
    ],
    ids=lambda column: f"{type(column).__module__} {getattr(column, 'dtype', '')}",
)
def test_missing_numbers_are_nan_in_y_and_in_columns_of_frames(column):
    np.testing.assert_array_equal(check.as_vector(column, what="y"), [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(check.as_vector(iter(list(column)), what="y")[[0, 2]], [1.0, 3.0])


def test_lazy_frames_are_collected_and_relations_refused():
    frame = pl.DataFrame({"one": [1.0, 1.0], "x": [1, 2]})
    assert check.as_matrix(frame.lazy())[0].tolist() == [[1.0, 1.0], [1.0, 2.0]]
    assert refusal(check.as_matrix, duckdb.sql("select 1 as one, 2 as x")) == (
        "X is a relation, whose rows have no order of their own to stand beside y in: fetch y, X and clusters together "
        "and pass the columns, or use lyra.fit."
    )


BIG = 2**60


@pytest.mark.parametrize(
    "column",
    [
        np.array([BIG, BIG + 1, BIG + 2]),
        np.array([BIG, BIG + 1, BIG + 2], dtype=np.uint64),
        [BIG, BIG + 1, BIG + 2],
        [Decimal(BIG), Decimal(BIG) + 1, None, Decimal(BIG) + 2],
        pd.Series([BIG, BIG + 1, None, BIG + 2], dtype="Int64"),
        pl.Series([BIG, BIG + 1, None, BIG + 2]),
        [10**40, 10**40 + 1, 10**40 + 2],
    ],
    ids=lambda column: type(column).__module__,
)
def test_refuses_numbers_that_a_float_does_not_hold_apart(column):
    told = (
        "lost its digits: its numbers exceed 2**53, where 2 of its distinct values are no longer apart as 64-bit "
        "floats; subtract its smallest value first."
    )
    assert refusal(check.as_vector, column, what="y") == f"y {told}"
    assert refusal(check.as_vector, list(column), what="y") == f"y {told}"


def test_refuses_a_column_that_lost_its_digits_by_its_name_or_place():
    told = "lost its digits: its numbers exceed 2**53, where 1 of its distinct values are no longer apart"
    X = np.array([[1, BIG], [2, BIG + 1]])
    assert refusal(check.as_matrix, X).startswith(f"column 1 of X {told}")
    assert refusal(check.as_matrix, pd.DataFrame({"id": [BIG, BIG + 1]})).startswith(f"column 'id' {told}")


@pytest.mark.parametrize(
    "make",
    [
        lambda column: [[1.0, value] for value in column],
        lambda column: [(True, value) for value in column],
        lambda column: tuple([0.5, Decimal(value)] for value in column),
        lambda column: [[None, BIG], *([1.0, value] for value in column)],
        lambda column: np.array([[1.0, value] for value in column], dtype=object),
        lambda column: np.array([[1, value] for value in column]),
        lambda column: np.ma.masked_array([[1, 5], *([1, value] for value in column)], [[0, 1], *[[0, 0]] * 3]),
    ],
    ids=["rows", "tuples", "decimals", "a gap", "objects", "integers", "masked"],
)
@pytest.mark.parametrize(
    ("column", "told"),
    [
        ([BIG, BIG + 1, BIG + 900], "where 1 of its distinct values are no longer apart as 64-bit floats"),
        ([BIG, BIG + 400, BIG + 900], "and as 64-bit floats they are rounded by more than 1e-14 of their spread"),
    ],
    ids=["collapsed", "coarse"],
)
def test_refuses_a_column_of_rows_whose_differences_lose_their_digits(make, column, told):
    """A float holds every multiple of 256 there: 400 and 900 are off by 112 and 124, of 900."""
    words = f"column 1 of X lost its digits: its numbers exceed 2**53, {told}; subtract its smallest value first."
    assert refusal(check.as_matrix, make(column)) == words


def test_large_numbers_that_stay_apart_are_taken():
    rows = [[1.0, BIG], [1.0, BIG + 2**40 + 1], [0.5, BIG + 2**50]]  # off by 1 of 2**50
    assert check.as_matrix(rows)[0][:, 1].tolist() == [BIG, BIG + 2**40, BIG + 2**50]
    assert check.as_matrix([[1.0, BIG + 1], [2.0, BIG + 1]])[0][:, 1].tolist() == [BIG, BIG]
    wei = np.array([10**18, 2 * 10**18, 5 * 10**17])
    assert check.as_vector(wei, what="y").astype(float).tolist() == [1e18, 2e18, 5e17]


@pytest.mark.parametrize("value", [Decimal("sNaN"), 10**400])
def test_refuses_a_number_no_float_holds(value):
    assert refusal(check.as_vector, [1, value], what="y") == (
        "y holds a number that a 64-bit float does not: scale it, or leave that row out."
    )


def test_refuses_ragged_rows_and_what_is_no_column():
    assert refusal(check.as_matrix, [[1, 2], [1]]) == (
        "X has rows of different lengths: pass as many values in every row."
    )
    assert refusal(check.as_vector, None, what="y") == "y is a NoneType: pass one column of numbers."
    assert refusal(check.as_vector, "sales", what="y") == "y is a str: pass one column of numbers."


@pytest.mark.parametrize(
    "when", [np.array(["2026-03-01"], dtype="datetime64[ns]"), np.array([5], dtype="timedelta64[s]"), [1j]]
)
def test_refuses_times_and_complex_numbers_by_the_name_of_their_column(when):
    assert refusal(check.as_matrix, pd.DataFrame({"when": when})).startswith("column 'when' is not numeric (it holds ")


# --- indexes ------------------------------------------------------------------------------------


def test_refuses_pandas_objects_whose_indexes_differ():
    y, X = pd.Series([1.0, 2.0], index=["a", "b"]), pd.DataFrame({"x": [1, 2]}, index=["a", "b"])
    check.same_index(y=y, X=X, clusters=["p", "q"])
    check.same_index(y=y.to_numpy(), X=X, clusters=pd.Series(["p", "q"], index=["a", "b"]))
    assert refusal(check.same_index, y=y, X=X.iloc[::-1], clusters=["p", "q"]) == (
        "y and X have different indexes (row 0 is a in y and b in X): align them, such as X.loc[y.index], or pass "
        "arrays, which are paired by position."
    )
    assert refusal(check.same_index, y=[1, 2], X=X, clusters=pd.Series(["p", "q"], index=["a", "c"])) == (
        "X and clusters have different indexes (row 1 is b in X and c in clusters): align them, such as "
        "clusters.loc[X.index], or pass arrays, which are paired by position."
    )


# --- options ------------------------------------------------------------------------------------


def test_names_may_come_one_by_one():
    assert check.as_matrix(np.ones((2, 2)), names=iter(["a", 7]))[1] == ("a", "7")
    assert refusal(check.as_matrix, np.ones((2, 2)), names="ab") == (
        "names='ab' is no list of names: pass one a column."
    )


@pytest.mark.parametrize("param", [True, 1.0, None, ["x"], np.float64(1)])
def test_refuses_a_position_that_is_none(param):
    assert refusal(check.position, param, ("treat", "x")) == (
        f"param={param!r} is neither a name nor a position: pass one of 'treat', 'x'."
    )


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan"), "0.95", None, True, [0.95], 0.5 + 0j])
def test_refuses_what_is_no_coverage(level):
    assert refusal(check.coverage, level) == (
        f"level={level!r} is not a coverage: pass a number between 0 and 1, such as 0.95."
    )
    assert check.coverage(np.float32(0.5)) == 0.5


def test_refuses_what_is_no_option():
    assert check.yes_or_no(np.True_, what="restricted") is True
    assert refusal(check.yes_or_no, "no", what="restricted") == (
        "restricted='no' is neither True nor False: pass one of them."
    )
    for value in (None, ["a"], 11, np.array(["a", "b"])):
        assert refusal(check.one_of, value, ("a", "b"), what="kind").startswith(f"kind={value!r} is unknown: ")


def test_whole_numbers_in_rows_of_a_list_keep_their_digits_or_are_refused():
    with pytest.raises(InputError) as caught:
        check.as_matrix([[1.0, 2**60 + k] for k in range(60)])
    assert str(caught.value) == (
        "column 1 of X lost its digits: its numbers exceed 2**53, where 59 of its distinct values are no "
        "longer apart as 64-bit floats; subtract its smallest value first."
    )
    assert check.as_matrix([[1.0, 2.0**60 * k] for k in range(3)])[0].dtype.kind == "f"


@pytest.mark.parametrize("make", [np.array, list, lambda x: np.array(x, dtype=object)])
def test_whole_numbers_that_are_rounded_within_their_spread_are_refused(make):
    """Distinct as floats, 2**60 from zero and a few thousand from each other, where floats are multiples of 256."""
    with pytest.raises(InputError) as caught:
        check.as_vector(make([2**60 + 300 * k for k in range(9)]), what="x")
    assert str(caught.value) == (
        "x lost its digits: its numbers exceed 2**53, and as 64-bit floats they are rounded by more than 1e-14 of "
        "their spread; subtract its smallest value first."
    )


def test_whole_numbers_far_apart_are_taken_as_they_round():
    numbers = [0, 2**60 + 1, 2**62 + 3, -(2**61) - 1]
    np.testing.assert_array_equal(check.as_vector(numbers, what="x"), np.array(numbers, dtype=float))
