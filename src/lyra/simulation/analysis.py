"""How an experiment is analysed: what is a cluster, and what is adjusted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Codes
from lyra.base.renamed import renamed_fields
from lyra.base.text import did_you_mean, option
from lyra.data.units import Units
from lyra.designs import Design
from lyra.errors import InputError

__all__ = ["CLUSTER_BY", "Analysis", "cluster_codes", "labels_read", "shared_by"]


CLUSTER_BY = ("cluster", "unit", "window", "stratum", "pair", "user")


@renamed_fields(level="cluster_by")
@dataclass(frozen=True, slots=True)
class Analysis:
    """How the data are analysed: what is a cluster (see `cluster_codes`) and what is adjusted for."""

    cluster_by: str = "cluster"
    covariates: tuple[str, ...] = ()


def cluster_codes(units: Units, cluster_by: str, design: Design | None) -> Codes:
    """Return the cluster of each row (n,) of an analysis.

    "cluster"; "unit", what the design randomises independently (a block of a switchback, a pair); "window", the
    cluster in one window; "stratum" or "pair"; "user".
    """
    match cluster_by:
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
    told = did_you_mean(cluster_by, CLUSTER_BY)
    raise InputError(f"{option('cluster_by', cluster_by)} is nothing to cluster by: {told}.")


def labels_read(cluster_by: str) -> tuple[str, ...]:
    """Return the labels of rows, beside the cluster, that an analysis reads by itself."""
    return {"window": ("window",), "stratum": ("stratum",), "pair": ("stratum",), "user": ("user",)}.get(cluster_by, ())


def shared_by(design: Design | None) -> str:
    """Return what shares the shocks that reach a treatment: the block where each is drawn anew, else the cluster."""
    return "unit" if design is not None and design.unit == "block" else "cluster"
