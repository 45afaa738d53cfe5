"""A source of replicates under one name, and the names of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lyra.designs import Design
from lyra.errors import InputError
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource

__all__ = ["Designs", "DrawnFrom", "Setting", "by_name", "named"]

Designs: TypeAlias = Design | Sequence[Design | None] | Mapping[str, Design | None] | None
DrawnFrom: TypeAlias = WorldSource | HistorySource | ModelSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A source of replicates under one name, and what the reader must know of it.

    Attributes
    ----------
    source : WorldSource, HistorySource or ModelSource
    analysis : str
        How the data are analysed, where several ways are compared.
    end : bool
        Whether it is tried beside an estimate, at an end of its interval.
    assumed : bool
        Whether it rests on a correlation that cannot be estimated.
    notes : tuple of str
    """

    source: DrawnFrom
    analysis: str = ""
    end: bool = False
    assumed: bool = False
    notes: tuple[str, ...] = ()


def named(items: Any, name: Any = lambda _: "") -> dict[str, Any]:
    """Return one or several items by name, numbered where names would be alike."""
    if isinstance(items, Mapping):
        return dict(items)
    several = list(items) if isinstance(items, (list, tuple)) else [items]
    names = [name(item) for item in several]
    if len(set(names)) == len(names):
        return dict(zip(names, several, strict=True))
    return {f"{label} #{k}".strip(): item for k, (label, item) in enumerate(zip(names, several, strict=True), 1)}


def by_name(settings: Iterator[tuple[str, Setting]]) -> dict[str, Setting]:
    """Return the settings by name, or refuse two of one name."""
    told: dict[str, Setting] = {}
    for name, setting in settings:
        if name in told:
            raise InputError(f"Two of the settings are called {name!r}: give worlds and designs names of their own.")
        told[name] = setting
    return told
