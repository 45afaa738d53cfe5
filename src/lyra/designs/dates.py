"""The laws of the dates at which clusters adopt, and of the treatment that follows from them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Protocol

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Bools, Codes
from lyra.designs.lotteries import Lottery

__all__ = ["Adopted", "AtRandom", "DatesLaw", "Dealt"]


class DatesLaw(Protocol):
    """A uniform distribution over the dates of G clusters."""

    def draw(self, R: int, rng: Generator) -> Codes:
        """Return R times a date a cluster, (R, G)."""
        ...

    def count(self) -> int:
        """Return the number of distinct dealings."""
        ...

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        ...

    def enumerate(self) -> Codes:
        """Return every dealing once, (count, G)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """The dates (G,), dealt over the clusters, every dealing equally likely."""

    dates: Codes

    def draw(self, R: int, rng: Generator) -> Codes:
        """Return R times a date a cluster, (R, G)."""
        return rng.permuted(np.tile(self.dates, (R, 1)), axis=1)

    def count(self) -> int:
        """Return the number of distinct dealings, G! over the factorials of how often each date is there."""
        often = np.unique(self.dates, return_counts=True)[1].tolist()
        return math.factorial(len(self.dates)) // math.prod(map(math.factorial, often))

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        often = np.unique(self.dates, return_counts=True)[1].tolist()
        nats = math.lgamma(len(self.dates) + 1) - sum(math.lgamma(number + 1) for number in often)
        return max(nats * (1.0 - 1e-9), 0.0) / math.log(2.0)

    def enumerate(self) -> Codes:
        """Return every dealing once, (count, G)."""
        distinct, often = np.unique(self.dates, return_counts=True)
        table = np.full((1, len(self.dates)), distinct[-1])
        taken = np.zeros(table.shape, dtype=np.bool_)
        for date, number in zip(distinct[:-1], often, strict=False):
            places = np.array([_among(row, number) for row in ~taken]).reshape(-1, number)
            each = len(places) // len(table)
            table, taken = np.repeat(table, each, axis=0), np.repeat(taken, each, axis=0)
            np.put_along_axis(table, places, date, axis=1)
            np.put_along_axis(taken, places, values=True, axis=1)
        return table


def _among(free: Bools, number: int) -> Codes:
    """Return the subsets of so many of the free places, (subsets, number)."""
    return np.array(list(combinations(np.flatnonzero(free), number)))


@dataclass(frozen=True, slots=True, eq=False)
class AtRandom:
    """So many of G clusters adopt, each subset equally likely, each at one of the distinct dates, for itself."""

    G: int
    adopters: int
    dates: Codes
    never: int

    def draw(self, R: int, rng: Generator) -> Codes:
        """Return R times a date a cluster, (R, G)."""
        adopts = self._lottery.draw(R, rng)
        return np.where(adopts, self.dates[rng.integers(len(self.dates), size=(R, self.G))], self.never)

    def count(self) -> int:
        """Return the number of distinct dealings."""
        return self._lottery.count() * int(len(self.dates) ** self.adopters)

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        return self._lottery.least_bits() + self.adopters * math.log2(len(self.dates))

    def enumerate(self) -> Codes:
        """Return every dealing once, (count, G)."""
        return np.array(list(self._each()))

    def _each(self) -> Iterator[Codes]:
        for adopts in self._lottery.enumerate():
            for dates in product(self.dates, repeat=self.adopters):
                row = np.full(self.G, self.never)
                row[adopts] = dates
                yield row

    @property
    def _lottery(self) -> Lottery:
        return Lottery(np.zeros(self.G, dtype=np.intp), np.array([self.adopters]))


@dataclass(frozen=True, slots=True, eq=False)
class Adopted:
    """The treatment of items, a cluster in one window each, 1 from its cluster's date on."""

    dates: DatesLaw
    cluster: Codes
    window: Codes

    def draw(self, R: int, rng: Generator) -> Bools:
        """Return R assignments, (R, items)."""
        return self._from(self.dates.draw(R, rng))

    def count(self) -> int:
        """Return the number of distinct assignments."""
        return self.dates.count()

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        return self.dates.least_bits()

    def enumerate(self) -> Bools:
        """Return every assignment once, (count, items)."""
        return self._from(self.dates.enumerate())

    def _from(self, dates: Codes) -> Bools:
        return np.asarray(self.window >= dates[:, self.cluster])
