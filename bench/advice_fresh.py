"""Laws and designs that the advice was not tuned on, by rows and without lyra: the second oracle of `advice.py`.

Contaminated normal rows and clusters, variance that goes with the size of the cluster, a cubic trend a cluster, counts,
an intraclass correlation of .5, skewed effects of users' treatments, and staggered adoption with AR(1) errors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.advice_worlds import Design, by_cluster, by_user, random_intercept, switchback

PERIODS = 12


def design_of(name: str) -> Design:
    """Return a design by name: G30/t5/pareto, G15/user/pareto, G12/switch, G30/adoption5."""
    G, kind, *sizes = name.split("/")
    clusters = int(G[1:])
    if kind == "switch":
        return switchback(clusters, windows=16, block=2, rows=6)
    if kind.startswith("adoption"):
        return adoption(clusters, int(kind.removeprefix("adoption")))
    if kind == "user":
        return by_user(clusters, sizes[0]) if sizes[0] != "pareto" else _pareto(clusters, None)
    return by_cluster(clusters, int(kind[1:]), sizes[0]) if sizes[0] != "pareto" else _pareto(clusters, int(kind[1:]))


def cells() -> list[str]:
    """Return the names, design/truth."""
    names = []
    for G, counts in {8: (4,), 15: (7, 3), 30: (15, 5, 2), 80: (40, 6)}.items():
        for n in counts:
            for kind in ("equal", "pareto"):
                names += [f"G{G}/t{n}/{kind}/{truth}" for truth in ("contaminated", "bysize", "counts", "re50")]
        names += [f"G{G}/user/pareto/{truth}" for truth in ("contaminated", "counts", "re50", "slopeexp")]
        names += [f"G{G}/switch/{truth}" for truth in ("cubic", "contaminated")]
    for G, adopters in ((30, 15), (30, 5), (50, 20), (50, 4)):
        names += [f"G{G}/adoption{adopters}/{truth}" for truth in ("ar3", "ar7", "walk")]
    return names


def outcomes(truth: str, d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    """Return R outcomes (R, N) in which the tested coefficient is zero."""
    return TRUTHS[truth](d, R, rng)


def adoption(G: int, adopters: int) -> Design:
    """Return a panel of units whose effect is swept out, with year dummies: some adopt, each at a date of its own."""
    rng = np.random.default_rng(41 + G + adopters)
    unit, year = np.repeat(np.arange(G), PERIODS), np.tile(np.arange(PERIODS), G)
    start = np.full(G, PERIODS)
    start[rng.permutation(G)[:adopters]] = rng.integers(2, PERIODS - 2, adopters)
    columns = np.column_stack([year >= start[unit], *(year == t for t in range(1, PERIODS))]).astype(float)
    return Design(_within(columns.T, G).T, unit, 0, window=year)


def _pareto(G: int, n_treated: int | None) -> Design:
    """Return clusters of Pareto sizes, treated as wholes or user by user."""
    rng = np.random.default_rng(51 + G)
    n = np.minimum(np.rint(10 * (1 + rng.pareto(1.5, G))), 400).astype(int)
    cluster = np.repeat(np.arange(G), n)
    if n_treated is None:
        x = rng.integers(0, 2, cluster.size).astype(float)
        return Design(np.column_stack([np.ones(cluster.size), x]), cluster, 1)
    treated = np.zeros(G, dtype=bool)
    treated[rng.permutation(G)[:n_treated]] = True
    return Design(np.column_stack([np.ones(cluster.size), treated[cluster]]).astype(float), cluster, 1, treated)


def _within(rows: np.ndarray, G: int) -> np.ndarray:
    """Return (…, N) less the mean of every unit."""
    by_unit = rows.reshape(*rows.shape[:-1], G, PERIODS)
    return (by_unit - by_unit.mean(axis=-1, keepdims=True)).reshape(rows.shape)


# --- truths --------------------------------------------------------------------------------------


def contaminated(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    """One cluster effect and one row in ten has five times the standard deviation."""
    effect = rng.standard_normal((R, d.G)) * np.where(rng.random((R, d.G)) < 0.1, 5.0, 1.0)
    rows = rng.standard_normal((R, d.N)) * np.where(rng.random((R, d.N)) < 0.1, 5.0, 1.0)
    return 0.3 * effect[:, d.cluster] + rows


def by_size(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    n = np.bincount(d.cluster)
    return random_intercept(d, R, rng, icc=0.1) * np.sqrt(n / n.mean())[d.cluster]


def counts(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    return rng.poisson(0.5 * rng.gamma(2.0, 0.5, (R, d.G))[:, d.cluster]).astype(float)


def skewed_slope(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    effects = 0.3 * (rng.standard_exponential((R, d.G)) - 1.0)
    return random_intercept(d, R, rng, icc=0.02) + effects[:, d.cluster] * d.x


def cubic(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    """A cubic trend a cluster, a fifth of the variance."""
    time = np.linspace(-1.0, 1.0, int(d.window.max()) + 1)[d.window]
    coefficients = rng.standard_normal((3, R, d.G))[:, :, d.cluster]
    trend = sum(c * time ** (k + 1) for k, c in enumerate(coefficients))
    return np.sqrt(0.2) * trend + np.sqrt(0.8) * rng.standard_normal((R, d.N))


def in_time(d: Design, R: int, rng: np.random.Generator, *, phi: float) -> np.ndarray:
    """One row a unit and year, AR(1) or a random walk, less the unit's mean."""
    e = rng.standard_normal((R, d.G, PERIODS))
    for t in range(1, PERIODS):
        e[..., t] = phi * e[..., t - 1] + (np.sqrt(1 - phi**2) if phi < 1 else 1.0) * e[..., t]
    return _within(e.reshape(R, d.N), d.G)


TRUTHS: dict[str, Callable[[Design, int, np.random.Generator], np.ndarray]] = {
    "contaminated": contaminated,
    "bysize": by_size,
    "counts": counts,
    "re50": partial(random_intercept, icc=0.5),
    "slopeexp": skewed_slope,
    "cubic": cubic,
    "ar3": partial(in_time, phi=0.3),
    "ar7": partial(in_time, phi=0.7),
    "walk": partial(in_time, phi=1.0),
}
