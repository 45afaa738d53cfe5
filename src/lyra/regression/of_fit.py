"""What stands on a fit tells its rows and clusters, and what was left out of it."""

from __future__ import annotations

from lyra.regression.least_squares import Fit

__all__ = ["OfFit"]


class OfFit:
    """A result with a fit behind it."""

    __slots__ = ()

    fit: Fit

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return self.fit.N

    @property
    def n_clusters(self) -> int:
        """Clusters used."""
        return self.fit.G

    @property
    def dropped_rows(self) -> int:
        """Rows left out for a missing value or label."""
        return self.fit.moments.dropped_rows

    @property
    def dropped(self) -> tuple[str, ...]:
        """Columns left out as collinear."""
        return self.fit.dropped
