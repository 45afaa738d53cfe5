"""The embedded engine: opened so that it never looks at the network, and what it says of a file put in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lyra.errors import DataError

__all__ = ["connected", "first_sentence", "refusing"]

OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
CUT = 160  # characters of the engine's words, a line


@contextmanager
def connected() -> Iterator[Any]:
    """Give an engine that neither installs nor loads an extension, and so never looks at the network."""
    import duckdb

    with duckdb.connect(config={**OFFLINE}) as connection:
        yield connection


@contextmanager
def refusing(path: str, kind: str) -> Iterator[None]:
    """Say in a sentence what the engine says of a file."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise DataError(f"{path!r} could not be read as {kind}: {first_sentence(error)}.") from error


def first_sentence(error: Exception) -> str:
    """Return what an engine says before it comes to its advice: several lines, where the first does not say it."""
    lines = [_cut(line.strip()) for line in str(error).splitlines()]
    told = [line for line in lines[: next((i for i, line in enumerate(lines) if _is_advice(line)), None)] if line]
    if "invalid state" in told[0]:
        return "its line ends are mixed, or a quote is not closed; write it again with one kind of line end"
    return "; ".join(line.rstrip(".:; ") for line in told) or lines[0].rstrip(".")


def _is_advice(line: str) -> bool:
    return line.startswith(("Possible", "*", "file =", "LINE ", "Candidate"))


def _cut(line: str) -> str:
    return line if len(line) <= CUT else f"{line[:CUT]}..."
