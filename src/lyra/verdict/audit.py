"""A certificate's file -> plain records, each of its fields and types, and verdicts that follow from their counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lyra.verdict.budget import rules_of
from lyra.verdict.judging import Verdict, judge_counts, judge_exact
from lyra.verdict.performance import Row
from lyra.verdict.recommendation import by_way
from lyra.verdict.rule import Rule

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["first_line", "refuse_forged", "text_of", "typed"]

Record = TypeVar("Record", bound="DataclassInstance")

LARGEST_FILE = 2**24  # bytes of a certificate


def text_of(path: str | Path) -> str:
    """Return the text of a file that is not too large to be a certificate."""
    content = Path(path).read_bytes() if Path(path).stat().st_size <= LARGEST_FILE else None
    if content is None:
        raise ValueError(f"it has more than {LARGEST_FILE:,} bytes")
    return content.decode("utf-8")


def first_line(error: Exception) -> str:
    """Return what an error says first, without its full stop."""
    return str(error).split("\n")[0].rstrip(".")


def typed(values: object, target: type[Record], place: str) -> Record:
    """Return the record of a class made of plain values, NaN where a number is null; refuse other fields and types."""
    from msgspec import ValidationError, convert

    if not isinstance(values, dict):
        raise TypeError(f"{place} is {type(values).__name__}, not a record")
    known = {f.name: f for f in fields(target)}
    for name in values:
        if name not in known:
            raise ValueError(f"{place} has an unknown field {str(name)[:40]!r}")
    filled = {name: math.nan if v is None and known[name].type == "float" else v for name, v in values.items()}
    try:
        return convert(filled, target)
    except ValidationError as error:
        raise ValueError(str(error)) from error


def refuse_forged(rows: Sequence[Row], recommended: str | None, told: Rule, looks: tuple[int, int | None]) -> None:
    """Refuse rows whose size or verdict is not what the rule makes of their counts, and advice they do not bear.

    Parameters
    ----------
    rows : sequence of Row
    recommended : str or None
        The method the file says to read.
    told : Rule
        What the file says was tolerated, and with which error.
    looks : (int, int or None)
        The first look and the most replicates that were asked for.
    """
    rules = rules_of(told, looks)
    for row in rows:
        if not any(_follows(row, rule) for rule in rules):
            raise ValueError(
                f"the verdict {row.verdict!r} of {row.method} in {row.design!r} does not follow from its counts"
            )
    sound = {way for way, own in by_way(rows).items() if all(row.usable for row in own)}
    if recommended is not None and recommended not in sound:
        raise ValueError(f"{recommended!r} is recommended and is not certified in every design")


def _follows(row: Row, rule: Rule) -> bool:
    R, missing, smallest = row.replicates, row.not_computable, float("cannot reject" in row.flags)
    if R == 0:
        return _follows_exactly(row, rule)
    if R < 1 or not 0 <= missing <= row.rejections <= R or not (row.exact or R in rule.looks):
        return False
    judged = judge_counts(row.rejections, R, rule, missing=missing, smallest_pvalue=smallest, exact=row.exact)
    return _alike(row, judged)


def _follows_exactly(row: Row, rule: Rule) -> bool:
    """Whether a row without replicates, whose size is an integral, bears its verdict."""
    known = 0.0 <= row.size <= 1.0 and row.rejections == row.not_computable == 0
    return known and _alike(row, judge_exact(row.size, 0, rule))


def _alike(row: Row, judged: Verdict) -> bool:
    numbers = ("size", "size_low", "size_high", "inflation")
    alike = all(math.isclose(getattr(row, n), getattr(judged, n), rel_tol=1e-9, abs_tol=1e-12) for n in numbers)
    return alike and row.verdict == judged.verdict
