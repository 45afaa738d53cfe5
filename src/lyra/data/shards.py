"""Files of one table -> one relation: columns matched by name, types united where nothing is lost.

Every option of DuckDB's readers is named here. Nothing is sniffed, sampled, installed, loaded or fetched, and the
folders' names add a column only where the files have none of that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from glob import escape
from pathlib import Path
from typing import Any

import narwhals as nw

from lyra.base.text import listed
from lyra.data.embedded import connected, refusing
from lyra.data.files import data_files, hive_keys, kind_of, reaching, refuse_damaged
from lyra.data.reading import Reading, delimiter_of, header_of
from lyra.data.values import EXACT
from lyra.data.widening import FLOATS, NULL, SIGNED, TEXT, UNSIGNED, wider
from lyra.errors import DataError, InputError

__all__ = ["Files", "files_of"]

READ_CSV = (
    "auto_detect=false, header=true, skip=0, quote='\"', escape='\"', comment='', strict_mode=true, "
    "null_padding=false, ignore_errors=false, allow_quoted_nulls=true, normalize_names=false, "
    "hive_partitioning=false, union_by_name=false"
)
READ_PARQUET = "hive_partitioning=false, union_by_name=false, binary_as_string=false"


@dataclass(frozen=True, slots=True)
class Shard:
    """Files that are read alike.

    Attributes
    ----------
    names : tuple of str
        The files, as absolute paths.
    columns : mapping of str to str
        Their columns, each with DuckDB's name of its type.
    keys : mapping of str to str or None
        What their folders' names say, where the files have no such column.
    delimiter : str or None
        Of a csv.
    """

    names: tuple[str, ...]
    columns: Mapping[str, str]
    keys: Mapping[str, str | None]
    delimiter: str | None

    @property
    def types(self) -> dict[str, str]:
        """The columns and the keys, with their types."""
        return {**self.columns, **{key: NULL if value is None else TEXT for key, value in self.keys.items()}}

    def source(self, reading: Reading) -> str:
        """Return the rows of the files, in SQL."""
        files = ", ".join(_text(escape(name)) for name in self.names)
        if self.delimiter is None:
            return f"read_parquet([{files}], {READ_PARQUET})"
        columns = ", ".join(f"{_text(name)}: '{TEXT}'" for name in self.columns)
        missing = ", ".join(map(_text, ("", *reading.missing)))
        return (
            f"read_csv([{files}], columns={{{columns}}}, delim={_text(self.delimiter)}, "
            f"encoding='{reading.encoding}', nullstr=[{missing}], {READ_CSV})"
        )

    def select(self, types: Mapping[str, str], reading: Reading) -> str:
        """Return the rows of the files with columns of these types, in SQL."""
        columns = ", ".join(f"{self._value(name, dtype)} AS {_name(name)}" for name, dtype in types.items())
        return f"SELECT {columns} FROM {self.source(reading)}"

    def _value(self, name: str, dtype: str) -> str:
        if name in self.columns:
            return _name(name) if self.columns[name] == dtype else f"CAST({_name(name)} AS {dtype})"
        value = self.keys[name]
        return f"CAST({'NULL' if value is None else _text(value)} AS {dtype})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A table of files; see `lyra.data.tables.Table`.

    Attributes
    ----------
    path, kind : str
        As the user wrote it; "csv" or "parquet".
    reading : Reading
    shards : tuple of Shard
    types : mapping of str to str
        The columns that all files have, and the type that loses nothing of them.
    unfit : mapping of str to str
        Columns that cannot be read, each with the sentence that says why.
    """

    path: str
    kind: str
    reading: Reading
    shards: tuple[Shard, ...]
    types: Mapping[str, str]
    unfit: Mapping[str, str]

    @property
    def decimal(self) -> str:
        """The decimal sign of text."""
        return self.reading.decimal

    @property
    def written(self) -> frozenset[str]:
        """Columns of text that spells numbers: all of a csv, and the keys of folders."""
        keys = frozenset(key for shard in self.shards for key in shard.keys)
        return frozenset(self.types) if self.kind == "csv" else keys & frozenset(self.types)

    @contextmanager
    def opened(self) -> Iterator[nw.LazyFrame[Any]]:
        """Give the frame of all files for the time of a scan."""
        with connected() as connection, refusing(self.path, self.kind):
            rows = " UNION ALL ".join(shard.select(self.types, self.reading) for shard in self.shards)
            yield nw.from_native(connection.sql(rows))


def files_of(path: str, reading: Reading) -> Files:
    """Return the table of the files that a path means.

    Raises
    ------
    DataError
        There is no such file, it is not what its name says, or the files have no column in common.
    InputError
        An option of csv files was given with parquet files.
    """
    found = data_files(path)
    kinds = {name: kind_of(name) for name in found}
    if len(set(kinds.values())) > 1:
        raise DataError(f"{path!r} holds both csv and parquet files: choose one kind, such as '*.parquet'.")
    kind = kinds[found[0]]
    if kind == "parquet" and reading.given:
        raise InputError(f"{reading.given}= belongs to csv files, and {path!r} is parquet: leave it out.")
    for name in found:
        refuse_damaged(name, kind)
    with connected() as connection:
        shards = _shards(connection, found, kind, reading)
        types, unfit = _united(connection, shards, reading)
    if not types:
        raise DataError(next(iter(unfit.values()), f"{path!r} has no columns: write it again."))
    return Files(path=path, kind=kind, reading=reading, shards=shards, types=types, unfit=unfit)


