"""What the tested coefficient of a world is meant to be: the treatment's own effect, or with carry-over the total one.

A washout leaves out windows that the arm before still reaches, so that what is left shows the whole effect of treating
always against never. Where treatment carries over, that is the truth an estimate is held against.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lyra.designs import Design
from lyra.simulation.samples import WorldLike

__all__ = ["NO_EFFECT", "TOTAL", "Estimand", "beyond_the_past", "estimand_in_words", "estimand_of"]

TOTAL = "total effect"


@dataclass(frozen=True, slots=True)
class Estimand:
    """What is estimated: `name` in words, "effect" or "total effect", and its `value` on the outcome's scale."""

    name: str
    value: float


NO_EFFECT = Estimand("effect", 0.0)
"""Of a source in which nothing was done."""


def estimand_of(world: WorldLike) -> Estimand:
    """Return the total effect where treatment carries over to the next window, else the treatment's own effect.

    Examples
    --------
    >>> from lyra import World
    >>> estimand_of(World(10, effect=0.1)), estimand_of(World(10, windows=4, effect=0.1, carryover=0.1))
    (Estimand(name='effect', value=0.1), Estimand(name='total effect', value=0.2))
    """
    truth = world.truth()
    if getattr(world, "carryover", 0.0):
        return Estimand(TOTAL, float(truth.total_effect))
    return Estimand("effect", float(truth.effect))


def beyond_the_past(design: Design | None) -> tuple[str, ...]:
    """Say of a switchback drawn over past data what those cannot tell."""
    if design is None or "window" not in design.reads:
        return ()
    return (
        (
            "The arms are drawn over an outcome that none of them touched: sizes are of no effect on anyone. What "
            "carries over, and whether a washout is long enough, cannot be seen in it: certify a World with carryover."
        ),
    )


def estimand_in_words(worlds: Iterable[WorldLike]) -> dict[str, str]:
    """Return what a certificate of these worlds says of its estimand; nothing where no treatment carries over."""
    found = [estimand_of(world) for world in worlds]
    totals = {f"{one.value:.4g}" for one in found if one.name == TOTAL}
    if not totals:
        return {}
    value = f" ({totals.pop()})" if len(totals) == 1 else ""
    where = "" if all(one.name == TOTAL for one in found) else " in worlds with carry-over"
    return {
        "estimand": (
            f"the total effect of the treatment{where}, everyone treated always against no one ever{value}; the true "
            "null is that the coefficient is this, and size, bias and coverage are about it"
        )
    }
