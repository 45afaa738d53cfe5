"""Two labels are one cluster only when the user wrote them alike."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyra.data.labels import encode, united
from lyra.errors import InputError

BIG = 2**53  # from here on neighbouring integers are one float
MEMBERS = [3, 1, 1, 7, 3, 0, 7]
JOIN = "two columns make one label when they are joined into one text, such as [f'{a}|{b}' for a, b in zip(A, B)]"


def refusal(labels) -> str:
    with pytest.raises(InputError) as caught:
        encode(labels)
    return str(caught.value)


def objects(values) -> np.ndarray:
    held = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        held[i] = value
    return held


def with_none(values):
    return [None if i == 2 else value for i, value in enumerate(values)]


WAYS = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "objects": objects,
    "pandas Series of objects": lambda v: pd.Series(v, dtype=object),
}
INTEGERS = WAYS | {
    "pandas Int64": lambda v: pd.Series(v, dtype="Int64"),
    "pandas Int64 array": lambda v: pd.array(v, dtype="Int64"),
    "pandas Index": lambda v: pd.Index(pd.array(v, dtype="Int64")),
    "pandas arrow": lambda v: pd.Series(v, dtype="int64[pyarrow]"),
    "pandas category": lambda v: pd.Series(pd.Categorical(pd.array(v, dtype="Int64"))),
    "polars": pl.Series,
    "polars Int128": lambda v: pl.Series(v, dtype=pl.Int128),
    "polars Decimal": lambda v: pl.Series(v, dtype=pl.Decimal(38, 0)),
    "arrow": pa.array,
    "arrow chunks": lambda v: pa.chunked_array([v[:3], v[3:]], type=pa.int64()),
    "arrow decimal": lambda v: pa.array([None if x is None else Decimal(x) for x in v], type=pa.decimal128(38, 0)),
    "arrow dictionary": lambda v: pa.array(v).dictionary_encode(),
    "masked": lambda v: np.ma.masked_array([BIG if x is None else x for x in v], [x is None for x in v]),
}


@pytest.mark.parametrize("way", INTEGERS)
@pytest.mark.parametrize("start", [0, BIG, 2**62])
@pytest.mark.parametrize("sparse", [False, True])
def test_integers_stay_apart_whatever_holds_them(way, start, sparse):
    """Neighbours beyond 2^53, also beside a missing value, which many holders would turn into floats."""
    values = [start + k for k in MEMBERS]
    codes, seen = encode(INTEGERS[way](with_none(values) if sparse else values))
    assert [int(label) for label in seen.tolist()] == [start + k for k in (0, 1, 3, 7)]
    assert codes.tolist() == [2, 1, -1 if sparse else 1, 3, 2, 0, 3]


@pytest.mark.parametrize(
    ("holder", "sparse"),
    [
        (list, True),
        (lambda v: np.array(v, dtype=np.uint64), False),
        (lambda v: pd.Series(v, dtype="UInt64"), True),
        (lambda v: pl.Series(v, dtype=pl.UInt64), True),
        (lambda v: pa.array(v, type=pa.uint64()), True),
    ],
)
def test_unsigned_integers_beyond_int64(holder, sparse):
    values = [2**63 + 5 + k for k in MEMBERS]
    codes, seen = encode(holder(with_none(values) if sparse else values))
    assert seen.tolist() == [2**63 + 5 + k for k in (0, 1, 3, 7)]
    assert codes.tolist() == [2, 1, -1 if sparse else 1, 3, 2, 0, 3]


@pytest.mark.parametrize("labels", [[2**63 + 5, -1], [10**30 + 1, 10**30], [2**64, 2**63], [-(2**63) - 1, 0]])
def test_integers_that_no_numpy_type_holds_together(labels):
    codes, seen = encode([*labels, labels[0]])
    assert seen.tolist() == sorted(labels)
    assert codes[0] == codes[2] != codes[1]


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=30))
def test_any_integers(labels):
    codes, seen = encode(labels)
    assert [seen.tolist()[code] for code in codes] == labels
    assert seen.tolist() == sorted(set(labels))


@given(st.lists(st.text(alphabet="a1 0\0.W-", max_size=5), min_size=1, max_size=30), st.sampled_from(sorted(WAYS)))
def test_any_text(labels, way):
    """To its last character: a trailing NUL, which numpy's own text drops, is one."""
    codes, seen = encode(WAYS[way](labels))
    assert [seen.tolist()[code] for code in codes] == labels
    assert len(seen) == len(set(labels))


