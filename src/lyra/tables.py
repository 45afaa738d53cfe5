"""Whatever the user calls a table -> a frame that can be queried, opened anew for every scan.

Frames and relations are wrapped by narwhals as they are. Paths are read by an embedded DuckDB whose connection is
open only during a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from glob import escape, glob, has_magic
from pathlib import Path
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from lyra.errors import DataError, listed

__all__ = ["Frame", "Table", "as_table", "fetch", "write_columns"]

Frame: TypeAlias = "nw.DataFrame[Any] | nw.LazyFrame[Any]"

KINDS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv"}
COMPRESSED = {".gz"}
MAGIC = b"PAR1"
MISSING = ["", "NA", "NULL", "null"]  # what an empty cell of a csv is written as
WIDER = {"BIGINT": "DOUBLE", "DATE": "TIMESTAMP"}  # types of first rows whose casts round, and what holds all
TAKEN = "a pandas or polars frame, a pyarrow table, a DuckDB relation, or the path of csv or parquet files"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be scanned again and again: `opened()` gives its frame for the time of a scan."""

    opened: Callable[[], AbstractContextManager[Frame]]


def as_table(data: Any) -> Table:
    """Return the table meant by a frame, a relation or a path.

    A path is one csv or parquet file, a glob of them, or a directory with parquet files in it. In a csv an empty
    cell, NA, NULL and null are missing values.

    Raises
    ------
    DataError
        There is no such file, it is not what its name says, or `data` is nothing lyra reads.

    Examples
    --------
    >>> import pandas as pd
    >>> with as_table(pd.DataFrame({"y": [1.0, 2.0]})).opened() as frame:
    ...     fetch(frame)
    {'y': array([1., 2.])}
    """
    if isinstance(data, (str, Path)):
        return _files(str(data))
    try:
        frame = nw.from_native(data)
    except TypeError:
        raise DataError(f"data is a {type(data).__name__}, which is no table lyra reads: pass {TAKEN}.") from None
    except nw.exceptions.DuplicateError:
        names = [str(name) for name in data.columns]
        twice = listed(dict.fromkeys(repr(name) for name in names if names.count(name) > 1))
        raise DataError(f"The table has more than one column named {twice}: rename all but one.") from None
    return Table(lambda: nullcontext(frame))


def fetch(frame: Frame) -> dict[str, NDArray[Any]]:
    """Return the columns of a frame without nulls as arrays, running the query of a lazy one."""
    native = frame.to_native()
    if hasattr(native, "fetchnumpy"):  # DuckDB gives arrays itself; collecting would need pyarrow
        return {name: np.asarray(values) for name, values in native.fetchnumpy().items()}
    held = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    return {name: held[name].to_numpy() for name in held.columns}


def write_columns(columns: Mapping[str, NDArray[Any]], path: str) -> None:
    """Write columns of one length to a csv or parquet file.

    Raises
    ------
    DataError
        The name says neither, or the file cannot be written.
    """
    import duckdb

    kind = _kind(path)
    with duckdb.connect() as connection:
        connection.register("held", {name: np.ascontiguousarray(values) for name, values in columns.items()})
        relation = connection.sql("select * from held")
        try:
            (relation.write_parquet if kind == "parquet" else relation.write_csv)(path)
        except duckdb.Error as error:
            raise DataError(f"{path!r} could not be written: {str(error).splitlines()[0].rstrip('.')}.") from error


# --- paths --------------------------------------------------------------------------------------


def _files(path: str) -> Table:
    found = _found(path)
    kinds = {name: _kind(name) for name in found}
    if len(set(kinds.values())) > 1:
        raise DataError(f"{path!r} holds both csv and parquet files: choose one kind, such as '*.parquet'.")
    for name in found:
        _refuse_damaged(name, kinds[name])
    kind = kinds[found[0]]
    types = {} if kind == "parquet" else _types(path, found)
    return Table(lambda: _scan(path, found, kind, types))


def _found(path: str) -> list[str]:
    """Return the files meant by a path, sorted, or refuse when there is none."""
    if Path(path).is_dir():
        found = sorted(str(name) for name in Path(path).rglob("*.parquet"))
        if not found:
            raise DataError(f"There is no .parquet file in the directory {path!r}: pass a glob such as 'data/*.csv'.")
        return found
    if Path(path).exists():
        return [path]
    found = sorted(glob(path, recursive=True)) if has_magic(path) else []
    if not found:
        gap = "No file matches" if has_magic(path) else "There is no file"
        raise DataError(f"{gap} {path!r}: check the path, which is read from {str(Path.cwd())!r}.")
    return found


def _kind(name: str) -> str:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    last = suffixes[-2:-1] if suffixes[-1:] and suffixes[-1] in COMPRESSED else suffixes[-1:]
    if last and last[0] in KINDS:
        return KINDS[last[0]]
    raise DataError(f"{name!r} does not say what it is: name it {', '.join(KINDS)} (csv also .csv.gz).")


def _refuse_damaged(name: str, kind: str) -> None:
    size = Path(name).stat().st_size
    if size == 0:
        raise DataError(f"{name!r} is an empty file: write it again.")
    if kind != "parquet":
        return
    with Path(name).open("rb") as file:
        head = file.read(len(MAGIC))
        file.seek(max(size - len(MAGIC), 0))
        tail = file.read()
    if head != MAGIC:
        raise DataError(f"{name!r} is not a parquet file (it begins with {head!r}): name it .csv if it is text.")
    if tail != MAGIC or size < 3 * len(MAGIC):
        raise DataError(f"{name!r} is a parquet file cut short ({size} bytes, no footer): copy or write it again.")


def _types(path: str, found: list[str]) -> dict[str, str]:
    """Return the types of a csv's columns: those of its first rows, where all rows keep them."""
    import duckdb

    with duckdb.connect() as connection, _refusing(path, "csv"):
        first = _typed(_csv(connection, found))
        try:
            spoilt = _spoilt(_csv(connection, found, dtype=first | _widened(first)), first)
        except duckdb.Error:  # a word late in a column of numbers
            return _typed(_csv(connection, found, sample_size=-1))
        return first | {name: WIDER[first[name]] for name in spoilt}


def _typed(relation: Any) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in zip(relation.columns, relation.types, strict=True)}


def _widened(types: Mapping[str, str]) -> dict[str, str]:
    return {name: WIDER[dtype] for name, dtype in types.items() if dtype in WIDER}


def _spoilt(wide: Any, types: Mapping[str, str]) -> list[str]:
    """Return the columns with a value that its narrow type would round without a word, such as a late 1.5."""
    asked = {name: f'"{name.replace(chr(34), 2 * chr(34))}"' for name in types}
    tests = ", ".join(
        f"coalesce(bool_or({column} IS DISTINCT FROM try_cast(try_cast({column} AS {types[name]}) AS {wider})), false)"
        if (wider := WIDER.get(types[name]))
        else f"count({column}) < 0"  # read, so that what is not of its type is found
        for name, column in asked.items()
    )
    return [name for name, bad in zip(types, wide.aggregate(tests).fetchall()[0], strict=True) if bad]


@contextmanager
def _scan(path: str, found: list[str], kind: str, types: Mapping[str, str]) -> Iterator[Frame]:
    import duckdb

    with duckdb.connect() as connection, _refusing(path, kind):
        if kind == "csv":
            yield nw.from_native(_csv(connection, found, dtype=types))
        else:
            yield nw.from_native(connection.read_parquet(_literal(found)))


def _csv(connection: Any, found: list[str], **options: Any) -> Any:
    return connection.read_csv(_literal(found), header=True, na_values=MISSING, union_by_name=True, **options)


def _literal(found: list[str]) -> Any:
    """Return the files with nothing in their names that DuckDB would take for a pattern."""
    return [escape(name) for name in found]


@contextmanager
def _refusing(path: str, kind: str) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        told = str(error).splitlines()[0].rstrip(".")
        raise DataError(f"{path!r} could not be read as {kind}: {told}.") from error
