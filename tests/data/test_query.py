"""Columns and rows that cannot be used are refused in the same words whatever form the table takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import lyra
from lyra.data import query
from lyra.errors import DataError, FormulaError, InputError, LyraError, NotIdentifiedError
from tables import FORMS, KINDS

rng = np.random.default_rng(20265)
FRAME = pd.DataFrame(
    {
        "orders": rng.normal(size=40),
        "treat": np.arange(40) % 2,
        "price": np.linspace(-1.0, 2.9, 40),
        "day": pd.Timestamp("2026-03-01") + pd.to_timedelta(np.arange(40) % 3, "D"),
        "arm": np.array(list("abcd"))[np.arange(40) % 4],
        "city": np.arange(40) % 8,
    }
)

Refusal = Callable[..., str]


@pytest.fixture(params=KINDS)
def refusal(request, tmp_path) -> Refusal:
    def told(kind: type[LyraError], formula: str, frame: pd.DataFrame = FRAME, clusters: Any = "city") -> str:
        data = FORMS[request.param](frame, tmp_path)
        with pytest.raises(kind) as caught:
            lyra.fit(formula, data, clusters=clusters)
        return str(caught.value)

    return told


KNOWN = "'orders', 'treat', 'price', 'day', 'arm', 'city'"


def test_unknown_column(refusal):
    assert refusal(InputError, "orders ~ traet") == f"'traet' is not a column: did you mean 'treat'? there is {KNOWN}."
    assert refusal(InputError, "sales ~ treat") == f"'sales' is not a column: there is {KNOWN}."


def test_unknown_clusters(refusal):
    assert refusal(InputError, "orders ~ treat", clusters="City") == (
        f"clusters='City' is not a column: did you mean 'city'? there is {KNOWN}."
    )


def test_clusters_as_an_array(refusal):
    assert refusal(InputError, "orders ~ treat", clusters=FRAME["city"].to_numpy()) == (
        "clusters is a ndarray: name a column of the table, or pass arrays to lyra.se.cluster_robust."
    )


def test_text_used_as_a_number(refusal):
    assert refusal(FormulaError, "orders ~ log(arm)") == (
        "log(arm) at position 10 needs numbers, and the column 'arm' is categorical: recode it in the data\n"
        "  orders ~ log(arm)\n"
        "           ^"
    )
    assert refusal(FormulaError, "arm ~ treat").startswith("arm at position 1 needs numbers, and the column 'arm'")


def test_dates_used_as_numbers(refusal):
    told = refusal(InputError, "orders ~ day")
    assert told.replace("Datetime", "Date") == (  # a csv has no time of day where it is midnight
        "column 'day' is of type Date, not numbers: turn it into numbers, or write C(day) for its levels."
    )


IN_A_CSV = (
    "correct it, pass decimal=',' if that is its decimal sign, name it in missing= if it stands for a missing value"
)


def test_numbers_spoilt_by_a_word(refusal):
    spoilt = FRAME.assign(price=[*map(str, FRAME["price"][:-1]), "12,5"])
    told = refusal(InputError, "orders ~ price", spoilt)
    assert told.replace(IN_A_CSV, "make the column numbers") == (
        "column 'price' holds '12,5' in row 40 (counted from 1), and most of its cells are numbers: "
        "make the column numbers, or write C(price) for its levels."
    )


def test_infinite_values(refusal):
    infinite = FRAME.assign(price=[np.inf, -np.inf, *FRAME["price"][2:]])
    in_numbers = "column 'price' has 2 infinite value(s): replace them, or leave those rows out."
    in_a_csv = (  # where inf is a word
        "column 'price' holds 'inf' in row 1 (counted from 1), and most of its cells are numbers: "
        "correct it, name it in missing= if it stands for a missing value, or write C(price) for its levels."
    )
    assert refusal(InputError, "orders ~ treat + price", infinite) in {in_numbers, in_a_csv}


@pytest.mark.parametrize(
    ("transform", "moved", "rows", "words"),
    [
        ("log", 0.0, 11, "0 or below"),
        ("log1p", 0.0, 1, "-1 or below"),
        ("exp", 708.0, 19, "above 709"),
        ("sqrt", 0.0, 10, "below 0"),
        ("square", 2e154, 40, "beyond 1e154"),
    ],
)
@pytest.mark.parametrize("form", ["pandas", "polars lazy", "parquet"])
def test_outside_the_domain_of_a_transform(form, transform, moved, rows, words, tmp_path):
    grid = FRAME.assign(price=np.round(np.linspace(-1.0, 2.9, 40), 1) + moved)
    with pytest.raises(InputError) as caught:
        lyra.fit(f"orders ~ {transform}(price)", FORMS[form](grid, tmp_path), clusters="city")
    assert str(caught.value) == (
        f"{transform}(price) has no finite value in {rows} row(s), where 'price' is {words}: "
        "leave those rows out, or transform the column otherwise."
    )


def test_values_of_dropped_rows_are_not_looked_at():
    unused = FRAME.assign(price=[np.inf, *FRAME["price"][1:]], treat=[np.nan, *FRAME["treat"][1:]])
    with pytest.warns(lyra.errors.DroppedRowsWarning):
        assert lyra.fit("orders ~ treat + price", unused, clusters="city").n_rows == 39


def test_empty_table(refusal):
    assert refusal(DataError, "orders ~ treat", FRAME[:0]) == (
        "The table is empty: there are no rows to fit; pass at least one row a coefficient."
    )


def test_all_rows_dropped(refusal):
    holed = FRAME.assign(
        price=FRAME["price"].where(FRAME["treat"] == 1), orders=FRAME["orders"].where(FRAME["treat"] == 0)
    )
    assert refusal(DataError, "orders ~ price", holed) == (
        "All rows were dropped: 40 of 40 rows have a missing value or cluster label (orders in 20, price in 20); "
        "fill them in, or leave out the column that is missing."
    )


def test_one_cluster(refusal):
    assert refusal(NotIdentifiedError, "orders ~ price", FRAME.assign(city=5)).startswith("There is one cluster (")


def test_constant_response(refusal):
    assert refusal(NotIdentifiedError, "orders ~ price", FRAME.assign(orders=3.0)) == (
        "y is constant (every value is 3): there is nothing to explain; pass an outcome that varies."
    )


def test_more_coefficients_than_rows(refusal):
    assert refusal(NotIdentifiedError, "orders ~ C(price)") == (
        "There are 40 coefficients and 40 rows: leave out columns or add rows, so that N exceeds K."
    )


def test_too_many_levels(refusal, monkeypatch):
    monkeypatch.setattr(query, "MOST_COLUMNS", 39)
    assert refusal(NotIdentifiedError, "orders ~ C(price)") == (
        "column 'price' has 40 levels, a column each: leave it out, or group its levels to at most 39."
    )


def test_constant_and_repeated_columns_are_left_out_by_name(tmp_path):
    more = FRAME.assign(one=1.0, again=2 * FRAME["price"])
    for form in KINDS:
        with pytest.warns(lyra.errors.DroppedColumnsWarning, match="one, again; 2 coefficients remain"):
            assert lyra.fit("orders ~ one + price + again", FORMS[form](more, tmp_path), clusters="city").names == (
                "Intercept",
                "price",
            )


def test_objects_of_several_types():
    mixed = FRAME.assign(price=[1, "two", *FRAME["price"][2:]])
    with pytest.raises(InputError) as caught:
        lyra.fit("orders ~ price", mixed, clusters="city")
    assert str(caught.value) == (
        "column 'price' is of type Object, not numbers: turn it into numbers, or write C(price) for its levels."
    )


# --- names, limits and order --------------------------------------------------------------------


def test_too_many_columns_are_refused_before_they_are_made():
    frame = pd.DataFrame({"y": np.arange(9000) % 11, "a": np.arange(9000) % 3000, "b": np.arange(9000) // 3, "g": 1})
    with pytest.raises(NotIdentifiedError) as caught:
        lyra.fit("y ~ C(a):C(b)", frame, clusters="g")
    assert str(caught.value) == (
        "The formula makes 9,000,000 columns, 8,997,000 of them for C(a):C(b): leave terms out, or group levels, "
        "to at most 5,000."
    )
    with pytest.raises(NotIdentifiedError) as caught:
        lyra.fit("y ~ " + "+".join(f"c{i}" for i in range(5_000)), frame, clusters="g")
    assert str(caught.value) == (
        "The formula has 5,001 terms, a column each at least: leave some out, to at most 5,000 columns."
    )


@pytest.mark.parametrize("columns", [["y", 1, 2], ["y", ("a", "b"), ("a", "c")]])
def test_names_that_are_no_text(columns):
    frame = FRAME[["orders", "treat", "city"]].set_axis(columns, axis=1)
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ `1`", frame, clusters="1")
    assert str(caught.value) == (
        f"clusters='1' is not a column, and the names {columns[1]!r}, {columns[2]!r} are no text: rename the columns "
        "as text."
    )


def test_columns_with_other_names_may_stand_beside():
    frame = FRAME[["orders", "treat", "city", "price"]].set_axis(["orders", "treat", "city", 0], axis=1)
    assert lyra.fit("orders ~ treat", frame, clusters="city").n_rows == 40


ORDER = ["low", "mid", "high"]


def test_an_order_that_the_user_gave_is_kept():
    values = [ORDER[i % 3] for i in range(40)]
    pandas = FRAME.assign(dose=pd.Categorical(values, categories=["none", *ORDER], ordered=True))
    polars = pl.from_pandas(FRAME).with_columns(dose=pl.Series(values, dtype=pl.Enum(["none", *ORDER])))
    connection = duckdb.connect()
    connection.execute("CREATE TYPE dose AS ENUM ('none', 'low', 'mid', 'high')")
    relation = connection.from_df(FRAME.assign(dose=values)).project("* EXCLUDE (dose), dose::dose AS dose")
    for data in (pandas, polars, polars.lazy(), relation):
        assert lyra.fit("orders ~ dose", data, clusters="city").names[1:] == ("dose[T.mid]", "dose[T.high]")


@pytest.mark.parametrize("label", [[1], {"a": 1}, np.array([1, 2])])
def test_labels_that_are_none(label):
    labels = np.empty(40, dtype=object)
    labels[:] = [label] * 40
    for data in (
        FRAME.assign(bad=labels),
        pl.DataFrame(
            {"orders": FRAME["orders"].to_numpy(), "treat": FRAME["treat"].to_numpy(), "bad": pl.Series([[1, 2]] * 40)}
        ),
    ):
        with pytest.raises(InputError) as caught:
            lyra.fit("orders ~ treat", data, clusters="bad")
        assert str(caught.value) == (
            "column 'bad' holds lists or other objects, which are no labels: make it text or numbers."
        )


def test_objects_of_several_types_are_labels_as_they_are():
    mixed = FRAME.assign(city=[1 if i % 2 else "1" for i in range(40)])
    assert lyra.fit("orders ~ price", mixed, clusters="city").n_clusters == 2
    ids = FRAME.assign(city=pd.Series([10**25 + int(v) for v in FRAME["city"]], dtype=object))
    assert lyra.fit("orders ~ price", ids, clusters="city").n_clusters == 8
