"""Rows -> Moments: per-cluster sums, additive over shards, the one thing the statistics see.

Moments are kept in a working basis (`lyra.moments.basis`); results are carried back by T⁻¹ at the very end. A Moments
that can still reach its rows answers "the scores at this coefficient" by one pass over them and builds the G×K×K tensor
only when a statistic asks for it; one that was merged, cut or aggregated elsewhere holds the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.base.result import one_line
from lyra.data.labels import finder, united
from lyra.data.rows import Rows
from lyra.errors import InputError, RowsNeededError
from lyra.moments.basis import Basis, change_of_basis, settle, undone
from lyra.moments.from_arrays import Read, read_arrays
from lyra.moments.sums import clusters_at_once, cross_products, first_pass, plain_sums, weighted_sums
from lyra.moments.witness import Watched, Witness, first_look

__all__ = ["Moments"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Moments:
    """Per-cluster sums of a regression, in a working basis: everything lyra's statistics see.

    Attributes
    ----------
    names : tuple of str
        The K columns of X.
    labels, sizes : ndarray (G,)
        The cluster labels, sorted, and rows per cluster.
    total : ndarray (K + 1, K + 1)
        The Gram matrix [Z ỹ]'[Z ỹ] over all rows.
    T_inverse, a : ndarray (K, K) and (K,)
        What carries a coefficient on Z back to X, and the part of y taken out beforehand: y = y_unit (ỹ + X a).
    unit, dropped_rows : int or None, and int
        Position of a constant column; rows left out because a value or a label was missing.
    constant_y, y_unit : float or None, and float
        The value of y when it has only one; the unit it is worked on in: 1, or a power of two that tames its squares.

    Examples
    --------
    >>> import numpy as np
    >>> from lyra import Moments
    >>> X = np.column_stack([np.ones(6), [0, 0, 1, 1, 0, 1]])
    >>> m = Moments.from_arrays(np.arange(6.0), X, ["a", "a", "b", "b", "c", "c"])
    >>> m.sizes
    array([2, 2, 2])
    >>> (m.drop("c") + m.subset(["c"])).labels.tolist()
    ['a', 'b', 'c']
    """

    names: tuple[str, ...]
    labels: NDArray[Any]
    sizes: NDArray[np.int64]
    total: Array
    T_inverse: Array
    a: Array
    unit: int | None = None
    dropped_rows: int = 0
    rows: Rows | None = None
    basis: Basis | None = None
    constant_y: float | None = None
    _tensor: Array | None = None
    _ones: Array | None = None
    y_unit: float = 1.0
    witness: Witness | None = None

    @classmethod
    def from_arrays(cls, y: Any, X: Any, clusters: Any, *, names: Iterable[str] | None = None) -> Moments:
        """Return the moments of y (N,) on X (N, K) by cluster labels (N,).

        Rows with a missing value or label are left out, counted in `dropped_rows` and warned of. Small arrays are
        copied. Larger ones stay the user's: a later question that needs the rows refuses when they were changed.

        Raises
        ------
        InputError
            Lengths or pandas indexes differ, no rows, no complete row, infinite values, values that are not numbers,
            labels that cannot be told apart.
        """
        made = cls.to_fit(y, X, clusters, names=names)
        if made.rows is None or made.basis is None or made.rows.are_own:
            return made
        return replace(made, witness=first_look(made.rows, made.basis, made.total, made.sizes))

    @classmethod
    def to_fit(cls, y: Any, X: Any, clusters: Any, *, names: Iterable[str] | None = None) -> Moments:
        """Return the moments of arrays that are fitted before anyone can change them; else as `from_arrays`."""
        return cls._settled(read_arrays(y, X, clusters, names=names))

    @classmethod
    def from_rows(cls, rows: Rows, labels: NDArray[Any], *, names: tuple[str, ...], dropped_rows: int = 0) -> Moments:
        """Return the moments of complete rows whose codes index `labels`, in the basis that keeps every digit."""
        look = first_pass(rows, labels.size)
        return cls._settled(Read(rows=rows, labels=labels, names=names, look=look, dropped_rows=dropped_rows))

    @classmethod
    def _settled(cls, read: Read) -> Moments:
        basis, total = settle(read.rows, read.look)
        return cls(
            names=read.names,
            labels=read.labels,
            sizes=read.look.sizes,
            total=total,
            T_inverse=basis.T_inverse,
            a=basis.a,
            unit=basis.unit,
            dropped_rows=read.dropped_rows,
            rows=read.rows,
            basis=basis,
            constant_y=read.look.constant_y,
            y_unit=1.0 / basis.y_scale,
        )

    @classmethod
    def from_tensor(
        cls,
        tensor: Array,
        ones: Array,
        *,
        names: tuple[str, ...],
        labels: NDArray[Any],
        sizes: NDArray[np.int64],
        T_inverse: Array,
        a: Array,
        unit: int | None = None,
        dropped_rows: int = 0,
        rows: Rows | None = None,
    ) -> Moments:
        """Return moments from sums made elsewhere: tensor (G, K+1, K+1) of [Z ỹ], and ones (G, K+1) = [Z ỹ]_g'1."""
        return cls(
            names=names,
            labels=labels,
            sizes=sizes,
            total=tensor.sum(axis=0),
            T_inverse=T_inverse,
            a=a,
            unit=unit,
            dropped_rows=dropped_rows,
            rows=rows,
            _tensor=tensor,
            _ones=ones,
        )

    def __repr__(self) -> str:
        return one_line("Moments", f"{self.N:,} rows, {self.G:,} clusters, {self.K} columns: {', '.join(self.names)}")

    @property
    def G(self) -> int:
        """The number of clusters."""
        return self.sizes.size

    @property
    def K(self) -> int:
        """The number of columns of X."""
        return len(self.names)

    @property
    def N(self) -> int:
        """The number of rows."""
        return int(self.sizes.sum())

    @property
    def in_one_block(self) -> bool:
        """Whether the tensor is no larger than the rows, or than a block, so that it is built whole."""
        return self._clusters_per_block() >= self.G

    @cached_property
    def tensor(self) -> Array:
        """[Z ỹ]_g'[Z ỹ]_g for every cluster, (G, K+1, K+1); built on first use."""
        if self._tensor is not None:
            return self._tensor
        rows, basis = self._reach("the per-cluster cross-products")
        return cross_products(rows, basis.forward, slice(0, self.G), G=self.G)

    @cached_property
    def ones(self) -> Array:
        """[Z ỹ]_g'1 for every cluster, (G, K+1)."""
        if self._ones is not None:
            return self._ones
        rows, basis = self._reach("the per-cluster sums")
        return plain_sums(rows, basis.forward, self.G)

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        """Yield (clusters, A_g = Z_g'Z_g of those clusters), in blocks when the tensor would outgrow the rows."""
        step = self._clusters_per_block()
        if step >= self.G:
            yield slice(0, self.G), self.tensor[:, :-1, :-1]
            return
        rows, basis = self._reach("the per-cluster cross-products")
        for start in range(0, self.G, step):
            clusters = slice(start, min(start + step, self.G))
            yield clusters, cross_products(rows, basis.forward, clusters, G=self.G)[:, :-1, :-1]

    def with_tensor(self) -> Moments:
        """Return these moments holding the tensor, unless it would outgrow the rows: scores then need no pass."""
        return replace(self, _tensor=self.tensor) if self.in_one_block else self

    def scores(self, theta: Array) -> Array:
        """Return Z_g'(ỹ_g − Z_g θ), (G, K): by one pass over the rows, or from the tensor where it is at hand."""
        if self._at_hand is not None:
            return np.asarray(self.tensor[:, :-1, -1] - self.tensor[:, :-1, :-1] @ theta)
        return self._pass(lambda Z, work: work - Z @ theta)

    def products(self, theta: Array) -> Array:
        """Return Z_g'Z_g θ, (G, K)."""
        if self._at_hand is not None:
            return np.asarray(self.tensor[:, :-1, :-1] @ theta)
        return self._pass(lambda Z, _: Z @ theta)

    def working_rows(self) -> Iterator[tuple[Array, Array]]:
        """Yield the rows in the working basis, (Z (n, K), ỹ (n,)).

        Raises
        ------
        RowsNeededError
            Only sums were kept.
        """
        for _, Z, work in self.rows_by_cluster():
            yield Z, work

    def rows_by_cluster(self) -> Iterator[tuple[Codes, Array, Array]]:
        """Yield the same with the place of each row's cluster in `labels`, (n,)."""
        rows, basis = self._reach("HC0-HC3")
        for codes, X, y in rows.blocks():
            yield codes, *basis.forward(X, y)

    def witnessed(self, theta: Array, scores: Array) -> Moments:
        """Return these moments with scores (G, K) at θ as what every later look at the rows must find again."""
        if self.rows is None or self.rows.are_own or not np.isfinite(scores).all():
            return self
        seen = Witness.of_scores(theta, scores, self.total, self.sizes)
        return replace(self, witness=seen, _tensor=self._at_hand)

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both shards together; labels are united and a cluster in both is summed."""
        if self.names != other.names:
            raise InputError(f"Moments of different columns do not add: {self.names} and {other.names}.")
        codes, labels = united(self.labels, other.labels)
        G, width = len(labels), self.K + 1
        tensor, ones, sizes = np.zeros((G, width, width)), np.zeros((G, width)), np.zeros(G, dtype=np.int64)
        into = change_of_basis(other.T_inverse, other.a, self.T_inverse, self.a, unit=other.y_unit / self.y_unit)
        for shard, M, where in ((self, np.eye(width), codes[: self.G]), (other, into, codes[self.G :])):
            tensor[where] += M.T @ shard.tensor @ M
            ones[where] += shard.ones @ M
            sizes[where] += shard.sizes
        return replace(
            self._of_sums(tensor, ones, labels=labels, sizes=sizes),
            unit=self.unit if self.unit == other.unit else None,
            dropped_rows=self.dropped_rows + other.dropped_rows,
            constant_y=self.constant_y if self.constant_y == other.constant_y else None,
        )

    def subset(self, labels: Iterable[Any]) -> Moments:
        """Return the moments of these clusters alone."""
        return self._cut(np.array(sorted(set(map(finder(self.labels), labels))), dtype=np.intp))

    def drop(self, label: Any) -> Moments:
        """Return the moments without this cluster."""
        return self._cut(np.delete(np.arange(self.G), finder(self.labels)(label)))

    def _cut(self, keep: Codes) -> Moments:
        return self._of_sums(self.tensor[keep], self.ones[keep], labels=self.labels[keep], sizes=self.sizes[keep])

    def _of_sums(self, tensor: Array, ones: Array, *, labels: NDArray[Any], sizes: NDArray[np.int64]) -> Moments:
        """Return moments of the same columns in the same basis, from the sums of these clusters alone."""
        summed = replace(self, labels=labels, sizes=sizes, total=tensor.sum(axis=0), _tensor=tensor, _ones=ones)
        return replace(summed, rows=None, basis=None, witness=None)

    def _reach(self, what: str) -> tuple[Rows, Basis]:
        if self.rows is None:
            raise RowsNeededError(
                f"{what} need the rows, and these moments hold only per-cluster sums: "
                "fit from the table or the arrays, or choose CV1, CV2 or CV3."
            )
        basis = self.basis or undone(self.T_inverse, self.a, self.unit)
        return self.rows if self.witness is None else Watched(self.rows, basis, self.witness), basis

    @property
    def _at_hand(self) -> Array | None:
        """The tensor where it was given or has been built."""
        built: Array | None = vars(self).get("tensor")
        return self._tensor if built is None else built

    def _clusters_per_block(self) -> int:
        return self.G if self._at_hand is not None or self.rows is None else clusters_at_once(self.G, self.K, self.N)

    def _pass(self, weight: Callable[[Array, Array], Array]) -> Array:
        rows, basis = self._reach("the per-cluster scores")
        return weighted_sums(rows, basis.forward, self.G, weight)
