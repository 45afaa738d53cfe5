"""A design of the atlas as rows: who is in which cluster, and who is treated; the same rows whenever it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np

from lyra.base.arrays import Array, Bools, Codes

__all__ = ["Blueprint", "Rows", "number_of"]

By = Literal["cluster", "user", "switchback"]
Sizes = Literal["equal", "lognormal", "giant"]

FEWEST_ROWS = 3  # of a cluster
WINDOWS, BLOCK = 24, 4  # of a switchback, drawn block by block in every cluster


def number_of(text: str) -> int:
    """Return a number that belongs to a text on every machine."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "little")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows:
    """The rows of a design, those of a cluster together.

    Attributes
    ----------
    cluster : ndarray (N,) of int
        0 … G − 1, increasing.
    treated : ndarray (N,) of bool
    window : ndarray (N,) of int, optional
        Of a switchback.
    """

    cluster: Codes
    treated: Bools
    window: Codes | None = None

    @property
    def N(self) -> int:
        """Rows."""
        return int(self.cluster.size)

    @property
    def G(self) -> int:
        """Clusters."""
        return int(self.cluster[-1]) + 1

    @property
    def starts(self) -> Codes:
        """The first row of every cluster, (G,)."""
        return np.searchsorted(self.cluster, np.arange(self.G)).astype(np.intp)

    @property
    def X(self) -> Array:
        """A constant and the treatment, (N, 2)."""
        return np.column_stack([np.ones(self.N), self.treated]).astype(float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A design: how the treatment is drawn, over how many clusters of which sizes.

    Attributes
    ----------
    by : {"cluster", "user", "switchback"}
        Whole clusters are treated, or users one by one, or blocks of 4 of 24 windows in every cluster.
    clusters : int
        G.
    treated : int
        Clusters treated; of users and blocks about half are, and this is 0.
    sizes : {"equal", "lognormal", "giant"}
        Equal; lognormal with a coefficient of variation of one; or one cluster, which is treated, with a third of
        all rows.
    rows : int
        Rows of a cluster on average, before the giant grows.
    """

    by: By
    clusters: int
    treated: int
    sizes: Sizes
    rows: int

    @property
    def name(self) -> str:
        """The design in words."""
        drawn = f"{self.treated} of {self.clusters} clusters treated" if self.treated else _drawn(self)
        return f"{drawn}, {self.sizes} sizes, {self.rows} rows each on average"

    def laid_out(self) -> Rows:
        """Return the rows."""
        if self.by == "switchback":
            return self._switchback()
        cluster = np.repeat(np.arange(self.clusters), self._sizes())
        rng = np.random.default_rng(number_of(self.name))
        if self.by == "user":
            return Rows(cluster=cluster, treated=rng.integers(0, 2, cluster.size) == 1)
        chosen = np.arange(self.clusters) if self.sizes == "giant" else rng.permutation(self.clusters)
        treated = np.zeros(self.clusters, dtype=np.bool_)
        treated[chosen[: self.treated]] = True
        return Rows(cluster=cluster, treated=treated[cluster])

    def _switchback(self) -> Rows:
        each = max(1, self.rows // 6)  # rows of a window
        cluster = np.repeat(np.arange(self.clusters), WINDOWS * each)
        window = np.tile(np.repeat(np.arange(WINDOWS), each), self.clusters)
        coin = np.random.default_rng(number_of(self.name)).integers(0, 2, (self.clusters, WINDOWS // BLOCK)) == 1
        return Rows(cluster=cluster, treated=coin[cluster, window // BLOCK], window=window)

    def _sizes(self) -> Codes:
        G, each = self.clusters, self.rows
        if self.sizes == "equal":
            return np.full(G, each, dtype=np.intp)
        if self.sizes == "giant":
            return np.concatenate([[each * (G - 1) // 2], np.full(G - 1, each)]).astype(np.intp)
        return _lognormal(G, each)


def _drawn(blueprint: Blueprint) -> str:
    who = "users drawn in" if blueprint.by == "user" else f"blocks of {BLOCK} of {WINDOWS} windows drawn in"
    return f"{who} {blueprint.clusters} clusters"


def _lognormal(G: int, each: int) -> Codes:
    """Return the quantiles of a lognormal law with a coefficient of variation of one, shuffled."""
    from scipy.special import ndtri

    spread = np.exp(np.sqrt(np.log(2.0)) * ndtri((np.arange(G) + 0.5) / G))
    sizes = np.maximum(FEWEST_ROWS, np.rint(each * spread / spread.mean())).astype(np.intp)
    return np.asarray(np.random.default_rng(number_of(f"sizes of {G}")).permutation(sizes))
