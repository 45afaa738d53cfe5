"""376 cells, design × truth, by rows and without lyra: the outside oracle of `advice.py`.

A design fixes X and the clusters; a truth draws outcomes in which the null is true. Estimates and standard errors are
the textbook's, from rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from scipy.stats import norm, t

ROWS = 30  # a cluster on average
TWO_ARMS = ("re0", "re2", "re20", "het4", "het4c", "t3", "spend", "bin2")
INSIDE = ("re0", "re2", "re20", "slope0", "slope", "rowhet", "spend", "bin2")


@dataclass(frozen=True)
class Design:
    """X (N, K), the cluster of each row, and the position of the tested column."""

    X: np.ndarray
    cluster: np.ndarray
    j: int
    treated: np.ndarray | None = None  # by cluster
    level: np.ndarray | None = None  # a covariate, by cluster
    window: np.ndarray | None = None  # by row

    @property
    def G(self) -> int:
        return int(self.cluster.max()) + 1

    @property
    def N(self) -> int:
        return self.cluster.size

    @property
    def x(self) -> np.ndarray:
        return self.X[:, self.j]

    @property
    def names(self) -> list[str]:
        return ["Intercept", *(f"x{k}" for k in range(1, self.X.shape[1]))]


# --- designs -------------------------------------------------------------------------------------


def sizes_of(G: int, kind: str) -> np.ndarray:
    if kind == "equal":
        return np.full(G, ROWS)
    if kind == "giant":  # one cluster holds a third of all rows
        return np.concatenate([[ROWS * (G - 1) // 2], np.full(G - 1, ROWS)])
    spread = np.exp(np.sqrt(np.log(2.0)) * norm.ppf((np.arange(G) + 0.5) / G))  # coefficient of variation 1
    sizes = np.maximum(3, np.rint(ROWS * spread / spread.mean())).astype(int)
    return np.random.default_rng(100 + G).permutation(sizes)


def by_cluster(G: int, n_treated: int, kind: str) -> Design:
    """Return a treatment of whole clusters; a giant is treated."""
    cluster = np.repeat(np.arange(G), sizes_of(G, kind))
    treated = np.zeros(G, dtype=bool)
    dealt = np.random.default_rng(7 + 10 * G + n_treated).permutation(G)
    treated[np.arange(n_treated) if kind == "giant" else dealt[:n_treated]] = True
    return Design(_with_constant(treated[cluster]), cluster, 1, treated)


def by_user(G: int, kind: str) -> Design:
    cluster = np.repeat(np.arange(G), sizes_of(G, kind))
    return Design(_with_constant(np.random.default_rng(11 + G).integers(0, 2, cluster.size)), cluster, 1)


def switchback(G: int, windows: int = 24, block: int = 4, rows: int = 5) -> Design:
    cluster = np.repeat(np.arange(G), windows * rows)
    window = np.tile(np.repeat(np.arange(windows), rows), G)
    coin = np.random.default_rng(5 + G).integers(0, 2, (G, windows // block))
    return Design(_with_constant(coin[cluster, window // block]), cluster, 1, window=window)


def leverage(G: int, focal: str) -> Design:
    """Return a treatment of half the clusters beside a lognormal covariate of clusters, either of them tested."""
    cluster = np.repeat(np.arange(G), ROWS)
    rng = np.random.default_rng(21 + G)
    level = np.exp(1.2 * rng.standard_normal(G))
    treated = _half(G, rng)
    X = _with_constant(treated[cluster], level[cluster])
    return Design(X, cluster, 2 if focal == "x" else 1, treated, level)


def interaction(G: int) -> Design:
    cluster = np.repeat(np.arange(G), ROWS)
    rng = np.random.default_rng(31 + G)
    x = rng.standard_normal(cluster.size) + 0.5 * rng.standard_normal(G)[cluster]
    treated = _half(G, rng)
    return Design(_with_constant(treated[cluster], x, treated[cluster] * x), cluster, 3, treated)


def design_of(name: str) -> Design:
    """Return a design by name, such as G50/t2/equal, G10/user/lognormal, G6/switch, G20/lever-x, G6/interaction."""
    G, kind, *sizes = name.split("/")
    clusters = int(G[1:])
    if kind == "user":
        return by_user(clusters, sizes[0])
    if kind == "switch":
        return switchback(clusters)
    if kind == "interaction":
        return interaction(clusters)
    if kind.startswith("lever"):
        return leverage(clusters, kind.removeprefix("lever-"))
    return by_cluster(clusters, int(kind[1:]), sizes[0])


def cells() -> list[str]:
    """Return the 376 names, design/truth."""
    treated = {6: (3, 2), 10: (5, 2), 20: (10, 4, 2), 50: (25, 10, 2)}
    names = []
    for G, counts in treated.items():
        for n in counts:
            names += [f"G{G}/t{n}/{kind}/{truth}" for kind in ("equal", "lognormal", "giant") for truth in TWO_ARMS]
        names += [f"G{G}/user/{kind}/{truth}" for kind in ("equal", "lognormal") for truth in INSIDE]
        names += [f"G{G}/switch/{truth}" for truth in ("re0", "re2", "ar8", "ar8i")]
        names += [f"G{G}/lever-x/{truth}" for truth in ("re0", "re2", "re20", "hetx", "t3")]
        names += [f"G{G}/lever-treat/{truth}" for truth in ("re0", "re2", "re20", "het4", "hetx")]
        names += [f"G{G}/interaction/{truth}" for truth in ("re0", "re2", "re20", "rsx")]
    return names


def _with_constant(*columns: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(columns[0])), *columns]).astype(float)


def _half(G: int, rng: np.random.Generator) -> np.ndarray:
    treated = np.zeros(G, dtype=bool)
    treated[rng.permutation(G)[: G // 2]] = True
    return treated


# --- truths --------------------------------------------------------------------------------------


def outcomes(truth: str, d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    """Return R outcomes (R, N) in which the tested coefficient is zero."""
    return TRUTHS[truth](d, R, rng)


def noisier_arm(d: Design, R: int, rng: np.random.Generator, *, treated: bool) -> np.ndarray:
    return random_intercept(d, R, rng, icc=0.1) * np.where(d.treated == treated, 2.0, 1.0)[d.cluster]


def noisier_with_level(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    return random_intercept(d, R, rng, icc=0.1) * ((1 + d.level) / 2)[d.cluster]


def noisier_rows(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    return random_intercept(d, R, rng, icc=0.02) * np.where(d.x > 0, 2.0, 1.0)


def conversion(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    """About 2 % convert."""
    p = _logistic(-4.2 + 0.7 * rng.standard_normal((R, d.G)))
    return (rng.random((R, d.N)) < p[:, d.cluster]).astype(float)


def random_slope(d: Design, R: int, rng: np.random.Generator, *, icc: float, column: int) -> np.ndarray:
    y = random_intercept(d, R, rng, icc=icc)
    return y + 0.3 * rng.standard_normal((R, d.G))[:, d.cluster] * d.X[:, column]


def random_intercept(d: Design, R: int, rng: np.random.Generator, *, icc: float, heavy: bool = False) -> np.ndarray:
    effect = rng.standard_t(3, (R, d.G)) / np.sqrt(3.0) if heavy else rng.standard_normal((R, d.G))
    return np.sqrt(icc) * effect[:, d.cluster] + np.sqrt(1 - icc) * rng.standard_normal((R, d.N))


def spending(d: Design, R: int, rng: np.random.Generator) -> np.ndarray:
    """One in ten buys, for a lognormal sum."""
    buys = rng.random((R, d.N)) < _logistic(-2.2824 + 0.466 * rng.standard_normal((R, d.G)))[:, d.cluster]
    return buys * np.exp(0.2 * rng.standard_normal((R, d.G))[:, d.cluster] + 1.5 * rng.standard_normal((R, d.N)))


def window_shocks(d: Design, R: int, rng: np.random.Generator, *, phi: float) -> np.ndarray:
    """Shocks of cluster and window, 5 % of the variance, AR(1) in time."""
    e = rng.standard_normal((R, d.G, int(d.window.max()) + 1))
    for w in range(1, e.shape[2]):
        e[..., w] = phi * e[..., w - 1] + np.sqrt(1 - phi**2) * e[..., w]
    return np.sqrt(0.05) * e[:, d.cluster, d.window] + np.sqrt(0.95) * rng.standard_normal((R, d.N))


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


TRUTHS: dict[str, Callable[[Design, int, np.random.Generator], np.ndarray]] = {
    "re0": partial(random_intercept, icc=0.0),
    "re2": partial(random_intercept, icc=0.02),
    "re20": partial(random_intercept, icc=0.2),
    "t3": partial(random_intercept, icc=0.1, heavy=True),
    "het4": partial(noisier_arm, treated=True),
    "het4c": partial(noisier_arm, treated=False),
    "hetx": noisier_with_level,
    "rowhet": noisier_rows,
    "spend": spending,
    "bin2": conversion,
    "slope0": partial(random_slope, icc=0.0, column=1),
    "slope": partial(random_slope, icc=0.02, column=1),
    "rsx": partial(random_slope, icc=0.02, column=2),
    "ar8": partial(window_shocks, phi=0.8),
    "ar8i": partial(window_shocks, phi=0.0),
}


# --- estimates -----------------------------------------------------------------------------------


class Estimates:
    """Textbook t statistics of one design, from rows: CV0-CV3J, and CV0 with scores under the null (R1)."""

    def __init__(self, d: Design) -> None:
        self.d, (self.N, self.K) = d, d.X.shape
        self.bread = np.linalg.inv(d.X.T @ d.X)
        self.v = d.X @ self.bread[d.j]  # β̂ = v'y
        self.starts = np.searchsorted(d.cluster, np.arange(d.G))

    def by_cluster(self, rows: np.ndarray) -> np.ndarray:
        return np.add.reduceat(rows, self.starts, axis=-1)

    def groups(self) -> list[slice]:
        return [slice(a, b) for a, b in zip(self.starts, [*self.starts[1:], self.N], strict=True)]

    @cached_property
    def w(self) -> np.ndarray:
        """(I − H_gg)^(−1/2) X_g A⁻¹e by rows."""
        out = np.empty(self.N)
        for rows in self.groups():
            Xg = self.d.X[rows]
            values, U = np.linalg.eigh(np.eye(len(Xg)) - Xg @ self.bread @ Xg.T)
            out[rows] = (U * np.maximum(values, 1e-12) ** -0.5) @ (U.T @ self.v[rows])
        return out

    @cached_property
    def satterthwaite(self) -> float:
        P = np.zeros((self.d.G, self.N))
        for g, rows in enumerate(self.groups()):
            P[g, rows] = self.w[rows]
        P -= P @ self.d.X @ self.bread @ self.d.X.T
        PP = P @ P.T
        return float(np.trace(PP) ** 2 / np.sum(PP**2))

    @cached_property
    def left_out(self) -> np.ndarray:
        """Row j of (A − A_g)⁻¹, (G, K)."""
        A = self.d.X.T @ self.d.X
        return np.stack([np.linalg.inv(A - self.d.X[r].T @ self.d.X[r])[self.d.j] for r in self.groups()])

    def textbook(self) -> dict[str, float]:
        """Critical values at 5 %."""
        G = self.d.G
        return {"CV1": t.ppf(0.975, G - 1), "CV2": t.ppf(0.975, self.satterthwaite), "CV3": t.ppf(0.975, G - 1)}

    def statistics(self, Y: np.ndarray) -> Drawn:
        """Return the parts of every t statistic for outcomes Y (R, N)."""
        d, G = self.d, self.d.G
        beta = Y @ d.X @ self.bread
        residuals = Y - beta @ d.X.T
        scores = self.by_cluster(residuals * self.v)
        others = np.delete(d.X, d.j, axis=1)
        Q = np.linalg.qr(others)[0]
        restricted = Y - (Y @ Q) @ Q.T
        x = d.x - Q @ (Q.T @ d.x)
        factor = G / (G - 1) * (self.N - 1) / (self.N - self.K)
        XY = np.stack([self.by_cluster(Y * column) for column in d.X.T], axis=2)
        moved = np.einsum("rgk,gk->rg", XY.sum(axis=1, keepdims=True) - XY, self.left_out) - beta[:, d.j, None]
        se = {
            "CV1": np.sqrt(factor * np.sum(scores**2, axis=1)),
            "CV2": np.sqrt(np.sum(self.by_cluster(residuals * self.w) ** 2, axis=1)),
            "CV3": np.sqrt((G - 1) / G * np.sum(moved**2, axis=1)),
        }
        se["CV0"] = se["CV1"] / np.sqrt(factor)
        se["CV3J"] = np.sqrt((G - 1) / G * np.sum((moved - moved.mean(axis=1, keepdims=True)) ** 2, axis=1))
        flat = np.ptp(Y, axis=1) == 0
        return Drawn(beta[:, d.j], se, self.by_cluster(restricted * self.v), self.by_cluster(self.v * x), flat)


@dataclass(frozen=True)
class Drawn:
    """Estimates (R,), standard errors (R,) and restricted scores (R, G) of many outcomes."""

    estimate: np.ndarray
    se: dict[str, np.ndarray]
    scores: np.ndarray
    shift: np.ndarray
    flat: np.ndarray

    def t(self, line: str, effect: float = 0.0) -> np.ndarray:
        """Return |t| of no effect (R,), when this much was added to the effect; 0 where the outcome has one value."""
        se = np.sqrt(np.sum((self.scores + effect * self.shift) ** 2, axis=1)) if line == "R1" else self.se[line]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.flat, 0.0, np.abs(self.estimate + effect) / se)
