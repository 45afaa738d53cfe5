"""Bootstrap clusters nested in clusters: sums kept at the finer level, the fit at the coarser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Codes
from lyra.data import check
from lyra.data.labels import encode
from lyra.errors import InputError
from lyra.moments.moments import Moments
from lyra.moments.partition import Partition
from lyra.regression.least_squares import Fit, least_squares

__all__ = ["Nested", "nested_fit"]


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """A fit with the bootstrap clusters its clusters hold: finer ones, or the clusters themselves.

    Attributes
    ----------
    fit : Fit
        The fit by cluster.
    fine : Fit
        The same estimate and coordinates, with sums and scores of the bootstrap clusters.
    partition : Partition
        The cluster of each bootstrap cluster.
    """

    fit: Fit
    fine: Fit
    partition: Partition

    @classmethod
    def itself(cls, fit: Fit) -> Nested:
        """Return the fit with its clusters for bootstrap clusters."""
        return cls(fit, fit, Partition.trivial(fit.G))


def nested_fit(y: Any, X: Any, clusters: Any, bootstrap_clusters: Any, *, names: Iterable[str] | None = None) -> Nested:
    """Return the fit of y (N,) on X (N, K) by clusters (N,), with its bootstrap clusters (N,).

    Raises
    ------
    InputError
        A bootstrap cluster lies in two clusters; and what `Moments.from_arrays` refuses.
    """
    outer, labels = encode(clusters)
    inner, inner_labels = encode(bootstrap_clusters, what="bootstrap_clusters")
    check.same_length(clusters=outer.size, bootstrap_clusters=inner.size)
    check.same_index(y=y, X=X, clusters=clusters, bootstrap_clusters=bootstrap_clusters)
    cluster = _cluster_of_each(outer, inner, labels, inner_labels)
    order = np.argsort(cluster, kind="stable")
    rank = np.empty(order.size)
    rank[order] = np.arange(order.size)
    by_cluster = np.where((inner < 0) | (outer < 0), np.nan, rank[inner])
    fine = Moments.to_fit(y, X, by_cluster, names=names)
    belongs = cluster[order][fine.labels.astype(np.intp)]
    fine = replace(fine, labels=inner_labels[order][fine.labels.astype(np.intp)])
    present, code = np.unique(belongs, return_inverse=True)
    partition = Partition(code)
    fit = least_squares(_summed(fine, partition, labels[present]))
    raw = fine.scores(fit.theta)
    within = replace(fit, moments=fine.witnessed(fit.theta, raw), scores=fit.orthonormal(raw))
    return Nested(fit, within, partition)


def _cluster_of_each(outer: Codes, inner: Codes, labels: NDArray[Any], inner_labels: NDArray[Any]) -> Codes:
    """Return the cluster of every bootstrap cluster, -1 where none of its rows has one, or refuse."""
    known = (outer >= 0) & (inner >= 0)
    cluster = np.full(inner_labels.size, -1, dtype=np.intp)
    cluster[inner[known]] = outer[known]
    torn = np.flatnonzero(cluster[inner[known]] != outer[known])
    if torn.size:
        h, g = inner[known][torn[0]], outer[known][torn[0]]
        raise InputError(
            f"bootstrap_clusters are not nested in clusters: {inner_labels[h]!s} lies in {labels[g]!s} and in "
            f"{labels[cluster[h]]!s}; pass labels of a finer partition."
        )
    return cluster


def _summed(fine: Moments, partition: Partition, labels: NDArray[Any]) -> Moments:
    summed = Moments.from_tensor(
        partition.total(fine.tensor),
        partition.total(fine.ones),
        names=fine.names,
        labels=labels,
        sizes=partition.total(fine.sizes),
        T_inverse=fine.T_inverse,
        a=fine.a,
        unit=fine.unit,
        dropped_rows=fine.dropped_rows,
    )
    return replace(summed, y_unit=fine.y_unit)
