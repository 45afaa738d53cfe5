"""The user's own data and a design -> replicates: the outcome fixed, the treatment drawn again, the sharp null true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lyra.base.arrays import Array, Bools, Codes
from lyra.base.identity import described
from lyra.data.units import History, Units
from lyra.designs import Design
from lyra.robust.grams import Dense
from lyra.robust.partialled import SPANNED, Partialled
from lyra.robust.replicates import Replicates
from lyra.simulation.analysis import cluster_codes, shared_by
from lyra.simulation.cells import Table, by_code, numbered
from lyra.simulation.estimand import NO_EFFECT
from lyra.simulation.spread import Spread, spread_of_tables

__all__ = ["HistorySource", "independent", "orthonormal", "placed"]


@dataclass(frozen=True, eq=False, kw_only=True)
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
    cluster_by : str
        What the analysis clusters on, see `analysis.cluster_codes`.
    """

    y: Array
    W: Array
    units: Units
    design: Design
    cluster_by: str = "cluster"

    estimand = NO_EFFECT

    def identity(self) -> dict[str, Any]:
        """Return a hash of every array and of every column of labels, the design and the analysis."""
        drawn = {"design": described(self.design), "cluster_by": self.cluster_by}
        return History(y=self.y, W=self.W, units=self.units).identity() | drawn

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
        return self.design.splits(self.units, cluster_codes(self.units, self.cluster_by, self.design))

    @property
    def takes_up_shocks(self) -> bool:
        """Whether effects of the formula take up what the rows of a cluster share."""
        return False

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

    def spread(self, seed: int) -> Spread:
        """Return what the formula of power needs, the clusters being where shocks are shared."""
        return spread_of_tables(replace(self, cluster_by=shared_by(self.design)).table, seed)

    def _under(self, drawn: Bools) -> Replicates:
        """Return the replicates of assignments (R, items)."""
        cells = self._cells
        R, (G, p) = drawn.shape[0], cells.own.shape
        sums = (cells.sums.T @ drawn[:, cells.item].T.astype(float)).T.reshape(R, G, p + 2)
        n, q, t = sums[..., 0], sums[..., 1:-1], sums[..., -1]
        gamma = q.sum(axis=1)
        along = np.einsum("rgk,rk->rg", q, gamma)
        given = Partialled(n=n, t=t, gamma=gamma, along=along, gram=cells.F, scores=cells.own)
        s = np.where(given.identified, given.left, 1.0)
        root = np.sqrt(s)[:, None]
        E = np.empty((R, G, p + 1, p + 1))
        E[..., :-1, :-1] = cells.F
        E[..., :-1, -1] = E[..., -1, :-1] = (q - np.einsum("gkl,rl->rgk", cells.F, gamma)) / root[..., None]
        E[..., -1, -1] = given.squares / root**2
        c = np.empty((R, G, p + 1))
        c[..., :-1] = cells.own
        c[..., -1] = given.products / root
        return Replicates(E=Dense(E), c=c, s=s, yy=np.full(R, cells.yy), N=cells.N, degenerate=~given.identified)

    def _clusters(self, kept: NDArray[Any]) -> Codes:
        """Return the cluster of each row kept, numbered without gaps."""
        return numbered(cluster_codes(self.units, self.cluster_by, self.design)[kept])

    @cached_property
    def _cells(self) -> _Cells:
        kept = np.flatnonzero(self.design.kept(self.units))
        item, cluster = self.design.items(self.units)[kept], self._clusters(kept)
        Q = orthonormal(self.W[kept])
        y = self.y[kept] - Q @ (Q.T @ self.y[kept])
        G = int(cluster.max()) + 1
        pair, cell = np.unique(item * G + cluster, return_inverse=True)
        return _Cells(
            item=pair // G,
            sums=placed(by_code(np.column_stack([np.ones(y.size), Q, y]), cell), pair % G, G),
            F=by_code(Q[:, :, None] * Q[:, None, :], cluster),
            own=by_code(Q * y[:, None], cluster),
            yy=float(y @ y),
            N=y.size,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Cells:
    """The sums of a history by cell, the rows of one item in one cluster."""

    item: Codes  # (cells,)
    sums: Any  # sparse (cells, G (p + 2)): of 1, Q and ỹ, in the columns of the cell's cluster
    F: Array  # (G, p, p): Q_g'Q_g
    own: Array  # (G, p): Q_g'ỹ_g
    yy: float
    N: int


def placed(sums: Array, cluster: Codes, G: int) -> Any:
    """Return sums (cells, P) as a sparse (cells, G P), each row in the columns of its cell's cluster."""
    from scipy.sparse import csr_array

    cells, P = sums.shape
    columns = cluster[:, None] * P + np.arange(P)
    return csr_array((sums.ravel(), columns.ravel(), np.arange(cells + 1) * P), shape=(cells, G * P))


def orthonormal(W: Array) -> Array:
    """Return an orthonormal basis (N, p) of the span of the columns, by pivoting on what is left of each."""
    Q, R, _ = _pivoted(W)
    return np.asarray(Q[:, np.abs(np.diagonal(R)) > SPANNED])


def independent(W: Array) -> Codes:
    """Return columns that span what all of them do, in their order."""
    _, R, places = _pivoted(W)
    return np.asarray(np.sort(places[np.abs(np.diagonal(R)) > SPANNED]))


def _pivoted(W: Array) -> tuple[Array, Array, Codes]:
    """Return Q, R and the places of the columns in the order of what is left of each, those of zeros left out."""
    from scipy.linalg import qr

    lengths = np.linalg.norm(W, axis=0)
    some = np.flatnonzero(lengths > 0)
    Q, R, order = qr(W[:, some] / lengths[some], mode="economic", pivoting=True)
    return Q, R, some[order]
