"""What randomisation inference says of one fit: a p-value, and the nulls that its test does not reject."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.base.result import Contract
from lyra.base.warn import warn
from lyra.data import check
from lyra.errors import DisjointSetWarning
from lyra.regression.least_squares import Fit
from lyra.robust.placed import Drawn
from lyra.robust.redrawn import Redrawn, redrawn
from lyra.robust.sandwich import small_sample
from lyra.robust.wild.tally import TIE

__all__ = ["NAMES", "RandomisationTest"]

NAMES = {"t": "RI-t", "beta": "RI-beta"}
"""What a statistic is called in tables."""

LEAST = 1e-12  # of alpha times the assignments: rounding


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class RandomisationTest(Contract):
    """A test of the sharp null that the treatment shifts every outcome by `h0`.

    Attributes
    ----------
    term : str
        The treatment.
    h0 : float
        The effect under the null.
    kind : str
        "t" (RI-t) or "beta" (RI-β).
    statistic : float
        The statistic of the actual assignment: β̂ − h0, or that over its CV1 standard error.
    distribution : ndarray (R,)
        The statistic under every assignment tried, the actual one first; NaN where it is not identified.
    treated, control : int
        Clusters, or cells of cluster and window, in each arm of the actual assignment.
    enumerated : bool
        Whether these are all the assignments the design could have made.
    design : str
        By which design they could have been made.
    tried : ndarray (R, G) of bool
        The assignments, the actual one first, a value a cluster or cell.
    values : (float, float)
        The treatment's smaller and larger value.
    """

    term: str
    h0: float
    kind: str
    statistic: float
    distribution: Array = field(repr=False)
    treated: int
    control: int
    enumerated: bool
    design: str
    tried: Bools = field(repr=False)
    values: tuple[float, float] = field(repr=False)
    fit: Fit = field(repr=False)
    drawn: Drawn = field(repr=False)

    @property
    def estimate(self) -> float:
        """The coefficient."""
        return float(self.fit.coef[self.fit.names.index(self.term)])

    @property
    def std_error(self) -> float:
        """For "t" that of CV1; for "beta" the root mean square of β̂ − h0 over the assignments, under the null."""
        if self.kind == "beta":
            return float(np.sqrt(np.nanmean(self.distribution**2)))
        return float(self._along.one_se * self.drawn.fit.moments.y_unit * np.sqrt(small_sample(self.fit, "CV1")))

    @property
    def n_assignments(self) -> int:
        """Assignments tried, the actual one among them."""
        return self.distribution.size

    @property
    def n_greater(self) -> int:
        """Assignments strictly more extreme than the actual one."""
        return int(np.sum(self._size > self._own * (1.0 + TIE)))

    @property
    def n_ties(self) -> int:
        """Assignments as extreme as the actual one, itself among them."""
        return int(np.sum(np.abs(self._size - self._own) <= TIE * self._own))

    @property
    def n_undefined(self) -> int:
        """Assignments whose statistic does not exist; they count as more extreme."""
        return int(np.isnan(self.distribution).sum())

    @property
    def pvalue(self) -> float:
        """The share of assignments at least as extreme as the actual one, itself among them."""
        return (self.n_greater + self.n_ties + self.n_undefined) / self.n_assignments

    @property
    def smallest_pvalue(self) -> float:
        """The p-value the most extreme of these assignments would have."""
        largest = np.nanmax(self._size)
        return float(np.sum(~(self._size < largest * (1.0 - TIE))) / self.n_assignments)

    def confidence_set(self, level: float = 0.95) -> Array:
        """Return every null value this test does not reject at 1 − level, as intervals (m, 2) in order.

        The end points are exact for the assignments at hand: those of "beta" are ratios, those of "t" roots of
        quartics; see `lyra.robust.redrawn`. Sides may be infinite; where the statistic is not defined, no interval.

        Raises
        ------
        InputError
            The level is no coverage.
        """
        alpha = 1.0 - check.coverage(level)
        if np.isnan(self.statistic):
            return np.empty((0, 2))
        unit, steps = self._along.extreme(self.kind)
        x = steps.at_least(int(np.floor(alpha * self.n_assignments * (1.0 + LEAST))) + 1)
        with np.errstate(divide="ignore"):
            tau = x / (1.0 - np.abs(x))
        return np.asarray((self.estimate - unit * self.drawn.fit.moments.y_unit * tau)[::-1, ::-1])

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the interval (2,) of null values this test does not reject; sides may be infinite.

        Raises
        ------
        InputError
            The level is no coverage.

        Warns
        -----
        DisjointSetWarning
            The set has gaps; its hull is returned, and `confidence_set` has the parts.
        """
        parts = self.confidence_set(level)
        if len(parts) == 0:
            return np.full(2, np.nan)
        if (parts[1:, 0] > parts[:-1, 1]).any():
            warn(
                f"The values not rejected are {len(parts)} separate intervals, and their hull is returned: "
                "confidence_set(level) has each.",
                DisjointSetWarning,
            )
        return np.array([parts[0, 0], parts[-1, 1]])

    @cached_property
    def _along(self) -> Redrawn:
        low, high = self.values
        return redrawn(self.drawn, self.drawn.fit.names.index(self.term), np.where(self.tried, high, low))

    @property
    def _size(self) -> Array:
        return np.abs(self.distribution)

    @property
    def _own(self) -> float:
        return abs(self.statistic)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the distribution as plain values, ready for JSON."""
        told = ("term", "estimate", "std_error", "h0", "kind", "statistic", "p_value")
        of_arms = ("treated", "control", "design", "enumerated")
        counts = ("n_assignments", "n_greater", "n_ties", "n_undefined", "smallest_pvalue")
        return {name: getattr(self, name) for name in (*told, *of_arms, *counts)}

    def _answer(self) -> str:
        how = "all" if self.enumerated else "a sample of"
        name = NAMES[self.kind]
        return f"{name}, {self.term} = {self.h0:g}: p = {self.pvalue:.4g} over {how} {self.n_assignments:,} assignments"

    def explain(self) -> str:
        """Return in words what was randomised, how often, and what the p-value can be."""
        how = "all" if self.enumerated else "a sample of"
        lost = f"; {self.n_undefined} without a statistic count as more extreme" if self.n_undefined else ""
        floor = "" if self.smallest_pvalue <= 0.05 else "; it cannot reject at 5 %"
        arms = f"{self.treated} {self.drawn.what} treated and {self.control} control"
        return (
            f"{NAMES[self.kind]} for {self.term} = {self.h0:g}, {arms}: over {how} {self.n_assignments} assignments, "
            f"p = {self.pvalue:.4g} (the smallest attainable is {self.smallest_pvalue:.4g}{floor}){lost}."
        )

    def __float__(self) -> float:
        return self.pvalue
