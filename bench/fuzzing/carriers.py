"""The seven sources: one table as pandas, polars, lazy polars, arrow, a DuckDB relation, parquet and csv.

Each gives what `lyra.fit` takes, its options, and the words that are missing values there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench.fuzzing.frames import Column, Table

Rng = np.random.Generator
MISSING = {"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "Null", "null", "None", "none", "NaT", "<NA>"}
SPELT = ["", "NA", "NaN", "null", "NULL", "N/A", "None"]
ARROW = {"float": pa.float64(), "int": pa.int64(), "uint64": pa.uint64(), "decimal": pa.decimal128(38, 0),
         "bool": pa.bool_(), "text": pa.string(), "date": pa.date32(), "ordered": pa.string()}  # fmt: skip
POLARS = {"float": pl.Float64, "int": pl.Int64, "uint64": pl.UInt64, "decimal": pl.Decimal(38, 0), "bool": pl.Boolean,
          "text": pl.String, "date": pl.Date}  # fmt: skip


@dataclass(frozen=True)
class Carried:
    """`data` and `options` for `lyra.fit`; `missing` words that the source cannot hold as text; `held` keeps alive."""

    data: Any
    options: dict[str, Any] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    keeps_order: bool = False
    told: str = ""
    held: Any = None


def carry_pandas(t: Table, rng: Rng, _folder: Path) -> Carried:
    return Carried(pd.DataFrame({name: series(column, rng) for name, column in t.columns.items()}), keeps_order=True)


def series(column: Column, rng: Rng) -> pd.Series:
    if column.kind == "text" and rng.random() < 0.3:
        return pd.Series([float("nan") if v is None else v for v in column.values], dtype=object)
    if column.kind == "date":
        return pd.Series(pd.to_datetime(pd.Series(column.values)))
    if column.kind == "ordered":
        return pd.Series(pd.Categorical(column.values, categories=[*column.order], ordered=True))
    whole, gone = PANDAS[column.kind]
    return pd.Series(column.values, dtype=rng.choice(np.array(gone if None in column.values else whole, dtype=object)))


PANDAS: dict[str, tuple[list[Any], list[Any]]] = {  # dtypes without and with a missing value
    "float": (["float64", "Float64"], ["float64", "Float64"]),
    "int": (["int64", "Int64", "int64[pyarrow]"], ["Int64", "int64[pyarrow]"]),
    "uint64": (["uint64", "UInt64"], ["UInt64"]),
    "bool": (["bool", "boolean"], ["boolean"]),
    "decimal": ([pd.ArrowDtype(pa.decimal128(38, 0))], [pd.ArrowDtype(pa.decimal128(38, 0))]),
    "text": (["object", "string", "str"], ["object", "string", "str"]),
}


def polars_frame(t: Table) -> pl.DataFrame:
    return pl.DataFrame(
        [
            pl.Series(name, column.values, dtype=pl.Enum(column.order) if column.order else POLARS[column.kind])
            for name, column in t.columns.items()
        ]
    )


def carry_polars(t: Table, _rng: Rng, _folder: Path) -> Carried:
    return Carried(polars_frame(t), keeps_order=True)


def carry_lazy(t: Table, _rng: Rng, _folder: Path) -> Carried:
    return Carried(polars_frame(t).lazy(), keeps_order=True)


def arrow_table(t: Table) -> pa.Table:
    return pa.table({name: pa.array(column.values, type=ARROW[column.kind]) for name, column in t.columns.items()})


def carry_arrow(t: Table, rng: Rng, _folder: Path) -> Carried:
    whole = arrow_table(t)
    if rng.random() < 0.5:
        cut = whole.num_rows // 3
        whole = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    return Carried(whole)


def carry_duckdb(t: Table, _rng: Rng, _folder: Path) -> Carried:
    connection = duckdb.connect()
    held = arrow_table(t)
    connection.register("held", held)
    huge = [name for name, column in t.columns.items() if column.kind == "decimal"]
    casts = "".join(f', "{name}"::HUGEINT AS "{name}"' for name in huge)
    left = f"* EXCLUDE ({', '.join(chr(34) + name + chr(34) for name in huge)})" if huge else "*"
    return Carried(connection.sql(f"SELECT {left}{casts} FROM held"), held=(connection, held))


def folder_for(t: Table, rng: Rng, folder: Path, kind: str) -> tuple[Path, str]:
    """Return a folder, now and then one whose name says something of a column."""
    name = f"{kind}/{t.clusters}=1" if rng.random() < 0.25 else kind
    path = folder / name
    path.mkdir(parents=True)
    return path, f"in {name}"


def carry_parquet(t: Table, rng: Rng, folder: Path) -> Carried:
    path, told = folder_for(t, rng, folder, "parquet")
    whole = arrow_table(t)
    if rng.random() < 0.5:
        pq.write_table(whole, path / "a.parquet", row_group_size=int(rng.integers(5, 50)))
        return Carried(str(path / "a.parquet"), told=told)
    cut = whole.num_rows // 2
    pq.write_table(narrowed(whole.slice(0, cut)), path / "a.parquet")
    pq.write_table(whole.slice(cut), path / ("b.pq" if rng.random() < 0.3 else "b.parquet"))
    if rng.random() < 0.5:  # what an unfinished writer leaves
        (path / "_temporary").mkdir()
        pq.write_table(whole, path / "_temporary" / "c.parquet")
        pq.write_table(whole, path / ".hidden.parquet")
    return Carried(str(path), told=f"{told}, two shards")


def narrowed(shard: pa.Table) -> pa.Table:
    """The shard with floats that are whole as ints, and ints as small as they go: what a writer of one day infers."""
    for j, name in enumerate(shard.column_names):
        held = shard.column(j)
        if not (pa.types.is_floating(held.type) or pa.types.is_int64(held.type)):
            continue
        for narrower in (pa.int32(), pa.int64()):
            try:
                shard = shard.set_column(j, name, held.cast(narrower, safe=True))
                break
            except pa.ArrowInvalid:
                continue
    return shard


def carry_csv(t: Table, rng: Rng, folder: Path) -> Carried:
    path, told = folder_for(t, rng, folder, "csv")
    comma = rng.random() < 0.15
    delimiter = ";" if comma else str(rng.choice([",", ",", ";", "\t"]))
    spelt = {name: str(rng.choice(SPELT)) for name in t.columns}
    N, sheet = len(next(iter(t.columns.values())).values), Sheet(delimiter, comma, spelt)
    options = {"decimal": ",", "delimiter": ";"} if comma else {}
    told += f", delimiter {delimiter!r}, missing {spelt}"
    if rng.random() < 0.7:
        (path / "a.csv").write_bytes(sheet.text(t, range(N)).encode("utf-8-sig" if rng.random() < 0.2 else "utf-8"))
        return Carried(str(path / "a.csv"), options, frozenset(MISSING), told=told)
    (path / "a.csv").write_bytes(sheet.text(t, range(N // 2)).encode())
    (path / "b.csv").write_bytes(sheet.text(t, range(N // 2, N)).encode())
    return Carried(str(path / "*.csv"), options, frozenset(MISSING), told=f"{told}, two shards")


@dataclass(frozen=True)
class Sheet:
    """How a csv is written."""

    delimiter: str
    comma: bool
    missing: dict[str, str]

    def text(self, t: Table, rows: range) -> str:
        lines = [self.delimiter.join(self.quoted(name) for name in t.columns)]
        lines += [self.delimiter.join(self.cell(name, column, i) for name, column in t.columns.items()) for i in rows]
        return "\n".join(lines) + "\n"

    def cell(self, name: str, column: Column, i: int) -> str:
        value = column.values[i]
        if value is None:
            return self.missing[name]
        if column.kind == "float":
            told = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
            return told.replace(".", ",") if self.comma else told
        return self.quoted(str(value))

    def quoted(self, word: str) -> str:
        if any(c in word for c in (self.delimiter, '"', "\n", "\r")):
            return '"' + word.replace('"', '""') + '"'
        return word


CARRIERS: dict[str, Callable[[Table, Rng, Path], Carried]] = {
    "pandas": carry_pandas,
    "polars": carry_polars,
    "polars lazy": carry_lazy,
    "arrow": carry_arrow,
    "duckdb": carry_duckdb,
    "parquet": carry_parquet,
    "csv": carry_csv,
}
