"""The command `lyra atlas`: how often lyra's own lines flag a true null, as a table and a page."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lyra.commands import app
from lyra.errors import DataError, InputError
from lyra.typed import Replicates, Switch, Whole
from lyra.view.exits import FINE
from lyra.view.shown import progress_of
from lyra.view.terminal import warned, write, write_document
from lyra.view.written import keep

if TYPE_CHECKING:
    from lyra.verdict.atlas.survey import Atlas

__all__ = ["atlas"]

TABLE, STORE = "atlas.parquet", "atlas.sqlite"


@app.command(help_epilogue="")
def atlas(
    grid: str | None = None,
    *,
    out: str,
    quick: Switch = False,
    replicates: Replicates = None,
    workers: Whole = 1,
    json: Switch = False,
) -> int:
    """Measure how often every line of lyra, and its advice, flags a true null, and write a page about it.

    Example: lyra atlas --quick --out atlas

    A run that was stopped goes on where it was when it is typed again, and ends with the same digest.

    Parameters
    ----------
    grid
        A .toml file of cells; left out, the grid that lyra ships: minutes.
    out
        The folder to write atlas.md, its pictures and atlas.parquet to; atlas.sqlite there holds what is done.
    quick
        A bounded grid: seconds.
    replicates
        Of every cell; left out, those of the grid.
    workers
        Processes; the result is the same with any number.
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    folder = _folder(out)
    if grid is not None and quick:
        raise InputError(f"--quick is a grid of its own: leave it out, or leave out {grid!r}.")
    with warned(as_json=json) as told, progress_of("measuring sizes") as progress:
        from lyra.verdict.atlas.findings import findings
        from lyra.verdict.atlas.grid import read_grid, shipped
        from lyra.verdict.atlas.survey import survey

        asked = shipped("quick" if quick else "full") if grid is None else read_grid(grid)
        asked = asked.with_replicates(replicates)
        found = survey(asked, store=folder / STORE, workers=workers, progress=progress)
    files = _written(found, folder)
    told_of = {"cells": found.cells, "rows": len(found.columns["line"]), "digest": found.digest}
    sentences = list(findings(found.columns))
    if json:
        write_document(told_of | {"findings": sentences, "files": files, "warnings": told})
    else:
        write("\n".join([*sentences, "", f"{found.cells:,} cells, digest {found.digest}", *files]))
    return FINE


def _folder(out: str) -> Path:
    """Return the folder to write to, made where its parent is there."""
    path = Path(out)
    if not out or (path.exists() and not path.is_dir()):
        raise DataError(f"--out {out!r} is no folder: name one, it may be new.")
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(f"--out {out!r} could not be made ({error.strerror}): name a folder that can.") from error
    return path


def _written(found: Atlas, folder: Path) -> list[str]:
    """Write the table, the page and its pictures, each whole or not at all, and return their paths."""
    from lyra.data.tables import write_columns
    from lyra.view.atlas import atlas_files

    columns = {name: told.astype(object) if told.dtype.kind == "U" else told for name, told in found.columns.items()}
    keep(str(folder / TABLE), lambda path: write_columns(columns, str(path)))
    texts = atlas_files(found)
    for name, text in texts.items():
        keep(str(folder / name), partial(_write_text, text))
    return [str(folder / name) for name in (TABLE, *texts)]


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
