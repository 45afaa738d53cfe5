"""How fast the harness is: `python bench/harness.py`, one process, OMP_NUM_THREADS=1; needs cluster-experiments."""

from functools import partial
from time import perf_counter
from warnings import simplefilter

import numpy as np

from lyra.data.units import Units
from lyra.designs import ByCluster
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.from_history import HistorySource
from lyra.trials.trial import BLOCK, Trial

ANALYTIC = ("iid", "CV1", "CV2", "CV3")


def seconds(work):
    started = perf_counter()
    work()
    return perf_counter() - started


def history(N, G, columns=1):
    """An outcome of N rows in G clusters of unequal sizes, with a constant and covariates."""
    rng = np.random.default_rng(1)
    cluster = np.sort(np.concatenate([np.arange(G), rng.integers(0, G, N - G)]))
    W = np.column_stack([np.ones(N), rng.standard_normal((N, columns - 1))])
    y = rng.standard_normal(N) + 0.2 * rng.standard_normal(G)[cluster]
    return HistorySource(y=y, W=W, units=Units(cluster), design=ByCluster())


def replicates(source, methods, R):
    trial = Trial(cell=0, source=source, methods=methods, seed=1)
    for block in range(R // BLOCK):
        trial.block(range(len(methods)), block)


def own_data():
    for columns in (1, 5):
        took = seconds(partial(replicates, history(1410, 166, columns), ANALYTIC, 64_000))
        wild = seconds(partial(replicates, history(1410, 166, columns), ("WCR-11",), 8_000))
        print(
            f"own data, 1,410 rows, 166 clusters, {columns - 1} covariates: 64,000 x {', '.join(ANALYTIC)} in "
            f"{took:.2f} s, 8,000 x WCR-11 in {wild:.2f} s"
        )


def against_cluster_experiments(N=20_000, G=30, simulations=100):
    import pandas as pd
    from cluster_experiments import ClusteredOLSAnalysis, ClusteredSplitter, ConstantPerturbator, PowerAnalysis

    source = history(N, G)
    frame = pd.DataFrame({"target": source.y, "city": source.units.cluster})
    power = PowerAnalysis(
        perturbator=ConstantPerturbator(),
        splitter=ClusteredSplitter(cluster_cols=["city"]),
        analysis=ClusteredOLSAnalysis(cluster_cols=["city"]),
        n_simulations=simulations,
    )
    theirs = seconds(lambda: power.power_analysis(frame, average_effect=0.0)) / simulations
    ours = seconds(lambda: replicates(source, ("CV1",), 64_000)) / 64_000
    print(
        f"CV1 on N={N:,}, G={G}: {1e6 * ours:.1f} µs a replicate, cluster-experiments {1e3 * theirs:.1f} ms: "
        f"{theirs / ours:,.0f} times"
    )


def model_certificate(G=50):
    took = {}
    for N in (10_000, 10_000_000):
        rng = np.random.default_rng(1)
        cluster = np.repeat(np.arange(G), N // G)
        X = np.column_stack([np.ones(N), rng.standard_normal(N), (cluster % 2).astype(float)])
        fit = least_squares(Moments.from_arrays(X[:, 1] + rng.standard_normal(N), X, cluster).with_tensor())
        source = ModelSource(fit, 2, 0.02)
        replicates(source, ANALYTIC, 2_000)
        took[N] = min(seconds(partial(replicates, source, ANALYTIC, 16_000)) for _ in range(3))
        print(f"model certificate, N={N:,}, G={G}: 16,000 x {', '.join(ANALYTIC)} in {took[N]:.2f} s")
    print(f"ratio {took[10_000_000] / took[10_000]:.2f}")


if __name__ == "__main__":
    simplefilter("ignore")
    own_data()
    against_cluster_experiments()
    model_certificate()
