"""Rows -> Moments: per-cluster sums, additive over shards, the one thing the statistics see.

Moments are kept in a *working basis*: with Z the working columns, X = Z T and y = ỹ + X a. Shifting, scaling and
re-orthogonalising are all a choice of (T, a); results are carried back by T⁻¹ at the very end. A well-conditioned
design keeps T = I and is never copied.

A Moments that can still reach its rows answers "the scores at this coefficient" by one pass over them and builds
the G×K×K tensor only when a statistic asks for it; one that was merged, cut or aggregated elsewhere holds the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.text import did_you_mean
from lyra.base.warn import warn
from lyra.data import check
from lyra.data.labels import encode, united
from lyra.data.rows import ArrayRows, Rows, complete, owned
from lyra.errors import DroppedRowsWarning, InputError, RowsNeededError
from lyra.moments.basis import Basis, inverse, settle
from lyra.moments.sums import FirstPass, cross_products, first_pass, plain_sums, weighted_sums
from lyra.moments.witness import Watched, Witness, first_look

__all__ = ["Moments"]


BLOCK_BYTES = 2**25  # a block of clusters' tensor
MOST_NAMED = 1000  # labels searched for one that is meant


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Moments:
    """Per-cluster sums of a regression, in a working basis: everything lyra's statistics see.

    Attributes
    ----------
    names : tuple of str
        The K columns of X.
    labels : ndarray (G,)
        The cluster labels, sorted.
    sizes : ndarray (G,) of int
        Rows per cluster.
    total : ndarray (K + 1, K + 1)
        The Gram matrix [Z ỹ]'[Z ỹ] over all rows.
    T_inverse : ndarray (K, K)
        Carries a coefficient on Z back to X.
    a : ndarray (K,)
        The part of y taken out beforehand: y = y_unit (ỹ + X a).
    unit : int or None
        Position of a constant column.
    dropped_rows : int
        Rows left out because a value or a label was missing.
    constant_y : float or None
        The value of y when it is known to have only one.
    y_unit : float
        The unit y is worked on in: 1, or the power of two that brings its squares into a double.

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
    rows: Rows | None = field(default=None, repr=False)
    basis: Basis | None = field(default=None, repr=False)
    constant_y: float | None = None
    _memo: dict[str, Array] = field(default_factory=dict, repr=False)
    y_unit: float = 1.0
    witness: Witness | None = field(default=None, repr=False)

    # --- making -------------------------------------------------------------------------------

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
        columns, found = check.as_matrix(X, names=names)
        outcome = check.as_vector(y, what="y")
        codes, labels = encode(clusters)
        N = check.same_length(y=outcome.size, X=columns.shape[0], clusters=codes.size)
        check.same_index(y=y, X=X, clusters=clusters)
        arrays, are_own = owned({"X": columns, "y": outcome})
        rows = ArrayRows(codes, arrays["X"], arrays["y"], are_own)
        if codes.min() >= 0:
            look = first_pass(rows, labels.size)
            if np.isfinite(look.total).all():
                return cls._settled(rows, look, labels, names=found)
        rows = complete(rows, found)
        codes, present = encode(rows.codes)
        if codes.size < N:
            warn(
                f"{N - codes.size} of {N} rows have a missing value or cluster label and were left out.",
                DroppedRowsWarning,
            )
        rows = replace(rows, codes=codes)
        return cls.from_rows(rows, labels[present], names=found, dropped_rows=N - codes.size)

    @classmethod
    def from_rows(cls, rows: Rows, labels: NDArray[Any], *, names: tuple[str, ...], dropped_rows: int = 0) -> Moments:
        """Return the moments of complete rows whose codes index `labels`, in the basis that keeps every digit."""
        look = first_pass(rows, labels.size)
        return cls._settled(rows, look, labels, names=names, dropped_rows=dropped_rows)

    @classmethod
    def _settled(
        cls, rows: Rows, look: FirstPass, labels: NDArray[Any], *, names: tuple[str, ...], dropped_rows: int = 0
    ) -> Moments:
        basis, total = settle(rows, look)
        T_inverse, a, unit = basis.T_inverse, basis.a, basis.unit
        made = cls(
            names=names,
            labels=labels,
            sizes=look.sizes,
            total=total,
            T_inverse=T_inverse,
            a=a,
            unit=unit,
            dropped_rows=dropped_rows,
            rows=rows,
            basis=basis,
            constant_y=look.constant_y,
        )
        return replace(made, y_unit=1.0 / basis.y_scale)

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
        memo = {"tensor": tensor, "ones": ones}
        total = tensor.sum(axis=0)
        return cls(
            names=names,
            labels=labels,
            sizes=sizes,
            total=total,
            T_inverse=T_inverse,
            a=a,
            unit=unit,
            dropped_rows=dropped_rows,
            rows=rows,
            basis=None,
            constant_y=None,
            _memo=memo,
        )

    # --- what the statistics ask --------------------------------------------------------------

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
    def keeps_tensor(self) -> bool:
        """Whether the tensor is at hand."""
        return "tensor" in self._memo

    @property
    def tensor(self) -> Array:
        """[Z ỹ]_g'[Z ỹ]_g for every cluster, (G, K+1, K+1); built on first use."""
        if "tensor" not in self._memo:
            rows, basis = self._reach("the per-cluster cross-products")
            self._memo["tensor"] = cross_products(rows, basis.forward, slice(0, self.G), G=self.G)
        return self._memo["tensor"]

    @property
    def ones(self) -> Array:
        """[Z ỹ]_g'1 for every cluster, (G, K+1)."""
        if "ones" not in self._memo:
            rows, basis = self._reach("the per-cluster sums")
            self._memo["ones"] = plain_sums(rows, basis.forward, self.G)
        return self._memo["ones"]

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
        """Return these moments with the tensor built, unless it would outgrow the rows: scores then need no pass."""
        if self._clusters_per_block() >= self.G:
            self._memo.setdefault("tensor", self.tensor)
        return self

    def scores(self, theta: Array) -> Array:
        """Return Z_g'(ỹ_g − Z_g θ), (G, K): by one pass over the rows, or from the tensor where it is at hand."""
        if "tensor" in self._memo:
            return np.asarray(self.tensor[:, :-1, -1] - self.tensor[:, :-1, :-1] @ theta)
        return self._pass(lambda Z, work: work - Z @ theta)

    def products(self, theta: Array) -> Array:
        """Return Z_g'Z_g θ, (G, K)."""
        if "tensor" in self._memo:
            return np.asarray(self.tensor[:, :-1, :-1] @ theta)
        return self._pass(lambda Z, _: Z @ theta)

    def working_rows(self) -> Iterator[tuple[Array, Array]]:
        """Yield the rows in the working basis, (Z (n, K), ỹ (n,)).

        Raises
        ------
        RowsNeededError
            Only sums were kept.
        """
        rows, basis = self._reach("HC0-HC3")
        for _, X, y in rows.blocks():
            yield basis.forward(X, y)

    def witnessed(self, theta: Array, scores: Array) -> Moments:
        """Return these moments with scores (G, K) at θ as what every later look at the rows must find again."""
        if self.rows is None or self.rows.are_own or not np.isfinite(scores).all():
            return self
        return replace(self, witness=Witness.of_scores(theta, scores, self.total, self.sizes))

    # --- adding and cutting -------------------------------------------------------------------

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both shards together; labels are united and a cluster in both is summed."""
        if self.names != other.names:
            raise InputError(f"Moments of different columns do not add: {self.names} and {other.names}.")
        codes, labels = united(self.labels, other.labels)
        G, width = len(labels), self.K + 1
        tensor, ones, sizes = np.zeros((G, width, width)), np.zeros((G, width)), np.zeros(G, dtype=np.int64)
        change = _change_of_basis(other, self)
        for shard, M, where in ((self, np.eye(width), codes[: self.G]), (other, change, codes[self.G :])):
            tensor[where] += M.T @ shard.tensor @ M
            ones[where] += shard.ones @ M
            sizes[where] += shard.sizes
        both = Moments.from_tensor(
            tensor,
            ones,
            names=self.names,
            labels=labels,
            sizes=sizes,
            T_inverse=self.T_inverse,
            a=self.a,
            unit=self.unit if self.unit == other.unit else None,
            dropped_rows=self.dropped_rows + other.dropped_rows,
        )
        same = self.constant_y if self.constant_y == other.constant_y else None
        return replace(both, constant_y=same, y_unit=self.y_unit)

    def subset(self, labels: Iterable[Any]) -> Moments:
        """Return the moments of these clusters alone."""
        place = self._places()
        return self._cut(np.array(sorted({self._place(label, place) for label in labels}), dtype=np.intp))

    def drop(self, label: Any) -> Moments:
        """Return the moments without this cluster."""
        return self._cut(np.delete(np.arange(self.G), self._place(label, self._places())))

    # --- inside -------------------------------------------------------------------------------

    def _places(self) -> dict[Any, int]:
        """Return where each label stands: under itself as Python sees it, and as numpy does."""
        places = {label: g for g, label in enumerate(self.labels.tolist())}
        return {label: g for g, label in enumerate(self.labels)} | places

    def _place(self, label: Any, places: dict[Any, int]) -> int:
        try:
            return places[label]
        except (KeyError, TypeError):
            known = map(str, places) if self.G <= MOST_NAMED else map(str, self.labels[:MOST_NAMED])
            raise InputError(f"{label!s} is not a cluster: {did_you_mean(str(label), known)}.") from None

    def _cut(self, keep: NDArray[np.intp]) -> Moments:
        cut = Moments.from_tensor(
            self.tensor[keep],
            self.ones[keep],
            names=self.names,
            labels=self.labels[keep],
            sizes=self.sizes[keep],
            T_inverse=self.T_inverse,
            a=self.a,
            unit=self.unit,
            dropped_rows=self.dropped_rows,
        )
        return replace(cut, constant_y=self.constant_y, y_unit=self.y_unit)

    def _reach(self, what: str) -> tuple[Rows, Basis]:
        if self.rows is None:
            raise RowsNeededError(
                f"{what} need the rows, and these moments hold only per-cluster sums: "
                "fit from the table or the arrays, or choose CV1, CV2 or CV3."
            )
        basis = self._working_basis()
        return self.rows if self.witness is None else Watched(self.rows, basis, self.witness), basis

    def _working_basis(self) -> Basis:
        if self.basis is not None:
            return self.basis
        if self.unit is not None and _is_shifted(self.T_inverse, self.a, self.unit):
            shift = -self.T_inverse[self.unit]
            shift[self.unit] = 0.0
            return Basis(
                shift=shift,
                U=np.eye(self.K),
                theta=np.zeros(self.K),
                unit=self.unit,
                unit_value=1.0,
                y_shift=float(self.a[self.unit]),
            )
        theta = inverse(self.T_inverse) @ self.a
        return Basis(shift=np.zeros(self.K), U=self.T_inverse, theta=theta, unit=self.unit)

    def _clusters_per_block(self) -> int:
        bytes_per_cluster = 8 * (self.K + 1) ** 2
        fits = self.G * bytes_per_cluster <= max(8 * self.N * (self.K + 1), BLOCK_BYTES)
        if fits or "tensor" in self._memo or self.rows is None:
            return self.G
        return max(1, BLOCK_BYTES // bytes_per_cluster)

    def _pass(self, weight: Callable[[Array, Array], Array]) -> Array:
        rows, basis = self._reach("the per-cluster scores")
        return weighted_sums(rows, basis.forward, self.G, weight)


def _is_shifted(T_inverse: Array, a: Array, unit: int) -> bool:
    """Whether the working columns are X, and ỹ is y, less constants: rows then lose them before anything else."""
    undone = T_inverse.copy()
    undone[unit] = np.eye(a.size)[unit]
    alone = T_inverse[unit, unit] == 1.0 and np.array_equal(undone, np.eye(a.size))
    return bool(alone and not np.delete(a, unit).any())


def _change_of_basis(source: Moments, target: Moments) -> Array:
    """Return M (K+1, K+1) with [Z ỹ]_target = [Z ỹ]_source M."""
    T, unit = inverse(source.T_inverse), source.y_unit / target.y_unit
    M = np.eye(source.K + 1) * unit
    M[:-1, :-1] = T @ target.T_inverse
    M[:-1, -1] = T @ (unit * source.a - target.a)
    return M
