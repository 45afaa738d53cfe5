"""Fine clusters in coarse ones: sums and spreads against loops, for any order of the codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyra.moments.partition import Partition

CODES = st.lists(st.integers(0, 5), min_size=1, max_size=12).map(lambda codes: np.unique(codes, return_inverse=True)[1])


@given(CODES, st.sampled_from([0, 1, -1]))
def test_sums_and_spreads_are_those_of_a_loop(code, axis):
    partition = Partition(code)
    values = np.random.default_rng(0).integers(-9, 9, (code.size,) * 2).astype(float)
    H, G = code.size, code.max() + 1
    rows = np.moveaxis(values, axis, 0)
    sums = [sum(rows[h] for h in range(H) if code[h] == g) for g in range(G)]
    np.testing.assert_array_equal(partition.total(values, axis=axis), np.moveaxis(sums, 0, axis))
    coarse = np.moveaxis(rows[:G], 0, axis)
    np.testing.assert_array_equal(partition.spread(coarse, axis=axis), np.moveaxis([rows[g] for g in code], 0, axis))
    assert (partition.H, partition.G, partition.counts.tolist()) == (H, G, [int((code == g).sum()) for g in range(G)])
    np.testing.assert_array_equal(partition.same(), [[float(a == b) for b in code] for a in code])


@given(CODES)
def test_a_sum_of_what_was_spread_is_that_many_times_the_value(code):
    partition = Partition(code)
    values = np.arange(partition.G) * 1.0
    np.testing.assert_array_equal(partition.total(partition.spread(values)), values * partition.counts)


@pytest.mark.parametrize("G", [1, 4])
def test_clusters_in_themselves_are_left_as_they_are(G):
    partition, values = Partition.trivial(G), np.arange(G) * 2.0
    assert partition.is_trivial
    assert partition.total(values) is values
    assert partition.spread(values) is values
    assert Partition(np.array([1, 0])).total(np.array([3.0, 4.0])).tolist() == [4.0, 3.0]


def test_whole_numbers_stay_whole():
    sums = Partition(np.array([0, 1, 0])).total(np.array([1, 2, 3]))
    assert sums.dtype == np.int64
    assert sums.tolist() == [4, 2]
