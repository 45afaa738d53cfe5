"""A method on the rows of one replicate says its four numbers, or why it has none."""

from types import SimpleNamespace

import numpy as np
import pytest

from lyra.se import cluster_robust
from lyra.trials.by_rows import one_row

RNG = np.random.default_rng(11)
X = np.column_stack([np.ones(30), RNG.normal(size=30)])
ROWS = (RNG.normal(size=30), X, np.repeat(np.arange(6), 5))


def test_hc1_is_that_of_arrays_and_its_half_width_that_of_the_interval():
    y, _, clusters = ROWS
    res = cluster_robust(y, X, clusters=clusters, variant="HC1")
    said, message = one_row("HC1", ROWS, RNG)
    low, high = res.conf_int()[1]
    np.testing.assert_allclose(said, [res.coef[1], res.se[1], res.pvalue[1], (high - low) / 2], rtol=1e-12)
    assert message == ""


def test_a_function_is_handed_the_rows_and_the_stream_and_has_no_interval():
    seen = []

    def method(*handed):
        seen.append(handed)
        return SimpleNamespace(estimate=1, se=np.float32(2), pvalue="0.5")

    said, message = one_row(method, ROWS, RNG)
    assert seen == [(*ROWS, RNG)]
    assert (said[:3], message) == ((1.0, 2.0, 0.5), "")
    assert np.isnan(said[3])


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (lambda y, X, clusters, rng: y[99], "IndexError: index 99 is out of bounds for axis 0 with size 30"),
        (lambda y, X, clusters, rng: 0.5, "AttributeError: 'float' object has no attribute 'estimate'"),
    ],
)
def test_a_function_that_fails_is_a_row_of_nan_and_its_message(method, message):
    said, why = one_row(method, ROWS, RNG)
    assert np.isnan(said).all()
    assert why == message
