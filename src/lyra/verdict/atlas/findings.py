"""The table of an atlas -> what it says: over all cells of every line, and in three sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Codes
from lyra.base.text import listed
from lyra.verdict.atlas.costs import SURE, TEXTBOOK, loud, ratios
from lyra.verdict.atlas.panel import Key, Place, keys_of, places
from lyra.verdict.atlas.survey import Columns

__all__ = ["Summary", "advised", "findings", "loud_by_law", "named", "summaries", "worst"]

ADVICE = "advice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One line over all its cells.

    Attributes
    ----------
    key : Key
        The line.
    cells : int
        Where it was tried.
    mean, largest : float
        Of its sizes.
    loud : int
        Cells in which its size is surely, by two Monte-Carlo errors, above 6.25 %.
    power : float
        Mean power at 2.8 standard deviations of the estimate.
    silent : float
        The mean share of replicates in which it has no answer.
    """

    key: Key
    cells: int
    mean: float
    largest: float
    loud: int
    power: float
    silent: float


def named(key: Key) -> str:
    """Return a line in words: CV3* (arms 2); advice, arms 2, tolerance 1.25."""
    line, arms, tolerance = key
    if tolerance:
        return f"advice, arms {arms:g}" + (f", tolerance {tolerance:g}" if tolerance != 1.0 else "")
    return f"{line} (arms {arms:g})" if arms else line


def summaries(columns: Columns) -> list[Summary]:
    """Return every line over all its cells, in the order of the table."""
    by_line: dict[Key, list[int]] = {}
    for i, key in enumerate(keys_of(columns)):
        by_line.setdefault(key, []).append(i)
    order = sorted(by_line, key=lambda key: (key[0] == ADVICE, key[1], key[2]))
    return [_summary(columns, key, np.array(by_line[key])) for key in order]


def _summary(columns: Columns, key: Key, rows: Codes) -> Summary:
    size, power = (columns[name][rows][~np.isnan(columns["size"][rows])] for name in ("size", "power"))
    return Summary(
        key=key,
        cells=len(rows),
        mean=float(size.mean()) if size.size else np.nan,
        largest=float(size.max()) if size.size else np.nan,
        loud=int(np.sum(loud(columns, rows))),
        power=float(power.mean()) if power.size else np.nan,
        silent=float(columns["silent"][rows].mean()),
    )


def advised(columns: Columns, key: Key) -> dict[str, int]:
    """Return how often each line is advised, by design and not by law; the empty name where none is."""
    seen = {repr([*place.known.values()][:4]): str(columns["reads"][place.lines[key]]) for place in places(columns)}
    return dict(Counter(seen.values()).most_common())


# --- three sentences -----------------------------------------------------------------------------


def findings(columns: Columns) -> tuple[str, ...]:
    """Return what the table says in three sentences: who holds, what it costs, whether formulas agree with draws."""
    keys = [summary.key for summary in summaries(columns) if summary.key[0] == ADVICE and summary.key[2] == 1.0]
    return (_who_holds(columns), _what_it_costs(columns, keys), _how_exact(columns))


def _who_holds(columns: Columns) -> str:
    told = [each for each in summaries(columns) if each.key[0] in (*TEXTBOOK, ADVICE)]
    clauses = [f"{_subject(each.key)} in {each.loud} of {each.cells} (largest {each.largest:.3f})" for each in told]
    return f"Surely above 6.25 % where 5 % is meant: {', '.join(clauses[:-1])}, and {clauses[-1]}."


def _subject(key: Key) -> str:
    return f"the {named(key)}," if key[0] == ADVICE else named(key)


def _what_it_costs(columns: Columns, keys: list[Key]) -> str:
    clauses = []
    for key in keys:
        ratio = np.array(ratios(columns, key))
        if ratio.size:
            tenth, median = np.quantile(ratio, [0.1, 0.5])
            clauses.append(f"{named(key)}: median {median:.2f}, a tenth below {tenth:.2f}, {ratio.size} cells")
    if not clauses:
        return "No textbook line holds its level anywhere, so nothing is compared in power."
    return f"Power beside the best of {listed(TEXTBOOK)} that is not surely above 6.25 % there: {'; '.join(clauses)}."


def _how_exact(columns: Columns) -> str:
    known = np.flatnonzero(~np.isnan(columns["exact"]) & (columns["line"] != ADVICE))
    if not known.size:
        return "No size in this table is known exactly."
    exact, R = columns["exact"][known], columns["replicates"][known]
    away = np.abs(columns["size"][known] - exact) / np.sqrt(np.maximum(exact * (1.0 - exact), 1e-12) / R)
    return (
        f"Of {known.size:,} sizes that are also known exactly {100 * np.mean(away <= SURE):.1f} % of the simulated "
        "ones are within two Monte-Carlo errors of it."
    )


def worst(columns: Columns, key: Key, most: int = 5) -> list[tuple[Place, int]]:
    """Return the cells in which a line's size is largest, with its row."""
    rows = [(place, place.lines[key]) for place in places(columns) if key in place.lines]
    return sorted(rows, key=lambda each: -np.nan_to_num(columns["size"][each[1]]))[:most]


def loud_by_law(columns: Columns, key: Key) -> dict[str, tuple[int, int]]:
    """Return under every law in how many cells a line is surely above 6.25 %, and of how many."""
    counts: dict[str, tuple[int, int]] = {}
    for place in places(columns):
        if key in place.lines:
            n, of = counts.get(place.known["law"], (0, 0))
            flagged = bool(loud(columns, np.array([place.lines[key]]))[0])
            counts[place.known["law"]] = (n + flagged, of + 1)
    return counts
