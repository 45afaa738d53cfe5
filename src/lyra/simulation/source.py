"""Where replicates come from: fresh worlds, the user's own data under a redrawn design, or the fitted design itself.

Each source turns a block of replicates into `focal.Replicates`, in which the null is true:

- `WorldSource`: fresh data sets of a world under a design;
- `HistorySource`: the outcome fixed, the treatment drawn again by the declared design, so the sharp null holds;
- `ModelSource`: X and clusters fixed, scores simulated under a random effect of a given ICC; no row is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.base.identity import described, fingerprint
from lyra.base.text import did_you_mean
from lyra.data.units import History, Units
from lyra.designs import Design
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.replicates import Replicates
from lyra.simulation.cells import (
    DEGENERATE,
    Table,
    by_code,
    gathered,
    indicators,
    numbered,
    replicates_of_grams,
    table_gram,
    with_effects,
)
from lyra.simulation.samples import Grams, Sample, WorldLike

__all__ = [
    "LEVELS",
    "HistorySource",
    "ModelSource",
    "RowSource",
    "Source",
    "WorldSource",
    "cluster_codes",
]


ROUNDING = 1e-13  # of the largest direction of a cluster, the part that is none

LEVELS = ("cluster", "unit", "window", "stratum", "pair", "user")


class Source(Protocol):
    """A source of replicates in which the tested coefficient is zero."""

    def identity(self) -> dict[str, Any]:
        """Return all that replicates are drawn from, a part a name, as plain values; refused where it is code."""
        ...

    @property
    def numbers(self) -> int:
        """How many numbers one replicate holds: what bounds a batch."""
        ...

    def batch(self, R: int, rng: Generator) -> Replicates:
        """Return R replicates."""
        ...


class RowSource(Protocol):
    """A source that can also hand out a replicate as rows."""

    def table(self, rng: Generator) -> Table:
        """Return y (N,), X (N, K) with the tested column last, and cluster codes (N,), of one replicate."""
        ...


def cluster_codes(units: Units, level: str, design: Design | None) -> Codes:
    """Return the cluster of each row (n,) when an analysis clusters at this level.

    "cluster"; "unit", what the design randomises independently (a block of a switchback, a pair); "window", the
    cluster in one window; "stratum" or "pair"; "user".
    """
    match level:
        case "cluster":
            return units.codes("cluster")[0]
        case "unit" if design is not None:
            return np.unique(design.unit_labels(units), return_inverse=True)[1]
        case "window":
            return units.codes("cluster", "window")[0]
        case "stratum" | "pair":
            return units.codes("stratum")[0]
        case "user":
            return units.codes("user")[0]
    raise InputError(f"level={level!r} is not a level to cluster at: {did_you_mean(level, LEVELS)}.")


# --- fresh worlds -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class WorldSource:
    """Fresh data sets of a world; the regression is of the outcome on a constant, covariates and the treatment.

    Parameters
    ----------
    world : World, RegressorWorld or any object with `sample` and `truth`
    design : Design or None
        None for a world that has nothing to assign.
    level : str
        What the analysis clusters on, see `cluster_codes`.
    covariates : sequence of str
        Columns of the sample to adjust for; "stratum" adds an effect of each stratum.
    """

    world: WorldLike
    design: Design | None
    level: str = "cluster"
    covariates: Sequence[str] = ()

    def identity(self) -> dict[str, Any]:
        """Return every field of the world and the design, and the analysis."""
        parts = {"world": self.world, "design": self.design, "level": self.level, "covariates": self.covariates}
        return {name: described(part) for name, part in parts.items()}

    @property
    def truth(self) -> float:
        """The coefficient the regression estimates, on the outcome's scale."""
        return float(self.world.truth().effect)

    @cached_property
    def by_sums(self) -> bool:
        """Whether the world draws sums of products without rows."""
        linear = hasattr(self.world, "sample_grams") and getattr(self.world, "outcome", "linear") == "linear"
        finer = self.level == "user" or (self.level == "unit" and "user" in str(getattr(self.design, "unit", "")))
        return linear and not finer and set(self._plain) <= set(self._first.names)

    @cached_property
    def too_fine(self) -> int:
        """How many of the design's randomisation units the analysis splits over several clusters."""
        if self.design is None:
            return 0
        units = _units_of(self.world.sample(self.design, np.random.default_rng(0)).columns)
        return self.design.splits(units, cluster_codes(units, self.level, self.design))

    def batch(self, R: int, rng: Generator) -> Replicates:
        """Return R replicates, with the truth taken out so that the null 0 is true."""
        if self.by_sums:
            return replicates_of_grams(*self._drawn(R, rng)).shifted(-self.truth)
        first = self.table(rng)
        grams = [table_gram(first), *(table_gram(self.table(rng)) for _ in range(R - 1))]
        return replicates_of_grams(np.stack(grams), first[0].size)

    @cached_property
    def numbers(self) -> int:
        """The sums of a replicate's cells; its rows where it has to be drawn by rows."""
        if self.by_sums:
            return int(self._first.gram.size)
        return len(self.world.sample(self.design, np.random.default_rng(0))) * (len(self.covariates) + 3)

    def table(self, rng: Generator) -> Table:
        """Return one replicate as rows, kept ones only."""
        sample = self.world.sample(self.design, rng)
        kept = sample.kept
        focal = np.asarray(sample[sample.focal], dtype=float)
        columns = [np.ones(len(sample)), *(_covariate(sample, name) for name in self._plain), focal]
        X = np.column_stack(columns)
        if self._by_stratum:
            X = np.column_stack([indicators(np.asarray(sample["stratum"])), X[:, 1:]])
        y = np.asarray(sample["outcome"], dtype=float) - self.truth * focal
        codes = cluster_codes(_units_of(sample.columns), self.level, self.design)
        return y[kept], X[kept], numbered(codes[kept])

    @cached_property
    def _first(self) -> Grams:
        return self._grams(1, np.random.default_rng(0))

    def _grams(self, R: int, rng: Generator) -> Grams:
        grams: Grams = self.world.sample_grams(self.design, R, rng)  # type: ignore[attr-defined]
        return grams

    @property
    def _by_stratum(self) -> bool:
        return "stratum" in self.covariates

    @property
    def _plain(self) -> list[str]:
        return [name for name in self.covariates if name != "stratum"]

    def _drawn(self, R: int, rng: Generator) -> tuple[Array, int]:
        grams = self._grams(R, rng)
        names = list(grams.names)
        focal = "treat" if "treat" in names else "x"
        wanted = [names.index(name) for name in ("1", *self._plain, focal, "outcome")]
        gram = grams.gram[..., wanted, :][..., wanted]
        N = round(float(gram[0, :, 0, 0].sum()))
        if self._by_stratum:
            gram = with_effects(gram, grams.units.codes("stratum")[0])
        return gathered(gram, cluster_codes(grams.units, self.level, self.design)), N


