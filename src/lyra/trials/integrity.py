"""Whether a file is a sound store of lyra's: what is not is left alone, what is corrupt is kept under a new name."""

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lyra.errors import DataError
from lyra.trials.chunks import checksum

__all__ = ["APPLICATION", "FORMAT", "PATIENCE", "examine", "is_new", "reachable"]

APPLICATION = int.from_bytes(b"LYRA", "big")
FORMAT = 2
MAGIC = b"SQLite format 3\0"
MARK = slice(68, 72)  # where sqlite keeps the application's number
PATIENCE = 60.0
"""Seconds to wait while another process writes."""


def examine(path: Path) -> None:
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
            return "" if is_new(db) else _fault_inside(db, path)
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


def is_new(db: sqlite3.Connection) -> bool:
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
    for config, told in asked:
        if told != checksum(config):
            return "its configuration does not match its checksum"
    for cell, chunk, told, content in db.execute("SELECT cell, chunk, checksum, content FROM chunk"):
        if told != checksum(content, cell, chunk):
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
def reachable(path: Path) -> Iterator[None]:
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
