"""Users or clusters drawn one by one."""

from dataclasses import dataclass

from lyra.data.units import Units
from lyra.designs.design import Design, Layout, all_kept
from lyra.designs.lotteries import Treated, check_enough, check_treated, one_lottery

__all__ = ["ByCluster", "ByUser"]


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
        check_treated(self.treated)

    @property
    def title(self) -> str:
        """User-randomised."""
        return "user-randomised"

    @property
    def unit(self) -> str:
        """The user."""
        return "user"

    @property
    def reads(self) -> tuple[str, ...]:
        """The user, where rows are not users."""
        return ("user",)

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
        check_treated(self.treated)

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


def _one_stage(units: Units, name: str, treated: Treated) -> Layout:
    item, first = units.codes(name)
    check_enough(len(first), name)
    return Layout(item, item, all_kept(units), one_lottery(len(first), name, treated))
