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
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from numbers import Integral
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from lyra.data.units import Bools, Codes, Seed, Units
from lyra.errors import InputError, did_you_mean, option

__all__ = [
    "ENUMERATION_LIMIT",
    "ByCluster",
    "ByUser",
    "Custom",
    "Design",
    "Layout",
    "Pairs",
    "Stratified",
    "Switchback",
]

ENUMERATION_LIMIT = 20_000

Treated: TypeAlias = int | float | Literal["half", "bernoulli"]


class Law(Protocol):
    """A distribution over assignments of items, uniform wherever it can be counted."""

    def draw(self, R: int, rng: Generator) -> Bools: ...
    def count(self) -> int: ...
    def least_bits(self) -> float: ...
    def enumerate(self) -> Bools: ...


@dataclass(frozen=True, slots=True, eq=False)
class Lottery:
    """In every stratum a fixed number of items is treated, each subset equally likely."""

    stratum: Codes
    treated: Codes

    def draw(self, R: int, rng: Generator) -> Bools:
        order = np.argsort(self.stratum + rng.random((R, len(self.stratum))), axis=1)
        drawn = np.zeros(order.shape, dtype=np.bool_)
        np.put_along_axis(drawn, order[:, self._winning_places()], values=True, axis=1)
        return drawn

    def count(self) -> int:
        pairs = zip(self._sizes().tolist(), self.treated.tolist(), strict=True)
        return math.prod(math.comb(n, k) for n, k in pairs)

    def least_bits(self) -> float:
        return float(np.minimum(self.treated, self._sizes() - self.treated).sum())

    def enumerate(self) -> Bools:
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
        return self._show(rng.integers(2, size=(R, self._n_coins()), dtype=np.bool_))

    def count(self) -> int:
        return 1 << self._n_coins()

    def least_bits(self) -> float:
        return float(self._n_coins())

    def enumerate(self) -> Bools:
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
        return np.array([self._once(rng) for _ in range(R)], dtype=np.bool_).reshape(R, len(self.items))

    def count(self) -> int:
        raise InputError("a design function can be drawn from but not counted; use one of lyra's own designs")

    def least_bits(self) -> float:
        return math.inf

    def enumerate(self) -> Bools:
        raise InputError("a design function can be drawn from but not enumerated; use one of lyra's own designs")

    def _once(self, rng: Generator) -> Bools:
        drawn = np.asarray(self.function(self.items, rng))
        if drawn.shape != (len(self.items),):
            raise InputError(
                f"the design function returned shape {drawn.shape} for {len(self.items)} items; "
                "return a 0 or a 1 for each of them"
            )
        if not np.isin(drawn, (0, 1)).all():
            odd = drawn[~np.isin(drawn, (0, 1))][0]
            raise InputError(f"the design function returned {odd}; return a 0 or a 1 for each item")
        return drawn.astype(np.bool_)


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
                "draw some with draw_many"
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


@dataclass(frozen=True, slots=True)
class ByUser(Design):
    """Each user is randomised alone, whatever the cluster.

    Parameters
    ----------
    treated : "bernoulli", "half", int or float
        A fair coin for each user; or exactly half of them (rounded down), that number or that share of them.

    Raises
    ------
    InputError
        When `treated` is none of these, or would leave an arm empty.

    Examples
    --------
    >>> ByUser("half").count(Units([0, 0, 1, 1]))
    6
    """

    treated: Treated = "bernoulli"

    def __post_init__(self) -> None:
        _check_treated(self.treated)

    @property
    def title(self) -> str:
        """User-randomised."""
        return "user-randomised"

    @property
    def unit(self) -> str:
        """The user."""
        return "user"

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a user is both item and randomisation unit."""
        return _one_stage(units, "user", self.treated)


@dataclass(frozen=True, slots=True)
class ByCluster(Design):
    """Whole clusters are randomised.

    Parameters
    ----------
    treated : "half", "bernoulli", int or float
        Exactly half of the clusters (rounded down), that number or that share of them; or a fair coin for
        each.

    Raises
    ------
    InputError
        When `treated` is none of these, would leave an arm empty, or there are fewer clusters than arms.

    Examples
    --------
    >>> units = Units(["a", "a", "b", "c", "d"])
    >>> ByCluster().count(units), ByCluster(1).count(units), ByCluster("bernoulli").count(units)
    (6, 4, 16)
    """

    treated: Treated = "half"

    def __post_init__(self) -> None:
        _check_treated(self.treated)

    @property
    def title(self) -> str:
        """Cluster-randomised, with the number treated when it is not half."""
        return "cluster-randomised" + ("" if self.treated == "half" else f", {self.treated} treated")

    @property
    def unit(self) -> str:
        """The cluster."""
        return "cluster"

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster is both item and randomisation unit."""
        return _one_stage(units, "cluster", self.treated)


