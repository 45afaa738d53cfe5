"""The core against its bounds: same process, contestants alternating, one thread, medians after a warm-up.

Needs statsmodels, pandas and pyfixest (the extra `bench`). Exits with 1 when a bound is missed.
"""

# ruff: noqa: E402  the number of threads is read when numpy loads
from __future__ import annotations

import os

for variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
):
    os.environ[variable] = "1"

import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from lyra.se import cluster_robust

ROUNDS = 5


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def alternating(rounds: int = ROUNDS, **contestants: Callable[[], object]) -> dict[str, float]:
    """Return the median seconds of each contestant, one run of each in turn, after a warm-up of each."""
    for contestant in contestants.values():
        contestant()
    times = [{name: seconds(run) for name, run in contestants.items()} for _ in range(rounds)]
    return {name: statistics.median(each[name] for each in times) for name in contestants}


def extra_memory(function: Callable[[], object]) -> int:
    """Return the peak of bytes allocated while the function runs, beyond what was there before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def data(N: int, K: int, G: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y, X and clusters with rows in no order."""
    rng = np.random.default_rng(1)
    g = rng.integers(0, G, N)
    X = np.column_stack([np.ones(N), rng.normal(size=(N, K - 1))])
    return X.sum(axis=1) + rng.normal(size=G)[g] + rng.normal(size=N), X, g


def verdict(text: str, value: float, bound: float, *, at_least: bool) -> bool:
    kept = value >= bound if at_least else value <= bound
    print(f"{'kept  ' if kept else 'MISSED'} {text}: {value:.3g} ({'at least' if at_least else 'at most'} {bound:g})")
    return kept


def cv1_against_statsmodels() -> list[bool]:
    import statsmodels.api as sm

    y, X, g = data(1_000_000, 10, 1_000)

    def ours() -> np.ndarray:
        return cluster_robust(y, X, clusters=g, variant="CV1").se

    def theirs() -> np.ndarray:
        return sm.OLS(y, X).fit(cov_type="cluster", cov_kwds={"groups": g}).bse

    np.testing.assert_allclose(ours(), theirs(), rtol=1e-8)
    times = alternating(lyra=ours, statsmodels=theirs)
    share = extra_memory(ours) / (y.nbytes + X.nbytes + g.nbytes)
    print(f"CV1, N=1e6, K=10, G=1,000 unsorted: lyra {times['lyra']:.4f} s, statsmodels {times['statsmodels']:.4f} s")
    return [
        verdict("times faster than statsmodels", times["statsmodels"] / times["lyra"], 8, at_least=True),
        verdict("extra memory as a share of the input", share, 0.3, at_least=False),
    ]


def cv2_against_reading() -> list[bool]:
    copies = [data(100_000, 10, 50) for _ in range(6)]  # reading must come from memory, not from cache
    turn = iter(range(10**9))

    def reading() -> float:
        flat = copies[next(turn) % len(copies)][1].ravel()
        return float(flat @ flat)

    def ours() -> np.ndarray:
        y, X, g = copies[next(turn) % len(copies)]
        return cluster_robust(y, X, clusters=g, variant="CV2").dof

    times = alternating(rounds=25, lyra=ours, reading=reading)
    print(f"CV2 and dof, N=1e5, K=10, G=50: lyra {times['lyra']:.5f} s, reading X {times['reading']:.6f} s")
    return [verdict("times the reading of X", times["lyra"] / times["reading"], 30, at_least=False)]


def cv3_against_pyfixest() -> list[bool]:
    import pandas as pd
    import pyfixest as pf

    y, X, g = data(1_000_000, 10, 10_000)
    names = [f"x{j}" for j in range(1, 10)]
    frame = pd.DataFrame(X[:, 1:], columns=names).assign(y=y, g=g)

    def ours() -> np.ndarray:
        return cluster_robust(y, X, clusters=g, variant="CV3").se

    def theirs() -> np.ndarray:
        return pf.feols("y ~ " + " + ".join(names), data=frame, vcov={"CRV3": "g"}).se().to_numpy()

    ours()
    kept: list[np.ndarray] = []
    runs = [seconds(ours) for _ in range(ROUNDS)]
    pyfixest = seconds(lambda: kept.append(theirs()))
    lyra = statistics.median(runs + [seconds(ours) for _ in range(ROUNDS)])
    G, N, K = 10_000, 1_000_000, 10
    np.testing.assert_allclose(ours() * np.sqrt((G / (G - 1)) ** 2 * (N - 1) / (N - K)), kept[0], rtol=1e-6)
    print(f"CV3, N=1e6, K=10, G=10,000: lyra {lyra:.4f} s, pyfixest {pyfixest:.2f} s (once)")
    return [verdict("times faster than pyfixest", pyfixest / lyra, 100, at_least=True)]


def main() -> None:
    kept = cv2_against_reading() + cv1_against_statsmodels()
    if "--without-pyfixest" not in sys.argv:
        kept += cv3_against_pyfixest()
    sys.exit(not all(kept))


if __name__ == "__main__":
    main()
