"""The switchback that is best against the worst: where to toss when treatment carries over for m windows."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from lyra.base.arrays import Codes
from lyra.base.text import option
from lyra.data.units import Units
from lyra.designs.design import Design, Layout, all_kept
from lyra.designs.lotteries import check_enough, fair_coins
from lyra.errors import InputError

__all__ = ["MinimaxSwitchback"]


@dataclass(frozen=True, slots=True)
class MinimaxSwitchback(Design):
    """A fair coin at windows 1, 2m + 1, 3m + 1, ..., (n − 2)m + 1 of nm windows in each cluster [1]_.

    Of all switchbacks with coins at some windows it has the smallest variance of the estimate of the total effect (see
    `lyra.se.switchback_total_effect`) when outcomes of a bounded size are as bad as they can be: blocks of m windows, a
    first and a last one of 2m.

    Parameters
    ----------
    carryover : int
        m, the number of windows for which treatment carries over; at 0 every window has its coin.

    Raises
    ------
    InputError
        When m is no whole number of 0 or more, windows are missing, or their number is no multiple of m, 4m or more.

    References
    ----------
    .. [1] I. Bojinov, D. Simchi-Levi and J. Zhao (2023), Design and analysis of switchback experiments. Management
       Science 69, 3759-3777, theorem 2.

    Examples
    --------
    >>> units = Units([0] * 8, window=range(8))
    >>> MinimaxSwitchback(2).items(units).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    >>> MinimaxSwitchback(1).items(units).tolist()
    [0, 0, 1, 2, 3, 4, 5, 5]
    """

    carryover: int = 1

    def __post_init__(self) -> None:
        whole = isinstance(self.carryover, Integral) and not isinstance(self.carryover, bool)
        if not whole or self.carryover < 0:
            raise InputError(f"{option('carryover', self.carryover)} is no number of windows; give 0, 1, 2 or more.")

    @property
    def title(self) -> str:
        """Minimax switchback, with its order of carry-over."""
        return f"minimax switchback for carry-over of {self.carryover}"

    @property
    def unit(self) -> str:
        """The block."""
        return "block"

    @property
    def reads(self) -> tuple[str, ...]:
        """The window."""
        return ("window",)

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster's block of windows is an item, and has its coin."""
        cluster, _ = units.codes("cluster")
        window, distinct = units.codes("window")
        block = self._blocks(len(distinct))
        _, first, item = np.unique(cluster * len(distinct) + block[window], return_index=True, return_inverse=True)
        check_enough(len(first), "block")
        return Layout(item, item, all_kept(units), fair_coins(len(first)))

    def _blocks(self, W: int) -> Codes:
        """Return the block of each of W windows, (W,)."""
        m = int(self.carryover)
        if m == 0:
            return np.arange(W)
        if W % m or 4 * m > W:
            raise InputError(
                f"{W} windows are no multiple of {option('carryover', m)} that holds it four times or more; choose "
                f"a number of windows such as {max(4, -(-W // m)) * m}."
            )
        return np.clip(np.arange(W) // m - 1, 0, W // m - 3)
