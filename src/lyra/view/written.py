"""A file that is written whole or not at all: refused before the run where it cannot be, put in its place after it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lyra.errors import DataError

__all__ = ["file_meant", "keep"]


def file_meant(out: str | None, usual: str) -> str | None:
    """Return the file meant by --out, in a folder the usual one; refuse before the run what cannot be written."""
    if out is None:
        return None
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", out):
        raise DataError(f"--out {out!r} is an address: name a file on this machine.")
    path = Path(out) / usual if out and usual and Path(out).is_dir() else Path(out)
    if not out or path.is_dir():
        raise DataError(f"--out {str(path)!r} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise DataError(f"--out {out!r} is in no folder that exists: make the folder first.")
    if path.exists() and not path.is_file():
        raise DataError(f"--out {out!r} is no ordinary file: name one.")
    if not all(os.access(place, os.W_OK) for place in (path.parent, path) if place.exists()):
        raise DataError(f"--out {out!r} may not be written here: choose a folder that is yours.")
    return str(path)


def keep(out: str, write: Callable[[Path], Any]) -> None:
    """Write a file beside the one meant and put it in its place: what was there survives a write that fails."""
    path = Path(os.path.realpath(out))
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(beside)
        beside.replace(path)
    except OSError as error:
        raise DataError(f"--out {out!r} could not be written ({error.strerror}): what was there is kept.") from error
    finally:
        beside.unlink(missing_ok=True)
