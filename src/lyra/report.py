"""Regressions and certificates -> what a terminal shows and what a JSON document holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lyra.certificate import Certificate
from lyra.diagnose import Diagnosis
from lyra.ladder import Ladder

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["certificate_page", "document", "ladder_document", "ladder_page"]


def ladder_page(ladder: Ladder, diagnosis: Diagnosis | None) -> Iterator[RenderableType]:
    """Yield what a terminal shows of a ladder: the table, the facts, the dangers and the advice."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(ladder.term), title_justify="left")
    heads = ["method", "estimate", "std. error", "t", "p", f"{100 * ladder.level:g} % interval", "law"]
    heads += ["certificate (size)"] if ladder.judged else []
    for head in heads:
        left = head in {"method", "law", "certificate (size)"}
        table.add_column(head, justify="left" if left else "right", no_wrap=True)
    for rung in ladder.rungs:
        numbers = [f"{value:.5g}" for value in (rung.estimate, rung.std_error, rung.statistic, rung.p_value)]
        cells = [rung.method, *numbers, f"{rung.conf_low:.5g} to {rung.conf_high:.5g}", rung.law]
        cells += [str(ladder.judged.get(rung.method, "-"))] if ladder.judged else []
        table.add_row(*cells, style="bold" if rung.method == ladder.advice.method else None)
    yield table
    yield from map(Text, ladder.facts)
    if diagnosis is not None:
        yield Text(diagnosis.about(ladder.term).explain())
    yield Text(str(ladder.advice))


def ladder_document(ladder: Ladder, diagnosis: Diagnosis | None, warnings: Sequence[str]) -> dict[str, Any]:
    """Return a ladder, its diagnostics and the warnings as plain values."""
    plain = ladder.to_dict()
    if diagnosis is not None:
        plain["diagnostics"] |= _diagnostics(diagnosis, ladder.term)
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
        "dangers": list(diagnosis.about(term).dangers),
    }


def certificate_page(certificate: Certificate) -> Iterator[RenderableType]:
    """Yield what a terminal shows of a certificate, in ADEMP order."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    yield from map(Text, certificate.preamble)
    for design in certificate.designs:
        table = Table(box=box.SIMPLE_HEAD, title=Text(design), title_justify="left")
        for head in (
            "method",
            "verdict",
            "size",
            "exact interval",
            "inflation",
            "SE/sd",
            "coverage",
            "width",
            "replicates",
        ):
            table.add_column(head, justify="left" if head in {"method", "verdict"} else "right", no_wrap=True)
        table.add_column("flags")
        for row in certificate.of_design(design):
            interval = f"{row.size_low:.4f} to {row.size_high:.4f}"
            numbers = (f"{row.inflation:.2f}", f"{row.se_ratio:.3f}", f"{row.coverage:.3f}", f"{row.width:.4g}")
            cells = (row.method, row.verdict, f"{row.size:.4f}", interval, *numbers, f"{row.replicates:,}")
            table.add_row(*cells, "; ".join(row.flags), style="bold" if row.usable else None)
        yield table
    yield from map(Text, certificate.closing)


def document(values: Any) -> str:
    """Return one JSON document; a number that JSON lacks (NaN, infinite) is null."""
    return json.dumps(_finite(values), ensure_ascii=False, allow_nan=False, indent=2)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
