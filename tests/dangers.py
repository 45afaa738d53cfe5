"""Tables with dangers of every sort, each with the fit that meets its danger: for tests and `bench/pages.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

SEED = 20_300


@dataclass(frozen=True)
class Danger:
    """A table, the formula and cluster column it is fitted with, the coefficient asked for, and the extra lines."""

    table: pd.DataFrame
    formula: str = "y ~ t + x"
    term: str = "t"
    cluster: str = "g"


def clustered(sizes, *, share=0.2, seed=SEED):
    """Return outcomes with a shock common to the rows of a cluster, a covariate x and the cluster labels."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(len(sizes)), sizes)
    y = np.sqrt(share) * rng.normal(size=len(sizes))[g] + np.sqrt(1 - share) * rng.normal(size=g.size)
    labels = np.array([f"k{j:02d}" for j in range(len(sizes))])
    return pd.DataFrame({"y": y, "x": rng.normal(size=g.size), "g": labels[g], "code": g})


def _with_treated(sizes, treated):
    table = clustered(sizes)
    return table.assign(t=np.isin(table.code, list(treated)) * 1.0)


def _serial():
    """Effects of the treatment that differ by cluster, with an intercept a cluster: what an ICC does not see."""
    table = clustered([30] * 24, share=0.0)
    rng = np.random.default_rng(SEED + 1)
    t = (rng.random(len(table)) < 0.5) * 1.0
    return table.assign(t=t, y=table.y + 1.5 * rng.normal(size=24)[table.code] * t)


def _two_states():
    """x varies in one cluster, and each cluster has an intercept: every score of x is zero by the normal equations."""
    table = clustered([40, 40])
    return table.assign(t=np.where(table.code == 0, table.x, 1.5), y=table.y)


def _perfect():
    table = _with_treated([6] * 12, range(6))
    return table.assign(y=1.0 + 2.0 * table.t + 0.5 * table.code)


DANGERS: dict[str, Callable[[], Danger]] = {
    "no danger": lambda: Danger(_with_treated([20] * 40, range(20))),
    "two clusters": lambda: Danger(_with_treated([20, 20], [0])),
    "one treated of twelve": lambda: Danger(_with_treated([10] * 12, [3])),
    "one treated of thirty": lambda: Danger(_with_treated([10] * 30, [3])),
    "two treated of thirty": lambda: Danger(_with_treated([10] * 30, [3, 4])),
    "one dominant cluster": lambda: Danger(_with_treated([300] + [6] * 20, range(8))),
    "intercepts of the clusters": lambda: Danger(_serial(), "y ~ t + C(g)"),
    "collinear treatment": lambda: Danger(_with_treated([10] * 12, range(6)), "y ~ t + C(g)"),
    "every row a cluster": lambda: Danger(_with_treated([1] * 60, range(30))),
    "three arms": lambda: Danger(
        clustered([10] * 24).assign(arm=lambda d: np.array(["a", "b", "c"])[d.code % 3]), "y ~ arm + x", "arm[T.b]"
    ),
    "unequal sizes": lambda: Danger(_with_treated([2, 3, 5, 80, 90, 4, 4, 3, 2, 60, 5, 6, 2, 3, 4, 5], range(8))),
    "zero scores": lambda: Danger(_two_states(), "y ~ t + C(g)"),
    "a perfect fit": lambda: Danger(_perfect(), "y ~ t + code"),
    "ten clusters": lambda: Danger(_with_treated([15] * 10, range(5))),
}
