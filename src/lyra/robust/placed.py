"""Where the rows of a fit sit beside their clusters, for a treatment that was drawn: in strata, and in time windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lyra.data.units import Units
from lyra.designs import Design
from lyra.designs.named import Word
from lyra.moments.partition import Partition
from lyra.regression.least_squares import Fit

__all__ = ["Drawn", "Placed"]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What a treatment was drawn for: a fit by the clusters or cells treated alike, and the clusters they lie in.

    Attributes
    ----------
    fit : Fit
        By what was treated alike: clusters, or cells of cluster and window.
    clusters : Partition
        Which cluster each lies in.
    units : Units, optional
        The cluster and the window of each cell; None where clusters were drawn.
    """

    fit: Fit
    clusters: Partition
    units: Units | None = None

    @property
    def what(self) -> str:
        """What was treated alike, in a word."""
        return "clusters" if self.units is None else "cells"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Placed:
    """What a table says of its rows beside their clusters.

    Attributes
    ----------
    stratum : mapping, optional
        The stratum of each cluster by its label.
    cells : Drawn, optional
        The same regression by cells of cluster and window.
    """

    stratum: Mapping[Any, Any] | None = None
    cells: Drawn | None = None

    def drawn(self, fit: Fit, design: Design | Word | None) -> Drawn:
        """Return what a design treats alike: cells where it draws by window and these are known, else clusters."""
        if self.cells is not None and isinstance(design, Design) and "window" in design.reads:
            return self.cells
        return Drawn(fit, Partition(np.arange(fit.G)))

    def strata(self, design: Design | Word | None, stratum: Any) -> Any:
        """Return the strata handed in; left out, those of the table, for a design that draws in each."""
        reads = "stratum" in design.reads if isinstance(design, Design) else design in ("strata", "pairs")
        return self.stratum if stratum is None and reads else stratum
