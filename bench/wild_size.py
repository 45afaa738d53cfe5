"""How often each method rejects a true null at 5 %: few clusters, equal and unequal, half or few of them treated.

y = α_g + ε with ICC 0.1, 30 rows a cluster on average, a treatment constant within clusters. Replicates are drawn as
cluster sums. Rademacher patterns are enumerated up to G = 12, and 999 draws, fresh each batch, are taken at G = 20.
`--replicates 20000` is the table to quote; the Monte-Carlo error stands below it.
"""

from __future__ import annotations

try:  # isort: skip  sets one thread before numpy loads
    from bench.core import data as _one_thread
except ModuleNotFoundError:  # run as a file
    from core import data as _one_thread  # noqa: F401

import argparse
import time

import numpy as np

from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.methods import run_method
from lyra.robust.wild.multipliers import LAWS, Enumerated
from lyra.simulation.from_fit import ModelSource

METHODS = ("CV1", "CV2", "CV3", "WCR-11", "WCR-31", "WCR-33")
BATCH = 200
B = 999
ICC = 0.1


def sizes_of(G: int, equal: bool) -> np.ndarray:
    """Return 30 rows a cluster, or sizes growing as exp(2 g/G) with the same mean."""
    growth = np.ones(G) if equal else np.exp(2.0 * np.arange(G) / G)
    return np.maximum(np.round(30 * G * growth / growth.sum()), 2).astype(int)


def design(G: int, *, equal: bool, few: bool) -> ModelSource:
    """Return the source of replicates; the treated are every second cluster, or those in the middle of the sizes."""
    codes = np.repeat(np.arange(G), sizes_of(G, equal))
    treated = (1 if G < 8 else 2) if few else G // 2
    chosen = np.arange(treated) + (G - treated) // 2 if few else 1 + 2 * np.arange(treated)
    X = np.column_stack([np.ones(codes.size), np.isin(codes, chosen)])
    y = np.random.default_rng(0).normal(size=codes.size)
    return ModelSource(least_squares(Moments.from_arrays(y, X, codes).with_tensor()), 1, ICC)


def weights(G: int, rng: np.random.Generator) -> np.ndarray:
    """Return all sign patterns up to a global sign, or draws."""
    law = LAWS["rademacher"]
    if G > 12:
        return law.draw(rng, B, G)
    first, second = Enumerated(law, G).halves()
    return np.hstack([np.repeat(first, len(second), axis=0), np.tile(second, (len(first), 1))])


def rejections(source: ModelSource, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Return the share of replicates each method rejects; NaN where it is not computable."""
    counts = np.zeros(len(METHODS))
    for start in range(0, replicates, BATCH):
        reps = source.batch(min(BATCH, replicates - start), rng)
        V = weights(reps.G, rng)
        for m, method in enumerate(METHODS):
            pvalue = run_method(reps, method, V).pvalue
            counts[m] += np.nan if np.isnan(pvalue).any() else np.sum(pvalue <= 0.05)
    return counts / replicates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=20_000)
    replicates = parser.parse_args().replicates
    started = time.perf_counter()
    print(f"{'G':>3} {'sizes':<8}{'treated':<9}" + "".join(f"{method:>9}" for method in METHODS))
    for n, (G, equal, few) in enumerate(
        (G, e, f) for G in (5, 8, 12, 20) for e in (True, False) for f in (False, True)
    ):
        shares = rejections(design(G, equal=equal, few=few), replicates, np.random.default_rng([1, n]))
        cells = "".join(f"{'-' if np.isnan(share) else format(share, '.4f'):>9}" for share in shares)
        treated = ("1" if G < 8 else "2") if few else str(G // 2)
        print(f"{G:>3} {'equal' if equal else 'unequal':<8}{treated:<9}{cells}", flush=True)
    error = np.sqrt(0.05 * 0.95 / replicates)
    print(f"{replicates:,} replicates, Monte-Carlo standard error {error:.4f} at 0.05; - not computable")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
