"""A working basis can be told by T⁻¹ and a alone, and carried into another."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from examples import experiment
from lyra import Moments
from lyra.moments.basis import change_of_basis, undone

y, X, clusters = experiment()
near = np.column_stack([X, X[:, 2] + 1e-5 * np.random.default_rng(0).normal(size=y.size)])
FAR = np.array([0.0, 0.0, 1e4])
CASES = {
    "as they are": (y, X),
    "shifted": (y, X + FAR),
    "orthogonalised": (y, near),
    "of y too": (y + 1e6, X + FAR),
    "of y without a constant": (1e6 * X[:, 2] + y, X[:, 1:]),
}


def working(outcome, columns, basis) -> np.ndarray:
    return np.column_stack(basis.forward(columns, outcome))


@pytest.mark.parametrize("case", CASES)
def test_a_basis_is_known_by_its_inverse_and_what_it_says_of_y(case):
    outcome, columns = CASES[case]
    basis = Moments.from_arrays(outcome, columns, clusters).basis
    again = undone(basis.T_inverse, basis.a, basis.unit)
    assert_allclose(again.T_inverse, basis.T_inverse, rtol=1e-12, atol=1e-12)
    assert_allclose(again.a, basis.a, rtol=1e-9, atol=1e-9)
    size = np.abs(working(outcome, columns, basis)).max(axis=0)
    assert_allclose(working(outcome, columns, again) / size, working(outcome, columns, basis) / size, atol=1e-6)


@pytest.mark.parametrize("source", ["as they are", "shifted", "of y too"])
@pytest.mark.parametrize("target", ["as they are", "shifted", "of y too"])
def test_the_rows_of_one_basis_times_the_change_are_those_of_the_other(source, target):
    outcome, columns = CASES["as they are"]
    one, other = (Moments.from_arrays(*CASES[case], clusters).basis for case in (source, target))
    M = change_of_basis(one.T_inverse, one.a, other.T_inverse, other.a, unit=1.0)
    assert_allclose(
        working(outcome, columns, one) @ M, working(outcome, columns, other), rtol=1e-8, atol=1e-8 * np.abs(M).max()
    )
