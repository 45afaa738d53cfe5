"""Rows that cannot be used are refused in the same words whatever form the table takes, and counted."""

from __future__ import annotations

import numpy as np
import pytest

import lyra
from lyra.errors import DataError, InputError
from orders import FRAME
from tables import FORMS


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
