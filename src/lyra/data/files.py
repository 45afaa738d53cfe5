"""Which files a path means: their names, their kind, the keys in their folders' names, and what tells damage.

Hidden files and folders, and those whose name begins with an underscore (`_temporary`, `_SUCCESS`), are what a writer
left beside its data: they are not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from re import match
from urllib.parse import unquote

from lyra.errors import DataError, LyraError

__all__ = ["KINDS", "data_files", "hive_keys", "kind_of", "reaching", "refuse_address", "refuse_damaged"]

KINDS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv"}
COMPRESSED = {".gz"}
MAGIC = b"PAR1"
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
LONGEST = 200  # characters of a path that a sentence shows


def data_files(path: str) -> tuple[str, ...]:
    """Return the files meant by the path of a file, a glob or a folder, sorted, or refuse when there is none.

    Raises
    ------
    DataError
    """
    with reaching(path):
        if not path:
            raise DataError("The path is empty: name a csv or parquet file, a glob of them, or their folder.")
        if Path(path).is_dir():
            return _in_folder(path)
        if Path(path).exists():
            return (_regular(path),)
        refuse_address(path, "reads local files only: download it first")
        found = _matching(path) if has_magic(path) else ()
        if not found:
            raise DataError(f"{_gap(path)}, which is read from {str(Path.cwd())!r}.")
        return found


def kind_of(name: str) -> str:
    """Return "csv" or "parquet", as the name says, or refuse."""
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    last = suffixes[-2:-1] if suffixes[-1:] and suffixes[-1] in COMPRESSED else suffixes[-1:]
    if last and last[0] in KINDS:
        return KINDS[last[0]]
    raise DataError(f"{_shown(name)} does not say what it is: name it {', '.join(KINDS)} (csv also .csv.gz).")


def hive_keys(name: str) -> dict[str, str | None]:
    """Return what the folders' names say of a file's rows.

    Examples
    --------
    >>> hive_keys("sales/year=2026/city=New%20York/a.csv")
    {'year': '2026', 'city': 'New York'}
    """
    pairs = [folder.split("=", 1) for folder in Path(name).parts[:-1] if match("[^=]+=", folder)]
    return {unquote(key): None if value == NO_VALUE else unquote(value) for key, value in pairs}


def refuse_address(path: str, why: str) -> None:
    """Refuse what is an address of the network rather than a path."""
    if match(r"[A-Za-z][A-Za-z0-9+.-]+://", path):
        raise DataError(f"{_shown(path)} is an address, and lyra {why}.")


def refuse_damaged(name: str, kind: str) -> None:
    """Refuse a file that is empty, or not what its name says."""
    with reaching(name):
        size = Path(name).stat().st_size
        if size == 0:
            raise DataError(f"{name!r} is an empty file: write it again.")
        if kind == "parquet":
            _refuse_no_parquet(name, size)


@contextmanager
def reaching(path: str) -> Iterator[None]:
    """Say in a sentence what the system says of a path."""
    try:
        yield
    except LyraError:
        raise
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{_shown(path)} cannot be reached ({told}): check the path and its permissions.") from error


def _in_folder(path: str) -> tuple[str, ...]:
    if Path(path).resolve() == Path(Path(path).resolve().anchor):
        raise DataError(f"{path!r} is the whole disk: name the folder your data are in.")
    named = [name for name in _walked(path) if _is_data(name)]
    kinds = {name: kind_of(name) for name in named}
    found = [name for name in named if kinds[name] == "parquet"] or named
    if not found:
        raise DataError(f"There is no parquet or csv file in the directory {path!r}: pass a glob of your files.")
    return tuple(sorted(found))


def _walked(path: str) -> Iterator[str]:
    """Yield the files below a folder that a writer meant to be read."""
    for folder, folders, names in os.walk(path, onerror=_unreadable):
        folders[:] = [name for name in folders if not _is_left_over(name)]
        yield from (str(Path(folder, name)) for name in names if not _is_left_over(name))


def _unreadable(error: OSError) -> None:
    raise error


def _is_left_over(name: str) -> bool:
    return name.startswith((".", "_")) and name != ".."


def _is_data(name: str) -> bool:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes[-2:]]
    return suffixes[-1:] != [] and (suffixes[-1] in KINDS or (suffixes[-1] in COMPRESSED and suffixes[0] in KINDS))


def _matching(path: str) -> tuple[str, ...]:
    meant = set(Path(path).parts)
    found = sorted(name for name in glob(path, recursive=True) if not Path(name).is_dir())
    return tuple(_regular(name) for name in found if not any(map(_is_left_over, set(Path(name).parts) - meant)))


def _regular(name: str) -> str:
    if not Path(name).is_file():
        raise DataError(f"{_shown(name)} is neither a file nor a folder: write what it gives to a file.")
    return name


def _gap(path: str) -> str:
    if has_magic(path):
        return f"No file matches {_shown(path)}: check the path"
    if Path(path).is_symlink():
        return f"{_shown(path)} is a link to a file that is not there: check the link"
    return f"There is no file {_shown(path)}: check the path"


def _refuse_no_parquet(name: str, size: int) -> None:
    with Path(name).open("rb") as file:
        head = file.read(len(MAGIC))
        file.seek(max(size - len(MAGIC), 0))
        tail = file.read()
    if head != MAGIC:
        raise DataError(f"{name!r} is not a parquet file (it begins with {head!r}): name it .csv if it is text.")
    if tail != MAGIC or size < 3 * len(MAGIC):
        raise DataError(f"{name!r} is a parquet file cut short ({size} bytes, no footer): copy or write it again.")


def _shown(path: str) -> str:
    return repr(path if len(path) <= LONGEST else f"{path[:LONGEST]}...")
