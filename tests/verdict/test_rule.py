"""What is tolerated, and when it is looked at."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyra.errors import InputError
from lyra.verdict.rule import TOLERANCES, Rule, looks, tolerance_named


@given(maximum=st.integers(1, 10**6), first=st.integers(1, 10**4))
def test_looks_double_and_end_at_the_maximum(maximum, first):
    schedule = looks(maximum, first)
    assert schedule[-1] == maximum
    assert schedule[0] == min(first, maximum)
    assert all(b == 2 * a for a, b in pairwise(schedule[:-1]))
    assert len(schedule) == 1 or schedule[-2] < maximum <= 2 * schedule[-2]


def test_named_tolerances():
    assert [tolerance_named(name) for name in TOLERANCES] == [1.1, 1.25, 1.5]


REFUSALS = {
    "the verdict's alpha must be between 0 and 1, got 5: change it.": lambda: Rule(alpha=5),
    "the verdict's tolerance must be at least 1, got 0.9: change it.": lambda: Rule(tolerance=0.9),
    "the verdict's alpha x tolerance must be below 1, got 1.125: change it.": lambda: Rule(alpha=0.9),
    "the verdict's delta must be between 0 and 0.5, got 0.5: change it.": lambda: Rule(delta=0.5),
    "a look needs at least 1 replicate, got first=0 and maximum=64000: raise them.": lambda: Rule(first=0),
    "there is no tolerance named 'strigent': did you mean 'stringent'? there is 'stringent', "
    "'default', 'liberal'.": lambda: tolerance_named("strigent"),
}


@pytest.mark.parametrize("sentence", list(REFUSALS))
def test_refusals(sentence):
    with pytest.raises(InputError) as refusal:
        REFUSALS[sentence]()
    assert str(refusal.value) == sentence
