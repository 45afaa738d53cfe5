"""The laws of assignments: drawn, counted, enumerated."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from lyra.base.arrays import Bools, Codes
from lyra.base.text import did_you_mean, option
from lyra.data.units import Units
from lyra.errors import InputError

__all__ = [
    "Coins",
    "Law",
    "Lottery",
    "Own",
    "Treated",
    "check_enough",
    "check_treated",
    "fair_coins",
    "number_treated",
    "one_lottery",
]

Treated: TypeAlias = int | float | Literal["half", "bernoulli"]


class Law(Protocol):
    """A distribution over assignments of items, uniform wherever it can be counted."""

    def draw(self, R: int, rng: Generator) -> Bools:
        """Return R assignments, (R, items)."""
        ...

    def count(self) -> int:
        """Return the number of distinct assignments."""
        ...

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        ...

    def enumerate(self) -> Bools:
        """Return every assignment once, (count, items)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Lottery:
    """In every stratum a fixed number of items is treated, each subset equally likely."""

    stratum: Codes
    treated: Codes

    def draw(self, R: int, rng: Generator) -> Bools:
        """Return R assignments, (R, items)."""
        order = np.argsort(self.stratum + rng.random((R, len(self.stratum))), axis=1)
        drawn = np.zeros(order.shape, dtype=np.bool_)
        np.put_along_axis(drawn, order[:, self._winning_places()], values=True, axis=1)
        return drawn

    def count(self) -> int:
        """Return the number of distinct assignments."""
        pairs = zip(self._sizes().tolist(), self.treated.tolist(), strict=True)
        return math.prod(math.comb(n, k) for n, k in pairs)

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        return float(np.minimum(self.treated, self._sizes() - self.treated).sum())

    def enumerate(self) -> Bools:
        """Return every assignment once, (count, items)."""
        tables = [_subsets(n, k) for n, k in zip(self._sizes(), self.treated, strict=True)]
        drawn = np.empty((self.count(), len(self.stratum)), dtype=np.bool_)
        choices = np.unravel_index(np.arange(len(drawn)), [len(table) for table in tables])
        for s, (table, choice) in enumerate(zip(tables, choices, strict=True)):
            drawn[:, self.stratum == s] = table[choice]
        return drawn

    def _sizes(self) -> Codes:
        return np.bincount(self.stratum, minlength=len(self.treated))

    def _winning_places(self) -> Codes:
        sizes = self._sizes()
        rank = np.arange(len(self.stratum)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.flatnonzero(rank < np.repeat(self.treated, sizes))


@dataclass(frozen=True, slots=True, eq=False)
class Coins:
    """Fair independent coins; an item shows its coin, turned over where `flip` is set."""

    coin: Codes
    flip: Bools

    def draw(self, R: int, rng: Generator) -> Bools:
        """Return R assignments, (R, items)."""
        return self._show(rng.integers(2, size=(R, self._n_coins()), dtype=np.bool_))

    def count(self) -> int:
        """Return the number of distinct assignments."""
        return 1 << self._n_coins()

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        return float(self._n_coins())

    def enumerate(self) -> Bools:
        """Return every assignment once, (count, items)."""
        tosses = np.arange(self.count())[:, None] >> np.arange(self._n_coins())
        return self._show(tosses % 2 == 1)

    def _show(self, tosses: Bools) -> Bools:
        shown: Bools = tosses[:, self.coin] != self.flip
        return shown

    def _n_coins(self) -> int:
        return int(self.coin.max()) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """The law of a user's function: it can be drawn from, and nothing else is known of it."""

    function: Callable[[Units, Generator], ArrayLike]
    items: Units

    def draw(self, R: int, rng: Generator) -> Bools:
        """Return R assignments, (R, items)."""
        return np.array([self._once(rng) for _ in range(R)], dtype=np.bool_).reshape(R, len(self.items))

    def count(self) -> int:
        """Return the number of distinct assignments."""
        raise InputError("a design function can be drawn from but not counted; use one of lyra's own designs.")

    def least_bits(self) -> float:
        """Return a lower bound of the base-2 logarithm of their number."""
        return math.inf

    def enumerate(self) -> Bools:
        """Return every assignment once, (count, items)."""
        raise InputError("a design function can be drawn from but not enumerated; use one of lyra's own designs.")

    def _once(self, rng: Generator) -> Bools:
        drawn = np.asarray(self.function(self.items, rng))
        if drawn.shape != (len(self.items),):
            raise InputError(
                f"the design function returned shape {drawn.shape} for {len(self.items)} items; "
                "return a 0 or a 1 for each of them."
            )
        if not np.isin(drawn, (0, 1)).all():
            odd = drawn[~np.isin(drawn, (0, 1))][0]
            raise InputError(f"the design function returned {odd}; return a 0 or a 1 for each item.")
        return drawn.astype(np.bool_)


def one_lottery(n: int, name: str, treated: Treated) -> Law:
    """Return the law by which so many of n items are treated, or each by a fair coin."""
    if treated == "bernoulli":
        return fair_coins(n)
    number = number_treated(treated, n)
    if not 0 < number < n:
        raise InputError(
            f"{option('treated', treated)} of {n} {name}s leaves an arm empty; treat at least 1 and at most {n - 1}."
        )
    return Lottery(np.zeros(n, dtype=np.intp), np.array([number]))


def number_treated(treated: Treated, n: int) -> int:
    """Return how many of n items are treated, where it is no coin."""
    if treated == "half":
        return n // 2
    return int(treated) if isinstance(treated, Integral) else round(float(treated) * n)


def fair_coins(n: int) -> Coins:
    """Return n fair coins."""
    return Coins(np.arange(n), np.zeros(n, dtype=np.bool_))


def _subsets(n: int, k: int) -> Bools:
    chosen = np.array(list(combinations(range(n), k)), dtype=np.intp)
    table = np.zeros((len(chosen), n), dtype=np.bool_)
    np.put_along_axis(table, chosen, values=True, axis=1)
    return table


def check_treated(treated: Treated) -> None:
    """Refuse what is no number and no share of treated items."""
    if isinstance(treated, str):
        if treated not in {"half", "bernoulli"}:
            raise InputError(f"unknown treated={treated!r}; {did_you_mean(treated, ['half', 'bernoulli'])}.")
    elif not isinstance(treated, Integral) and not 0 < treated < 1:
        raise InputError(
            f"{option('treated', treated)} is not a share; "
            "give one between 0 and 1, or a whole number to treat so many."
        )


def check_enough(n: int, name: str) -> None:
    """Refuse one item, which leaves an arm empty."""
    if n < 2:
        raise InputError(f"there is {n} {name} for 2 arms; add {name}s or randomise a finer unit.")
