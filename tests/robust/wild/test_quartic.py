"""Roots of many quartics at once, against the companion matrix."""

import numpy as np

from lyra.robust.wild.quartic import real_roots


def test_real_roots_equal_those_of_the_companion_matrix():
    rng = np.random.default_rng(0)
    N0, N1 = rng.normal(size=(2, 300)) * np.exp(rng.normal(size=(2, 300)))
    p0, p1 = rng.normal(size=(2, 3, 300))
    q = [np.sum(p0 * p0, axis=0), 2 * np.sum(p0 * p1, axis=0), np.sum(p1 * p1, axis=0)]
    F = np.stack([-N0 * N0, -2 * N0 * N1, q[0] - N1 * N1, q[1], q[2]])
    roots = real_roots(F)
    four = 0
    for n in range(300):
        wanted = np.roots(F[::-1, n])
        wanted = np.sort(wanted[np.abs(wanted.imag) < 1e-7 * np.abs(wanted)].real)
        x = roots[:, n][roots[:, n] < 1]
        np.testing.assert_allclose(x, wanted / (1 + np.abs(wanted)), atol=1e-9)
        four += len(x) == 4
    assert four > 10
