"""Clusters drawn within strata and within matched pairs."""

from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Bools, Codes
from lyra.data.units import Units
from lyra.designs.design import Design, Layout, all_kept
from lyra.designs.lotteries import Lottery, check_enough
from lyra.errors import InputError

__all__ = ["Pairs", "Stratified"]

_ODD_STRATUM = "stratum {} has {} clusters, an odd number; move one to another stratum or leave it out."
_NOT_A_PAIR = "pair {} has {} clusters and a matched pair has exactly 2; match it anew or leave it out."


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

    @property
    def reads(self) -> tuple[str, ...]:
        """The stratum."""
        return ("stratum",)

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster is both item and randomisation unit."""
        item, stratum = _clusters_in_strata(units)
        _refuse_size(units, stratum, np.bincount(stratum) % 2 != 0, _ODD_STRATUM)
        return Layout(item, item, all_kept(units), Lottery(stratum, np.bincount(stratum) // 2))


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
