"""What stands on a fit tells its rows and clusters, and what was left out of it."""

from __future__ import annotations

from lyra.base.arrays import Array
from lyra.moments.moments import Moments
from lyra.regression.least_squares import Fit

__all__ = ["OfCoefficients", "OfFit"]


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


class OfCoefficients(OfFit):
    """The same, that tells the fit's own names, estimates and sums too."""

    __slots__ = ()

    @property
    def moments(self) -> Moments:
        """The per-cluster sums everything is computed from."""
        return self.fit.moments

    @property
    def names(self) -> tuple[str, ...]:
        """The K coefficients."""
        return self.fit.names

    @property
    def coef(self) -> Array:
        """The estimates (K,)."""
        return self.fit.coef
