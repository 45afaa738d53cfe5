"""A formula knows its columns, and refuses categories where numbers are needed."""

from __future__ import annotations

import pytest

from lyra.data.formula import parse
from lyra.errors import FormulaError


def test_formula_knows_its_columns():
    formula = parse("log(y) ~ a:b + a + C(`k l`) - 1")
    assert formula.text == "log(y) ~ a:b + a + C(`k l`) - 1"
    assert formula.variables == ("y", "a", "b", "k l")
    assert formula.categorical == ("k l",)
    assert formula.with_categorical({"b", "unused"}).categorical == ("b", "k l")
    assert not formula.intercept
    assert parse("y ~ a").intercept


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "y ~ x + log(d)",
            "log(d) at position 9 needs numbers, and the column 'd' is categorical: recode it in the data.",
        ),
        ("d ~ x", "d at position 1 needs numbers, and the column 'd' is categorical: recode it in the data."),
    ],
)
def test_categorical_where_numbers_are_needed(text, expected):
    with pytest.raises(FormulaError) as refused:
        parse(text).with_categorical({"d"})
    assert str(refused.value).splitlines()[0] == expected


def test_formula_that_is_not_text():
    with pytest.raises(FormulaError) as refused:
        parse(["y ~ x"])
    assert str(refused.value) == "the formula is a list: give text such as 'y ~ x'."
