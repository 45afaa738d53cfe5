"""Checkpoints of a long run: killed at any moment, started again, the same digest.

A run is a set of chunks, each a pair (cell, chunk) with a table of replicates that depends on the pair alone.
A `Store` keeps those that are done in an sqlite file. A chunk is one row, written in one transaction of a
write-ahead log: a process killed with -9 leaves each chunk there whole or not at all. One process writes, the
one that started the run; others may read meanwhile.

A store touches only what is its own: a path that does not exist, an empty file, or a database that bears lyra's mark.
Anything else is refused and left as it is; a store of lyra's that is corrupt is kept under a new name.
"""

import json
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lyra.base.identity import HASH
from lyra.base.text import listed
from lyra.base.warn import warn
from lyra.errors import DataError, InputError, StoreLostWarning

__all__ = ["Key", "Store", "Table", "canonical", "digest"]

Key = tuple[int, int]
"""A cell's number, and a chunk's number within the cell."""

Table = NDArray[Any]
"""The replicates of a chunk, one a row: a structured array, or a plain one of numbers."""

APPLICATION = int.from_bytes(b"LYRA", "big")
FORMAT = 2
MAGIC = b"SQLite format 3\0"
MARK = slice(68, 72)  # where sqlite keeps the application's number
PATIENCE = 60.0
"""Seconds to wait while another process writes."""

SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE run (config BLOB NOT NULL, checksum BLOB NOT NULL)",
    """CREATE TABLE chunk (
        cell INTEGER, chunk INTEGER, checksum BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (cell, chunk)
    ) WITHOUT ROWID""",
)


class Store:
    """The chunks of one run, in one sqlite file.

    Parameters
    ----------
    path : path-like
        The file; it is made when it does not exist.
    config : mapping
        Everything that decides the numbers, as nested dicts, lists and scalars that JSON can write. A store
        serves one configuration.

    Raises
    ------
    InputError
        The store was made by another configuration; the sentence names the fields that differ.
    DataError
        The file cannot be opened, is not a store of lyra's, or is corrupt. A corrupt store is kept under a
        new name, which the sentence gives; nothing is deleted, and a file that is not lyra's is not touched.

    Warns
    -----
    StoreLostWarning
        The file was deleted or replaced while the run went on: the run is right, and its checkpoints are lost.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "run.sqlite")
    >>> with Store(path, {"seed": 7}) as store:
    ...     store.put((0, 0), np.array([0.3, 0.01]))
    ...     store.missing([(0, 0), (0, 1)])
    [(0, 1)]
    >>> with Store(path, {"seed": 7}) as store:
    ...     store.get((0, 0))
    array([0.3 , 0.01])
    >>> folder.cleanup()
    """

    def __init__(self, path: str | Path, config: Mapping[str, object]) -> None:
        self.path = _told_path(path)
        asked = _canonical_json(config)
        with _reachable(self.path):
            _examine(self.path)
            self._db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            self._file: tuple[int, int] | None = None
            try:
                self._adopt(asked)
                self._file = _on_disk(self.path)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; everything put is in it."""
        self._warn_if_lost()
        self._db.close()

    def _warn_if_lost(self) -> None:
        """Say once that the file is no longer the one that was opened."""
        if self._file is not None and _on_disk(self.path) != self._file:
            self._file = None
            warn(
                f"The store {self.path} was deleted or replaced while the run went on: the run is not affected, but "
                "what it stored is lost.",
                StoreLostWarning,
            )

    def _adopt(self, config: bytes) -> None:
        """Take a new file into service, or check that it serves this configuration."""
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("BEGIN IMMEDIATE")
        if _is_new(self._db):
            for statement in SCHEMA:
                self._db.execute(statement)
            self._db.execute("INSERT INTO run VALUES (?, ?)", (config, _checksum(config)))
        self._db.execute("COMMIT")
        (made_by,) = self._db.execute("SELECT config FROM run").fetchone()
        if made_by != config:
            raise InputError(
                f"the store {self.path} was made by another configuration: "
                f"{listed(_differences(json.loads(made_by), json.loads(config)), 3)}; "
                "choose another store for this run, or set this back."
            )

    def put(self, key: Key, table: Table) -> None:
        """Write the table of one chunk; a chunk that is already there stays as it is.

        Parameters
        ----------
        key : (cell, chunk)
            Two integers.
        table : (R,) structured array, or (R, ...) array of numbers
            The chunk's replicates.

        Raises
        ------
        InputError
            The table holds Python objects, which have no canonical bytes.
        DataError
            The file cannot be written.
        """
        cell, chunk = key
        content = _packed(canonical(table))
        row = (int(cell), int(chunk), _checksum(content, cell, chunk), content)
        self._warn_if_lost()
        with _reachable(self.path):
            self._db.execute("INSERT OR IGNORE INTO chunk VALUES (?, ?, ?, ?)", row)

    def get(self, key: Key) -> Table:
        """Return the table of one chunk.

        Raises
        ------
        InputError
            The chunk has not been put.
        """
        cell, chunk = int(key[0]), int(key[1])
        select = "SELECT content FROM chunk WHERE cell = ? AND chunk = ?"
        with _reachable(self.path):
            found = self._db.execute(select, (cell, chunk)).fetchone()
        if found is None:
            raise InputError(f"chunk {chunk} of cell {cell} is not in the store {self.path}: run it first.")
        return _unpacked(found[0])

    def keys(self) -> list[Key]:
        """Return the chunks that are done, ordered by cell and chunk."""
        with _reachable(self.path):
            return self._db.execute("SELECT cell, chunk FROM chunk ORDER BY cell, chunk").fetchall()

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return those of `keys` that are not done, in the order given."""
        done = set(self.keys())
        return [key for key in keys if key not in done]

    def digest(self) -> str:
        """Return the digest of everything in the store; see the function `digest`."""
        return digest({key: self.get(key) for key in self.keys()})


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


