"""A TOML file -> the grid of an atlas: every combination of every table of cells, each cell once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from itertools import product
from pathlib import Path

from lyra.base.text import did_you_mean
from lyra.data.toml import converted, refuse_unknown, toml_of
from lyra.errors import InputError
from lyra.verdict.atlas.blueprint import Blueprint, By, Sizes
from lyra.verdict.atlas.cell import Budget
from lyra.verdict.atlas.laws import LAWS

__all__ = ["Cell", "Cells", "Grid", "read_grid", "shipped"]

FEWEST, MOST = 4, 1_000  # clusters
MOST_REPLICATES = 1_000_000
LARGEST_ICC = 0.95
FEWEST_TREATED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A table of cells: all combinations of its lists.

    Attributes
    ----------
    clusters : tuple of int
    treated : tuple of float
        Shares of the clusters below 1, or numbers of them; it says nothing of users and blocks.
    sizes, by : tuple of str
        See `blueprint.Blueprint`.
    law : tuple of str
        Names of `laws.LAWS`.
    icc : tuple of float
        The share of the variance that a cluster's rows have in common, or a window's.
    bootstraps : int
        Replicates that bootstraps see; 0 leaves them out.
    """

    clusters: tuple[int, ...]
    treated: tuple[float, ...] = (0.5,)
    sizes: tuple[Sizes, ...] = ("equal",)
    by: tuple[By, ...] = ("cluster",)
    law: tuple[str, ...] = ("normal",)
    icc: tuple[float, ...] = (0.05,)
    bootstraps: int = 0

    def designs(self, rows: int) -> Iterator[Blueprint]:
        """Yield the designs."""
        for by, G, share, sizes in product(self.by, self.clusters, self.treated, self.sizes):
            treated = _count(share, G) if by == "cluster" else 0
            laid = sizes if by != "switchback" else "equal"
            yield Blueprint(by=by, clusters=G, treated=treated, sizes=laid, rows=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A law of the errors with its correlation, and the replicates that bootstraps see, under some design."""

    law: str
    icc: float
    bootstraps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What an atlas is asked.

    Attributes
    ----------
    cells : tuple of Cells
    seed : int
    replicates : int
        Of every cell.
    draws : int
        Of a bootstrap.
    rows : int
        Of a cluster on average.
    arms : tuple of float
        How many times as variable one arm may be in the families that calibrate lines, and give advice.
    """

    cells: tuple[Cells, ...]
    seed: int = 0
    replicates: int = 2_000
    draws: int = 399
    rows: int = 30
    arms: tuple[float, ...] = (2.0, 4.0)

    def __post_init__(self) -> None:
        _refuse_beyond(self.replicates, 2, MOST_REPLICATES, "replicates")
        _refuse_beyond(self.draws, 1, MOST_REPLICATES, "draws")
        _refuse_beyond(self.rows, 6, MOST_REPLICATES, "rows")
        if self.seed < 0:
            raise InputError(f"seed = {self.seed} is below zero: give a whole number from 0.")
        if not self.arms or not all(1.0 <= most < 1e6 for most in self.arms):
            raise InputError(f"arms = {list(self.arms)} are not how many times as variable: give numbers, 1 or more.")
        for k, table in enumerate(self.cells):
            _refuse_cells(table, f"cells[{k}]")

    @property
    def designs(self) -> dict[Blueprint, tuple[Cell, ...]]:
        """Every design once, with its cells, in the order of the file; of a cell given twice the first holds."""
        found: dict[Blueprint, dict[tuple[str, float], Cell]] = {}
        for table in self.cells:
            asked = min(table.bootstraps, self.replicates)
            new = {(law, icc): Cell(law=law, icc=icc, bootstraps=asked) for law, icc in product(table.law, table.icc)}
            for design in table.designs(self.rows):
                found[design] = new | found.get(design, {})
        return {design: tuple(cells.values()) for design, cells in found.items()}

    def with_replicates(self, replicates: int | None) -> Grid:
        """Return the grid with so many replicates a cell, or as it is where none are asked for."""
        return self if replicates is None else replace(self, replicates=replicates)

    def budget(self, cell: Cell) -> Budget:
        """Return how often a cell is drawn."""
        return Budget(replicates=self.replicates, bootstraps=cell.bootstraps, draws=self.draws)


def read_grid(path: str | Path) -> Grid:
    r"""Return the grid of a TOML file.

    Raises
    ------
    DataError
        The file is missing or no TOML.
    InputError
        An unknown field, a value of the wrong type or out of range, a law that needs windows where there are none.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "few.toml"
    >>> _ = file.write_text('[[cells]]\nclusters = [10]\ntreated = [0.5, 2]\nlaw = ["normal", "t3"]\n')
    >>> [design.treated for design in read_grid(file).designs]
    [5, 2]
    """
    document = toml_of(path)
    tables = document.pop("cells", None)
    if not isinstance(tables, list) or not tables:
        raise InputError(f"{str(path)!r} has no [[cells]]: say what is tried, such as clusters = [20] below [[cells]].")
    known = [f.name for f in fields(Grid)]
    refuse_unknown(document, known, "the file")
    return converted(document | {"cells": list(_tables(tables))}, Grid, "")


def shipped(name: str) -> Grid:
    """Return a grid inside the package: "full", or "quick", which takes seconds."""
    return read_grid(str(files("lyra.verdict.atlas") / f"{name}.toml"))


def _tables(tables: list[object]) -> Iterator[Cells]:
    for k, table in enumerate(tables):
        if not isinstance(table, dict):
            raise InputError(f"cells[{k}] = {table!r} is not a table: write its fields below [[cells]].")
        refuse_unknown(table, [f.name for f in fields(Cells)], f"cells[{k}]")
        yield converted(table, Cells, f"cells[{k}]")


def _count(treated: float, G: int) -> int:
    """Return how many clusters are treated: a number, or a share, and then at least two."""
    return int(treated) if treated >= 1.0 else max(FEWEST_TREATED, round(treated * G))


def _refuse_cells(table: Cells, place: str) -> None:
    for field in ("clusters", "treated", "sizes", "by", "law", "icc"):
        if not getattr(table, field):
            raise InputError(f"{place}.{field} is an empty list: give it a value.")
    for G in table.clusters:
        _refuse_beyond(G, FEWEST, MOST, f"{place}.clusters")
    for treated in table.treated:
        if not (0.0 < treated < 1.0 or (treated == int(treated) and 1 <= treated < min(table.clusters))):
            raise InputError(
                f"{place}.treated = {treated:g} is neither a share of the clusters nor a number that leaves some "
                "untreated: give one below 1, or a whole number below the fewest clusters."
            )
    _refuse_laws(table, place)
    for icc in table.icc:
        if not 0.0 <= icc <= LARGEST_ICC:
            raise InputError(f"{place}.icc = {icc:g} is no correlation: give a share from 0 to {LARGEST_ICC:g}.")
    _refuse_beyond(table.bootstraps, 0, MOST_REPLICATES, f"{place}.bootstraps")


def _refuse_laws(table: Cells, place: str) -> None:
    for law in table.law:
        if law not in LAWS:
            raise InputError(f"{place}.law = {law!r} is unknown: {did_you_mean(law, LAWS)}.")
        if LAWS[law].in_time and set(table.by) != {"switchback"}:
            raise InputError(f'{place}.law = {law!r} needs windows: give it by = ["switchback"] in a table of its own.')


def _refuse_beyond(value: int, least: int, most: int, place: str) -> None:
    if not least <= value <= most:
        raise InputError(f"{place} = {value:,} is out of range: give a whole number from {least:,} to {most:,}.")