@pytest.mark.parametrize(
    ("labels", "clusters"),
    [
        ([1, "1", 1], 2),
        ([1, True, 1.0, "1", b"1"], 5),
        ([1, np.int64(1), np.uint8(1)], 1),
        ([True, np.True_], 1),
        (["a", np.str_("a")], 1),
        ([Decimal(1), 1, Fraction(1)], 3),
        (["1.10", "1.1", "007", "7", "1_2", "12"], 6),
    ],
)
def test_labels_of_different_kinds_are_different(labels, clusters):
    assert len(encode(labels)[1]) == clusters
    assert len(encode(objects(labels))[1]) == clusters


@pytest.mark.parametrize("gone", [None, float("nan"), np.float64("nan"), pd.NA, pd.NaT, Decimal("NaN"), np.ma.masked])
def test_every_missing_label_among_text(gone):
    for labels in (["c1", gone, "c0", "c1"], objects(["c1", gone, "c0", "c1"])):
        codes, seen = encode(labels)
        assert codes.tolist() == [1, -1, 0, 1]
        assert seen.tolist() == ["c0", "c1"]


def test_the_mask_of_labels_is_missing():
    labels = np.ma.masked_array([5, 6, 6, 7], mask=[False, True, False, False])
    codes, seen = encode(labels)
    assert codes.tolist() == [0, -1, 1, 2]
    assert seen.tolist() == [5, 6, 7]


DAYS = [dt.date(2026, 3, 1), None, dt.date(2026, 2, 1), dt.date(2026, 3, 1)]


@pytest.mark.parametrize(
    "labels",
    [
        DAYS,
        pl.Series(DAYS),
        pa.array(DAYS),
        pd.Series(pd.to_datetime(DAYS)),
        pd.Series(pd.to_datetime(DAYS)).dt.tz_localize("Europe/Rome"),
        pd.Series(pd.PeriodIndex(["2026-03", None, "2026-02", "2026-03"], freq="M")),
        pl.Series(["b", None, "a", "b"], dtype=pl.Enum(["unused", "a", "b"])),
        pd.array([True, None, False, True], dtype="boolean"),
        pl.Series([True, None, False, True]),
        pa.chunked_array([["b", None], ["a", "b"]]).dictionary_encode(),
    ],
    ids=str,
)
def test_null_labels_of_other_types(labels):
    codes, seen = encode(labels)
    assert codes.tolist() == [1, -1, 0, 1]
    assert len(seen) == 2


def test_labels_fetched_by_duckdb():
    found = duckdb.sql("select * from (values (9007199254740993), (NULL), (9007199254740992)) t(g)").fetchnumpy()["g"]
    codes, seen = encode(found)
    assert codes.tolist() == [1, -1, 0]
    assert seen.tolist() == [BIG, BIG + 1]


# --- order --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        pd.Categorical(["lo", "hi", "mid"], categories=["lo", "mid", "hi", "unused"], ordered=True),
        pd.Series(pd.Categorical(["lo", "hi", "mid"], categories=["lo", "mid", "hi"], ordered=True)),
        pd.CategoricalIndex(["lo", "hi", "mid"], categories=["lo", "mid", "hi"], ordered=True),
        pl.Series(["lo", "hi", "mid"], dtype=pl.Enum(["lo", "mid", "hi", "unused"])),
        pa.DictionaryArray.from_arrays([0, 2, 1], ["lo", "mid", "hi"], ordered=True),
    ],
    ids=lambda labels: type(labels).__module__ + type(labels).__name__,
)
def test_an_order_the_user_gave_is_kept(labels):
    codes, seen = encode(labels)
    assert seen.tolist() == ["lo", "mid", "hi"]
    assert codes.tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    "holder",
    [
        list,
        np.array,
        objects,
        pd.Series,
        pd.Categorical,
        pl.Series,
        pa.array,
        lambda v: pa.array(v).dictionary_encode(),
    ],
)
def test_text_with_numbers_is_in_natural_order(holder):
    labels = ["W10", "W2", "W1", "V3", "10", "9", "-1", "W02"]
    assert list(encode(holder(labels))[1]) == ["-1", "9", "10", "V3", "W1", "W02", "W2", "W10"]