def _told_path(path: str | Path) -> Path:
    """Return the path, or refuse what the file system cannot hold."""
    if not isinstance(path, (str, PathLike)) or not str(path) or "\0" in str(path):
        raise InputError(f"store={path!r} is not the path of a file: name one, such as 'run.sqlite'.")
    return Path(path)


def _on_disk(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at a path from every other, or None where there is none."""
    with suppress(OSError):
        now = path.stat()
        return now.st_dev, now.st_ino
    return None


def _examine(path: Path) -> None:
    """Refuse a file that is not a sound store, before anything is written to it."""
    if not path.exists():
        return
    if not stat.S_ISREG(path.stat().st_mode):
        kind = "a folder" if path.is_dir() else "not a regular file"
        raise DataError(f"{path} is {kind}: choose another path for the store, and nothing was touched.")
    if path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        header = file.read(MARK.stop)
    if not header.startswith(MAGIC):
        raise DataError(_foreign(path, "a file"))
    fault = _fault(path, own=header[MARK] == APPLICATION.to_bytes(4, "big"))
    if fault:
        raise DataError(
            f"the store {path} is corrupt ({fault}): it was moved to {_set_aside(path)} and nothing was "
            "deleted; run again to start a new store."
        )


def _foreign(path: Path, kind: str) -> str:
    return f"{path} is {kind} of another program, and was left as it is: choose another path for the store."


def _fault(path: Path, *, own: bool) -> str:
    """Return what is wrong with a store, or nothing; refuse a database that does not bear lyra's mark."""
    read_only = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(read_only, uri=True, timeout=PATIENCE)) as db:
            return "" if _is_new(db) else _fault_inside(db, path)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if _out_of_reach(error):
            raise
        if not own:
            raise DataError(_foreign(path, "a file")) from error
        return str(error)


def _fault_inside(db: sqlite3.Connection, path: Path) -> str:
    _refuse_others(db, path)
    sound = _pragma(db, "quick_check(1)")
    return _spoiled(db) if sound == "ok" else str(sound).removeprefix("*** in database main ***\n")


