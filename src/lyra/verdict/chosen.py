"""Lines with exact sizes -> which of them to read: the most powerful of those that hold their level in every world.

Nothing that is read here depends on the outcome, so to choose is no pre-test: sizes, powers and what can be bounded
follow from X and the clusters. The outcome decides only whether a line has an answer at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from lyra.base.text import listed
from lyra.robust.exact.calibrated import CALIBRATED
from lyra.robust.exact.lines import ExactLine, ExactLines
from lyra.robust.exact.most_powerful import LINES, TIE
from lyra.verdict.judged import CERTIFIED, NEVER_REJECTS, Judged
from lyra.verdict.rung import Rung

__all__ = ["Sizes", "chosen", "sized_in_order", "why_chosen", "why_none_holds"]

DRAWN = "RI-t"


class Sizes(Protocol):
    """What is read of a ladder."""

    @property
    def rungs(self) -> Sequence[Rung]:
        """Its lines."""

    @property
    def exact(self) -> ExactLines | None:
        """Their exact sizes."""

    @property
    def judged(self) -> Mapping[str, Judged]:
        """The same as verdicts."""

    @property
    def tolerance(self) -> float:
        """How many times its level a line may reach."""


def chosen(sizes: Sizes, order: Sequence[str]) -> str | None:
    """Return the first line, in the order given and then starred, with the most power but for a percentage point.

    Only lines that hold their level in every world of the family and have an answer; a line whose interval may have no
    end only where there is no other.
    """
    judged = {method: sizes.judged[method] for method in sized_in_order(sizes, order)}
    holding = [method for method, known in judged.items() if known.holds(sizes.tolerance)]
    bounded = [method for method in holding if method == DRAWN or _line(sizes, method).always_bounded]
    among = bounded or holding
    if not among:
        return None
    most = max(judged[method].power for method in among)
    return next(method for method in among if judged[method].power >= most - TIE)


def sized_in_order(sizes: Sizes, order: Sequence[str]) -> list[str]:
    """Return the lines that have an exact size and an answer and ever reject, textbook lines first."""
    answered = {rung.method for rung in sizes.rungs if rung.computable}
    sized = {method for method, judged in sizes.judged.items() if judged.exact and judged.verdict != NEVER_REJECTS}
    known = (sized | {method for method in sizes.judged if _drawn(sizes, method)}) & answered
    stars = dict.fromkeys((*(f"{name}*" for name in LINES), *CALIBRATED))
    return [method for method in (*order, *stars, DRAWN) if method in known]


def _drawn(sizes: Sizes, method: str) -> bool:
    """Whether a line is RI-t of a declared draw that is certified in the worlds tried, and that much is tolerated.

    Its size is simulated, so that it can be shown to be at most 6.25 %, and never to be at most 5 %.
    """
    return method == DRAWN and sizes.judged[method].usable and sizes.tolerance >= CERTIFIED


def why_chosen(sizes: Sizes, method: str) -> str:
    """Say what holds of the line that is read: its level, in every listed world, and its power."""
    judged = sizes.judged[method]
    often = f"{100 * sizes.tolerance * judged.alpha:.3g} %"
    held = f"in every world listed above it flags a true null at most {often} of the time, computed exactly"
    if method == DRAWN:
        held = (
            f"simulated in the ends of those worlds it surely flags at most {often} of true nulls, and it is exact for "
            "no effect on anyone as the treatment was drawn"
        )
    return (
        f"{held}, and no line that does finds more but for a percentage point: {100 * judged.power:.0f} % of effects "
        f"of 2.8 standard deviations of the estimate.{_set_by(sizes, method)}"
    )


def _set_by(sizes: Sizes, method: str) -> str:
    line = None if method == DRAWN else _line(sizes, method)
    if line is None or line.test is None or line.size.world is None:
        return ""
    return f" Its critical value {line.critical_value:.4g} is set by: {line.size.words}."


def _line(sizes: Sizes, method: str) -> ExactLine:
    assert sizes.exact is not None
    return sizes.exact[method]


def why_none_holds(sizes: Sizes, order: Sequence[str]) -> str:
    """Say which size every line has that is there and allows for the clusters."""
    alpha = next(iter(sizes.judged.values())).alpha
    told = listed(f"{method} {sizes.judged[method].told:.3f}" for method in sized_in_order(sizes, order))
    often = f"{100 * sizes.tolerance * alpha:.3g} %"
    return f"none of these lines flags at most {often} of true nulls in every world listed above ({told})"