# --- which files are alike ----------------------------------------------------------------------


def _shards(connection: Any, found: Sequence[str], kind: str, reading: Reading) -> tuple[Shard, ...]:
    """Return the files, those alike together, in the order of their first."""
    together: dict[Any, list[str]] = {}
    alike: dict[Any, Shard] = {}
    for name in found:
        shard = _shard(connection, name, kind, reading)
        key = (tuple(shard.columns.items()), tuple(shard.keys.items()), shard.delimiter)
        alike.setdefault(key, shard)
        together.setdefault(key, []).extend(shard.names)
    return tuple(Shard(tuple(together[key]), s.columns, s.keys, s.delimiter) for key, s in alike.items())


def _shard(connection: Any, name: str, kind: str, reading: Reading) -> Shard:
    with reaching(name):
        absolute = str(Path(name).absolute())
    if kind == "csv":
        columns = dict.fromkeys(header_of(name, reading), TEXT)
        delimiter = delimiter_of(name, reading)
    else:
        with refusing(name, kind):
            relation = connection.sql(f"FROM read_parquet([{_text(escape(absolute))}], {READ_PARQUET})")
            columns = {column: str(dtype) for column, dtype in zip(relation.columns, relation.types, strict=True)}
        delimiter = None
    taken = {column.casefold() for column in columns}
    keys = {key: value for key, value in hive_keys(name).items() if key.casefold() not in taken}
    return Shard((absolute,), columns, keys, delimiter)


# --- one type a column --------------------------------------------------------------------------


def _united(connection: Any, shards: Sequence[Shard], reading: Reading) -> tuple[dict[str, str], dict[str, str]]:
    """Return the type of every column that can be read, and of the others why they cannot."""
    types: dict[str, str] = {}
    unfit: dict[str, str] = {}
    for name in dict.fromkeys(name for shard in shards for name in shard.types):
        without = next((shard for shard in shards if name not in shard.types), None)
        if without is not None:
            there = listed(map(repr, without.types), 12)
            unfit[name] = (
                f"The column {name!r} is not in {without.names[0]!r}, where there is {there}: "
                "give every file a header with the same columns."
            )
            continue
        common = _common(connection, name, shards, reading)
        (types if isinstance(common, str) else unfit)[name] = common if isinstance(common, str) else common.sentence
    return types, unfit


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Two files whose types of a column no type holds."""

    name: str
    left: Shard
    right: Shard

    @property
    def sentence(self) -> str:
        first, second = (f"{shard.types[self.name]} in {shard.names[0]!r}" for shard in (self.left, self.right))
        return (
            f"The column {self.name!r} is {first} and {second}, and no type holds both without loss: "
            "write the files again with one type."
        )


def _common(connection: Any, name: str, shards: Sequence[Shard], reading: Reading) -> str | _Conflict:
    """Return the narrowest type that holds the column of all files, or the two files that have none."""
    kinds = _kinds(name, shards)
    if len(kinds) == 1:
        return next(iter(kinds))
    held = {dtype: shard for dtype, shard in kinds.items() if dtype != NULL}
    common = _reduced(held)
    if common is None:
        held = _kinds(name, [shard for shard in shards if _holds(connection, name, shard, reading)])
        common = _reduced(held)
    if common is None:
        return _conflict(name, list(held.values()))
    if common in FLOATS:
        for shard in shards:
            if _is_rounded(connection, name, shard, reading):
                other = next(s for s in held.values() if s.types[name] in FLOATS)
                return _Conflict(name, shard, other)
    return common


def _kinds(name: str, shards: Iterable[Shard]) -> dict[str, Shard]:
    """Return the types of a column, each with the first files that have it."""
    kinds: dict[str, Shard] = {}
    for shard in shards:
        kinds.setdefault(shard.types[name], shard)
    return kinds


def _reduced(kinds: Iterable[str]) -> str | None:
    start: str | None = NULL
    return reduce(wider, kinds, start)


def _conflict(name: str, shards: Sequence[Shard]) -> _Conflict:
    pairs = ((left, right) for left in shards for right in shards)
    left, right = next((a, b) for a, b in pairs if wider(a.types[name], b.types[name]) is None)
    return _Conflict(name, left, right)


def _holds(connection: Any, name: str, shard: Shard, reading: Reading) -> bool:
    """Whether the column has a value."""
    return _count(connection, shard, reading, f"{_name(name)} IS NOT NULL") > 0 if name in shard.columns else True


def _is_rounded(connection: Any, name: str, shard: Shard, reading: Reading) -> bool:
    """Whether the column holds whole numbers that a float need not hold."""
    if shard.types[name] not in SIGNED + UNSIGNED:
        return False
    return _count(connection, shard, reading, f"{_name(name)} NOT BETWEEN {-EXACT} AND {EXACT}") > 0


def _count(connection: Any, shard: Shard, reading: Reading, condition: str) -> int:
    with refusing(shard.names[0], "parquet"):
        found = connection.sql(f"SELECT count(*) FROM {shard.source(reading)} WHERE {condition}").fetchall()
    return int(found[0][0])


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
