"""Fine clusters in coarse ones: who belongs to whom, sums over the fine ones, and coarse values spread over them.

Rows in cells, cells in clusters, bootstrap clusters in clusters, cities in regions: one map and two operations. The
partition in which every cluster holds itself alone is one of them, so that whoever draws by fine cluster needs no
second case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes

__all__ = ["Partition"]

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Partition:
    """H fine clusters in G coarse ones.

    Attributes
    ----------
    code : ndarray (H,)
        The coarse cluster of each fine one: 0, ..., G − 1, each of which occurs.

    Examples
    --------
    >>> import numpy as np
    >>> from lyra.moments.partition import Partition
    >>> towns = Partition(np.array([1, 0, 1]))
    >>> towns.total(np.array([10.0, 20.0, 30.0]))
    array([20., 40.])
    >>> towns.spread(np.array([5.0, 7.0]))
    array([7., 5., 7.])
    """

    code: Codes

    @classmethod
    def trivial(cls, G: int) -> Partition:
        """Return the partition of G clusters into themselves."""
        return cls(np.arange(G))

    @property
    def H(self) -> int:
        """Fine clusters."""
        return self.code.size

    @property
    def G(self) -> int:
        """Coarse clusters."""
        return self._starts.size

    @cached_property
    def is_trivial(self) -> bool:
        """Whether every coarse cluster is its one fine cluster, in one order."""
        return bool(np.array_equal(self.code, np.arange(self.H)))

    @cached_property
    def counts(self) -> Codes:
        """Fine clusters in each coarse one, (G,)."""
        return np.bincount(self.code)

    def total(self, values: NDArray[Number], axis: int = 0) -> NDArray[Number]:
        """Return sums over the fine clusters of each coarse one: H along `axis` becomes G."""
        if self.is_trivial:
            return values
        if not self._is_sorted:
            values = np.take(values, self._order, axis=axis)
        return np.asarray(np.add.reduceat(values, self._starts, axis=axis))

    def spread(self, values: NDArray[Number], axis: int = 0) -> NDArray[Number]:
        """Return a coarse value for every fine cluster: G along `axis` becomes H."""
        return values if self.is_trivial else np.take(values, self.code, axis=axis)

    def same(self) -> Array:
        """Return 1 for fine clusters of one coarse cluster, else 0, (H, H)."""
        return np.asarray(self.code[:, None] == self.code, dtype=np.float64)

    @cached_property
    def _is_sorted(self) -> bool:
        return bool((np.diff(self.code) >= 0).all())

    @cached_property
    def _order(self) -> Codes:
        return np.argsort(self.code, kind="stable")

    @cached_property
    def _starts(self) -> Codes:
        """Where each coarse cluster begins among the fine ones in its order."""
        return np.append(0, np.cumsum(self.counts)[:-1])