def test_numbers_are_sorted_as_numbers_before_text():
    assert encode([10, "b", 9.5, "a10", "a9", Decimal(2)])[1].tolist() == [Decimal(2), 9.5, 10, "a9", "a10", "b"]


# --- shards -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (np.array([1, 2]), np.array([2.0, 3.0]), [1, 2, 3]),
        (np.array([BIG, BIG + 1]), np.array([2**63 + 1], dtype=np.uint64), [BIG, BIG + 1, 2**63 + 1]),
        (np.array([1, 2]), np.array(["2", "W"]), [1, 2, "2", "W"]),
        (np.array(["a"]), objects(["a", "bb"]), ["a", "bb"]),
        (np.array([0.5]), np.array([1]), [0.5, 1]),
    ],
)
def test_labels_of_two_shards_are_united_without_loss(first, second, expected):
    codes, seen = united(first, second)
    assert seen.tolist() == expected
    assert len(codes) == first.size + second.size
    assert [seen.tolist()[code] for code in codes] == [*first.tolist(), *second.tolist()]


# --- refusals -----------------------------------------------------------------------------------


def test_refuses_several_labels_a_row_and_says_how_to_make_one():
    pair = pd.MultiIndex.from_arrays([["a", "b"], [1, 2]])
    assert refusal(pair) == f"clusters is a MultiIndex of 2 levels: pass one label a row; {JOIN}."
    assert refusal(np.ones((3, 2))) == f"clusters has shape (3, 2): pass one label a row; {JOIN}."
    assert refusal(pd.DataFrame({"a": [1, 2], "b": [1, 2]})) == (
        f"clusters has shape (2, 2): pass one label a row; {JOIN}."
    )
    record = np.array([(1, 2)], dtype=[("a", int), ("b", int)])
    assert refusal(record) == f"clusters is of type [('a', '<i8'), ('b', '<i8')]: pass one label a row; {JOIN}."


@pytest.mark.parametrize(
    ("value", "name"),
    [(("a", 1), "tuple"), (["a"], "list"), ({"a": 1}, "dict"), ({1}, "set"), (np.array([1, 2]), "ndarray")],
)
def test_refuses_a_container_as_a_label_with_its_row(value, name):
    told = f"clusters holds a {name} in row 1: pass one label a row; {JOIN}."
    assert refusal(["a", value, "b"]) == told
    assert refusal(objects(["a", value, "b"])) == told


def test_refuses_what_is_no_column():
    for value, name in (("city", "str"), (None, "NoneType"), ({"a": [1]}, "dict"), (5, "int"), ({1, 2}, "set")):
        assert refusal(value) == f"clusters is a {name}: pass one label a row; {JOIN}."


def test_refuses_what_cannot_be_compared():
    assert refusal([Decimal("sNaN"), Decimal(1)]) == (
        "clusters holds sNaN, which cannot be told from other labels: pass integers or text."
    )
    assert refusal([1j, 2]) == "clusters holds a complex number in row 0: pass integers or text."


@pytest.mark.parametrize(
    ("labels", "dtype", "told", "bits"),
    [
        (np.array([2.0**53, 1.0]), "float64", "9007199254740992", 53),
        ([1.7e17, float("nan")], "float64", "1.7e+17", 53),
        (np.array([2.0**24], dtype=np.float32), "float32", "16777216", 24),
        (pl.Series([-1e18]), "float64", "1e+18", 53),
        ([1e18, None, 2], "float64", "1e+18", 53),
    ],
)
def test_refuses_floats_that_cannot_hold_labels_apart(labels, dtype, told, bits):
    assert refusal(labels) == (
        f"clusters is of type {dtype} and holds {told}: beyond 2**{bits} floats have lost digits and different labels "
        "become one; pass integers or text."
    )


def test_floats_below_are_labels():
    assert encode([0.5, 2.0**53 - 1, 0.5])[1].tolist() == [0.5, 2.0**53 - 1]
