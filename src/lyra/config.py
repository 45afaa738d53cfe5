"""A TOML file -> what to certify: worlds, designs and methods; strict, and lists make a grid.

    seed = 7
    methods = ["CV1-normal", "CV1", "CV2", "CV3", "WCR-11"]

    [world]
    kind = "regressor"          # "agents" (World) or "regressor" (RegressorWorld)
    n_clusters = [30, 20, 10, 5]

    [[design]]
    kind = "none"               # "cluster", "user", "stratified", "pairs", "switchback", "minimax", "adoption", "none"
                                # a switchback has block = 4, pattern = "random" (or "alternating") and washout = 0,
                                # a minimax one has carryover = 1

    [[analysis]]
    cluster_by = "cluster"      # or "unit", "window", "stratum", "pair", "user"
    covariates = []             # "pre", "stratum"

A field of a world or a design given as a list makes one scenario a value (`cluster_size` excepted, whose list is one
size a cluster, and `dates`, those of one design).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from lyra.base.renamed import old_name
from lyra.base.text import did_you_mean
from lyra.data.toml import converted, refuse_unknown, toml_of
from lyra.designs import Design
from lyra.designs.named import DESIGNS, design_name
from lyra.errors import InputError
from lyra.robust.methods import LADDER
from lyra.simulation.analysis import Analysis
from lyra.simulation.regressor_world import RegressorWorld
from lyra.simulation.world import World
from lyra.verdict.rule import tolerance_named

__all__ = ["Config", "read_config"]

WORLDS: dict[str, type] = {"agents": World, "regressor": RegressorWorld}
KINDS_OF_DESIGN: dict[str, type | None] = {**DESIGNS, "none": None}
NO_GRID = {"cluster_size", "covariates", "dates"}
NAME = "name"
RENAMED: dict[type, dict[str, str]] = {Analysis: {"level": "cluster_by"}}
MOST_COMBINATIONS = 1_000  # of the lists of one table


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a config says besides worlds and designs."""

    seed: int = 0
    methods: tuple[str, ...] = LADDER
    alpha: float = 0.05
    tolerance: float | str = 1.25
    first: int = 500
    maximum: int | None = None
    weights: str = "auto"


@dataclass(frozen=True, slots=True)
class Config:
    """A parsed config file.

    Attributes
    ----------
    worlds : dict of str to world
        By the name printed; a grid has one a combination.
    designs : dict of str to Design or None
    analyses : dict of str to Analysis
    settings : Settings
    """

    worlds: dict[str, Any]
    designs: dict[str, Design | None]
    analyses: dict[str, Analysis]
    settings: Settings

    @property
    def options(self) -> dict[str, Any]:
        """The settings as keywords of `lyra.certify`."""
        chosen = msgspec.structs.asdict(self.settings)
        return chosen | {"tolerance": tolerance_named(self.settings.tolerance)}

    @property
    def first(self) -> tuple[Any, Design | None, Analysis]:
        """The first world, design and analysis."""
        return next(iter(self.worlds.values())), next(iter(self.designs.values())), next(iter(self.analyses.values()))


def read_config(path: str | Path) -> Config:
    r"""Return what a TOML file asks to certify.

    Raises
    ------
    DataError
        The file is missing or no TOML.
    InputError
        An unknown field (its path, and the name meant), a value of the wrong type, or a world that cannot be.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "few.toml"
    >>> _ = file.write_text('methods = ["CV2"]\n[world]\nkind = "regressor"\nn_clusters = [10, 5]\n')
    >>> list(read_config(file).worlds)
    ['n_clusters=10', 'n_clusters=5']
    """
    document = toml_of(path)
    if "world" not in document:
        raise InputError(f"{str(path)!r} has no [world]: say what is drawn, such as n_clusters = 50 below [world].")
    worlds = _tables(document.pop("world"), "world", "agents", WORLDS)
    designs = _tables(document.pop("design", {"kind": "none"}), "design", "cluster", KINDS_OF_DESIGN)
    analyses = _tables(document.pop("analysis", {}), "analysis", "analysis", {"analysis": Analysis})
    refuse_unknown(document, [*Settings.__struct_fields__, "world", "design", "analysis"], "the file")
    return Config(worlds, designs, analyses, converted(document, Settings, ""))


def _tables(value: Any, where: str, default: str, kinds: Mapping[str, type | None]) -> dict[str, Any]:
    """Return every combination of every table of one section, by name."""
    combinations: list[tuple[str, str, str, Any]] = []
    several = isinstance(value, list)
    for k, table in enumerate(value if several else [value]):
        place = f"{where}[{k}]" if several else where
        if not isinstance(table, dict):
            raise InputError(f"{place} = {table!r} is not a table: write its fields below [{where}].")
        for name, values, made in _grid(dict(table), place, default, kinds):
            combinations.append((place, name or _default_name(made, place if several else values), values, made))
    bases = Counter(base for _, base, _, _ in combinations)
    out: dict[str, Any] = {}
    for place, base, values, made in combinations:
        label = base if base and bases[base] == 1 else ", ".join(part for part in (base, values) if part)
        if label in out:
            raise InputError(f"{place} is called {label!r} like one before it: give each its own, such as name = 'b'.")
        out[label] = made
    return out


def _default_name(made: Any, place: str) -> str:
    """Return what a table without a name is called; nothing where it is the only one."""
    match made:
        case Analysis(cluster_by=cluster_by, covariates=covariates):
            adjusted = f", adjusted for {', '.join(covariates)}" if covariates else ""
            return f"clustered by {cluster_by}{adjusted}" if place else ""
        case None | Design():
            return design_name(made)
    return place if place.endswith("]") else ""


def _grid(
    table: dict[str, Any], place: str, default: str, kinds: Mapping[str, type | None]
) -> Iterator[tuple[str, str, Any]]:
    """Yield the name given, the values chosen from lists, and what they make."""
    kind, name = (_text(table, place, key, left_out) for key, left_out in (("kind", default), (NAME, "")))
    if kind not in kinds:
        raise InputError(f"{place}.kind = {kind!r} is unknown: {did_you_mean(kind, kinds)}.")
    target = kinds[kind]
    known = [] if target is None else [f.name for f in fields(target) if f.init and f.name != "_"]
    _refuse_renamed(table, RENAMED.get(target, {}) if target else {}, place)
    refuse_unknown(table, [*known, "kind", NAME], place)
    lists = [key for key, value in table.items() if isinstance(value, list) and key not in NO_GRID]
    for key in lists:
        if not table[key]:
            raise InputError(f"{place}.{key} is an empty list: give it a value.")
    combinations = math.prod(len(table[key]) for key in lists)
    if combinations > MOST_COMBINATIONS:
        raise InputError(
            f"{place} makes {combinations:,} combinations of its lists, and {MOST_COMBINATIONS:,} is the most."
        )
    for values in product(*(table[key] for key in lists)):
        chosen = dict(zip(lists, values, strict=True))
        told = ", ".join(f"{key}={value}" for key, value in chosen.items())
        yield name, told, None if target is None else converted(table | chosen, target, place)


def _text(table: dict[str, Any], place: str, key: str, left_out: str) -> str:
    value = table.pop(key, left_out)
    if not isinstance(value, str):
        raise InputError(f"{place}.{key} = {value!r} is not text: put one word in quotes.")
    return value


def _refuse_renamed(table: Mapping[str, Any], names: Mapping[str, str], place: str) -> None:
    for old, new in names.items():
        if old in table:
            raise InputError(f"{place}: {old_name(old, new)}: write {new} = {json.dumps(table[old])}.")
