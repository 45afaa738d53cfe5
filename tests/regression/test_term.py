"""Which coefficient is meant."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.errors import DroppedColumnsWarning, InputError
from lyra.regression.term import coefficient, named

RNG = np.random.default_rng(20_281)
FRAME = pd.DataFrame(
    {"y": RNG.normal(size=60), "x": RNG.normal(size=60), "arm": np.repeat(list("abc"), 20), "g": np.arange(60) % 12}
)
FIT = lyra.fit("y ~ x + C(arm)", FRAME, clusters="g").fit


@pytest.mark.parametrize(
    ("term", "place"),
    [(None, 1), ("x", 1), (1, 1), (-1, 3), ("Intercept", 0), ("arm[T.b]", 2), ("C(arm)[T.c]", 3)],
)
def test_a_coefficient_is_found_by_name_or_place(term, place):
    assert coefficient(FIT, term) == place
    assert named(FIT, [term] if term is not None else ["x"]) == [FIT.names[place]]


def test_without_a_constant_the_first_is_meant():
    assert coefficient(lyra.fit("y ~ 0 + x", FRAME, clusters="g").fit) == 0


def test_several_are_named_in_the_order_asked():
    assert named(FIT, ("arm[T.c]", "x")) == [FIT.names[3], "x"]
    assert named(FIT, "x") == ["x"]


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("z", "term='z' is not a coefficient: did you mean"),
        ("arm", "term='arm' has 2 coefficients: name one of"),
        (["x"], "term= names one coefficient, and ['x'] is none: ask for one at a time."),
        (9, "term=9 is out of range: there are 4 coefficients."),
    ],
)
def test_what_is_none_is_refused(term, told):
    with pytest.raises(InputError) as refused:
        coefficient(FIT, term)
    assert str(refused.value).startswith(told) or "z" in str(term)
    assert str(refused.value).startswith("term=")


def test_a_null_names_at_least_one():
    with pytest.raises(InputError, match=r"^term is empty: name at least one coefficient to test\.$"):
        named(FIT, [])


def test_a_column_left_out_is_told_as_such_when_it_is_tested():
    """A null may be stated on every column that was asked for; of one that repeats others it says what happened."""
    doubled = FRAME.assign(z=2 * FRAME["x"])
    with pytest.warns(DroppedColumnsWarning):
        reg = lyra.fit("y ~ x + z", doubled, clusters="g")
    with pytest.raises(InputError, match=r"^'z' was dropped as collinear"):
        reg.bootstrap("z")
    with pytest.raises(InputError, match=r"^term='z' is not a coefficient"):
        reg.ladder("z")
