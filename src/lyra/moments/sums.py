"""Rows -> the sums one pass over them gives, over all rows and by cluster.

No row is ever gathered from afar: sums by cluster are sparse products over blocks in their order, or runs of a block
sorted while it is in cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.data.rows import ROWS_PER_BLOCK, Rows

__all__ = [
    "FirstPass",
    "Working",
    "clusters_at_once",
    "cross_products",
    "first_pass",
    "gram",
    "largest",
    "plain_sums",
    "weighted_sums",
]

Working = Callable[[Array, Array], tuple[Array, Array]]
"""Turns a block's X (n, K) and y (n,) into working columns Z (n, K) and ỹ (n,)."""

BLOCK_BYTES = 2**25  # a block of clusters' tensor
RUN = 64  # rows of a cluster that make one matrix product worth its call
MOST_RUNS = 2048  # clusters beyond which a block of RUN rows each would leave the cache


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FirstPass:
    """What one pass over the rows as they are tells: sizes, a constant column, a constant y, the Gram matrix."""

    sizes: NDArray[np.int64]
    unit: int | None
    unit_value: float
    constant_y: float | None
    total: Array


def first_pass(rows: Rows, G: int) -> FirstPass:
    """Read the rows once as they are; a missing or infinite value leaves a total that is not finite."""
    K = rows.n_columns
    first, constant = np.zeros(K), np.ones(K, dtype=bool)
    sizes, total = np.zeros(G, dtype=np.int64), np.zeros((K + 1, K + 1))
    low, high = np.inf, -np.inf
    for codes, X, y in rows.blocks():
        if not sizes.any():
            first = X[0].copy()
        for j in np.flatnonzero(constant):
            constant[j] = bool((X[:, j] == first[j]).all())
        sizes += np.bincount(codes, minlength=G)
        low, high = min(low, float(y.min())), max(high, float(y.max()))
        with np.errstate(over="ignore", invalid="ignore"):
            _add_gram(total, X, y)
    units = np.flatnonzero(constant & (first != 0))
    unit = int(units[0]) if units.size else None
    return FirstPass(
        sizes=sizes,
        unit=unit,
        unit_value=1.0 if unit is None else float(first[unit]),
        constant_y=low if low == high else None,
        total=total,
    )


def _cluster_sums(weight: Array, codes: Codes, Z: Array, G: int) -> Array:
    """Return Σ_{i in g} w_i z_i for every cluster, (G, columns): a sparse product, so no row is gathered."""
    from scipy.sparse import csc_array

    ends = np.arange(codes.size + 1, dtype=np.int32)
    return np.asarray(csc_array((weight, codes, ends), shape=(G, codes.size)) @ Z)


def clusters_at_once(G: int, K: int, N: int) -> int:
    """Return of how many clusters the cross-products are built at a time: of all, unless they outgrow the rows."""
    bytes_per_cluster = 8 * (K + 1) ** 2
    if G * bytes_per_cluster <= max(8 * N * (K + 1), BLOCK_BYTES):
        return G
    return max(1, BLOCK_BYTES // bytes_per_cluster)


def cross_products(rows: Rows, working: Working, clusters: slice, *, G: int) -> Array:
    """Return [Z ỹ]_g'[Z ỹ]_g of these clusters, (g, K+1, K+1)."""
    width, count = rows.n_columns + 1, clusters.stop - clusters.start
    tensor = np.zeros((count, width, width))
    in_runs = count <= MOST_RUNS
    for codes, X, y in rows.blocks(RUN * max(count, 1024) if in_runs else max(2 * ROWS_PER_BLOCK, 4 * count)):
        Z, work = working(X, y)
        local = codes - np.int32(clusters.start)
        if count < G:
            inside = np.flatnonzero((local >= 0) & (local < count))
            local, Z, work = local[inside], np.take(Z, inside, axis=0), work[inside]
        (_add_runs if in_runs else _add_scattered)(tensor, local, Z, work)
    tensor[:, -1, :-1] = tensor[:, :-1, -1]
    return tensor


def _add_runs(tensor: Array, codes: Codes, Z: Array, work: Array) -> None:
    """Add the block's [Z ỹ]_g'[Z ỹ]_g cluster by cluster, the block sorted while it is in cache."""
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes.astype(np.uint16), kind="stable")
        codes, Z, work = codes[order], np.take(Z, order, axis=0), work[order]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    stops = np.append(starts[1:], codes.size)
    for g, start, stop in zip(codes[starts].tolist(), starts.tolist(), stops.tolist(), strict=True):
        run, outcome = Z[start:stop], work[start:stop]
        here = tensor[g]
        here[:-1, :-1] += run.T @ run
        here[:-1, -1] += outcome @ run
        here[-1, -1] += outcome @ outcome


def _add_scattered(tensor: Array, codes: Codes, Z: Array, work: Array) -> None:
    """Add the block's [Z ỹ]_g'[Z ỹ]_g column by column: with many clusters a block holds few rows of each."""
    W = np.column_stack([Z, work])
    for j in range(W.shape[1]):
        tensor[:, j] += _cluster_sums(np.ascontiguousarray(W[:, j]), codes, W, tensor.shape[0])


def gram(rows: Rows, working: Working) -> Array:
    """Return [Z ỹ]'[Z ỹ] over all rows, (K+1, K+1)."""
    K = rows.n_columns
    total = np.zeros((K + 1, K + 1))
    for _, X, y in rows.blocks():
        _add_gram(total, *working(X, y))
    return total


def largest(rows: Rows) -> Array:
    """Return the largest |value| of every column of X and of y, (K + 1,)."""
    sizes = np.zeros(rows.n_columns + 1)
    for _, X, y in rows.blocks():
        np.maximum(sizes, np.append(np.abs(X).max(axis=0), np.abs(y).max()), out=sizes)
    return sizes


def _add_gram(total: Array, Z: Array, work: Array) -> None:
    cross = work @ Z
    total[:-1, :-1] += Z.T @ Z
    total[:-1, -1] += cross
    total[-1, :-1] += cross
    total[-1, -1] += work @ work


def weighted_sums(rows: Rows, working: Working, G: int, weight: Callable[[Array, Array], Array]) -> Array:
    """Return Σ_{i in g} w_i z_i for every cluster, (G, K), with w = weight(Z, ỹ)."""
    sums = np.zeros((G, rows.n_columns))
    for codes, X, y in rows.blocks(max(8 * ROWS_PER_BLOCK, G)):
        Z, work = working(X, y)
        sums += _cluster_sums(weight(Z, work), codes, Z, G)
    return sums


def plain_sums(rows: Rows, working: Working, G: int) -> Array:
    """Return [Z ỹ]_g'1 for every cluster, (G, K+1)."""
    sums = np.zeros((G, rows.n_columns + 1))
    for codes, X, y in rows.blocks(max(8 * ROWS_PER_BLOCK, G)):
        Z, work = working(X, y)
        sums += _cluster_sums(np.ones(codes.size), codes, np.column_stack([Z, work]), G)
    return sums
