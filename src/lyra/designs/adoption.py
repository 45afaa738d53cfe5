"""Staggered adoption: clusters adopt at dates, and are treated from then on."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lyra.base.arrays import Codes
from lyra.base.text import listed, option
from lyra.data.units import Units
from lyra.designs.dates import Adopted, AtRandom, DatesLaw, Dealt
from lyra.designs.design import Design, Layout, all_kept
from lyra.designs.lotteries import Treated, check_enough, check_treated, number_treated
from lyra.errors import InputError

__all__ = ["Adoption"]


@dataclass(frozen=True, slots=True)
class Adoption(Design):
    """Clusters adopt at dates and are treated from then on, as states pass a law [1]_.

    A date is a window; a cluster is treated in it and in every later one. The date is drawn for whole clusters, so the
    cluster is the randomisation unit, and what is treated whole is a cluster in one window.

    Parameters
    ----------
    treated : int, float or "half", optional
        How many of the clusters adopt, or what share, each at a random one of `dates`. Left out, as many as there are
        `dates`; without those, the dates at which clusters adopted in the data are dealt over the clusters again.
    dates : sequence of window labels, optional
        With `treated`, the dates that are possible, equally likely; left out, every window but the first. Without it,
        one date an adopter, dealt over the clusters.

    Raises
    ------
    InputError
        When an argument is out of range, windows are missing, a date is no window, or the data's treatment is not an
        adoption: not 0 or 1, not the same in all of a cluster's window, or ended.

    References
    ----------
    .. [1] M. Bertrand, E. Duflo and S. Mullainathan (2004), How much should we trust differences-in-differences
       estimates? Quarterly Journal of Economics 119, 249-275.

    Examples
    --------
    Three states in three years, of which the second adopted in the second year:

    >>> units = Units([0, 0, 0, 1, 1, 1, 2, 2, 2], window=[0, 1, 2] * 3, treatment=[0, 0, 0, 0, 1, 1, 0, 0, 0])
    >>> Adoption().enumerate(units).astype(int).tolist()
    [[0, 1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1, 1]]
    >>> Adoption(treated=2).count(units), Adoption(dates=(1, 2)).count(units)
    (12, 6)
    """

    treated: Treated | None = None
    dates: tuple[Any, ...] | None = None

    def __post_init__(self) -> None:
        if self.treated == "bernoulli":
            raise InputError(f"{option('treated', self.treated)} is no number of adopters: give one, or a share.")
        if self.treated is not None:
            check_treated(self.treated)
        if self.dates is not None:
            object.__setattr__(self, "dates", _plain(self.dates))

    @property
    def title(self) -> str:
        """Staggered adoption, with what was said of it."""
        dates = f"dates {listed(self.dates)}" if self.dates else ""
        adopters = "" if self.treated is None else f"{self.treated} adopting"
        return ", ".join(part for part in ("staggered adoption", adopters, dates) if part)

    @property
    def unit(self) -> str:
        """The cluster."""
        return "cluster"

    @property
    def reads(self) -> tuple[str, ...]:
        """The window, and the treatment where its dates are those of the data."""
        return ("window", "treatment") if self.treated is None and self.dates is None else ("window",)

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: a cluster in one window is an item, the cluster the randomisation unit."""
        cluster, firsts = units.codes("cluster")
        window, _ = units.codes("window")
        check_enough(len(firsts), "cluster")
        item, first = units.codes("cluster", "window")
        law = Adopted(self._law(units, len(firsts)), cluster=cluster[first], window=window[first])
        return Layout(item, cluster, all_kept(units), law)

    def _law(self, units: Units, G: int) -> DatesLaw:
        """Return the law of the dates of G clusters, as places among the windows, the last one after them never."""
        windows = np.unique(units.labels("window"))
        if self.treated is not None:
            return AtRandom(G, _adopters(self.treated, G), self._possible(windows), len(windows))
        dates = observed_dates(units) if self.dates is None else self._one_each(windows, G)
        if (dates == dates[0]).all():
            when = "never adopts" if dates[0] == len(windows) else f"adopts at {windows[dates[0]]}"
            raise InputError(
                f"every cluster {when}, and dates that are all alike cannot be dealt again: say how many adopt, "
                f"with {option('treated')}."
            )
        return Dealt(dates)

    def _possible(self, windows: Any) -> Codes:
        """Return the dates to draw from: if nothing is said, all windows before which a cluster is seen."""
        if self.dates is not None:
            return np.unique(_places(self.dates, windows))
        if len(windows) < 2:
            raise InputError("there is 1 window, and an adoption needs one before it: name the column of dates.")
        return np.arange(1, len(windows))

    def _one_each(self, windows: Any, G: int) -> Codes:
        """Return the dates given, and never for the clusters beyond them."""
        given = _places(self.dates or (), windows)
        if len(given) > G:
            raise InputError(
                f"{len(given)} dates for {G} clusters: give at most one a cluster, or {option('treated')}."
            )
        return np.concatenate([given, np.full(G - len(given), len(windows))])


def observed_dates(units: Units) -> Codes:
    """Return the date at which each cluster adopted, (G,): a place among the windows, their number for never.

    Raises
    ------
    InputError
        The treatment is not 0 or 1, not the same in all of a cluster's window, or ended.
    """
    treated = units.labels("treatment")
    _refuse_no_treatment(treated)
    cluster, firsts = units.codes("cluster")
    window, distinct = units.codes("window")
    dates = np.full(len(firsts), len(distinct))
    np.minimum.at(dates, cluster, np.where(treated == 1, window, len(distinct)))
    odd = np.flatnonzero((window >= dates[cluster]) != (treated == 1))
    if len(odd):
        at = units.cluster[odd[0]], units.labels("window")[odd[0]]
        raise InputError(
            f"cluster {at[0]} has an untreated row in window {at[1]}, after it adopted or beside treated rows; "
            "an adoption is of whole clusters and lasts: name what adopts as the cluster, or draw by another design."
        )
    return dates


def _refuse_no_treatment(treated: Any) -> None:
    odd = ~np.isin(treated, (0, 1))
    if odd.any():
        raise InputError(f"the treatment holds {treated[odd][0]}; a treatment that is drawn again is 0 or 1.")


def _plain(dates: Any) -> tuple[Any, ...]:
    """Return the dates as a tuple, or refuse none and what is no sequence."""
    if isinstance(dates, str) or not hasattr(dates, "__iter__"):
        raise InputError(f"{option('dates', dates)} is no sequence of dates: give several, such as dates=(3, 5, 5).")
    several = tuple(date.item() if isinstance(date, np.generic) else date for date in dates)
    if not several:
        raise InputError(f"{option('dates', several)} is empty: give a date, or leave it out.")
    return several


def _places(dates: tuple[Any, ...], windows: Any) -> Codes:
    """Return the place of each date among the windows, which may be the text of a file."""
    place = {str(label): k for k, label in enumerate(windows.tolist())}
    unknown = [date for date in dates if str(date) not in place]
    if unknown:
        raise InputError(f"the date {unknown[0]} is no window: there is {listed(place, 12)}.")
    return np.array([place[str(date)] for date in dates])


def _adopters(treated: Treated, G: int) -> int:
    number = number_treated(treated, G)
    if not 0 < number <= G:
        raise InputError(f"{option('treated', treated)} of {G} clusters cannot adopt; let 1 adopt and at most {G}.")
    return number
