"""Labels in the order in which people would put them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lyra.data.order import natural_key


@given(st.lists(st.integers(0, 10**25), min_size=1, max_size=20))
def test_natural_order_of_numbered_windows_is_that_of_their_numbers(numbers):
    for form in ("{}", "W{}", "week {} of 52"):
        words = sorted((form.format(number) for number in numbers), key=natural_key)
        assert words == [form.format(number) for number in sorted(numbers)]
