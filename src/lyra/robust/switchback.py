"""A switchback's window sums -> its total effect under carry-over of order m, by Horvitz and Thompson; and a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from lyra.base.arrays import Array, Bools, Codes
from lyra.base.result import Contract
from lyra.base.text import option
from lyra.base.warn import warn
from lyra.data.units import Seed, Units
from lyra.designs import Design
from lyra.designs.lotteries import Coins
from lyra.errors import InputError, NotIdentifiedError, UnidentifiedWarning
from lyra.moments.window_sums import WindowSums
from lyra.robust.laws import t_interval, t_pvalue
from lyra.robust.spans import Spans
from lyra.robust.wild.tally import TIE

__all__ = ["SwitchbackEffect", "total_effect"]

BLOCK = 2**20  # numbers at a time


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class SwitchbackEffect(Contract):
    """The mean effect of treating always against never, of windows that the assignments before are known to reach.

    Attributes
    ----------
    term : str
        "total effect".
    estimate, std_error : float
        Horvitz and Thompson's estimate, and the root of its conservative variance; NaN where one arm never lasts.
    distribution : ndarray (R,)
        The estimate under every assignment tried, were there no effect; the actual one first.
    enumerated : bool
        Whether these are all the assignments.
    carryover : int
        m, the windows for which treatment may carry over.
    n_rows, n_clusters, n_windows : int
        Rows after the first m windows, clusters, windows.
    treated, control : float
        Share of those rows whose last m + 1 assignments were all treated, or all control.
    """

    term: str = "total effect"
    estimate: float
    std_error: float
    distribution: Array = field(repr=False)
    enumerated: bool
    carryover: int
    n_rows: int
    n_clusters: int
    n_windows: int
    treated: float
    control: float

    @property
    def statistic(self) -> float:
        """The estimate over its standard error."""
        return self.estimate / self.std_error

    @property
    def pvalue(self) -> float:
        """P(|Z| ≥ |statistic|), Z normal: of no total effect on average, for many blocks."""
        return float(t_pvalue(self.statistic, np.inf))

    @property
    def exact_pvalue(self) -> float:
        """The share of assignments with an estimate at least as large: exact where treatment does nothing to anyone."""
        return float(np.mean(np.abs(self.distribution) >= abs(self.estimate) * (1.0 - TIE)))

    @property
    def n_assignments(self) -> int:
        """Assignments tried, the actual one among them."""
        return self.distribution.size

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the interval (2,), estimate ± normal quantile · standard error."""
        return t_interval(np.asarray(self.estimate), np.asarray(self.std_error), np.asarray(np.inf), level)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the distribution as plain values, ready for JSON."""
        told = ("term", "estimate", "std_error", "statistic", "p_value", "exact_pvalue", "n_assignments", "enumerated")
        counts = ("carryover", "n_rows", "n_clusters", "n_windows", "treated", "control")
        return {name: getattr(self, name) for name in (*told, *counts)}

    def _answer(self) -> str:
        return f"total effect {self.estimate:.4g}, SE {self.std_error:.4g}, exact p = {self.exact_pvalue:.4g}"

    def explain(self) -> str:
        """Return in words what was estimated, from which windows, and by which laws."""
        low, high = self.conf_int()
        how = "all" if self.enumerated else "a sample of"
        return (
            f"Total effect (treated always against never) {self.estimate:.4g}, standard error {self.std_error:.4g} "
            f"(conservative), 95 % interval {low:.4g} to {high:.4g} by the normal law.\n"
            f"Horvitz-Thompson for carry-over of {self.carryover} windows: of {self.n_rows:,} rows in "
            f"{self.n_clusters:,} clusters and {self.n_windows:,} windows, {100 * self.treated:.3g} % were treated and "
            f"{100 * self.control:.3g} % control in all of the last {self.carryover + 1}.\n"
            f"No effect on anyone: exact p = {self.exact_pvalue:.4g} over {how} {self.n_assignments:,} assignments."
        )


def total_effect(sums: WindowSums, design: Design, *, carryover: int, R: int, rng: Seed) -> SwitchbackEffect:
    """Return the total effect of a switchback drawn by independent coins; see `lyra.se.switchback_total_effect`."""
    lottery = _Lottery.over(design, *sums.rows.shape)
    spans = Spans.of(lottery.block, _order(carryover, sums.rows.shape[1]))
    arms, totals = lottery.arms(sums), spans.totals(sums.sums)
    N = spans.totals(sums.rows)
    seen = [float(N[spans.agreement(arms) == sign].sum() / N.sum()) for sign in (1.0, -1.0)]
    drawn, enumerated = lottery.others(arms, R, rng)
    return SwitchbackEffect(
        estimate=float(spans.estimates(totals, arms)) / float(N.sum()),
        std_error=_std_error(spans, totals, arms, seen) / float(N.sum()),
        distribution=_under(spans, totals, drawn) / float(N.sum()),
        enumerated=enumerated,
        carryover=spans.carryover,
        n_rows=int(N.sum()),
        n_clusters=sums.clusters.size,
        n_windows=sums.windows.size,
        treated=seen[0],
        control=seen[1],
    )


def _order(carryover: int, W: int) -> int:
    if not isinstance(carryover, Integral) or isinstance(carryover, bool) or carryover < 0:
        raise InputError(f"{option('carryover', carryover)} is no number of windows: pass 0, 1, 2 or more.")
    if carryover >= W:
        raise NotIdentifiedError(
            f"{option('carryover', carryover)} reaches over all {W} windows: nothing is left; pass a smaller one."
        )
    return int(carryover)


def _std_error(spans: Spans, totals: Array, arms: Bools, seen: list[float]) -> float:
    if min(seen) > 0.0:
        return float(np.sqrt(spans.variance(totals, arms)))
    which = "treated" if seen[0] == 0.0 else "control"
    warn(
        f"No window was {which} in all of its last {spans.carryover + 1}: the estimate stands on one arm, and has no "
        "standard error.",
        UnidentifiedWarning,
    )
    return np.nan


def _under(spans: Spans, totals: Array, drawn: Bools) -> Array:
    """Return the estimates (R,) of assignments (R, G, blocks), were the outcomes the same under all of them."""
    step = max(1, BLOCK // max(totals.size, drawn[0].size))
    parts = [spans.estimates(totals, drawn[start : start + step]) for start in range(0, len(drawn), step)]
    return np.concatenate(parts)


# --- the lottery --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Lottery:
    """A design over a grid of clusters and windows: the block of each window (W,), the item of each block (G, E)."""

    design: Design
    units: Units
    block: Codes
    item: Codes

    @classmethod
    def over(cls, design: Design, G: int, W: int) -> _Lottery:
        """Return a design laid over a full grid, or refuse one that is not coins, one a block and cluster."""
        units = Units(np.repeat(np.arange(G), W), window=np.tile(np.arange(W), G))
        laid = design.layout(units)
        by_blocks = "window" in design.reads and np.array_equal(laid.item, laid.unit)
        if not by_blocks or not isinstance(laid.law, Coins):
            raise InputError(
                f"the design {design.title!r} does not toss a coin for each block of windows: pass the one that was "
                "drawn, Switchback(block) or MinimaxSwitchback(carryover)."
            )
        items = laid.item.reshape(G, W)
        starts = np.flatnonzero(np.r_[True, items[0, 1:] != items[0, :-1]])
        block = np.searchsorted(starts, np.arange(W), side="right") - 1
        return cls(design=design, units=units, block=block, item=items[:, starts])

    def arms(self, sums: WindowSums) -> Bools:
        """Return the arm of each cluster's block (G, E), or refuse one that changes in it or is not known."""
        found = np.empty(self.item.shape, dtype=np.bool_)
        for e in range(self.item.shape[1]):
            within = np.flatnonzero(self.block == e)
            treated = sums.treated[:, within]
            known = ~np.isnan(treated)
            ones = np.where(known, treated, 0.0).sum(axis=1)
            _refuse(sums, within, known.sum(axis=1) == 0, NO_ROWS)
            _refuse(sums, within, (ones > 0) & (ones < known.sum(axis=1)), CHANGES)
            found[:, e] = ones > 0
        return found

    def others(self, arms: Bools, R: int, rng: Seed) -> tuple[Bools, bool]:
        """Return assignments (R, G, E), the actual one first, and whether these are all."""
        if self.design.enumerable(self.units):
            every = self.design.enumerate(self.units)[:, self.item]
            same = np.flatnonzero((every == arms).all(axis=(1, 2)))
            return np.concatenate([arms[None], np.delete(every, same, axis=0)]), True
        if R < 1:
            raise InputError(f"R={R} assignments cannot be drawn: ask for at least 1, such as 9999.")
        return np.concatenate([arms[None], self.design.draw_many(self.units, R, rng)[:, self.item]]), False


NO_ROWS = "cluster {} has no rows in windows {} to {}, a block, so its arm there is not known: leave the cluster out."
CHANGES = (
    "the arm of cluster {} changes within windows {} to {}, a block of the design: pass the design that was drawn."
)


def _refuse(sums: WindowSums, within: Codes, refused: Bools, sentence: str) -> None:
    if refused.any():
        g = int(np.flatnonzero(refused)[0])
        raise InputError(sentence.format(sums.clusters[g], sums.windows[within[0]], sums.windows[within[-1]]))
