"""Rows of a certificate -> the method that is certified in every cell with the shortest intervals, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lyra.base.text import listed
from lyra.verdict.judging import FAVOUR
from lyra.verdict.performance import REMEDY, Row

__all__ = ["by_way", "recommend", "worst_verdict"]


def recommend(rows: Sequence[Row]) -> tuple[str | None, str]:
    """Return the method (and analysis) usable in every cell with the shortest intervals; and why."""
    ways = by_way(rows)
    widths = {way: sum(row.width for row in own) / len(own) for way, own in ways.items() if all(r.usable for r in own)}
    if not widths:
        return None, _why_none(ways)
    best = min(widths, key=lambda way: (math.isnan(widths[way]), widths[way]))
    if len(widths) == 1:
        return best, "the only one that holds its size and ever rejects in every design"
    shortest = f"its 95 % intervals are the shortest, {widths[best]:.4g} wide on average"
    return best, f"of the certified ({listed(widths)}) {shortest}"


def _why_none(ways: Mapping[str, Sequence[Row]]) -> str:
    unsettled = [way for way, own in ways.items() if worst_verdict(own) == "inconclusive"]
    if unsettled:
        return f"no method is certified in every design yet, and more replicates may settle {listed(unsettled)}"
    lucky = [way for way, own in ways.items() if all(r.verdict == "certified" for r in own) and not _in_model(own)]
    if lucky:
        told = f"what is certified for this outcome ({listed(lucky)}) does not hold its size on others of the kind"
        return f"{told}: more clusters, or several past outcomes, are the remedy"
    missed = dict.fromkeys(row.design for own in ways.values() for row in own if row.misses and not row.usable)
    if missed:
        return f"in {listed(missed, 2)} the estimates miss the total effect, whatever their standard error: {REMEDY}"
    blind = [way for way, own in ways.items() if worst_verdict(own) == "certified"]
    if blind:
        told = "rows of a cluster may be alike, and no method that allows for it is certified in every design"
        return f"{told} ({listed(blind)} does not)"
    return "no method both holds its size and ever rejects in every design: more clusters are the remedy"


def _in_model(rows: Sequence[Row]) -> bool:
    return all(row.sound_in_model for row in rows)


def by_way(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each method (and analysis), one a design."""
    ways: dict[str, list[Row]] = {}
    for row in rows:
        ways.setdefault(", ".join(part for part in (row.method, row.analysis) if part), []).append(row)
    return ways


def worst_verdict(rows: Sequence[Row]) -> str:
    """Return the least favourable verdict of these rows."""
    return max((row.verdict for row in rows), key=FAVOUR.index)
