"""One data set in every form a table can take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa


def _csv(frame: pd.DataFrame, folder: Path) -> str:
    path = folder / "rows.csv"
    frame.to_csv(path, index=False)
    return str(path)


def _parquet(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "rows.parquet"
    frame.to_parquet(path, index=False)
    return path


def _directory(frame: pd.DataFrame, folder: Path) -> str:
    parts = folder / "parts"
    (parts / "deeper").mkdir(parents=True, exist_ok=True)
    half = len(frame) // 2
    frame[:half].to_parquet(parts / "a.parquet", index=False)
    frame[half:].to_parquet(parts / "deeper" / "b.parquet", index=False)
    return str(parts)


def _glob(frame: pd.DataFrame, folder: Path) -> str:
    half = len(frame) // 2
    frame[:half].to_csv(folder / "part1.csv", index=False)
    frame[half:].to_csv(folder / "part2.csv", index=False)
    return str(folder / "part*.csv")


def _relation(frame: pd.DataFrame, _: Path) -> Any:
    connection = duckdb.connect()
    connection.register("held", frame)
    connection.execute("create table rows as from held")
    return connection.table("rows")


FORMS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    "csv": _csv,
    "csv glob": _glob,
    "parquet": _parquet,
    "parquet directory": _directory,
    "pandas": lambda frame, _: frame,
    "polars": lambda frame, _: pl.from_pandas(frame),
    "polars lazy": lambda frame, _: pl.from_pandas(frame).lazy(),
    "polars scan": lambda frame, folder: pl.scan_parquet(_parquet(frame, folder)),
    "pyarrow": lambda frame, _: pa.Table.from_pandas(frame, preserve_index=False),
    "duckdb relation": _relation,
}
KINDS = ("csv", "parquet", "pandas", "polars", "polars lazy", "pyarrow", "duckdb relation")
STAYS_WHERE_IT_IS = ("csv", "parquet", "polars lazy", "duckdb relation")
