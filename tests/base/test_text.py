"""Words as lyra says them."""

from __future__ import annotations

import pytest

from lyra.base.text import did_you_mean, listed


def test_lists_are_cut_with_the_number_left_out():
    assert listed(range(3)) == "0, 1, 2"
    assert listed(range(9), limit=2) == "0, 1 and 7 more"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tret", "did you mean 'treat'? there is 'treat', 'CV1'"),
        ("cv1", "did you mean 'CV1'? there is 'treat', 'CV1'"),
        ("zzz", "there is 'treat', 'CV1'"),
    ],
)
def test_the_closest_name_is_offered_whatever_its_case(name, told):
    assert did_you_mean(name, ["treat", "CV1"]) == told
