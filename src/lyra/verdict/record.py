"""What was asked and of what data: as a certificate records it, in words, and as a store knows the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from lyra.base.identity import HASH, described, fingerprint
from lyra.trials.trial import Scenario
from lyra.version import __version__

__all__ = ["counted", "in_words", "one_hash", "recorded", "run_record"]

ALWAYS = ("n_clusters", "cluster_size", "icc")  # of a world, recorded though left at their defaults


def recorded(value: object) -> Any:
    """Return a world, a design or an option as plain values, without what was left at its default."""
    if isinstance(value, Mapping):
        return {str(key): recorded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [recorded(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        told = {f.name: getattr(value, f.name) for f in fields(value)}
        told = {f.name: told[f.name] for f in fields(value) if f.name in ALWAYS or told[f.name] != f.default}
        return {"kind": type(value).__name__} | {key: recorded(item) for key, item in told.items()}
    return value if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__


def one_hash(parts: Mapping[str, object]) -> str:
    """Return one hash of all parts of an identity, in hexadecimal."""
    return fingerprint(np.array([f"{name}: {told}" for name, told in sorted(parts.items())])).removeprefix(HASH)


def run_record(scenarios: Sequence[Scenario], rule: Mapping[str, object]) -> dict[str, Any]:
    """Return everything that decides the numbers of a run, a part a name: what its store is known by.

    A part that is the same in every cell is told once, one that is not as a list of one value a cell.
    """
    cells = [scenario.trial.identity() for scenario in scenarios]
    parts = dict.fromkeys(name for cell in cells for name in cell)
    told = {name: [cell.get(name) for cell in cells] for name in parts}
    once = {name: values[0] if all(value == values[0] for value in values) else values for name, values in told.items()}
    made_by = {"lyra": __version__, "numpy": np.__version__}
    record: dict[str, Any] = described(rule)
    return once | {"cells": [scenario.design for scenario in scenarios], "versions": made_by} | record


def in_words(source: object) -> str:
    """Return a described world as it would be written in Python, or a word as it is."""
    if not isinstance(source, Mapping):
        return str(source)
    if "kind" not in source:
        return "; ".join(map(in_words, _merged(list(source.values()))))
    told = ", ".join(f"{key}={value}" for key, value in source.items() if key != "kind")
    return f"{source['kind']}({told})"


def _merged(worlds: Sequence[Any]) -> Sequence[Any]:
    """Return one description of worlds that differ in the values of some fields alone, or the worlds as they are."""
    if not all(isinstance(world, Mapping) for world in worlds) or len({world["kind"] for world in worlds}) > 1:
        return worlds
    keys = dict.fromkeys(key for world in worlds for key in world)
    values = {key: list(dict.fromkeys(str(world.get(key, "its default")) for world in worlds)) for key in keys}
    return [{key: told[0] if len(told) == 1 else f"[{', '.join(told)}]" for key, told in values.items()}]


def counted(data: Mapping[str, Any]) -> str:
    """Return what is known of the size of the user's data."""
    dropped = data.get("dropped_rows")
    left_out = f" ({dropped:,} left out for a missing value)" if dropped else ""
    rows = f", {data['rows']:,} rows{left_out}" if "rows" in data else ""
    return rows + (f" in {data['clusters']:,} clusters" if "clusters" in data else "")
