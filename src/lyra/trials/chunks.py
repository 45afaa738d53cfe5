"""A chunk's table of replicates: equal content, equal bytes, one digest."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.errors import InputError

__all__ = ["Key", "Table", "canonical", "checksum", "digest", "packed", "unpacked"]

Key = tuple[int, int]
"""A cell's number, and a chunk's number within the cell."""

Table = NDArray[Any]
"""The replicates of a chunk, one a row: a structured array, or a plain one of numbers."""


def digest(tables: Mapping[Key, Table]) -> str:
    """Return a SHA-256 of the replicates, in hexadecimal.

    It depends on the rows of each cell in the order of its chunks; not on the order in which the chunks were
    made, nor on where one chunk ends and the next begins, nor on the machine's byte order.

    Parameters
    ----------
    tables : mapping of (cell, chunk) to table
        All chunks of a run.

    Raises
    ------
    InputError
        A table holds Python objects.

    Examples
    --------
    >>> whole = digest({(0, 0): np.arange(4.0)})
    >>> digest({(0, 1): np.arange(2.0, 4.0), (0, 0): np.arange(2.0)}) == whole
    True
    """
    content = sha256()
    header = ""
    for cell, chunk in sorted(tables):
        rows = canonical(tables[cell, chunk])
        columns = f"cell {cell}: {rows.dtype.descr} {rows.shape[1:]}\n"
        if columns != header:
            header = columns
            content.update(header.encode())
        content.update(rows.tobytes())
    return content.hexdigest()


def canonical(table: Table) -> Table:
    """Return a copy of the rows, little-endian, without padding, with one NaN: equal content, equal bytes.

    Parameters
    ----------
    table : (R,) structured array, or (R, ...) array
        Columns of numbers, truth values or fixed-width text.

    Raises
    ------
    InputError
        The table holds Python objects.

    Examples
    --------
    >>> canonical(np.array([1.0, -np.nan], dtype=">f8"))
    array([ 1., nan])
    """
    rows = np.atleast_1d(table)
    if rows.dtype.hasobject:
        raise InputError("a chunk's table holds Python objects: give columns of numbers or fixed-width text.")
    names = rows.dtype.names
    if names is None:
        return _one_nan(rows.astype(rows.dtype.newbyteorder("<"), order="C"))
    packed = np.empty(rows.shape, [(name, rows.dtype[name].newbyteorder("<")) for name in names])
    for name in names:
        packed[name] = _one_nan(rows[name].copy())
    return packed


def _one_nan(column: Table) -> Table:
    """Return the column with every NaN the same NaN: processors differ in its sign."""
    if column.dtype.kind == "f":
        column[np.isnan(column)] = np.nan
    return column


def packed(rows: Table) -> bytes:
    """Return the bytes a table is kept as."""
    file = BytesIO()
    np.save(file, rows, allow_pickle=False)
    return file.getvalue()


def unpacked(content: bytes) -> Table:
    """Return the table that these bytes keep."""
    return np.load(BytesIO(content), allow_pickle=False)  # type: ignore[no-any-return]


def checksum(content: bytes, *key: int) -> bytes:
    """Return what tells the content kept under a key from any other."""
    return sha256(f"{key}".encode() + content).digest()
