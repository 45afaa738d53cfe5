"""Ladders and certificates -> what a terminal shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lyra.verdict.certificate import Certificate
from lyra.verdict.ladder import Ladder
from lyra.verdict.performance import Row
from lyra.view.tables import Column, decimals_of, fitting, fixed, known, probability, span, table

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["certificate_page", "ladder_page"]


def ladder_page(ladder: Ladder, width: int) -> Iterator[RenderableType]:
    """Yield what a page `width` characters wide shows of a ladder: the table, the facts, the dangers and the advice."""
    from rich.text import Text

    advice, rungs, digits = ladder.advice, ladder.rungs, decimals_of(rung.std_error for rung in ladder.rungs)
    columns = [
        Column("method", [rung.method for rung in rungs], left=True),
        Column("std. error", [fixed(rung.std_error, digits) for rung in rungs]),
        Column("t", [fixed(rung.statistic, 3) for rung in rungs], spare=True),
        Column("p", [probability(rung.p_value) for rung in rungs]),
        Column(
            f"{100 * ladder.level:g} % interval",
            [span(rung.conf_low, rung.conf_high, digits) for rung in rungs],
        ),
        Column("law", [rung.law for rung in rungs], left=True, spare=True),
    ]
    if ladder.judged:
        columns.append(Column("certificate (worst size)", ladder.verdicts, left=True))
    shown = fitting(columns, width)
    title = f"{ladder.term}: estimate {fixed(rungs[0].estimate, digits)}"
    yield table(title, shown, [rung.method == advice.method for rung in rungs])
    yield Text("")
    if columns[5] not in shown:
        yield Text("Laws: " + "; ".join(f"{rung.method} {rung.law}" for rung in rungs))
    yield from map(Text, ladder.facts)
    yield Text(ladder.diagnosis.explain())
    yield Text(str(advice))


def certificate_page(certificate: Certificate, width: int) -> Iterator[RenderableType]:
    """Yield what a page `width` characters wide shows of a certificate, in ADEMP order."""
    from rich.text import Text

    yield from map(Text, certificate.preamble)
    for design in certificate.designs:
        yield Text("")
        rows = certificate.of_design(design)
        yield table(design or "every design", fitting(_columns(rows), width), [row.usable for row in rows])
        for flag in dict.fromkeys(flag for row in rows for flag in row.flags):
            yield Text(f"  {flag}: {', '.join(row.method for row in rows if flag in row.flags)}")
    yield Text("")
    yield from map(Text, certificate.closing)


def _columns(rows: Sequence[Row]) -> list[Column]:
    return [
        Column("method", [row.method for row in rows], left=True),
        Column("verdict", [row.verdict for row in rows], left=True),
        Column("size", [f"{row.size:.4f}" for row in rows]),
        Column("exact interval", [_interval(row) for row in rows]),
        Column("SE/sd", [known(row.se_ratio, ".3f") for row in rows]),
        Column("replicates", [f"{row.replicates:,}" for row in rows]),
        Column("inflation", [f"{row.inflation:.2f}" for row in rows], spare=True),
        Column("coverage", [known(row.coverage, ".3f") for row in rows], spare=True),
        Column("width", [known(row.width, ".4g") for row in rows], spare=True),
    ]


def _interval(row: Row) -> str:
    return row.known or f"{row.size_low:.4f} to {row.size_high:.4f}"
