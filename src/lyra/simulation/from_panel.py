"""The user's own panel, a formula and a design -> replicates: every column stays but the treatment, drawn again.

What stays is swept out once. Effects nested in the clusters (of units, or of the clusters themselves) are absorbed:
they are taken out of the outcome, the other columns and the treatment, and count in K. All other columns, effects of
time among them, stay as columns, for without them CV2, CV3 and their laws would be others'. A replicate is then the
treatment's sums by item, and cluster Grams of which one column is new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from lyra.base.arrays import Array, Bools, Codes
from lyra.base.identity import fingerprint
from lyra.robust.grams import Bordered, Staying
from lyra.robust.partialled import SPANNED, Partialled
from lyra.robust.replicates import Replicates
from lyra.simulation.analysis import shared_by
from lyra.simulation.cells import Table, by_code, indicators, numbered
from lyra.simulation.from_history import HistorySource, independent, orthonormal, placed
from lyra.simulation.spread import Spread, spread_of_tables

__all__ = ["PanelSource"]


@dataclass(frozen=True, eq=False, kw_only=True)
class PanelSource(HistorySource):
    """The outcome and all other columns fixed, the treatment drawn again by the declared design.

    Parameters
    ----------
    y : ndarray (N,)
        The outcome.
    W : ndarray (N, p)
        The columns that stay, without those of the effects.
    units : Units
        Who sits where, a label a row.
    design : Design
        Who could have been treated.
    cluster_by : str
        What the analysis clusters on, see `analysis.cluster_codes`.
    effects : tuple of ndarray (N,)
        The levels of a categorical column each, whose effects the formula has.
    """

    effects: tuple[Codes, ...] = ()

    def identity(self) -> dict[str, Any]:
        """Return a hash of every array and of every column of labels, the design and the analysis."""
        return super().identity() | {"effects": fingerprint(*self.effects)}

    @property
    def numbers(self) -> int:
        """A replicate's vectors by cluster, a few of them, and its assignment."""
        G, p = self._panel.own.shape
        return int(4 * G * (p + 1) + self._panel.sizes.size + self._panel.item.size)

    @property
    def takes_up_shocks(self) -> bool:
        """Whether effects of the formula take up what the rows of a cluster share."""
        return self._panel.absorbed > 0

    def table(self, rng: np.random.Generator) -> Table:
        """Return one replicate as rows, with a column an effect that the other columns do not span."""
        D = self.design.draw(self.units, rng).astype(float)
        kept = self.design.kept(self.units)
        return self.y[kept], np.column_stack([self._spanning, D[kept]]), self._clusters(kept)

    def spread(self, seed: int) -> Spread:
        """Return what the formula of power needs, the clusters being where shocks are shared."""
        return spread_of_tables(replace(self, cluster_by=shared_by(self.design)).table, seed)

    def _under(self, drawn: Bools) -> Replicates:
        """Return the replicates of assignments (R, items)."""
        panel = self._panel
        n, q, t = panel.treated(drawn)
        gamma = q.sum(axis=1)
        along = np.einsum("rgk,rk->rg", q, gamma)
        given = Partialled(n=n, t=t, gamma=gamma, along=along, gram=panel.staying.F, scores=panel.own)
        s = np.where(given.identified, given.left, 1.0)
        root = np.sqrt(s)[:, None]
        spanned = (gamma @ panel.staying.F).swapaxes(0, 1)  # F_gΓ, (R, G, p) in memory by cluster
        squares = n - 2.0 * along + np.einsum("rgk,rk->rg", spanned, gamma)
        return Replicates(
            E=Bordered(staying=panel.staying, f=(q - spanned) / root[..., None], e=squares / root**2),
            c=np.concatenate([np.broadcast_to(panel.own, q.shape), (given.products / root)[..., None]], axis=-1),
            s=s,
            yy=np.full(len(s), panel.yy),
            N=panel.N,
            degenerate=~given.identified,
            absorbed=panel.absorbed,
        )

    @cached_property
    def _panel(self) -> _Panel:
        kept = np.flatnonzero(self.design.kept(self.units))
        cluster = self._clusters(kept)
        effects = _Effects.of([numbered(codes[kept]) for codes in self.effects], cluster)
        Q = orthonormal(effects.taken_out(np.column_stack([self.W[kept], *effects.columns])))
        y = effects.taken_out(self.y[kept, None])[:, 0]
        y -= Q @ (Q.T @ y)
        item = self.design.items(self.units)[kept]
        G, n_items = int(cluster.max()) + 1, int(item.max()) + 1
        pair, cell = np.unique(item * G + cluster, return_inverse=True)
        sums = by_code(np.column_stack([np.ones(y.size), Q, y]), cell)
        return _Panel(
            item=pair // G,
            sums=placed(sums, pair % G, G),
            of_level=effects.counts(item, n_items),
            sizes=effects.sizes,
            cluster_of_level=effects.cluster,
            staying=Staying(by_code(Q[:, :, None] * Q[:, None, :], cluster)),
            own=by_code(Q * y[:, None], cluster),
            yy=float(y @ y),
            N=y.size,
            absorbed=effects.sizes.size,
        )

    @cached_property
    def _spanning(self) -> Array:
        """Independent columns of what stays, effects with a column a level, (rows kept, p)."""
        kept = self.design.kept(self.units)
        X = np.column_stack([self.W[kept], *(indicators(codes[kept]) for codes in self.effects)])
        return X[:, independent(X)]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Panel:
    """The sums of a panel by cell, the rows of one item in one cluster, and by level of the effect that is absorbed."""

    item: Codes  # (cells,)
    sums: Any  # sparse (cells, G (p + 2)): of 1, Q and ỹ, in the columns of the cell's cluster
    of_level: Any  # sparse (levels, items): rows of a level in an item
    sizes: Array  # (levels,)
    cluster_of_level: Codes  # (levels,)
    staying: Staying  # Q_g'Q_g
    own: Array  # (G, p): Q_g'ỹ_g
    yy: float
    N: int
    absorbed: int

    def treated(self, drawn: Bools) -> tuple[Array, Array, Array]:
        """Return d_g'd_g (R, G) of treatments with the absorbed effect out of them, Q_g'd_g (R, G, p) and d_g'ỹ_g."""
        G, p = self.own.shape
        sums = (self.sums.T @ drawn[:, self.item].T.astype(float)).reshape(G, p + 2, len(drawn)).transpose(2, 0, 1)
        n = sums[..., 0] - self._swept(drawn, G)
        rounding = n.sum(axis=1) <= SPANNED * sums[..., 0].sum(axis=1)
        return np.where(rounding[:, None], 0.0, n), sums[..., 1:-1], sums[..., -1]

    def _swept(self, drawn: Bools, G: int) -> Array:
        """Return the squares of the means that are taken out, by cluster (R, G)."""
        if not self.sizes.size:
            return np.zeros((len(drawn), G))
        squares = (self.of_level @ drawn.T.astype(float)) ** 2 / self.sizes[:, None]
        return by_code(squares, self.cluster_of_level).T


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Effects:
    """The effect that is absorbed, and the columns of all others that it does not span.

    The one absorbed has the most levels among those whose levels lie in one cluster each.
    """

    code: Codes  # (N,) of the one absorbed
    sizes: Array  # (levels,), none where nothing is absorbed
    cluster: Codes  # (levels,)
    columns: tuple[Array, ...]

    @classmethod
    def of(cls, effects: list[Codes], cluster: Codes) -> _Effects:
        """Return what becomes of effects (N,) each, in an analysis with these clusters (N,)."""
        nested = [codes for codes in effects if _lies_in(codes, cluster)]
        if not nested:
            nothing = np.empty(0, dtype=np.intp)
            return cls(code=cluster, sizes=np.empty(0), cluster=nothing, columns=tuple(map(indicators, effects)))
        code = max(nested, key=lambda codes: int(codes.max()))
        others = (codes for codes in effects if not _lies_in(code, codes))
        first = np.unique(code, return_index=True)[1]
        return cls(
            code=code,
            sizes=np.bincount(code).astype(float),
            cluster=cluster[first],
            columns=tuple(map(indicators, others)),
        )

    def taken_out(self, columns: Array) -> Array:
        """Return columns (N, m) less their mean in each level; nothing of one that the effect spans."""
        if not self.sizes.size:
            return columns.copy()
        left = columns.astype(float)
        for _ in range(2):  # once more for what a large mean leaves of itself
            left = left - (by_code(left, self.code) / self.sizes[:, None])[self.code]
        spanned = np.linalg.norm(left, axis=0) <= SPANNED * np.linalg.norm(columns, axis=0)
        return np.where(spanned, 0.0, left)

    def counts(self, item: Codes, n_items: int) -> Any:
        """Return how many rows of each level lie in each item, sparse (levels, items)."""
        from scipy.sparse import coo_array

        if not self.sizes.size:
            return coo_array((0, n_items)).tocsr()
        return coo_array((np.ones(item.size), (self.code, item)), shape=(self.sizes.size, n_items)).tocsr()


def _lies_in(fine: Codes, coarse: Codes) -> bool:
    """Return whether every level of one column lies in one level of the other."""
    levels = int(fine.max()) + 1
    return np.unique(fine * (int(coarse.max()) + 1) + coarse).size == levels
