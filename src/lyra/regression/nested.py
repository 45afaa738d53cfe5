"""Bootstrap clusters nested in clusters: sums kept at the finer level, the fit at the coarser."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.data import check
from lyra.data.labels import encode
from lyra.errors import InputError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import Fit, least_squares

__all__ = ["Partition", "nested_fit"]


@dataclass(frozen=True, slots=True, eq=False)
class Partition:
    """The H bootstrap clusters of a fit, in the order of its clusters.

    Attributes
    ----------
    fit : Fit
        The same estimate and coordinates, with sums and scores of the bootstrap clusters.
    starts : ndarray (G,)
        Where each cluster's bootstrap clusters begin.
    """

    fit: Fit
    starts: NDArray[np.intp]

    @property
    def cluster(self) -> NDArray[np.intp]:
        """The cluster of each bootstrap cluster (H,)."""
        return np.repeat(np.arange(self.starts.size), np.diff(np.append(self.starts, self.fit.G)))


def nested_fit(
    y: Any, X: Any, clusters: Any, bootstrap_clusters: Any, *, names: Iterable[str] | None = None
) -> tuple[Fit, Partition]:
    """Return the fit of y (N,) on X (N, K) by clusters (N,), with its partition into bootstrap clusters (N,).

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
    starts = np.flatnonzero(np.diff(belongs, prepend=-1))
    fit = least_squares(_summed(fine, starts, labels[belongs[starts]]))
    raw = fine.scores(fit.theta)
    within = replace(fit, moments=fine.witnessed(fit.theta, raw), scores=fit.orthonormal(raw), memo={})
    return fit, Partition(within, starts)


def _cluster_of_each(
    outer: NDArray[np.int32], inner: NDArray[np.int32], labels: NDArray[Any], inner_labels: NDArray[Any]
) -> NDArray[np.intp]:
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


def _summed(fine: Moments, starts: NDArray[np.intp], labels: NDArray[Any]) -> Moments:
    summed = Moments.from_tensor(
        np.add.reduceat(fine.tensor, starts, axis=0),
        np.add.reduceat(fine.ones, starts, axis=0),
        names=fine.names,
        labels=labels,
        sizes=np.add.reduceat(fine.sizes, starts),
        T_inverse=fine.T_inverse,
        a=fine.a,
        unit=fine.unit,
        dropped_rows=fine.dropped_rows,
    )
    return replace(summed, y_unit=fine.y_unit)
