"""What the cells of a column of text say: numbers, truth values, dates, words, or numbers written some other way.

A column that is used as numbers and written in text is numbers when every cell is one, and a category when no cell
looks like one. Between the two lies a column that was meant as numbers, or a category of codes, and only the user
knows which: it is refused, with the first cell that is unlike the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from lyra.data.tables import Frame, fetch
from lyra.errors import InputError

__all__ = ["Spelling", "in_order", "spelt"]

DIGITS = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
COMMAS = r"(?:[0-9]+,?[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?"
THOUSANDS = r"[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+,[0-9]+|(?:\.[0-9]{3}){2,})"
NUMBER: Mapping[str, str] = {
    ".": rf"^[ \t]*[+-]?{DIGITS}[ \t]*$",
    ",": rf"^[ \t]*[+-]?(?:{COMMAS}|{THOUSANDS})[ \t]*$",
}
"""Numbers, by decimal sign."""
TRUTH = "^(?:[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$"
DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}.*)?$"
MONEY = "(?:[€$£¥₹]|EUR|USD|GBP|CHF|JPY|CNY|INR|kr)"
BLANKS = " \t\u00a0\u202f"
GAP = f"[{BLANKS}]*"
ALIKE = (
    rf"^{GAP}\(?{GAP}[+−-]?{GAP}{MONEY}?{GAP}[+−-]?[.,]?[0-9][0-9.,_'’{BLANKS}]*(?:[eE][+-]?[0-9]+)?"
    rf"{GAP}(?:{MONEY}|%|‰)?{GAP}\)?-?{GAP}$|^[+-]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?$|^[+-]?[nN][aA][nN]$"
    r"|^[+-]?0[xX][0-9a-fA-F]+$"
)
"""What a reader takes for a number, however it is written."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a column of text spells its numbers: with this decimal sign, or, where it is None, as true and false."""

    decimal: str | None

    def numbers(self, name: str) -> nw.Expr:
        """Return the numbers of a column."""
        cells = nw.col(name)
        if self.decimal is None:
            return (cells.str.to_lowercase() == "true").cast(nw.Float64)
        if self.decimal == ",":
            cells = cells.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
        return cells.cast(nw.Float64)


def spelt(frame: Frame, columns: Collection[str], *, written: Collection[str], decimal: str) -> dict[str, Spelling]:
    """Return how columns of text spell numbers; those of words are left out.

    Parameters
    ----------
    frame : Frame
    columns : collection of str
        Columns of text that the formula uses without C().
    written : collection of str
        Those in which text may be numbers; elsewhere numbers have a type of their own.
    decimal : str
        Their decimal sign.

    Raises
    ------
    InputError
        Some cells are numbers, or look like numbers, and others are not; dates.
    """
    asked = [name for name in columns if name in written]
    seen = [(frame.select(name).unique(), [name]) for name in columns if name not in written]
    found: dict[str, Spelling] = {}
    for part, names in [*seen, (frame, asked)]:
        for name, tally in _tallies(part, names, decimal).items():
            spelling = _spelling(frame, name, tally, written=name in written, decimal=decimal)
            found |= {} if spelling is None else {name: spelling}
    return found


def in_order(labels: Sequence[Any]) -> list[Any]:
    """Return distinct labels in order: numbers by size, and text by the numbers in it, so that W2 is before W10.

    Examples
    --------
    >>> in_order(["W10", "W2", "W1"]), in_order(["10", "9", "-1"])
    (['W1', 'W2', 'W10'], ['-1', '9', '10'])
    """
    if not all(isinstance(label, str) for label in labels):
        return sorted(labels)
    if all(re.match(NUMBER["."], label) for label in labels):
        return sorted(labels, key=lambda label: (float(label), label))
    return sorted(labels, key=_natural)


def _natural(label: str) -> tuple[Any, ...]:
    parts = re.split(r"([0-9]+)", label)
    return (*((int(part), "") if i % 2 else (0, part) for i, part in enumerate(parts)), (0, label))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """How many cells are filled, and how many of them are what."""

    filled: int
    number: int
    truth: int = 0
    date: int = 0
    alike: int = 0

    @property
    def usual(self) -> str:
        """What most cells are."""
        counts = {"number": self.number, "truth": self.truth, "date": self.date}
        counts["word"] = self.filled - sum(counts.values())
        return max(counts, key=counts.__getitem__)


