"""The columns of a design: how many there may be, in which order, and what they leave to be estimated."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import lyra
from lyra.data import query
from lyra.errors import NotIdentifiedError
from orders import FRAME
from tables import FORMS, KINDS


def test_too_many_levels(refusal, monkeypatch):
    monkeypatch.setattr(query, "MOST_COLUMNS", 39)
    assert refusal(NotIdentifiedError, "orders ~ C(price)") == (
        "column 'price' has 40 levels, a column each: leave it out, or group its levels to at most 39."
    )


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


def test_constant_and_repeated_columns_are_left_out_by_name(tmp_path):
    more = FRAME.assign(one=1.0, again=2 * FRAME["price"])
    for form in KINDS:
        with pytest.warns(lyra.errors.DroppedColumnsWarning, match="one, again; 2 coefficients remain"):
            assert lyra.fit("orders ~ one + price + again", FORMS[form](more, tmp_path), clusters="city").names == (
                "Intercept",
                "price",
            )
