"""How many replicates the quick certificate that stands beside the lines of a fit is given: by the design's size."""

from __future__ import annotations

from collections.abc import Iterable

from lyra.regression.least_squares import Fit
from lyra.robust.methods import certifiable
from lyra.trials.trial import BLOCK

__all__ = ["on_sums", "quick_maximum"]

QUICK_NUMBERS = 2**29  # entries of cluster Grams simulated at most, when no line settles sooner
MOST_DOUBLINGS = 6


def quick_maximum(fit: Fit) -> int:
    """Return the most replicates of a quick certificate: the fewer the larger the design, on every machine the same."""
    cost = fit.G * (len(fit.names) + 1) ** 2 * BLOCK
    doublings = (QUICK_NUMBERS // cost).bit_length() - 1
    return int(BLOCK * 2 ** min(max(doublings, 0), MOST_DOUBLINGS))


def on_sums(methods: Iterable[str]) -> list[str]:
    """Return the methods that can be certified on the sums of a fit."""
    known = certifiable(on_sums=True)
    return [method for method in methods if method in known]
