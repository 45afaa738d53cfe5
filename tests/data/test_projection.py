"""Columns that cannot be what they stand for are refused in the same words whatever form the table takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lyra
from lyra.errors import FormulaError, InputError
from orders import FRAME

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
        "log(arm) at position 10 needs numbers, and the column 'arm' is categorical: recode it in the data.\n"
        "  orders ~ log(arm)\n"
        "           ^"
    )
    assert refusal(FormulaError, "arm ~ treat").startswith("arm at position 1 needs numbers, and the column 'arm'")


def test_dates_used_as_numbers(refusal):
    told = refusal(InputError, "orders ~ day")
    assert told.replace("Datetime", "Date") == (  # a csv has no time of day where it is midnight
        "column 'day' is of type Date, not numbers: turn it into numbers, or write C(day) for its levels."
    )


def test_objects_of_several_types():
    mixed = FRAME.assign(price=[1, "two", *FRAME["price"][2:]])
    with pytest.raises(InputError) as caught:
        lyra.fit("orders ~ price", mixed, clusters="city")
    assert str(caught.value) == (
        "column 'price' is of type Object, not numbers: turn it into numbers, or write C(price) for its levels."
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
