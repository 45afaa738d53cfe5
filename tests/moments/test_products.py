"""Products that cancel keep their digits: against fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyra.moments.products import difference, halves


def exactly(M, X, shift):
    """M (X − shift) in fractions, (c, n)."""
    left = [[Fraction(x) - Fraction(s) for x in row] for row, s in zip(X.tolist(), shift.tolist(), strict=True)]
    return [[sum(Fraction(m) * row[i] for m, row in zip(r, left, strict=True)) for i in range(X.shape[1])] for r in M]


@pytest.mark.parametrize("size", [1.0, 1e4, 1e9])
@pytest.mark.parametrize("K", [2, 5, 17])
def test_what_cancels_keeps_its_digits(size, K):
    """Terms a billion times their sum: what a plain product loses of each row is a millionth of that here."""
    rng = np.random.default_rng(K)
    X = rng.normal(size=(K, 40)) * 10.0 ** rng.integers(-3, 4, (K, 1))
    shift = X.mean(axis=1)
    X[-1] = (X[:-1] - shift[:-1, None]).sum(axis=0) + rng.normal(size=40) / size + shift[-1]
    M = size * np.append(np.ones(K - 1), -1.0)[None]
    moved, low = difference(X, shift[:, None])
    exact, rest = halves(M, moved, low)
    right = np.array(exactly(M.tolist(), X, shift), dtype=float)
    terms = np.abs(M) @ (np.abs(X) + np.abs(shift[:, None]))
    np.testing.assert_array_less(np.abs(exact + rest - right), 2.0**-52 * (np.abs(right) + 2.0**-20 * terms))


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)), min_size=1, max_size=5))
def test_the_difference_and_what_it_lost_are_exact(pairs):
    X, shift = np.array([[x] for x, _ in pairs]), np.array([[s] for _, s in pairs])
    moved, low = difference(X, shift)
    for x, s, high, rest in zip(X[:, 0], shift[:, 0], moved[:, 0], low[:, 0], strict=True):
        assert Fraction(x) - Fraction(s) == Fraction(high) + Fraction(rest)


def test_the_leading_half_is_exact_in_any_order():
    rng = np.random.default_rng(1)
    X, M = rng.normal(size=(7, 30)), rng.normal(size=(3, 7))
    order = rng.permutation(7)
    np.testing.assert_array_equal(halves(M, X)[0], halves(M[:, order], X[order])[0])


def test_columns_of_zeros_have_products_of_zero():
    exact, rest = halves(np.ones((1, 2)), np.zeros((2, 3)))
    np.testing.assert_array_equal(exact + rest, np.zeros((1, 3)))
