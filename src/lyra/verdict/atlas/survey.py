"""A grid -> the table of an atlas: resumable, the same with any number of workers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from numpy.typing import NDArray

from lyra.base.identity import described
from lyra.trials.chunks import Key, Table, digest
from lyra.trials.runner import Progress, run_chunks
from lyra.trials.store import Store
from lyra.verdict.atlas.blueprint import Blueprint, number_of
from lyra.verdict.atlas.cell import cell_of
from lyra.verdict.atlas.grid import Cell, Grid
from lyra.verdict.atlas.laws import LAWS
from lyra.verdict.atlas.study import Study, study_of
from lyra.version import __version__

__all__ = ["Atlas", "Columns", "survey"]

Columns = Mapping[str, NDArray[Any]]
"""Columns of one length: a row a design, a law and a line."""

SHOWN = 16  # characters of a cell's digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Atlas:
    """What every line said in every cell.

    Attributes
    ----------
    grid : Grid
        What was asked.
    columns : mapping of str to ndarray
        by, clusters, treated, sizes, rows, law, icc; line, reads, arms, tolerance; size with its Monte-Carlo error,
        power, exact, silent, replicates; and the digest of the cell.
    cells : int
        Design cells times laws.
    digest : str
        Of all replicates' counts: the same for the same grid, whatever the workers and however often it was killed.
    """

    grid: Grid
    columns: Columns
    cells: int
    digest: str


def survey(grid: Grid, *, store: Path | None = None, workers: int = 1, progress: Progress | None = None) -> Atlas:
    """Return the atlas of a grid; what `store` holds of it is not computed again.

    Raises
    ------
    InputError
        The store belongs to another grid, or `workers` is no number of processes.
    """
    keys = [(d, k) for d, cells in enumerate(grid.designs.values()) for k in range(len(cells))]
    config = {"atlas": described(grid), "lyra": __version__}
    with Store(store, config) if store is not None else nullcontext() as kept:
        tables = run_chunks(partial(_chunk, grid), keys, store=kept, workers=workers, progress=progress)
    return Atlas(grid=grid, columns=_columns(grid, tables), cells=len(keys), digest=digest(tables))


def _chunk(grid: Grid, d: int, k: int) -> Table:
    """Return one cell: its replicates hang on the seed and on what the cell is, not on the rest of the grid."""
    design, cells = list(grid.designs.items())[d]
    cell = cells[k]
    name = f"{design.name}, {cell.law}, icc {cell.icc!r}"
    rng = np.random.default_rng(SeedSequence(entropy=grid.seed, spawn_key=(number_of(name),)))
    return cell_of(_study(design, grid.arms), LAWS[cell.law], cell.icc, budget=grid.budget(cell), rng=rng)


@lru_cache(maxsize=1)
def _study(design: Blueprint, arms: tuple[float, ...]) -> Study:
    return study_of(design, arms)


def _columns(grid: Grid, tables: Mapping[Key, Table]) -> Columns:
    designs = [(design, cell) for design, cells in grid.designs.items() for cell in cells]
    parts = [_with_design(*asked, table) for asked, table in zip(designs, tables.values(), strict=True)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _with_design(design: Blueprint, cell: Cell, table: Table) -> dict[str, NDArray[Any]]:
    fixed = {name: getattr(design, name) for name in ("by", "clusters", "treated", "sizes", "rows")}
    fixed |= {"law": cell.law, "icc": cell.icc, "digest": digest({(0, 0): table})[:SHOWN]}
    own = {name: table[name] for name in table.dtype.names or ()}
    return {name: np.repeat(np.asarray(value), len(table)) for name, value in fixed.items()} | own
