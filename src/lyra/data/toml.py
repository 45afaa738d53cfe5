"""A TOML file -> tables of plain values, and a table -> a record: strict, every refusal with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lyra.base.text import did_you_mean
from lyra.errors import DataError, InputError

__all__ = ["LARGEST_FILE", "converted", "refuse_unknown", "toml_of"]

LARGEST_FILE = 2**20  # bytes

Record = TypeVar("Record")


def toml_of(path: str | Path) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises
    ------
    DataError
        The file is missing, too large, nested too deeply, or no TOML.
    """
    try:
        return tomllib.loads(_text_of(Path(path)))
    except RecursionError as error:
        raise DataError(f"{str(path)!r} is not a config: its lists and tables are nested too deeply.") from error
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read ({error.strerror}): check the path.") from error
    except ValueError as error:  # no TOML, no text, or a number of thousands of digits
        raise DataError(f"{str(path)!r} is not TOML: {str(error).rstrip('.')}.") from error


def _text_of(path: Path) -> str:
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"a config has at most {LARGEST_FILE:,} bytes and this file has {path.stat().st_size:,}")
    return path.read_text(encoding="utf-8")


def refuse_unknown(table: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    """Refuse a field of a table by its name, with the one that was meant."""
    for key in table:
        if key not in known:
            raise InputError(f"{place} has an unknown field {key!r}: {did_you_mean(key, known)}.")


def converted(table: Mapping[str, Any], target: type[Record], place: str) -> Record:
    """Return a table as a record of this type, or refuse the value that does not fit, with its place."""
    import msgspec

    try:
        return msgspec.convert(dict(table), target)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InputError) and not place:
            raise error.__cause__ from None  # the record's own refusal, which says the place
        told = str(error).replace("`$.", f"`{place}." if place else "`").replace("`$", f"`{place}")
        raise InputError(f"{place or 'the file'} does not fit: {told.rstrip('.')}.") from error
