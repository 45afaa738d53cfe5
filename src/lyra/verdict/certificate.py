"""The certificate: how often each method flagged a true null, with a verdict on each, and its file.

A certificate is printed in the order of ADEMP [1]_: aims, data-generating mechanism, estimand, methods, performance.

References
----------
.. [1] T. P. Morris, I. R. White and M. J. Crowther (2019), Using simulation studies to evaluate statistical methods.
   Statistics in Medicine 38, 2074-2102.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lyra.base.result import Told
from lyra.base.text import laid_out
from lyra.errors import DataError
from lyra.trials.trial import BLOCK
from lyra.verdict.audit import first_line, refuse_forged, text_of, typed
from lyra.verdict.performance import Row, finite, recoveries
from lyra.verdict.recommendation import by_way, recommend, worst_verdict
from lyra.verdict.record import counted, in_words
from lyra.verdict.rule import Rule

__all__ = ["Certificate"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Certificate(Told):
    """How often each method flagged a true null, with verdicts whose error rate is guaranteed.

    Attributes
    ----------
    rows : tuple of Row
        One a design and method.
    recommended : str or None
        The method certified in every cell with the shortest intervals; None when none is.
    reason : str
        Why.
    alpha, tolerance, delta : float
        Nominal size, tolerated inflation, and the largest probability of a wrong verdict.
    seed : int
    digest : str
        Of every replicate's numbers: equal runs have equal digests, for any number of workers.
    config, data : dict
        What was asked, and a fingerprint of the data.
    versions : dict
        lyra and numpy.
    notes : tuple of str
    """

    rows: tuple[Row, ...]
    recommended: str | None
    reason: str
    alpha: float
    tolerance: float
    delta: float
    seed: int
    digest: str
    config: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> dict[tuple[str, str], str]:
        """The verdict by (design, method)."""
        return {(row.design, row.method): row.verdict for row in self.rows}

    def table(self) -> dict[str, list[Any]]:
        """Return the rows as columns, one entry a design and method."""
        return {f.name: [getattr(row, f.name) for row in self.rows] for f in fields(Row)}

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as plain values, ready for JSON; what is not finite becomes null."""
        return {
            "cells": [row.to_dict() for row in self.rows],
            **finite({f.name: getattr(self, f.name) for f in fields(self) if f.name != "rows"}),
        }

    def to_json(self, path: str | Path) -> None:
        """Write the certificate to a file.

        Raises
        ------
        DataError
            The file cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataError(f"{str(path)!r} could not be written ({error.strerror}): check the path.") from error

    @classmethod
    def from_json(cls, path: str | Path) -> Certificate:
        """Return the certificate read back from a file, each verdict judged again from its counts.

        Raises
        ------
        DataError
            The file is missing, is no JSON, is no certificate, or holds a verdict that does not follow from its counts.
        """
        try:
            certificate = _read(json.loads(text_of(path)))
            str(certificate)  # what cannot be printed is no certificate
        except RecursionError as error:
            raise DataError(f"{path} is not a certificate (nested too deeply): write one with to_json.") from error
        except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            raise DataError(f"{path} is not a certificate ({first_line(error)}): write one with to_json.") from error
        return certificate

    @property
    def designs(self) -> tuple[str, ...]:
        """The names of the cells."""
        return tuple(dict.fromkeys(row.design for row in self.rows))

    def of_design(self, design: str) -> tuple[Row, ...]:
        """Return the rows of one cell."""
        return tuple(row for row in self.rows if row.design == design)

    def recommended_in(self, design: str) -> str | None:
        """Return the method usable in one cell with the shortest intervals."""
        return recommend(self.of_design(design))[0]

    @property
    def ways(self) -> dict[str, str]:
        """The worst verdict over the designs, by method (and analysis, where several are compared)."""
        return {way: worst_verdict(own) for way, own in by_way(self.rows).items()}

    @property
    def preamble(self) -> tuple[str, ...]:
        """Aims, data-generating mechanism, estimand and methods, a line each."""
        aim = (
            f"Aim: does each method reject a true null in at most {self.alpha * self.tolerance:.4g} of experiments "
            f"({self.tolerance:g} times the {self.alpha:g} it claims)? Wrong at most {self.delta:g} of the time."
        )
        return (
            aim,
            f"Data: {in_words(self.config.get('source', 'as given'))}{counted(self.data)}",
            f"Estimand: {self.config.get('estimand', _zero(self.config.get('term', 'the treatment')))}",
            f"Methods: {', '.join(dict.fromkeys(row.method for row in self.rows))}",
        )

    @property
    def closing(self) -> tuple[str, ...]:
        """What the reader must know, what to read and why, and how to make it again."""
        best = {design: self.recommended_in(design) or "none" for design in self.designs}
        read = [f"{design}: read {way}" for design, way in best.items()] if len(set(best.values())) > 1 else []
        advice = f"Read {self.recommended}: {self.reason}." if self.recommended else f"Read none: {self.reason}."
        messages = (f"{row.method} failed, first with: {row.message}" for row in self.rows if row.message)
        seed = f"seed {self.seed}, digest {self.digest[:16]}"
        return (*self.notes, *recoveries(self.rows), *dict.fromkeys(messages), *read, advice, seed)

    def explain(self) -> str:
        """Return what was asked and what is to be read, without the table."""
        return "\n".join([*self.preamble, *self.closing])

    def _answer(self) -> str:
        read = f"read {self.recommended}" if self.recommended else "read none"
        told = ", ".join(f"{way} {verdict}" for way, verdict in self.ways.items())
        return f"{read}; {told}; {len(self.designs)} design{'s' if len(self.designs) > 1 else ''}"

    def __str__(self) -> str:
        tables = (("", design, *_table(self.of_design(design))) for design in self.designs)
        return "\n".join([*self.preamble, *(line for table in tables for line in table), "", *self.closing])


def _read(document: Any) -> Certificate:
    """Return the certificate of a parsed file: its fields, their types, and verdicts that follow from the counts."""
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise TypeError("it has no list of cells")
    document["rows"] = [typed(cell, Row, "a cell") for cell in document.pop("cells")]
    read = typed(document, Certificate, "it")
    told = Rule(alpha=read.alpha, tolerance=read.tolerance, delta=read.delta)
    refuse_forged(read.rows, read.recommended, told, (read.config.get("first", BLOCK), read.config.get("maximum")))
    return read


def _zero(term: str) -> str:
    return f"the coefficient of {term}, truly zero"


_COLUMNS = {
    "  method": "<16",
    "verdict": "<14",
    "size": ">8",
    "interval": ">20",
    "inflation": ">11",
    "SE/sd": ">8",
    "coverage": ">10",
    "width": ">10",
    "replicates": ">12",
    "": "",
}
"""The heads of a certificate's table, each with how its column is padded; at the end the flags."""


def _table(rows: Iterable[Row]) -> list[str]:
    return laid_out(tuple(_COLUMNS.values()), tuple(_COLUMNS), map(_cells, rows))


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"  {row.method}",
        row.verdict,
        f"{row.size:.4f}",
        row.known or f"[{row.size_low:.4f}, {row.size_high:.4f}]",
        f"{row.inflation:.2f}",
        f"{row.se_ratio:.3f}",
        f"{row.coverage:.3f}",
        f"{row.width:.4g}",
        f"{row.replicates:,}",
        f"  {'; '.join(row.flags)}" if row.flags else "",
    )
