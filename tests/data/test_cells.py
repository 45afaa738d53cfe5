"""What a cell of text says: one rule for a column used as numbers, and a refusal with the first cell that breaks it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.cells import in_order
from lyra.data.history import read_history
from lyra.errors import InputError
from orders import FRAME

ROWS = 40


def written(tmp_path, cells, name: str = "x", **more):
    """A csv with these cells, over and over, between an outcome and clusters."""
    frame = {"y": np.arange(ROWS) % 7, name: [cells[i % len(cells)] for i in range(ROWS)], "g": np.arange(ROWS) % 8}
    path = tmp_path / "rows.csv"
    pd.DataFrame(frame | more).to_csv(path, index=False)
    return path


def numbers(path, **reading):
    return read_history(path, outcome="x", cluster="g", **reading).y


@pytest.mark.parametrize(
    ("decimal", "cells", "values"),
    [
        (".", ["1", "-2.5", "+3", ".5", "5.", "1e3", " 7", "007"], [1, -2.5, 3, 0.5, 5, 1000, 7, 7]),
        (",", ["1", "-2,5", ",5", "5,", "1,5e3", "1.250,50", "1.250.000"], [1, -2.5, 0.5, 5, 1500, 1250.5, 1250000]),
        (".", ["True", "FALSE", "false"], [1, 0, 0]),
    ],
)
def test_numbers_are_read_where_numbers_are_used(decimal, cells, values, tmp_path):
    found = numbers(written(tmp_path, cells), decimal=decimal)
    np.testing.assert_array_equal(found[: len(cells)], values)


ODD = [
    "1,250",
    "3,5",
    "€5",
    "5 €",
    "5%",
    "1_000",
    "1 000",
    "1'000",
    "(5)",
    "inf",
    "0x1f",
    "1.2.3",
    "$1,000.50",
    "EUR 5",
]


@pytest.mark.parametrize("cell", ODD)
@pytest.mark.parametrize("others", [["1", "2"], []], ids=["one cell", "all cells"])
def test_numbers_written_another_way_are_refused_with_the_first_cell(cell, others, tmp_path):
    path = written(tmp_path, [*others, cell])
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    assert str(caught.value).startswith(f"column 'x' holds {cell!r} in row {len(others) + 1} (counted from 1), ")
    assert lyra.fit("y ~ C(x)", path, clusters="g").names[0] == "Intercept"


@pytest.mark.parametrize("cell", ["1.5", "1.250", "1.250.00"])
def test_a_point_where_the_comma_is_decimal_is_refused_when_it_may_be_either(cell, tmp_path):
    with pytest.raises(InputError, match=r"^column 'x' holds '1"):
        lyra.fit("y ~ x", written(tmp_path, ["1,5", "2,5", cell]), clusters="g", decimal=",")


def test_sentences_word_for_word(tmp_path):
    def refused(cells):
        with pytest.raises(InputError) as caught:
            lyra.fit("y ~ x", written(tmp_path, cells), clusters="g")
        return str(caught.value)

    assert refused(["1", "2", "3,5"]) == (
        "column 'x' holds '3,5' in row 3 (counted from 1), and most of its cells are numbers: correct it, pass "
        "decimal=',' if that is its decimal sign, name it in missing= if it stands for a missing value, or write C(x) "
        "for its levels."
    )
    assert refused(["5%", "7%"]) == (
        "column 'x' holds '5%' in row 1 (counted from 1), which looks like a number, and the column is text: correct "
        "it, name it in missing= if it stands for a missing value, or write C(x) for its levels."
    )
    assert refused(["a", "b", "1"]).startswith("column 'x' holds '1' in row 3 (counted from 1), which looks like a")
    assert refused(["true", "false", "maybe"]).startswith(
        "column 'x' holds 'maybe' in row 3 (counted from 1), and most"
    )


def test_a_bad_cell_of_the_outcome_is_named_as_one_of_a_regressor_is(tmp_path):
    path = written(tmp_path, ["1.5", "2", "."])
    with pytest.raises(InputError, match=r"^column 'x' holds '\.' in row 3 \(counted from 1\), and most"):
        lyra.fit("x ~ y", path, clusters="g")
    with pytest.warns(lyra.errors.DroppedRowsWarning, match=r"\(x in 13\)"):
        assert lyra.fit("x ~ y", path, clusters="g", missing=["."]).n_rows == 27


@pytest.mark.parametrize("cells", [["W1", "W2"], ["18-25", "65+"], ["a", "b"], ["3rd", "1st"], ["90210-1", "x"]])
def test_words_are_a_category(cells, tmp_path):
    assert len(lyra.fit("y ~ x", written(tmp_path, cells), clusters="g").names) == 2


def test_numbers_in_the_text_of_a_frame_are_refused():
    frame = pd.DataFrame({"y": np.arange(ROWS) % 7, "x": [str(i % 3) for i in range(ROWS)], "g": np.arange(ROWS) % 8})
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ x", frame, clusters="g")
    assert str(caught.value) == (
        "column 'x' holds '0' in row 1 (counted from 1), a number in a column of text: make the column numbers, or "
        "write C(x) for its levels."
    )


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (["W10", "W2", "W1"], ["W1", "W2", "W10"]),
        (["10", "9", "-1", "1.5", "1.25"], ["-1", "1.25", "1.5", "9", "10"]),
        ([10, 2, 1], [1, 2, 10]),
        (["b2c10", "b2c9", "a"], ["a", "b2c9", "b2c10"]),
        (["1.10", "1.1"], ["1.1", "1.10"]),
    ],
)
def test_order_of_labels(labels, order):
    assert in_order(labels) == order
    assert in_order(labels[::-1]) == order


def test_levels_of_a_csv_are_in_order_and_as_written(tmp_path):
    path = written(tmp_path, ["10", "9", "07", "1.10", "1.1"])
    names = lyra.fit("y ~ C(x)", path, clusters="g").names
    assert names[1:] == ("C(x)[T.1.10]", "C(x)[T.07]", "C(x)[T.9]", "C(x)[T.10]")
    assert lyra.fit("y ~ C(x, ref=7)", path, clusters="g").names[1] == "C(x, ref=7)[T.1.1]"


def test_one_column_may_be_a_number_and_a_label(tmp_path):
    path = written(tmp_path, ["1.10", "1.1", "2", "3"])
    found = lyra.fit("y ~ x", path, clusters="x")
    assert found.names == ("Intercept", "x")
    assert found.moments.labels.tolist() == ["1.1", "1.10", "2", "3"]


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