def _pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _is_new(db: sqlite3.Connection) -> bool:
    """Tell whether the file was made and its first transaction never written."""
    unmarked = _pragma(db, "application_id") == 0
    return unmarked and db.execute("SELECT * FROM sqlite_master").fetchone() is None


def _refuse_others(db: sqlite3.Connection, path: Path) -> None:
    version = _pragma(db, "user_version")
    if _pragma(db, "application_id") != APPLICATION:
        raise DataError(_foreign(path, "a database"))
    if version != FORMAT:
        raise DataError(
            f"the store {path} has format {version} and this lyra reads format {FORMAT}: choose another store."
        )


def _spoiled(db: sqlite3.Connection) -> str:
    """Return what does not match its checksum, or nothing."""
    asked = db.execute("SELECT config, checksum FROM run").fetchall()
    if len(asked) != 1:
        return f"it has {len(asked)} configurations"
    for config, checksum in asked:
        if checksum != _checksum(config):
            return "its configuration does not match its checksum"
    for cell, chunk, checksum, content in db.execute("SELECT cell, chunk, checksum, content FROM chunk"):
        if checksum != _checksum(content, cell, chunk):
            return f"chunk {chunk} of cell {cell} does not match its checksum"
    return ""


def _set_aside(path: Path) -> Path:
    """Move a corrupt store and its log to the first free name; the log first, so that it is never lost."""
    path, n = path.resolve(), 1
    while (aside := path.with_name(f"{path.name}.corrupt-{n}")).exists():
        n += 1
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


OUT_OF_REACH = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


@contextmanager
def _reachable(path: Path) -> Iterator[None]:
    """Turn trouble with the file system, with another process or with what the file holds into a refusal."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        if not _out_of_reach(error):
            raise DataError(
                f"the store {path} was damaged while it was in use ({error}): run again, and it is examined first."
            ) from error
        raise DataError(
            f"the store {path} cannot be used ({error}): check that its folder exists, may be written to and "
            "has room, and that no other run holds it."
        ) from error


def _out_of_reach(error: Exception) -> bool:
    """Tell trouble with the file system or another process from a fault in what the file holds."""
    if isinstance(error, OSError):
        return True
    code = int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # 0 when Python found the fault itself
    return isinstance(error, sqlite3.OperationalError) and code in OUT_OF_REACH


def _canonical_json(config: Mapping[str, object]) -> bytes:
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _differences(stored: object, asked: object) -> list[str]:
    """Return one clause for each field in which two configurations differ."""
    before, now = _leaves(stored), _leaves(asked)
    return [
        f"{field} is {before.get(field, 'absent')} in the store and {now.get(field, 'absent')} in this run"
        for field in sorted(before | now)
        if before.get(field) != now.get(field)
    ]


def _leaves(value: object, path: str = "") -> dict[str, str]:
    """Return the JSON text of every scalar and every empty container, by dotted path."""
    if isinstance(value, dict) and value:
        inside = [(f"{path}.{key}" if path else key, inner) for key, inner in value.items()]
    elif isinstance(value, list) and value:
        inside = [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
    else:
        return {path: _scalar(value)}
    return {field: text for at, inner in inside for field, text in _leaves(inner, at).items()}


def _scalar(value: object) -> str:
    """Return the JSON text; of a hash, enough to tell it from another."""
    if isinstance(value, str) and value.startswith(HASH):
        return value[: len(HASH) + 8]
    return json.dumps(value, ensure_ascii=False)


def _one_nan(column: Table) -> Table:
    """Return the column with every NaN the same NaN: processors differ in its sign."""
    if column.dtype.kind == "f":
        column[np.isnan(column)] = np.nan
    return column


def _packed(rows: Table) -> bytes:
    file = BytesIO()
    np.save(file, rows, allow_pickle=False)
    return file.getvalue()


def _unpacked(content: bytes) -> Table:
    return np.load(BytesIO(content), allow_pickle=False)  # type: ignore[no-any-return]


def _checksum(content: bytes, *key: int) -> bytes:
    return sha256(f"{key}".encode() + content).digest()
