"""A refusal shows the place in the text."""

from __future__ import annotations

import pytest

from lyra.data.grammar import read
from lyra.errors import FormulaError


def test_refusal_shows_the_place_below_the_sentence():
    with pytest.raises(FormulaError) as refused:
        read("y ~ a\n  + b)")
    assert str(refused.value) == (
        "')' at position 12 closes nothing: take it out or open it with '('.\n  y ~ a   + b)\n             ^"
    )


def test_what_is_shown_is_the_neighbourhood_of_the_place():
    text = "y ~ " + "a + " * 50 + "? + " + "b + " * 50 + "c"
    with pytest.raises(FormulaError) as refused:
        read(text)
    _, shown, caret = str(refused.value).split("\n")
    assert shown[caret.index("^")] == "?"
    assert shown.startswith("  ...")
    assert shown.endswith("...")
