"""A design of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator
from numpy.typing import ArrayLike

from lyra.data.units import Units
from lyra.designs.design import Design, Layout, all_kept
from lyra.designs.lotteries import Own

__all__ = ["Custom"]


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
    >>> import numpy as np
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

    @property
    def reads(self) -> tuple[str, ...]:
        """The labels declared."""
        declared = (*_names(self.level), *_names(self.item or self.level))
        return tuple(name for name in dict.fromkeys(declared) if name != "cluster")

    def layout(self, units: Units) -> Layout:
        """Lay the design over units: items and randomisation units are the combinations declared."""
        unit, _ = units.codes(*_names(self.level))
        item, first = units.codes(*_names(self.item or self.level))
        return Layout(item, unit, all_kept(units), Own(self.function, units.take(first)))


def _names(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns
