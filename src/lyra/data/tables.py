"""Whatever the user calls a table -> a frame that can be queried, opened anew for every scan.

Frames and relations are wrapped by narwhals as they are. Paths are read by an embedded DuckDB whose connection is
open only during a scan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from lyra.base.text import listed
from lyra.data.embedded import connected, first_sentence
from lyra.data.files import kind_of, reaching, refuse_address
from lyra.data.reading import MISSING, Reading, reading_of
from lyra.data.shards import files_of
from lyra.errors import DataError, InputError

__all__ = ["MISSING", "Frame", "Reading", "Table", "as_table", "fetch", "reading_of", "write_columns"]

Frame: TypeAlias = "nw.DataFrame[Any] | nw.LazyFrame[Any]"

TAKEN = "a pandas or polars frame, a pyarrow table, a DuckDB relation, or the path of csv or parquet files"


class Table(Protocol):
    """A table that can be scanned again and again."""

    @property
    def written(self) -> Collection[str]:
        """Columns of text that spells numbers, which are numbers where they are used as such."""

    @property
    def decimal(self) -> str:
        """Their decimal sign."""

    @property
    def unfit(self) -> Mapping[str, str]:
        """Columns that cannot be read, each with the sentence that says why."""

    def opened(self) -> AbstractContextManager[Frame]:
        """Give the frame for the time of a scan."""


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A frame or relation that the user holds."""

    frame: Frame
    written: frozenset[str] = frozenset()
    decimal: str = "."

    @property
    def unfit(self) -> dict[str, str]:
        """Nothing: what is in a frame can be read."""
        return {}

    def opened(self) -> AbstractContextManager[Frame]:
        """Give the frame."""
        return nullcontext(self.frame)

    def __reduce__(self) -> tuple[Any, ...]:
        native = self.frame.to_native()
        if hasattr(native, "fetchnumpy"):
            raise DataError(
                "A fit of a DuckDB relation cannot be pickled, for its rows stay in their connection: "
                "fit a file or a frame, or keep its numbers."
            )
        return as_table, (native,)


def as_table(data: Any, reading: Reading | None = None) -> Table:
    """Return the table meant by a frame, a relation or a path.

    A path is one csv or parquet file, a glob of them, or a folder: its parquet files, or its csv files when it has no
    parquet; hidden ones and those that begin with an underscore are left out. A folder named `key=value` gives its
    files a column `key`, when they have none of that name. Columns of several files are matched by name.

    A csv is text: what is used as a label stays as it is written, and numbers are made of the columns used as numbers.
    An empty cell and the words NA, N/A, n/a, #N/A, NaN, nan, -nan, NULL, Null, null, None, none, NaT and <NA> are
    missing values, unless `reading.missing` names other words.

    Parameters
    ----------
    data : frame, relation or path
    reading : Reading, optional
        How csv files are written.

    Raises
    ------
    DataError
        There is no such file, it is not what its name says, or `data` is nothing lyra reads.
    InputError
        An option of csv files was given with another table.

    Examples
    --------
    >>> import pandas as pd
    >>> with as_table(pd.DataFrame({"y": [1.0, 2.0]})).opened() as frame:
    ...     fetch(frame)
    {'y': array([1., 2.])}
    """
    asked = reading or Reading()
    if isinstance(data, (str, Path)):
        return files_of(str(data), asked)
    if asked.given:
        raise InputError(f"{asked.given}= belongs to a csv file, and data is a {type(data).__name__}: leave it out.")
    try:
        return Held(nw.from_native(data))
    except TypeError:
        raise DataError(f"data is a {type(data).__name__}, which is no table lyra reads: pass {TAKEN}.") from None
    except nw.exceptions.DuplicateError:
        names = [str(name) for name in getattr(data, "column_names", data.columns)]
        twice = listed(dict.fromkeys(repr(name) for name in names if names.count(name) > 1))
        raise DataError(f"The table has more than one column named {twice}: rename all but one.") from None


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
        The name says neither, is an address of the network, or the file cannot be written.
    """
    import duckdb

    refuse_address(path, "writes local files only: name a file")
    kind = kind_of(path)
    with reaching(path), connected() as connection:
        connection.register("held", {name: np.ascontiguousarray(values) for name, values in columns.items()})
        relation = connection.sql("select * from held")
        try:
            (relation.write_parquet if kind == "parquet" else relation.write_csv)(str(Path(path).absolute()))
        except duckdb.Error as error:
            raise DataError(f"{path!r} could not be written: {first_sentence(error)}.") from error
