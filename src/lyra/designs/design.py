"""Who is treated: the lotteries of experiments, drawn, counted and enumerated.

A design treats *items* whole (a user, a cluster, a block of windows). Its *randomisation unit* is the set of
rows that one independent draw decides: an analysis that clusters finer than the unit errs [1]_, [2]_.

References
----------
.. [1] Abadie, Athey, Imbens & Wooldridge (2023), "When should you adjust standard errors for clustering?",
   Quarterly Journal of Economics 138.
.. [2] de Chaisemartin & Ramirez-Cuellar (2024), "At what level should one cluster standard errors in paired
   and small-strata experiments?", AEJ: Applied Economics 16.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from lyra.base.arrays import Bools, Codes
from lyra.data.units import Seed, Units
from lyra.designs.lotteries import Law
from lyra.errors import InputError

__all__ = ["ENUMERATION_LIMIT", "Design", "Layout", "all_kept"]

ENUMERATION_LIMIT = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A design laid over given units.

    Attributes
    ----------
    item : (n,) int array
        The item of each row: rows of one item are treated alike.
    unit : (n,) int array
        The randomisation unit of each row: units are drawn independently, or nearly so.
    kept : (n,) bool array
        False on the rows a washout leaves out of the analysis.
    law : Law
        The distribution over assignments of the items.
    """

    item: Codes
    unit: Codes
    kept: Bools
    law: Law


class Design(ABC):
    """A rule that says who may be treated, with what probability.

    Wherever the number of assignments is known, all of them are equally likely.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def unit(self) -> str:
        """Name of the randomisation unit, the finest level at which an analysis may cluster."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What the design is called in tables."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The labels of a row, beside its cluster, that the design reads: of "user", "window" and "stratum"."""
        return ()

    @abstractmethod
    def layout(self, units: Units) -> Layout:
        """Lay the design over units, or refuse them."""

    def draw(self, units: Units, rng: Seed) -> Bools:
        """Return one assignment as a (n,) bool array over the rows of `units`."""
        drawn: Bools = self.draw_many(units, 1, rng)[0][self.items(units)]
        return drawn

    def draw_many(self, units: Units, R: int, rng: Seed) -> Bools:
        """Return R assignments as a (R, items) bool array; `drawn[:, design.items(units)]` is over rows."""
        return _laid(self, units).law.draw(R, np.random.default_rng(rng))

    def items(self, units: Units) -> Codes:
        """Return the item of each row, (n,) int array of columns of `draw_many` and `enumerate`."""
        return _laid(self, units).item

    def unit_labels(self, units: Units) -> Codes:
        """Return the randomisation unit of each row, (n,) int array."""
        return _laid(self, units).unit

    def kept(self, units: Units) -> Bools:
        """Return which rows the analysis keeps, (n,) bool array; a washout drops some, whatever is drawn."""
        return _laid(self, units).kept

    def count(self, units: Units) -> int:
        """Return the number of distinct assignments, exactly."""
        return _laid(self, units).law.count()

    def enumerable(self, units: Units) -> bool:
        """Return whether `enumerate` lists the assignments: at most 20,000 of them, and known."""
        law = _laid(self, units).law
        return law.least_bits() <= math.log2(ENUMERATION_LIMIT) and law.count() <= ENUMERATION_LIMIT

    def enumerate(self, units: Units) -> Bools:
        """Return every assignment once, as a (count, items) bool array.

        Raises
        ------
        InputError
            When there are more than 20,000, or their number is not known.
        """
        law = _laid(self, units).law
        if not self.enumerable(units) and law.least_bits() < math.inf:
            raise InputError(
                f"this design has more than {ENUMERATION_LIMIT:,} assignments, too many to list; "
                "draw some with draw_many."
            )
        return law.enumerate()

    def splits(self, units: Units, clusters: ArrayLike) -> int:
        """Return how many randomisation units an analysis clustered by `clusters` (n,) breaks up.

        Zero is right; anything else means that the analysis clusters finer than the design randomises.
        """
        unit = _laid(self, units).unit
        _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
        met = np.unique(unit * (int(cluster.max()) + 1) + cluster) // (int(cluster.max()) + 1)
        return int(np.count_nonzero(np.bincount(met) > 1))


@lru_cache(maxsize=8)
def _laid(design: Design, units: Units) -> Layout:
    return design.layout(units)


def all_kept(units: Units) -> Bools:
    """Return that every row is kept."""
    return np.ones(len(units), dtype=np.bool_)
