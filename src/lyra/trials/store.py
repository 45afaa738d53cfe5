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
from collections.abc import Iterable, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Self

from lyra.base.identity import HASH
from lyra.base.text import listed
from lyra.base.warn import warn
from lyra.errors import InputError, StoreLostWarning
from lyra.trials.chunks import Key, Table, canonical, checksum, digest, packed, unpacked
from lyra.trials.integrity import APPLICATION, FORMAT, PATIENCE, examine, is_new, reachable

__all__ = ["Store"]

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
    >>> import numpy as np
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
        with reachable(self.path):
            examine(self.path)
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
        if is_new(self._db):
            for statement in SCHEMA:
                self._db.execute(statement)
            self._db.execute("INSERT INTO run VALUES (?, ?)", (config, checksum(config)))
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
        content = packed(canonical(table))
        row = (int(cell), int(chunk), checksum(content, cell, chunk), content)
        self._warn_if_lost()
        with reachable(self.path):
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
        with reachable(self.path):
            found = self._db.execute(select, (cell, chunk)).fetchone()
        if found is None:
            raise InputError(f"chunk {chunk} of cell {cell} is not in the store {self.path}: run it first.")
        return unpacked(found[0])

    def keys(self) -> list[Key]:
        """Return the chunks that are done, ordered by cell and chunk."""
        with reachable(self.path):
            return self._db.execute("SELECT cell, chunk FROM chunk ORDER BY cell, chunk").fetchall()

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return those of `keys` that are not done, in the order given."""
        done = set(self.keys())
        return [key for key in keys if key not in done]

    def digest(self) -> str:
        """Return the digest of everything in the store; see the function `digest`."""
        return digest({key: self.get(key) for key in self.keys()})


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
