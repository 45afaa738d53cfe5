"""The quick certificate that stands beside the lines of a fit: at which correlations, and how long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np

from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.methods import certifiable
from lyra.simulation.spread import bounded
from lyra.trials.trial import BLOCK

__all__ = ["Budget", "on_sums", "quick_budget"]

QUICK_NUMBERS = 2**29  # entries of cluster Grams simulated in a few seconds, when no line settles sooner
MOST_DOUBLINGS = 6


class Budget(TypedDict):
    """The intraclass correlations, and the most replicates, of a certificate of a fit."""

    icc: float | Sequence[float] | None
    maximum: int | None


def quick_budget(fit: Fit, *, icc: float | Sequence[float] | None = None, maximum: int | None = None) -> Budget:
    """Return the estimated correlation with the upper end of its interval, and what about two seconds allow.

    What is given stands; where no correlation can be estimated, a certificate tries what it tries without one.
    """
    return {
        "icc": _estimate_and_upper_end(fit) if icc is None else icc,
        "maximum": _affordable(fit) if maximum is None else maximum,
    }


def on_sums(methods: Iterable[str]) -> list[str]:
    """Return the methods that can be certified on the sums of a fit."""
    known = certifiable(on_sums=True)
    return [method for method in methods if method in known]


def _estimate_and_upper_end(fit: Fit) -> list[float] | None:
    found = diagnose(fit).icc
    known = [float(rho) for rho in (found.estimate, found.conf_int(0.95)[1]) if not np.isnan(rho)]
    return sorted({bounded(rho) for rho in known}) or None


def _affordable(fit: Fit) -> int:
    cost = fit.G * (len(fit.names) + 1) ** 2 * BLOCK
    doublings = (QUICK_NUMBERS // cost).bit_length() - 1
    return int(BLOCK * 2 ** min(max(doublings, 0), MOST_DOUBLINGS))
