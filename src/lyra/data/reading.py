"""How a csv is read: every option has a name, and none of them is guessed from the data but the delimiter.

A csv is text. Its cells stay as they are written; `lyra.data.cells` makes numbers of those that are used as numbers.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import IO, cast

from lyra.base.text import listed
from lyra.data.files import reaching
from lyra.errors import DataError, InputError

__all__ = ["MISSING", "Reading", "delimiter_of", "header_of", "reading_of"]

MISSING = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "Null", "null", "None", "none", "NaT", "<NA>")
"""What is missing in a csv beside the empty cell, whatever the column is used as."""

ENCODINGS = {"utf8": "utf-8", "utf16": "utf-16", "latin1": "latin-1", "iso88591": "latin-1"}
DELIMITERS = (",", ";", "\t", "|")
HEAD = 2**20  # characters in which a header ends
LINES = 20  # that show which delimiter it is


@dataclass(frozen=True, slots=True)
class Reading:
    r"""How the csv files of a table are written.

    Attributes
    ----------
    decimal : {".", ","}
        The decimal sign of numbers. With "," dots may part thousands where a cell leaves no doubt, as in 1.250,50.
    delimiter : str or None
        The character between cells; None takes the comma, semicolon, tab or bar that parts the header.
    encoding : {"utf-8", "utf-16", "latin-1"}
        Of the text.
    missing : tuple of str
        The words, whole cells, that stand for a missing value beside the empty cell.

    Raises
    ------
    InputError

    Examples
    --------
    >>> Reading(decimal=",", delimiter=";").encoding
    'utf-8'
    """

    decimal: str = "."
    delimiter: str | None = None
    encoding: str = "utf-8"
    missing: tuple[str, ...] = MISSING

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise InputError(f"decimal={self.decimal!r} is no decimal sign: pass '.' or ','.")
        if self.delimiter is not None:
            _refuse_delimiter(self.delimiter, self.decimal)
        object.__setattr__(self, "encoding", _known_encoding(self.encoding))
        object.__setattr__(self, "missing", _words(self.missing))

    @property
    def given(self) -> str | None:
        """The first option that was given, or None."""
        return next((f.name for f in fields(self) if getattr(self, f.name) != f.default), None)


def reading_of(decimal: str, delimiter: str | None, encoding: str, missing: Iterable[str] | None) -> Reading:
    """Return the reading that the keywords of a door ask for; without `missing` the usual words."""
    words = MISSING if missing is None else _words(missing)
    return Reading(decimal, delimiter, encoding, words)


def header_of(name: str, reading: Reading) -> tuple[str, ...]:
    """Return the names of a csv's columns, as the header writes them.

    Raises
    ------
    DataError
        The file is not text of that encoding, or two columns have one name.
    """
    head = _head(name, reading)
    first = next(_records(head, delimiter_of(name, reading)), [])
    names = tuple(cell.strip() or f"column{i}" for i, cell in enumerate(first))
    _refuse_repeated(name, names)
    return names


def delimiter_of(name: str, reading: Reading) -> str:
    """Return the delimiter asked for, or the one that parts the header and the lines after it alike."""
    if reading.delimiter is not None:
        return reading.delimiter
    head = _head(name, reading)
    return max(DELIMITERS, key=lambda delimiter: _parts(head, delimiter))


def _parts(head: str, delimiter: str) -> tuple[bool, int]:
    """Return whether the first lines have as many cells as the header, more than one, and how many it has."""
    widths = [len(record) for record in islice(_records(head, delimiter), LINES) if record]
    header = widths[0] if widths else 0
    whole = widths[:-1] if len(head) == HEAD else widths
    return header > 1 and set(whole) <= {header}, header


def _records(head: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except (StopIteration, csv.Error):  # what is wrong with a cell, the reader of the rows tells
            return


def _head(name: str, reading: Reading) -> str:
    encoding = "utf-8-sig" if reading.encoding == "utf-8" else reading.encoding
    try:
        with reaching(name), _bytes(name) as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            return text.read(HEAD)
    except DataError as error:
        if isinstance(error.__cause__, UnicodeError):
            raise DataError(_not_encoded(name, reading.encoding)) from error
        raise
    except (EOFError, zlib.error) as error:
        raise DataError(f"{name!r} is a .gz file that is damaged ({error}): copy or write it again.") from error


def _bytes(name: str) -> IO[bytes]:
    if name.lower().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(name, "rb"))
    return Path(name).open("rb")


def _not_encoded(name: str, encoding: str) -> str:
    others = listed(f"encoding={other!r}" for other in dict.fromkeys(ENCODINGS.values()) if other != encoding)
    return f"{name!r} is not text in {encoding.upper()}: pass its encoding ({others}), or write it as UTF-8."


def _refuse_repeated(name: str, names: tuple[str, ...]) -> None:
    folded = [column.casefold() for column in names]
    twice = [column for column in names if folded.count(column.casefold()) > 1] if len(set(folded)) < len(names) else []
    if twice:
        alike = listed(dict.fromkeys(map(repr, twice)))
        raise DataError(f"{name!r} has more than one column named {alike}: rename all but one.")


def _refuse_delimiter(delimiter: str, decimal: str) -> None:
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in "\"'\r\n" or delimiter.isalnum():
        raise InputError(f"delimiter={delimiter!r} is no delimiter: pass one character, such as ';' or '\\t'.")
    if delimiter == decimal:
        raise InputError(f"delimiter={delimiter!r} is the decimal sign too: pass two different characters.")


def _known_encoding(encoding: str) -> str:
    plain = "".join(filter(str.isalnum, encoding.casefold())) if isinstance(encoding, str) else ""
    if plain not in ENCODINGS:
        known = listed(map(repr, dict.fromkeys(ENCODINGS.values())))
        raise InputError(f"encoding={encoding!r} is not read here: pass one of {known}, or write the file as utf-8.")
    return ENCODINGS[plain]


def _words(missing: Iterable[str]) -> tuple[str, ...]:
    words = (missing,) if isinstance(missing, str) else tuple(missing) if isinstance(missing, Iterable) else (missing,)
    for word in words:
        if not isinstance(word, str):
            raise InputError(f"missing= holds {word!r}, which is no text: pass words such as missing=['NA', '-99'].")
    return words