def _tallies(frame: Frame, names: Sequence[str], decimal: str) -> dict[str, _Tally]:
    """Return the tallies of columns, by one scan, and a second one for those that are not all numbers."""
    first = _counted(frame, names, {"number": NUMBER[decimal]})
    rest = [name for name in names if first[name]["number"] < first[name]["filled"]]
    second = _counted(frame, rest, {"truth": TRUTH, "date": DATE, "alike": ALIKE})
    return {name: _Tally(**first[name] | second.get(name, {})) for name in names}


def _counted(frame: Frame, names: Sequence[str], patterns: Mapping[str, str]) -> dict[str, dict[str, int]]:
    if not names:
        return {}
    flags = {}
    for i, name in enumerate(names):
        flags[f"filled {i}"] = ~nw.col(name).is_null()
        flags |= {f"{what} {i}": _matches(name, pattern) for what, pattern in patterns.items()}
    counts = fetch(frame.select(flag.cast(nw.Float64).sum().alias(alias) for alias, flag in flags.items()))
    return {
        name: {what: int(counts[f"{what} {i}"][0]) for what in ("filled", *patterns)} for i, name in enumerate(names)
    }


def _matches(name: str, pattern: str) -> nw.Expr:
    return nw.col(name).cast(nw.String).fill_null("").str.contains(pattern)


def _spelling(frame: Frame, name: str, tally: _Tally, *, written: bool, decimal: str) -> Spelling | None:
    """Return how the column spells numbers, None for words, or refuse."""
    if tally.filled in (0, tally.number) and written:
        return Spelling(decimal)
    if tally.filled == tally.date and tally.filled:
        raise InputError(
            f"column {name!r} is of type Date, not numbers: turn it into numbers, or write C({name}) for its levels."
        )
    if tally.filled == tally.truth:
        return Spelling(None) if written else None
    if tally.number == tally.truth == tally.date == tally.alike == 0:
        return None
    raise _odd(frame, name, tally, written=written, decimal=decimal)


def _odd(frame: Frame, name: str, tally: _Tally, *, written: bool, decimal: str) -> InputError:
    """Return the refusal that shows the first cell unlike most."""
    patterns = {"number": NUMBER[decimal], "truth": TRUTH, "date": DATE}
    usual = tally.usual
    if tally.filled == tally.number:
        cell, row = _first(frame, name, _matches(name, NUMBER["."]))
        words = "a number in a column of text"
    elif usual == "word":
        looks = _matches(name, ALIKE) | _matches(name, NUMBER[decimal]) | _matches(name, TRUTH) | _matches(name, DATE)
        cell, row = _first(frame, name, looks)
        words = "which looks like a number, and the column is text"
    else:
        cell, row = _first(frame, name, ~_matches(name, patterns[usual]) & ~nw.col(name).is_null())
        words = f"and most of its cells are {USUAL[usual]}"
    remedy = _remedy(cell, decimal) if written else "make the column numbers"
    return InputError(
        f"column {name!r} holds {cell!r} in row {row} (counted from 1), {words}: "
        f"{remedy}, or write C({name}) for its levels."
    )


USUAL = {"number": "numbers", "truth": "true or false", "date": "dates"}


def _remedy(cell: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    hint = f"pass decimal={other!r} if that is its decimal sign, " if re.match(NUMBER[other], cell) else ""
    return f"correct it, {hint}name it in missing= if it stands for a missing value"


def _first(frame: Frame, name: str, condition: nw.Expr) -> tuple[str, int]:
    """Return the first cell for which a condition holds, and its row, counted from 1."""
    flags = fetch(frame.select(condition.alias("odd")))["odd"]
    cell = fetch(frame.filter(condition).head(1).select(nw.col(name).cast(nw.String)))[name][0]
    return str(cell), int(np.argmax(flags)) + 1