def _units_of(columns: Any) -> Units:
    names = {name: columns[name] for name in ("window", "user", "stratum") if name in columns}
    return Units(columns["cluster"], **names)


def _covariate(sample: Sample, name: str) -> Array:
    if name not in sample.columns:
        raise InputError(f"the world has no covariate {name!r}: {did_you_mean(name, sample.columns)}.")
    return np.asarray(sample[name], dtype=float)


# --- the user's own data ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class HistorySource:
    """The outcome fixed, the treatment drawn again by the declared design.

    Only the treatment column changes, and it is constant within the design's items, so that a replicate needs the
    sums of the items alone: with Q an orthonormal basis of the covariates W and ỹ what they leave of y, the sums of
    1, Q and ỹ over each item.

    Parameters
    ----------
    y : ndarray (N,)
        The outcome.
    W : ndarray (N, p)
        A constant and the covariates.
    units : Units
        Who sits where, a label a row.
    design : Design
        Who could have been treated.
    level : str
        What the analysis clusters on, see `cluster_codes`.
    """

    y: Array
    W: Array
    units: Units
    design: Design
    level: str = "cluster"

    truth = 0.0

    def identity(self) -> dict[str, Any]:
        """Return a hash of every array and of every column of labels, the design and the analysis."""
        drawn = {"design": described(self.design), "level": self.level}
        return History(self.y, self.W, self.units).identity() | drawn

    def batch(self, R: int, rng: Generator) -> Replicates:
        """Return R replicates, the sharp null of no effect true in each."""
        return self._under(self.design.draw_many(self.units, R, rng))

    @property
    def numbers(self) -> int:
        """The entries of a replicate's cluster Grams, and of its assignment."""
        G, p = self._cells.own.shape
        return int(G * (p + 1) ** 2 + self._cells.item.size)

    @cached_property
    def too_fine(self) -> int:
        """How many of the design's randomisation units the analysis splits over several clusters."""
        return self.design.splits(self.units, cluster_codes(self.units, self.level, self.design))

    @property
    def n_assignments(self) -> int | None:
        """How many assignments the design allows, or None when they are too many to list."""
        return self.design.count(self.units) if self.design.enumerable(self.units) else None

    def every(self, at_once: int) -> Iterator[Replicates]:
        """Yield one replicate an assignment, all of them, in batches."""
        drawn = self.design.enumerate(self.units)
        for start in range(0, len(drawn), at_once):
            yield self._under(drawn[start : start + at_once])

    def table(self, rng: Generator) -> Table:
        """Return one replicate as rows."""
        D = self.design.draw(self.units, rng).astype(float)
        kept = self.design.kept(self.units)
        return self.y[kept], np.column_stack([self.W, D])[kept], self._clusters(kept)

    def _under(self, drawn: NDArray[np.bool_]) -> Replicates:
        """Return the replicates of assignments (R, items)."""
        cells = self._cells
        R, (G, p) = drawn.shape[0], cells.own.shape
        sums = (cells.sums.T @ drawn[:, cells.item].T.astype(float)).T.reshape(R, G, p + 2)
        n, q, t = sums[..., 0], sums[..., 1:-1], sums[..., -1]
        gamma = q.sum(axis=1)
        s = n.sum(axis=1) - np.einsum("rk,rk->r", gamma, gamma)
        degenerate = s <= DEGENERATE * np.maximum(n.sum(axis=1), 1.0)
        s = np.where(degenerate, 1.0, s)
        root = np.sqrt(s)[:, None]
        swept = np.einsum("gkl,rl->rgk", cells.F, gamma)
        E = np.empty((R, G, p + 1, p + 1))
        E[..., :-1, :-1] = cells.F
        E[..., :-1, -1] = E[..., -1, :-1] = (q - swept) / root[..., None]
        E[..., -1, -1] = (n - 2.0 * np.einsum("rgk,rk->rg", q, gamma) + np.einsum("rgk,rk->rg", swept, gamma)) / root**2
        c = np.empty((R, G, p + 1))
        c[..., :-1] = cells.own
        c[..., -1] = (t - np.einsum("gk,rk->rg", cells.own, gamma)) / root
        return Replicates(E, c, s, np.full(R, cells.yy), cells.N, degenerate)

    def _clusters(self, kept: NDArray[Any]) -> Codes:
        """Return the cluster of each row kept, numbered without gaps."""
        return numbered(cluster_codes(self.units, self.level, self.design)[kept])

    @cached_property
    def _cells(self) -> _Cells:
        kept = np.flatnonzero(self.design.kept(self.units))
        item, cluster = self.design.items(self.units)[kept], self._clusters(kept)
        Q = _orthonormal(self.W[kept])
        y = self.y[kept] - Q @ (Q.T @ self.y[kept])
        G = int(cluster.max()) + 1
        pair, cell = np.unique(item * G + cluster, return_inverse=True)
        return _Cells(
            item=pair // G,
            sums=_placed(by_code(np.column_stack([np.ones(y.size), Q, y]), cell), pair % G, G),
            F=by_code(Q[:, :, None] * Q[:, None, :], cluster),
            own=by_code(Q * y[:, None], cluster),
            yy=float(y @ y),
            N=y.size,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """The sums of a history by cell, the rows of one item in one cluster."""

    item: Codes  # (cells,)
    sums: Any  # sparse (cells, G (p + 2)): of 1, Q and ỹ, in the columns of the cell's cluster
    F: Array  # (G, p, p): Q_g'Q_g
    own: Array  # (G, p): Q_g'ỹ_g
    yy: float
    N: int


def _placed(sums: Array, cluster: Codes, G: int) -> Any:
    """Return sums (cells, P) as a sparse (cells, G P), each row in the columns of its cell's cluster."""
    from scipy.sparse import csr_array

    cells, P = sums.shape
    columns = cluster[:, None] * P + np.arange(P)
    return csr_array((sums.ravel(), columns.ravel(), np.arange(cells + 1) * P), shape=(cells, G * P))


def _orthonormal(W: Array) -> Array:
    """Return an orthonormal basis (N, p) of the span of the columns, by pivoting on what is left of each."""
    from scipy.linalg import qr

    lengths = np.linalg.norm(W, axis=0)
    Q, R, _ = qr(W[:, lengths > 0] / lengths[lengths > 0], mode="economic", pivoting=True)
    return np.asarray(Q[:, np.abs(np.diagonal(R)) > DEGENERATE])


# --- the fitted design itself -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ModelSource:
    """X and clusters fixed, y = α_g + ε with Var(α) = ρσ² and Var(ε) = (1 − ρ)σ², normal; drawn as cluster sums.

    Per cluster [Q 1]'ε is C_gξ with C_gC_g' = (1 − ρ)σ²[Q 1]_g'[Q 1]_g, and what of ε'ε lies outside that span is an
    independent chi-square, so the cost does not depend on the rows [1]_.

    Parameters
    ----------
    fit : Fit
        The fitted design.
    param : int
        Position of the tested coefficient.
    icc : float
        ρ, between 0 and 1.

    References
    ----------
    .. [1] J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb (2023), Cluster-robust inference: a guide to empirical
       practice. Journal of Econometrics 232, 272-299, on why everything needed is a cluster sum.
    """

    fit: Fit
    param: int
    icc: float

    truth = 0.0

    def identity(self) -> dict[str, Any]:
        """Return a hash of the sums that scores are drawn from, of the clusters and of the outcome's spread."""
        fit, parts = self.fit, self._parts
        sums = [getattr(parts, f.name) for f in fields(parts)]
        return {
            "outcome": fingerprint(np.array([fit.rss])),
            "columns": fingerprint(*(each for each in sums if isinstance(each, np.ndarray))),
            "cluster labels": fingerprint(fit.moments.labels, fit.moments.sizes),
            "term": fit.names[self.param],
            "icc": self.icc,
        }

    @property
    def numbers(self) -> int:
        """A replicate's cluster sums."""
        G, J, _ = self._parts.C.shape
        return int(G * J * 4)

    def batch(self, R: int, rng: Generator) -> Replicates:
        """Return R replicates with the coefficient zero."""
        parts = self._parts
        G, J = parts.C.shape[0], parts.C.shape[2]
        alpha = np.sqrt(self.icc) * rng.standard_normal((R, G))
        xi = np.sqrt(1.0 - self.icc) * rng.standard_normal((R, G, J)) * parts.present
        outside = (1.0 - self.icc) * 2.0 * rng.standard_gamma(parts.outside / 2.0, (R, G))
        eps = np.einsum("gkj,rgj->rgk", parts.C, xi)
        c = alpha[..., None] * parts.ones + eps[..., :-1]
        own = parts.n * alpha**2 + 2.0 * alpha * eps[..., -1] + np.einsum("rgj,rgj->rg", xi, xi) + outside
        sigma = parts.sigma
        return Replicates(parts.E[None], sigma * c, np.array([parts.s]), sigma**2 * own.sum(axis=1), self.fit.N)

    @cached_property
    def _parts(self) -> _Parts:
        fit = self.fit
        z = fit.W[self.param]
        H = _reflector(z)
        E = np.concatenate([H @ block @ H for _, block in fit.grams()])
        ones = fit.orthonormal(fit.moments.ones[:, :-1]) @ H
        n = fit.moments.sizes.astype(float)
        wide = np.empty((fit.G, fit.K + 1, fit.K + 1))
        wide[:, :-1, :-1], wide[:, :-1, -1], wide[:, -1, :-1], wide[:, -1, -1] = E, ones, ones, n
        # a coordinate of Q that is rounding must not be blown up to the size of the others: all of Q_g has one scale
        scale = np.sqrt(np.where(np.arange(fit.K + 1) < fit.K, np.trace(E, axis1=1, axis2=2)[:, None], n[:, None]))
        values, vectors = np.linalg.eigh(wide / scale[:, :, None] / scale[:, None, :])
        present = values > ROUNDING * values[:, -1:]
        C = scale[:, :, None] * vectors * np.sqrt(np.where(present, values, 0.0))[:, None, :]
        outside = np.maximum(n - present.sum(axis=1), 0.0)
        sigma = float(np.sqrt(fit.rss / (fit.N - fit.K)))
        return _Parts(E, ones, n, C, present.astype(float), outside, float(1.0 / np.linalg.norm(z)) ** 2, sigma)


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What a model certificate needs of a design, the tested coefficient turned into the last coordinate."""

    E: Array  # (G, K, K)
    ones: Array  # (G, K): Q_g'1
    n: Array  # (G,)
    C: Array  # (G, K + 1, K + 1): a root of [Q 1]_g'[Q 1]_g
    present: Array  # (G, K + 1): 1 where the root has a direction
    outside: Array  # (G,): dimensions of the cluster outside [Q 1]
    s: float
    sigma: float


def _reflector(z: Array) -> Array:
    """Return the Householder reflection (K, K) that turns z into its length times the last unit vector."""
    v = z / np.abs(z).max()
    v /= np.linalg.norm(v)
    v[-1] -= 1.0
    size = float(v @ v)
    return np.eye(z.size) - (2.0 / size) * np.outer(v, v) if size > 0 else np.eye(z.size)
