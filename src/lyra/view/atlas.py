"""An atlas -> one Markdown page with a picture a question, and the files of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np

from lyra.base.text import listed
from lyra.verdict.atlas.cell import EFFECT
from lyra.verdict.atlas.costs import TEXTBOOK, costs
from lyra.verdict.atlas.findings import Summary, advised, findings, loud_by_law, named, summaries, worst
from lyra.verdict.atlas.laws import LAWS
from lyra.verdict.atlas.panel import Key, Panel, keys_of, panel_of
from lyra.verdict.atlas.questions import QUESTIONS, Question
from lyra.verdict.atlas.survey import Atlas, Columns
from lyra.view.charts import Series, chart
from lyra.view.tables import known

__all__ = ["atlas_files"]

COLOURS: Mapping[str, str] = {
    "CV1-normal": "#999999",
    "CV1": "#e69f00",
    "CV2": "#56b4e9",
    "CV3": "#009e73",
    "WCR-11": "#cc79a7",
    "CV3*": "#0072b2",
    "advice": "#000000",
}
OTHER_ADVICE = ("#7b3294", "#d7191c", "#8c510a")
IN_TABLES = ("iid", "CV1-normal", "CV1", "CV2", "CV3", "CV3J", "WCR-11", "WCR-31", "WCR-33", "WCU-11", "WCU-33")
ADVICE = "advice"
ALONG = {
    "clusters": "clusters",
    "treated": "treated clusters",
    "sizes": "sizes of the clusters",
    "law": "law of the errors",
}
NUMBERS = ("clusters", "treated")  # what has an order that a line may follow
SHORT = {
    "normal": "normal",
    "t3": "t(3)",
    "exponential": "exponential",
    "lognormal": "lognormal",
    "effects": "effects differ",
    "serial": "AR(1)",
    "conversion": "2 % convert",
    "spend": "spend",
    "treated-noisier": "treated ×4",
    "others-noisier": "untreated ×4",
}
SHARES = 101  # points of a curve over all cells


def atlas_files(atlas: Atlas) -> dict[str, str]:
    """Return the files of a page by name: atlas.md, and a picture for every question the table can answer."""
    asked = ((question, panel_of(atlas.columns, question)) for question in QUESTIONS)
    found = [(question, panel) for question, panel in asked if panel is not None]
    pictures = {f"{question.key}.svg": _picture(atlas.columns, question, panel) for question, panel in found}
    pictures["advice.svg"] = _advice_picture(atlas.columns)
    return {"atlas.md": "\n".join(_page(atlas, found)) + "\n"} | pictures


# --- the page ------------------------------------------------------------------------------------


def _page(atlas: Atlas, found: Sequence[tuple[Question, Panel]]) -> Iterator[str]:
    columns = atlas.columns
    yield from _opening(atlas)
    for question, panel in found:
        yield from ("", f"## {question.asked}", "", f"![{question.asked}]({question.key}.svg)", "")
        yield f"{_held(panel)} Bars: two Monte-Carlo errors either way."
        yield from ("", *_sizes_table(columns, question, panel))
    yield from ("", "## What is advised, and does it hold?", "", "![What is advised](advice.svg)", "")
    yield "Sizes of all cells, from the smallest to the largest, a curve a line."
    yield from ("", *_summary_table(summaries(columns)), "", *_advised_table(columns), "")
    yield from _where_it_fails(columns)
    yield from ("", "## What does the advice cost?", "", *_what_it_costs(columns))
    yield from ("", *_closing())


def _opening(atlas: Atlas) -> Iterator[str]:
    yield "# The size atlas"
    yield ""
    yield (
        "How often lyra's own tests flag an effect that is not there, where 5 % is what they claim: every line that "
        "can be computed from cluster sums, the calibrated lines, and the advice, over designs and laws of the errors. "
        "The null is true in every cell."
    )
    yield ""
    yield f"{_how_often(atlas)} Digest `{atlas.digest[:16]}`, seed {atlas.grid.seed}."
    yield ""
    yield "## What the table says"
    yield ""
    yield from (f"{k}. {sentence}" for k, sentence in enumerate(findings(atlas.columns), 1))


def _how_often(atlas: Atlas) -> str:
    replicates = atlas.columns["replicates"]
    most = int(replicates.max())
    told = f"{atlas.cells:,} cells, {most:,} replicates each: the Monte-Carlo error of a size of .05 is {_mc(most)}."
    fewer = np.unique(replicates[replicates < most]).tolist()
    if not fewer:
        return told
    seen = " or ".join(f"{R:,} ({_mc(R)})" for R in fewer)
    return f"{told} Bootstraps see {seen} of them where they are tried, with {atlas.grid.draws:,} draws each."


def _mc(R: int) -> str:
    return f"{np.sqrt(0.05 * 0.95 / R):.4f}"


def _held(panel: Panel) -> str:
    return f"{', '.join(_held_clauses(panel))}."


def _held_clauses(panel: Panel) -> Iterator[str]:
    held = panel.held
    yield f"Treatment by {held['by']}"
    if "clusters" in held:
        yield f"{held['clusters']} clusters"
    if held.get("treated"):
        yield f"{held['treated']} of them treated"
    elif held.get("share"):
        yield f"{100 * held['share']:g} % treated"
    if "sizes" in held:
        yield f"{held['sizes']} sizes"
    if "law" in held:
        yield f"{LAWS[held['law']].words} errors"
    icc = {place.known["icc"] for place in panel.cells.values()}
    yield "intraclass correlation " + " or ".join(f"{each:g}" for each in sorted(icc))


def _sizes_table(columns: Columns, question: Question, panel: Panel) -> Iterator[str]:
    keys = [key for key in _keys(columns) if key[0] in IN_TABLES or key[0] == ADVICE or key[0].endswith("*")]
    yield from _table(["line", *(_label(question, value) for value in panel.cells)], _size_rows(columns, panel, keys))
    yield ""
    yield "In parentheses the exact size, where there is one."


def _size_rows(columns: Columns, panel: Panel, keys: Sequence[Key]) -> Iterator[list[str]]:
    for key in keys:
        size, exact = panel.of(columns, "size", key), panel.of(columns, "exact", key)
        if not all(map(isnan, size)):
            yield [named(key), *map(_size, size, exact)]


def _size(size: float, exact: float) -> str:
    if isnan(size):
        return "-"
    return f"{size:.3f}" + ("" if isnan(exact) else f" ({exact:.4f})")


def _summary_table(found: Sequence[Summary]) -> Iterator[str]:
    heads = ["line", "cells", "mean size", "surely > .0625", "largest", f"power at {EFFECT:g} sd", "silent"]
    rows = (
        [
            named(each.key),
            str(each.cells),
            f"{each.mean:.3f}",
            f"{each.loud} ({100 * each.loud / each.cells:.1f} %)",
            f"{each.largest:.3f}",
            f"{each.power:.2f}",
            f"{100 * each.silent:.1f} %",
        ]
        for each in found
    )
    return _table(heads, rows)


def _advised_table(columns: Columns) -> Iterator[str]:
    keys = [key for key in _keys(columns) if key[0] == ADVICE]
    told = (
        [named(key), ", ".join(f"{name or 'none'} {n}" for name, n in advised(columns, key).items())] for key in keys
    )
    return _table(["advice", "lines advised, by the number of designs"], told)


def _where_it_fails(columns: Columns) -> Iterator[str]:
    key = next(key for key in _keys(columns) if key[0] == ADVICE)
    rows = []
    for place, i in worst(columns, key):
        cell = place.known
        told = f"by {cell['by']}, {cell['clusters']} clusters, {cell['treated'] or 'about half'} treated"
        law = f"{LAWS[cell['law']].words}, ICC {cell['icc']:g}"
        size = f"{columns['size'][i]:.3f} ± {columns['error'][i]:.3f}"
        rows.append([f"{told}, {cell['sizes']} sizes", law, str(columns["reads"][i]), size])
    yield f"Cells in which the {named(key)}, is surely above .0625, by law: {_by_law(columns, key)}. It flags most in:"
    yield ""
    yield from _table(["design", "errors", "line", "size"], rows)


def _what_it_costs(columns: Columns) -> Iterator[str]:
    yield (
        f"Power beside the best of {listed(TEXTBOOK)} that is not surely above .0625 in the same cell, and how many "
        "cells have such a line."
    )
    for key in _keys(columns):
        if key[0] == ADVICE and key[2] == 1.0:
            yield from (
                "",
                *_table([named(key), "cells", "beside", "power", "best", "median ratio"], _costs(columns, key)),
            )


def _costs(columns: Columns, key: Key) -> Iterator[list[str]]:
    for each in costs(columns, key):
        told = (known(value, ".2f") for value in (each.power, each.best, each.ratio))
        yield [each.kind, str(each.cells), str(each.beside), *told]


def _by_law(columns: Columns, key: Key) -> str:
    counts = loud_by_law(columns, key)
    return ", ".join(f"{LAWS[law].words} {n} of {of}" for law, (n, of) in counts.items() if n) or "none"


def _closing() -> Iterator[str]:
    yield "## What is left out"
    yield ""
    yield (
        "HC0 to HC3 need the rows and are not here. Designs have one treatment and a constant: no covariates, no swept "
        "effects, no weights. Silent is the share of replicates without an answer, which count as not flagged. Power "
        f"is the share found of an effect of {EFFECT:g} standard deviations of the estimate in the same cell. "
        "`lyra atlas --out DIR` makes this page and atlas.parquet, a row a cell and line."
    )


def _table(heads: Sequence[str], rows: Any) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def _keys(columns: Columns) -> list[Key]:
    return [each.key for each in summaries(columns)]


def _label(question: Question, value: object) -> str:
    return SHORT.get(str(value), str(value)) if question.along == "law" else str(value)


# --- the pictures --------------------------------------------------------------------------------


def _picture(columns: Columns, question: Question, panel: Panel) -> str:
    ticks = [(_spread(k, len(panel.cells)), _label(question, value)) for k, value in enumerate(panel.cells)]
    series = list(_series(columns, panel, joined=question.along in NUMBERS))
    return chart(question.asked, series, ticks, along=ALONG[question.along])


def _series(columns: Columns, panel: Panel, *, joined: bool) -> Iterator[Series]:
    for key in _drawn_keys(columns):
        size, error = panel.of(columns, "size", key), panel.of(columns, "error", key)
        points = [(_spread(k, len(size)), size[k], error[k]) for k in range(len(size))]
        yield Series(name=named(key), colour=COLOURS[key[0]], points=points, bold=key[0] == ADVICE, joined=joined)


def _drawn_keys(columns: Columns) -> list[Key]:
    """Return the lines of a picture: of calibrated ones and of the advice those of the first family."""
    first: dict[str, Key] = {}
    for key in _keys(columns):
        first.setdefault(key[0], key)
    return [first[name] for name in COLOURS if name in first]


def _spread(k: int, n: int) -> float:
    return k / (n - 1) if n > 1 else 0.5


def _advice_picture(columns: Columns) -> str:
    series = [
        Series(name=name, colour=COLOURS[name], points=_curve(columns, (name, 0.0, 0.0)), marked=False)
        for name in TEXTBOOK
    ]
    keys = [key for key in _keys(columns) if key[0] == ADVICE]
    for key, colour in zip(keys, (COLOURS[ADVICE], *OTHER_ADVICE), strict=False):
        points = _curve(columns, key)
        series.append(Series(name=named(key), colour=colour, points=points, bold=key == keys[0], marked=False))
    ticks = [(share, f"{100 * share:.0f} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return chart("Sizes over all cells", series, ticks, along="share of the cells")


def _curve(columns: Columns, key: Key) -> list[tuple[float, float, float]]:
    rows = [i for i, mine in enumerate(keys_of(columns)) if mine == key]
    sizes = columns["size"][rows]
    sizes, shares = sizes[~np.isnan(sizes)], np.linspace(0.0, 1.0, SHARES)
    if not sizes.size:
        return []
    return [(float(x), float(y), 0.0) for x, y in zip(shares, np.quantile(sizes, shares), strict=True)]
