"""Sets of null values: counts as step functions, and where a statistic crosses."""

import numpy as np
import pytest

from lyra.robust.wild.confidence import Curves, Steps


def test_a_count_of_closed_intervals_includes_their_ends():
    steps = Steps(0, rises=np.array([0.0, 0.5]), falls=np.array([0.5, 0.8]))  # [0, 0.5] and [0.5, 0.8]
    np.testing.assert_array_equal(steps.at_least(1), [[0.0, 0.8]])
    np.testing.assert_array_equal(steps.at_least(2), [[0.5, 0.5]])
    assert steps.at_least(3).size == 0
    np.testing.assert_array_equal(steps.at_least(0), [[-1.0, 1.0]])
    np.testing.assert_array_equal(steps.reflected().at_least(1), [[-0.8, 0.0]])


@pytest.mark.parametrize(
    ("slope", "above", "beyond"),
    [
        (2.0, [[-1.0, np.inf]], [[-np.inf, -1.0], [-1 / 3, np.inf]]),
        (0.5, [[-np.inf, 2.0]], [[-2 / 3, 2.0]]),
        (-2.0, [[-np.inf, 1 / 3]], [[-np.inf, 1 / 3], [1.0, np.inf]]),
    ],
)
def test_a_statistic_linear_in_the_null_crosses_where_algebra_says(slope, above, beyond):
    one, none = np.ones(1), np.zeros(1)
    curves = Curves(N0=one, N1=slope * one, q0=one, q1=none, q2=none)  # t*(τ) = 1 + slope τ: q has no quadratic part

    def tau(steps):
        x = Steps.joined([steps]).at_least(1)
        with np.errstate(divide="ignore"):
            return x / (1 - np.abs(x))

    np.testing.assert_allclose(tau(curves.upper(ties=True, mirrored=False)), above, rtol=1e-9)
    np.testing.assert_allclose(tau(curves.two_sided(ties=True)), beyond, rtol=1e-9)
