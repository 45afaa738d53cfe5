"""What a source of replicates is; `from_world`, `from_history` and `from_fit` are the three there are.

- `WorldSource`: fresh data sets of a world under a design;
- `HistorySource`: the outcome fixed, the treatment drawn again by the declared design, so the sharp null holds;
- `ModelSource`: X and clusters fixed, scores simulated under a random effect of a given ICC; no row is touched.
"""

from __future__ import annotations

from typing import Any, Protocol

from numpy.random import Generator

from lyra.robust.replicates import Replicates
from lyra.simulation.cells import Table
from lyra.simulation.estimand import Estimand
from lyra.simulation.spread import Spread

__all__ = ["RowSource", "Source"]


class Source(Protocol):
    """A source of replicates in which the tested coefficient is zero."""

    def identity(self) -> dict[str, Any]:
        """Return all that replicates are drawn from, a part a name, as plain values; refused where it is code."""
        ...

    @property
    def estimand(self) -> Estimand:
        """What the coefficient is held against; it is taken out of the outcome, so that zero is true."""
        ...

    @property
    def numbers(self) -> int:
        """How many numbers one replicate holds: what bounds a batch."""
        ...

    def batch(self, R: int, rng: Generator) -> Replicates:
        """Return R replicates."""
        ...

    def spread(self, seed: int) -> Spread:
        """Return what the formula of power needs to know of a replicate."""
        ...


class RowSource(Protocol):
    """A source that can also hand out a replicate as rows."""

    def table(self, rng: Generator) -> Table:
        """Return y (N,), X (N, K) with the tested column last, and cluster codes (N,), of one replicate."""
        ...