@dataclass(frozen=True, slots=True)
class Stratified(Design):
    """In every stratum exactly half of the clusters are treated; `Units.stratum` says which stratum.

    Raises
    ------
    InputError
        When there are no strata, a cluster lies in two, or a stratum holds an odd number of clusters.

    Examples
    --------
    >>> units = Units([0, 1, 2, 3, 4, 5], stratum=["n", "n", "s", "s", "s", "s"])
    >>> Stratified().count(units)
    12
    """

    @property
    def title(self) -> str:
        """Cluster-randomised in strata."""
        return "cluster-randomised in strata"

    @property
    def unit(self) -> str:
        """The cluster."""
        return "cluster"

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster is both item and randomisation unit."""
        item, stratum = _clusters_in_strata(units)
        _refuse_size(units, stratum, np.bincount(stratum) % 2 != 0, _ODD_STRATUM)
        return Layout(item, item, _all_kept(units), Lottery(stratum, np.bincount(stratum) // 2))


@dataclass(frozen=True, slots=True)
class Pairs(Design):
    """One cluster of every matched pair is treated; a pair is a stratum of two clusters in `Units.stratum`.

    The two clusters of a pair are drawn together, so the randomisation unit is the pair.

    Raises
    ------
    InputError
        When there are no strata, a cluster lies in two, or a pair does not hold exactly two clusters.

    Examples
    --------
    >>> units = Units(["a", "b", "c", "d"], stratum=[1, 1, 2, 2])
    >>> Pairs().enumerate(units).astype(int).tolist()
    [[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 1]]
    >>> Pairs().splits(units, units.cluster)
    2
    """

    @property
    def title(self) -> str:
        """Matched pairs."""
        return "matched pairs"

    @property
    def unit(self) -> str:
        """The pair."""
        return "pair"

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster is an item, its pair the randomisation unit."""
        item, pair = _clusters_in_strata(units)
        _refuse_size(units, pair, np.bincount(pair) != 2, _NOT_A_PAIR)
        return Layout(item, pair[item], _all_kept(units), Lottery(pair, np.bincount(pair) // 2))


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
            raise InputError(f"{option('block', self.block)}; a switchback block holds at least 1 window")
        if not 0 <= self.washout < self.block:
            raise InputError(
                f"washout={self.washout} with block={self.block}; leave out at least 0 and at most "
                f"{self.block - 1} windows of a block, so that some remain"
            )
        if self.pattern not in {"random", "alternating"}:
            known = did_you_mean(str(self.pattern), ["random", "alternating"])
            raise InputError(f"unknown switchback pattern {self.pattern!r}; {known}")

    @property
    def title(self) -> str:
        """Switchback, with its block, pattern and washout."""
        kind = ", alternating" if self.pattern == "alternating" else ""
        return f"switchback, blocks of {self.block}{kind}" + (f", washout {self.washout}" if self.washout else "")

    @property
    def unit(self) -> str:
        """The block, or the whole cluster when the arms alternate."""
        return "block" if self.pattern == "random" else "cluster"

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster's block of windows is an item."""
        cluster, _ = units.codes("cluster")
        window, distinct = units.codes("window")
        self._check_windows(len(distinct))
        _, first, item = np.unique(
            cluster * len(distinct) + window // self.block, return_index=True, return_inverse=True
        )
        _check_enough(len(first), "block")
        kept = window % self.block >= self.washout
        if self.pattern == "random":
            return Layout(item, item, kept, _fair_coins(len(first)))
        return Layout(item, cluster, kept, Coins(cluster[first], (window // self.block)[first] % 2 == 1))

    def _check_windows(self, W: int) -> None:
        if W % self.block:
            raise InputError(
                f"{W} windows are not divisible by {option('block', self.block)}; choose a block that divides {W}, "
                f"or leave the last {W % self.block} out"
            )


@dataclass(frozen=True, slots=True)
class Custom(Design):
    """A design of your own: any function that assigns items.

    Parameters
    ----------
    function : callable
        `function(items, rng)` returns a 0 or 1 for each item. `items` is a `Units` with one row an item (the
        labels of its first row, items in sorted order), `rng` the only source of chance it may use.
    level : str or tuple of str
        The randomisation unit as columns of `Units`: "user", "cluster", "stratum", ("cluster", "window"), ...
    item : str or tuple of str, optional
        What is treated whole, when that is finer than the unit (a cluster inside its pair).

    Raises
    ------
    InputError
        When the function returns another shape or other values, or `count` or `enumerate` is asked for.

    Examples
    --------
    >>> first_come = Custom(lambda items, rng: np.arange(len(items)) < rng.integers(1, len(items)))
    >>> first_come.draw(Units(["a", "b", "c", "c"]), rng=1).astype(int).tolist()
    [1, 0, 0, 0]
    """

    function: Callable[[Units, Generator], ArrayLike]
    level: str | tuple[str, ...] = "cluster"
    item: str | tuple[str, ...] | None = None

    @property
    def title(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", "a design of the user's")

    @property
    def unit(self) -> str:
        """The declared level, its columns joined by a cross."""
        return " × ".join(_names(self.level))

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: items and randomisation units are the combinations declared."""
        unit, _ = units.codes(*_names(self.level))
        item, first = units.codes(*_names(self.item or self.level))
        return Layout(item, unit, _all_kept(units), Own(self.function, units.take(first)))


_ODD_STRATUM = "stratum {} has {} clusters, an odd number; move one to another stratum or leave it out"
_NOT_A_PAIR = "pair {} has {} clusters and a matched pair has exactly 2; match it anew or leave it out"


@lru_cache(maxsize=8)
def _laid(design: Design, units: Units) -> Layout:
    return design.layout(units)


def _one_stage(units: Units, name: str, treated: Treated) -> Layout:
    item, first = units.codes(name)
    _check_enough(len(first), name)
    return Layout(item, item, _all_kept(units), _one_lottery(len(first), name, treated))


def _one_lottery(n: int, name: str, treated: Treated) -> Law:
    if treated == "bernoulli":
        return _fair_coins(n)
    number = _number_treated(treated, n)
    if not 0 < number < n:
        raise InputError(
            f"{option('treated', treated)} of {n} {name}s leaves an arm empty; treat at least 1 and at most {n - 1}"
        )
    return Lottery(np.zeros(n, dtype=np.intp), np.array([number]))


def _number_treated(treated: Treated, n: int) -> int:
    if treated == "half":
        return n // 2
    return int(treated) if isinstance(treated, Integral) else round(float(treated) * n)


def _fair_coins(n: int) -> Coins:
    return Coins(np.arange(n), np.zeros(n, dtype=np.bool_))


def _subsets(n: int, k: int) -> Bools:
    chosen = np.array(list(combinations(range(n), k)))
    table = np.zeros((len(chosen), n), dtype=np.bool_)
    np.put_along_axis(table, chosen, values=True, axis=1)
    return table


def _clusters_in_strata(units: Units) -> tuple[Codes, Codes]:
    item, first = units.codes("cluster")
    stratum, _ = units.codes("stratum")
    strays = np.flatnonzero(stratum != stratum[first][item])
    if len(strays):
        cluster, labels = units.cluster[strays[0]], units.labels("stratum")
        raise InputError(
            f"cluster {cluster} lies in strata {labels[first[item[strays[0]]]]} and {labels[strays[0]]}; "
            "a stratum holds whole clusters"
        )
    _check_enough(len(first), "cluster")
    return item, stratum[first]


def _refuse_size(units: Units, stratum: Codes, refused: Bools, sentence: str) -> None:
    if refused.any():
        worst = int(np.flatnonzero(refused)[0])
        label = np.unique(units.labels("stratum"))[worst]
        raise InputError(sentence.format(label, np.bincount(stratum)[worst]))


def _check_treated(treated: Treated) -> None:
    if isinstance(treated, str):
        if treated not in {"half", "bernoulli"}:
            raise InputError(f"unknown treated={treated!r}; {did_you_mean(treated, ['half', 'bernoulli'])}")
    elif not isinstance(treated, Integral) and not 0 < treated < 1:
        raise InputError(
            f"{option('treated', treated)} is not a share; give one between 0 and 1, or a whole number to treat so many"
        )


def _check_enough(n: int, name: str) -> None:
    if n < 2:
        raise InputError(f"there is {n} {name} for 2 arms; add {name}s or randomise a finer unit")


def _all_kept(units: Units) -> Bools:
    return np.ones(len(units), dtype=np.bool_)


def _names(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns
