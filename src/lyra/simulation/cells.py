"""Sums of products by cluster, of many replicates at once -> replicates in orthonormal coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.moments.partition import Partition
from lyra.robust.grams import Dense
from lyra.robust.partialled import SPANNED
from lyra.robust.replicates import Replicates

__all__ = [
    "Table",
    "by_code",
    "gathered",
    "indicators",
    "numbered",
    "replicates_of_grams",
    "table_gram",
    "with_effects",
]

Table = tuple[Array, Array, Codes]
"""y (N,), X (N, K) with the tested column last, and cluster codes (N,)."""


def indicators(labels: NDArray[Any]) -> Array:
    """Return a column of zeros and ones for every label, (N, labels)."""
    return np.asarray(labels[:, None] == np.unique(labels), dtype=float)


def table_gram(table: Table) -> Array:
    """Return [X y]_g'[X y]_g of a table, (G, K+1, K+1)."""
    y, X, codes = table
    W = np.column_stack([X, y])
    return by_code(W[:, :, None] * W[:, None, :], codes)


def by_code(rows: Array, codes: Codes) -> Array:
    """Sum rows (N, ...) by their codes 0, 1, ..., each of which occurs."""
    return Partition(codes).total(rows)


def numbered(codes: Codes) -> Codes:
    """Return the codes without gaps."""
    return np.asarray(np.unique(codes, return_inverse=True)[1])


def gathered(gram: Array, codes: Codes) -> Array:
    """Sum cells (R, cells, P, P) into clusters (R, G, P, P)."""
    summed = Partition(codes).total(gram, axis=1)
    filled = np.diagonal(summed, axis1=2, axis2=3).sum(axis=(0, 2)) > 0  # a washout may empty a cluster
    return np.asarray(summed[:, filled])


def with_effects(gram: Array, stratum: Codes) -> Array:
    """Turn the constant, column 0, into one column a stratum."""
    R, cells, P, _ = gram.shape
    S = int(stratum.max()) + 1
    wide = np.zeros((R, cells, S + P - 1, S + P - 1))
    for cell, s in enumerate(stratum.tolist()):
        place = np.concatenate([[s], np.arange(S, S + P - 1)])
        wide[:, cell, place[:, None], place] = gram[:, cell]
    return wide


def replicates_of_grams(gram: Array, N: int) -> Replicates:
    """Return replicates of N rows from [X y]_g'[X y]_g, (R, G, K+1, K+1), the tested column last in X."""
    total = gram.sum(axis=1)
    A = total[:, :-1, :-1].copy()
    others = np.linalg.solve(A[:, :-1, :-1], A[:, :-1, -1:])[..., 0]
    left = A[:, -1, -1] - np.einsum("rk,rk->r", others, A[:, :-1, -1])
    degenerate = ~(left > SPANNED * A[:, -1, -1])
    A[degenerate, -1, -1] += 1.0
    L = np.linalg.cholesky(A)
    inverse = np.linalg.inv(L)
    turned = inverse[:, None] @ gram[:, :, :-1, :]
    return Replicates(
        E=Dense(turned[..., :-1] @ inverse[:, None].transpose(0, 1, 3, 2)),
        c=turned[..., -1],
        s=L[:, -1, -1] ** 2,
        yy=total[:, -1, -1],
        N=N,
        degenerate=degenerate,
    )
