"""One tree of refusals and warnings."""

from __future__ import annotations

import pytest

from lyra import errors


@pytest.mark.parametrize("name", errors.__all__)
def test_everything_is_in_the_tree(name):
    root = errors.LyraWarning if name.endswith("Warning") else errors.LyraError
    assert issubclass(getattr(errors, name), root)


@pytest.mark.parametrize("name", ["InputError", "FormulaError", "DataError", "NotIdentifiedError"])
def test_bad_values_are_value_errors(name):
    assert issubclass(getattr(errors, name), ValueError)
