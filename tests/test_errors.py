"""One tree of refusals and warnings."""

from __future__ import annotations

import pytest

from lyra import errors


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name[0].isupper()])
def test_everything_is_in_the_tree(name):
    root = errors.LyraWarning if name.endswith("Warning") else errors.LyraError
    assert issubclass(getattr(errors, name), root)


@pytest.mark.parametrize("name", ["InputError", "FormulaError", "DataError", "NotIdentifiedError"])
def test_bad_values_are_value_errors(name):
    assert issubclass(getattr(errors, name), ValueError)


def test_lists_are_cut_with_the_number_left_out():
    assert errors.listed(range(3)) == "0, 1, 2"
    assert errors.listed(range(9), limit=2) == "0, 1 and 7 more"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tret", "did you mean 'treat'? there is 'treat', 'CV1'"),
        ("cv1", "did you mean 'CV1'? there is 'treat', 'CV1'"),
        ("zzz", "there is 'treat', 'CV1'"),
    ],
)
def test_the_closest_name_is_offered_whatever_its_case(name, told):
    assert errors.did_you_mean(name, ["treat", "CV1"]) == told
