"""Where something first holds is found from wherever the search starts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyra.base.search import fewest, rises_to, root


@pytest.mark.parametrize("threshold", [1, 2, 3, 7, 8, 9, 40, 63])
@pytest.mark.parametrize("guess", [1, 5, 8, 30])
@pytest.mark.parametrize("step", [1, 3])
def test_fewest_finds_the_first_multiple_that_is_enough(threshold, guess, step):
    found = fewest(lambda n: n >= threshold, step, guess, most=64)
    assert found == -(-threshold // step) * step


def test_rises_to_meets_the_target_or_says_it_is_never_met():
    assert rises_to(9.0, lambda x: x**2, scale=1.0) == pytest.approx(3.0, rel=1e-8)
    assert rises_to(0.8, lambda x: 0.5, scale=1.0) == np.inf


@given(least=st.integers(1, 400), step=st.integers(1, 6), guess=st.integers(1, 300))
def test_the_fewest_are_found_wherever_the_search_starts(least, step, guess):
    reach = 8 * -(-guess // step) * step
    found = fewest(lambda n: n >= least, step, guess)
    assert found == (-(-least // step) * step if least <= reach else None)
    assert fewest(lambda n: False, step, guess) is None


@given(at=st.floats(0.01, 100.0), scale=st.floats(0.001, 1e4), power=st.sampled_from([0.5, 1.0, 3.0]))
def test_the_place_found_is_that_of_the_inverse_function_to_the_precision_asked(at, scale, power):
    target = at**power
    for precision in (1e-9, 1e-3):
        found = rises_to(target, lambda x: x**power, scale=scale, precision=precision)
        assert at * (1 - 1e-15) <= found <= at * (1 + precision) * (1 + 1e-12)


@given(at=st.floats(-39.0, 39.0))
def test_a_root_is_found_to_the_last_digit_of_the_ends(at):
    assert root(lambda x: x - at, -40.0, 40.0) == pytest.approx(at, abs=40 * 2**-52)
