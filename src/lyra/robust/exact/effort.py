"""How much of a family a fit can be tried in within seconds: all of it, its ends, or nothing. By its size alone."""

from __future__ import annotations

from lyra.regression.least_squares import Fit

__all__ = ["ends_alone", "the_most", "too_large"]

MANY_CLUSTERS = 1_000  # from which on only the ends of a range are listed, and CV3 alone is calibrated
MOST_CLUSTERS = 10_000  # beyond which laws are those of many clusters, and exact sizes take more than seconds
MANY_NUMBERS = 200_000  # clusters times squared columns, with the same consequence
MOST_NUMBERS = 400_000


def ends_alone(fit: Fit) -> bool:
    """Whether only the ends of a family's ranges are tried, and one line is calibrated."""
    return fit.G > MANY_CLUSTERS or _numbers(fit) > MANY_NUMBERS


def too_large(fit: Fit) -> bool:
    """Whether no exact size is computed unless it is asked for."""
    return fit.G > MOST_CLUSTERS or _numbers(fit) > MOST_NUMBERS


def the_most(fit: Fit) -> str:
    """Say what is exceeded by a fit that is too large, and by how much."""
    if fit.G > MOST_CLUSTERS:
        return f"{MOST_CLUSTERS:,} clusters, and there are {fit.G:,}"
    return f"{MOST_NUMBERS:,} clusters times squared columns, and there are {_numbers(fit):,}"


def _numbers(fit: Fit) -> int:
    return fit.G * fit.K**2
