"""The wild cluster bootstrap against its bounds: same process, contestants alternating, one thread.

Needs wildboottest, statsmodels and pandas (the extra `bench`). wildboottest gets a time limit where it does not end;
its ratio is then a lower bound, and says so. Exits with 1 when a bound is missed.
"""

from __future__ import annotations

try:  # isort: skip  sets one thread before numpy loads
    from bench.core import alternating, data, extra_memory, seconds, verdict
except ModuleNotFoundError:  # run as a file
    from core import alternating, data, extra_memory, seconds, verdict

import argparse
import multiprocessing
import sys

import numpy as np

from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.wild.bootstrap import WildBootstrap, wild_bootstrap
from lyra.robust.wild.draws import values_at, wald_statistics
from lyra.se import wild_cluster_bootstrap

B = 9_999


def peer(y: np.ndarray, X: np.ndarray, g: np.ndarray) -> float:
    import pandas as pd
    import statsmodels.api as sm
    from wildboottest.wildboottest import wildboottest

    columns = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    table = wildboottest(sm.OLS(pd.Series(y), columns), B=B, cluster=pd.Series(g), param="x1", seed=1, show=False)
    return float(np.asarray(table["p-value"], dtype=float).ravel()[0])


def limited(limit: int, y: np.ndarray, X: np.ndarray, g: np.ndarray) -> tuple[float, bool]:
    """Return the seconds of the peer, or the limit and False: in a fork, for its compiled parts hear no signal."""
    child = multiprocessing.get_context("fork").Process(target=peer, args=(y, X, g))
    child.start()
    spent = seconds(lambda: child.join(limit))
    ended = not child.is_alive()
    child.kill()
    child.join()
    assert not ended or child.exitcode == 0, "wildboottest failed"
    return spent, ended


def p_value_of_few_clusters() -> list[bool]:
    y, X, g = data(10_000, 10, 50)

    def ours() -> WildBootstrap:
        return wild_cluster_bootstrap(y, X, clusters=g, param=1, B=B, rng=1)

    p, theirs = ours(), peer(y, X, g)
    assert abs(p - theirs) < 5 * np.sqrt(2 * max(p * (1 - p), 1e-4) / B), "the p-values differ"
    times = alternating(rounds=15, lyra=ours, wildboottest=lambda: peer(y, X, g), interval=ours().conf_int)
    print(
        f"N=1e4, K=10, G=50, B={B}: lyra {times['lyra'] * 1e3:.2f} ms, wildboottest {times['wildboottest'] * 1e3:.0f} "
        f"ms, the 95 % interval {times['interval'] * 1e3:.2f} ms"
    )
    return [
        verdict("times faster than wildboottest", times["wildboottest"] / times["lyra"], 100, at_least=True),
        verdict("interval as a multiple of the p-value", times["interval"] / times["lyra"], 5, at_least=False),
    ]


def p_value_of_many_clusters(limit: int | None) -> list[bool]:
    y, X, g = data(100_000, 10, 5_000)
    lyra = np.median([seconds(lambda: wild_cluster_bootstrap(y, X, clusters=g, param=1, B=B, rng=1)) for _ in range(5)])
    limit = limit or int(1_010 * lyra) + 1
    theirs, ended = limited(limit, y, X, g)
    told = f"{theirs:.0f} s" if ended else f"stopped after {limit} s: a lower bound"
    print(f"N=1e5, K=10, G=5,000, B={B}: lyra {lyra * 1e3:.0f} ms, wildboottest {told}")
    return [verdict("times faster than wildboottest", theirs / float(lyra), 1_000, at_least=True)]


def enumeration() -> list[bool]:
    y, X, g = data(2_000, 5, 20)
    fit = least_squares(Moments.from_arrays(y, X, g).with_tensor())
    boot = wild_bootstrap(fit, param=1)

    def one_product() -> int:
        bits = np.arange(2**19)[:, None] >> np.arange(20) & 1
        forms = boot.pivot.at_null
        (squares,) = wald_statistics(forms, values_at(forms, [1.0 - 2.0 * bits], unit=True))
        return 2 * int(np.count_nonzero(squares > boot.pivot.wald * (1 + 1e-7)))

    assert one_product() == boot.n_greater, "the counts differ"
    times = alternating(rounds=25, tables=lambda: wild_bootstrap(fit, param=1), product=one_product)
    print(
        f"all 2^19 patterns, G=20, K=5: half tables {times['tables'] * 1e3:.2f} ms "
        f"({times['tables'] / 2**19 * 1e9:.1f} ns a pattern), one matrix product {times['product'] * 1e3:.0f} ms"
    )
    return [verdict("times faster than one matrix product", times["product"] / times["tables"], 30, at_least=True)]


def memory() -> list[bool]:
    y, X, g = data(60_000, 5, 20_000)
    fit = least_squares(Moments.from_arrays(y, X, g))
    spent: list[float] = []
    peak = extra_memory(lambda: spent.append(seconds(lambda: wild_bootstrap(fit, param=1, B=99_999, rng=1))))
    print(f"G=20,000, B=99,999: {spent[0]:.1f} s")
    return [verdict("peak memory, MB", peak / 1e6, 200, at_least=False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="seconds wildboottest gets at G=5,000; left out, 1,010 times lyra's")
    limit = parser.parse_args().limit
    kept = p_value_of_many_clusters(limit)  # first: a fork must come before the peer's threads
    kept += enumeration() + p_value_of_few_clusters() + memory()
    sys.exit(not all(kept))


if __name__ == "__main__":
    main()
