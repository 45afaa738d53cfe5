"""Small clustered regressions, drawn by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st


@dataclass(frozen=True)
class Regression:
    y: np.ndarray
    X: np.ndarray
    clusters: np.ndarray

    @property
    def G(self) -> int:
        return len(np.unique(self.clusters))

    @property
    def N(self) -> int:
        return len(self.y)

    @property
    def K(self) -> int:
        return self.X.shape[1]


@st.composite
def regressions(draw: st.DrawFn, *, refits: bool = True, integers: bool = False) -> Regression:
    """Draw 3-9 clusters of 1-6 rows, a constant and 0-3 columns, some constant within clusters, rows in any order.

    With `refits`, every fit without one cluster exists; with `integers`, all values are whole numbers.
    """
    sizes = draw(st.lists(st.integers(1, 6), min_size=3, max_size=9))
    within = draw(st.lists(st.booleans(), max_size=3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    G, N = len(sizes), sum(sizes)
    clusters = rng.permutation(np.repeat(np.arange(G), sizes))
    columns = [rng.normal(size=N) if varies else rng.normal(size=G)[clusters] for varies in within]
    X = np.column_stack([np.ones(N), *columns])
    y = X.sum(axis=1) + rng.normal(size=G)[clusters] + rng.normal(size=N)
    if integers:
        X[:, 1:], y = np.round(9 * X[:, 1:]), np.round(9 * y)
    assume(X.shape[1] < N and conditioned(X))
    assume(np.ptp(y) > 0)
    if refits:
        assume(all(left_by(X, clusters == g) > 1e-3 for g in range(G)))
    return Regression(y, X, clusters)


def left_by(X: np.ndarray, rows: np.ndarray) -> float:
    """Return the smallest share of any direction of X'X that stays when these rows leave: 1 − λ."""
    half = np.linalg.inv(np.linalg.cholesky(X.T @ X))
    return float(np.linalg.eigvalsh(half @ X[~rows].T @ X[~rows] @ half.T)[0])


def conditioned(X: np.ndarray) -> bool:
    """Say whether the columns are far from collinear, so that a test's own arithmetic keeps its digits."""
    return X.shape[0] >= X.shape[1] and bool(np.linalg.svd(X, compute_uv=False)[-1] > 1e-2)


LABELLINGS = {
    "ints with gaps": lambda g: 7 * g - 20,
    "wide ints": lambda g: g * 10**15,
    "unsigned beyond int64": lambda g: g.astype(np.uint64) + np.uint64(2**63),
    "small ints": lambda g: g.astype(np.int8),
    "floats": lambda g: g / 3.0,
    "strings": lambda g: np.array([f"city {9 - k}" for k in g]),
    "bytes": lambda g: np.array([b"%d" % k for k in g]),
    "list": lambda g: [f"city {k}" for k in g],
    "objects": lambda g: np.array([f"city {k}" for k in g], dtype=object),
    "mixed objects": lambda g: np.array([k if k % 2 else f"{k}" for k in g.tolist()], dtype=object),
    "days": lambda g: np.datetime64("2026-03-01") + g * np.timedelta64(1, "D"),
    "nanoseconds": lambda g: np.datetime64("2026-03-01", "ns") + g * np.timedelta64(1, "ns"),
    "durations": lambda g: g * np.timedelta64(1, "h"),
}
