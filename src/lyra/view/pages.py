"""Regressions and certificates -> what a terminal shows and what a JSON document holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lyra.robust.diagnosis.diagnosis import Diagnosis
from lyra.verdict.certificate import Certificate
from lyra.verdict.ladder import Ladder, Rung
from lyra.verdict.performance import Row

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["certificate_page", "document", "ladder_document", "ladder_page"]

MOST_DECIMALS = 8
LARGEST_FIXED = 1e7
LEAST_PROBABILITY = 0.0001


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a table: its head, its cells as they are printed, and whether a narrow page may leave it out."""

    head: str
    cells: Sequence[str]
    left: bool = False
    spare: bool = False

    @property
    def width(self) -> int:
        return max(map(len, (self.head, *self.cells)))


def ladder_page(ladder: Ladder, width: int) -> Iterator[RenderableType]:
    """Yield what a page `width` characters wide shows of a ladder: the table, the facts, the dangers and the advice."""
    from rich.text import Text

    advice, rungs, digits = ladder.advice, ladder.rungs, _decimals(rung.std_error for rung in ladder.rungs)
    columns = [
        _Column("method", [rung.method for rung in rungs], left=True),
        _Column("std. error", [_fixed(rung.std_error, digits) for rung in rungs]),
        _Column("t", [_fixed(rung.statistic, 3) for rung in rungs], spare=True),
        _Column("p", [_probability(rung.p_value) for rung in rungs]),
        _Column(
            f"{100 * ladder.level:g} % interval",
            [_span(rung, digits) for rung in rungs],
        ),
        _Column("law", [rung.law for rung in rungs], left=True, spare=True),
    ]
    if ladder.judged:
        columns.append(_Column("certificate (size)", ladder.verdicts, left=True))
    shown = _fitting(columns, width)
    title = f"{ladder.term}: estimate {_fixed(rungs[0].estimate, digits)}"
    yield _table(title, shown, [rung.method == advice.method for rung in rungs])
    yield Text("")
    if columns[5] not in shown:
        yield Text("Laws: " + "; ".join(f"{rung.method} {rung.law}" for rung in rungs))
    yield from map(Text, ladder.facts)
    yield Text(ladder.diagnosis.explain())
    yield Text(str(advice))


def ladder_document(ladder: Ladder, warnings: Sequence[str]) -> dict[str, Any]:
    """Return a ladder, its diagnostics and the warnings as plain values."""
    plain = ladder.to_dict()
    plain["diagnostics"] |= _diagnostics(ladder.diagnosis, ladder.term)
    return plain | {"warnings": list(warnings)}


def _diagnostics(diagnosis: Diagnosis, term: str) -> dict[str, Any]:
    j = diagnosis.names.index(term)
    low, high = diagnosis.icc.conf_int(0.95)
    largest = int(diagnosis.partial_leverage[:, j].argmax())
    stars = diagnosis.effective_clusters
    label = diagnosis.most_influential[j]
    return {
        "effective_clusters": {
            "rho_0": float(stars[0][j]),
            "rho_1": float(stars[1][j]),
            "rho_icc": float(stars["icc"][j]),
        },
        "icc": {"estimate": diagnosis.icc.estimate, "low": float(low), "high": float(high)},
        "moulton": float(diagnosis.moulton[j]),
        "cv_sizes": diagnosis.cv_sizes,
        "largest_partial_leverage": float(diagnosis.partial_leverage[largest, j]),
        "largest_partial_leverage_cluster": str(diagnosis.cluster_labels[largest]),
        "most_influential_cluster": None if label is None else str(label),
    }


def certificate_page(certificate: Certificate, width: int) -> Iterator[RenderableType]:
    """Yield what a page `width` characters wide shows of a certificate, in ADEMP order."""
    from rich.text import Text

    yield from map(Text, certificate.preamble)
    for design in certificate.designs:
        yield Text("")
        rows = certificate.of_design(design)
        yield _table(design or "every design", _fitting(_columns(rows), width), [row.usable for row in rows])
        for flag in dict.fromkeys(flag for row in rows for flag in row.flags):
            yield Text(f"  {flag}: {', '.join(row.method for row in rows if flag in row.flags)}")
    yield Text("")
    yield from map(Text, certificate.closing)


def _columns(rows: Sequence[Row]) -> list[_Column]:
    return [
        _Column("method", [row.method for row in rows], left=True),
        _Column("verdict", [row.verdict for row in rows], left=True),
        _Column("size", [f"{row.size:.4f}" for row in rows]),
        _Column("exact interval", [_interval(row) for row in rows]),
        _Column("SE/sd", [_known(row.se_ratio, ".3f") for row in rows]),
        _Column("replicates", [f"{row.replicates:,}" for row in rows]),
        _Column("inflation", [f"{row.inflation:.2f}" for row in rows], spare=True),
        _Column("coverage", [_known(row.coverage, ".3f") for row in rows], spare=True),
        _Column("width", [_known(row.width, ".4g") for row in rows], spare=True),
    ]


def _interval(row: Row) -> str:
    return "all assignments" if row.exact else f"{row.size_low:.4f} to {row.size_high:.4f}"


# --- tables -------------------------------------------------------------------------------------


def _fitting(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Return the columns that fit in `width` characters; numbers are never cut, spare columns go from the last on."""
    shown = list(columns)
    for column in [column for column in reversed(columns) if column.spare]:
        if sum(column.width + 2 for column in shown) <= width:
            break
        shown.remove(column)
    return shown


def _table(title: str, columns: Sequence[_Column], bold: Sequence[bool]) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD,
        title=Text(title),
        title_justify="left",
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for column in columns:
        table.add_column(column.head, justify="left" if column.left else "right", no_wrap=True)
    for cells, strong in zip(zip(*(column.cells for column in columns), strict=True), bold, strict=True):
        table.add_row(*map(Text, cells), style="bold" if strong else None)
    return table


def _decimals(errors: Iterable[float]) -> int:
    """Return the decimals that give the smallest standard error four digits."""
    known = [error for error in errors if math.isfinite(error) and error > 0]
    return max(0, 3 - math.floor(math.log10(min(known)))) if known else MOST_DECIMALS


def _span(rung: Rung, decimals: int) -> str:
    known = not (math.isnan(rung.conf_low) or math.isnan(rung.conf_high))
    return f"{_fixed(rung.conf_low, decimals)} to {_fixed(rung.conf_high, decimals)}" if known else "-"


def _fixed(value: float, decimals: int) -> str:
    if math.isnan(value):
        return "-"
    small = decimals <= MOST_DECIMALS and abs(value) < LARGEST_FIXED
    return f"{value:,.{decimals}f}" if small else f"{value:.5g}"


def _probability(value: float) -> str:
    return "<0.0001" if value < LEAST_PROBABILITY else _known(value, ".4f")


def _known(value: float, how: str) -> str:
    return "-" if math.isnan(value) else format(value, how)


def document(values: Any, *, ascii_only: bool = False) -> str:
    """Return one JSON document; a number that JSON lacks (NaN, infinite) is null."""
    return json.dumps(_finite(values), ensure_ascii=ascii_only, allow_nan=False, indent=2)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
