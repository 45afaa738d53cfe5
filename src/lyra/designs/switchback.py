"""Blocks of time windows drawn within clusters, or for all at once."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lyra.base.text import did_you_mean, option
from lyra.data.units import Units
from lyra.designs.design import Design, Layout
from lyra.designs.lotteries import Coins, check_enough, fair_coins
from lyra.errors import InputError

__all__ = ["Switchback"]


@dataclass(frozen=True, slots=True)
class Switchback(Design):
    """Each cluster switches between the arms from one block of windows to the next.

    Parameters
    ----------
    block : int
        Number of windows in a block.
    pattern : "random" or "alternating"
        A fair coin for every cluster and block; or one for the first block of each cluster and the arms in
        turn from there, so that one draw decides a whole cluster and the randomisation unit is the cluster.
    washout : int
        Number of windows left out at the start of every block, whether the arm changed or not: the rows kept
        are then the same in every draw.

    Raises
    ------
    InputError
        When an argument is out of range, windows are missing, or their number is not divisible by the block.

    Examples
    --------
    >>> units = Units([0, 0, 0, 0], window=[0, 1, 2, 3])
    >>> Switchback(block=2, pattern="alternating").enumerate(units).astype(int).tolist()
    [[0, 1], [1, 0]]
    >>> Switchback(block=2, washout=1).kept(units).tolist()
    [False, True, False, True]
    """

    block: int = 4
    pattern: Literal["random", "alternating"] = "random"
    washout: int = 0

    def __post_init__(self) -> None:
        if self.block < 1:
            raise InputError(f"{option('block', self.block)}; a switchback block holds at least 1 window.")
        if not 0 <= self.washout < self.block:
            raise InputError(
                f"{option('washout', self.washout)} with {option('block', self.block)}; leave out at least 0 and "
                f"at most {self.block - 1} windows of a block, so that some remain."
            )
        if self.pattern not in {"random", "alternating"}:
            known = did_you_mean(str(self.pattern), ["random", "alternating"])
            raise InputError(f"unknown switchback pattern {self.pattern!r}; {known}.")

    @property
    def title(self) -> str:
        """Switchback, with its block, pattern and washout."""
        kind = ", alternating" if self.pattern == "alternating" else ""
        return f"switchback, blocks of {self.block}{kind}" + (f", washout {self.washout}" if self.washout else "")

    @property
    def unit(self) -> str:
        """The block, or the whole cluster when the arms alternate."""
        return "block" if self.pattern == "random" else "cluster"

    @property
    def reads(self) -> tuple[str, ...]:
        """The window."""
        return ("window",)

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster's block of windows is an item."""
        cluster, _ = units.codes("cluster")
        window, distinct = units.codes("window")
        self._check_windows(len(distinct))
        _, first, item = np.unique(
            cluster * len(distinct) + window // self.block, return_index=True, return_inverse=True
        )
        check_enough(len(first), "block")
        kept = window % self.block >= self.washout
        if self.pattern == "random":
            return Layout(item, item, kept, fair_coins(len(first)))
        return Layout(item, cluster, kept, Coins(cluster[first], (window // self.block)[first] % 2 == 1))

    def _check_windows(self, W: int) -> None:
        if W % self.block:
            raise InputError(
                f"{W} windows are not divisible by {option('block', self.block)}; choose a block that divides {W}, "
                f"or leave the last {W % self.block} out."
            )
