"""Clusters drawn within strata and within matched pairs."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lyra.base.arrays import Bools, Codes
from lyra.base.text import listed
from lyra.data.units import Units
from lyra.designs.design import Design, Layout, all_kept
from lyra.designs.lotteries import Lottery, check_enough
from lyra.errors import InputError

__all__ = ["Pairs", "Stratified"]

_ODD_STRATUM = "stratum {} has {} clusters, an odd number; move one to another stratum or leave it out."
_NOT_A_PAIR = "pair {} has {} clusters and a matched pair has exactly 2; match it anew or leave it out."


@dataclass(frozen=True, slots=True)
class Stratified(Design):
    """In every stratum half of the clusters are treated, or so many; `Units.stratum` says which stratum.

    Parameters
    ----------
    treated : "half" or tuple of int
        Exactly half of the clusters of every stratum, or a number of them for each, in the order of the sorted strata.

    Raises
    ------
    InputError
        When there are no strata, a cluster lies in two, a stratum holds an odd number of clusters of which half are
        to be treated, or the numbers are not those of clusters that the strata have.

    Examples
    --------
    >>> units = Units([0, 1, 2, 3, 4, 5], stratum=["n", "n", "s", "s", "s", "s"])
    >>> Stratified().count(units), Stratified((1, 3)).count(units)
    (12, 8)
    """

    treated: Literal["half"] | tuple[int, ...] = "half"

    @property
    def title(self) -> str:
        """Cluster-randomised in strata, with the number treated when it is not half."""
        if isinstance(self.treated, str):
            return "cluster-randomised in strata"
        return f"cluster-randomised in strata, {sum(self.treated)} treated"

    @property
    def unit(self) -> str:
        """The cluster."""
        return "cluster"

    @property
    def reads(self) -> tuple[str, ...]:
        """The stratum."""
        return ("stratum",)

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster is both item and randomisation unit."""
        item, stratum = _clusters_in_strata(units)
        return Layout(item, item, all_kept(units), Lottery(stratum, self._numbers(units, stratum)))

    def _numbers(self, units: Units, stratum: Codes) -> Codes:
        """Return how many clusters of each stratum are treated, or refuse numbers that cannot be."""
        sizes = np.bincount(stratum)
        if isinstance(self.treated, str):
            _refuse_size(units, stratum, sizes % 2 != 0, _ODD_STRATUM)
            return sizes // 2
        numbers = np.asarray(self.treated, dtype=np.intp)
        if numbers.shape != sizes.shape or (numbers < 0).any() or (numbers > sizes).any():
            raise InputError(
                f"treated={self.treated} does not fit strata of {listed(sizes.tolist(), 8)} clusters; give a number "
                "for each, in the order of the sorted strata."
            )
        if not 0 < numbers.sum() < sizes.sum():
            raise InputError(f"treated={self.treated} leaves an arm empty; treat some clusters, and not all.")
        return numbers


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

    @property
    def reads(self) -> tuple[str, ...]:
        """The stratum, which is the pair."""
        return ("stratum",)

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster is an item, its pair the randomisation unit."""
        item, pair = _clusters_in_strata(units)
        _refuse_size(units, pair, np.bincount(pair) != 2, _NOT_A_PAIR)
        return Layout(item, pair[item], all_kept(units), Lottery(pair, np.bincount(pair) // 2))


def _clusters_in_strata(units: Units) -> tuple[Codes, Codes]:
    item, first = units.codes("cluster")
    stratum, _ = units.codes("stratum")
    strays = np.flatnonzero(stratum != stratum[first][item])
    if len(strays):
        cluster, labels = units.cluster[strays[0]], units.labels("stratum")
        raise InputError(
            f"cluster {cluster} lies in strata {labels[first[item[strays[0]]]]} and {labels[strays[0]]}; "
            "a stratum holds whole clusters."
        )
    check_enough(len(first), "cluster")
    return item, stratum[first]


def _refuse_size(units: Units, stratum: Codes, refused: Bools, sentence: str) -> None:
    if refused.any():
        worst = int(np.flatnonzero(refused)[0])
        label = np.unique(units.labels("stratum"))[worst]
        raise InputError(sentence.format(label, np.bincount(stratum)[worst]))
