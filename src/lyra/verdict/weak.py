"""A design that can hardly tell, or only under a condition, said in words: no sentence depends on the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from lyra.robust.diagnosis.diagnosis import Diagnosis
from lyra.robust.exact.lines import ExactLine, ExactLines
from lyra.robust.exact.worlds import Arms, Intercept
from lyra.robust.laws import critical_value

__all__ = ["clusters_that_carry", "weaknesses"]

HARDLY = 1.5  # c*/t(G − 1) from which a design can hardly tell
TINY = 3  # clusters in an arm, whose own variability rests on so few
NINE = 9.0  # times as variable: beyond the worlds that are listed
FEW = 25  # clusters, below which a sample may hold none of those that have the effect
ONE_IN = 5
HALF = 0.5
CONSTANT = 1.0 - 1e-9


class Design(Protocol):
    """What is read of a ladder."""

    @property
    def term(self) -> str:
        """The coefficient."""

    @property
    def arms(self) -> tuple[int, int] | None:
        """Clusters treated and not, where the term splits them."""

    @property
    def diagnosis(self) -> Diagnosis:
        """What the clusters can bear."""

    @property
    def exact(self) -> ExactLines | None:
        """Its lines with an exact law."""


def weaknesses(design: Design, read: str) -> list[str]:
    """Return a sentence for every reason why the line that is read tells little, or rests on few clusters."""
    exact = design.exact
    if exact is None or read not in exact:
        return []
    return [*_hardly_tells(design, exact, exact[read]), *_few_in_an_arm(design, exact[read]), *_few_in_all(design)]


def clusters_that_carry(design: Design) -> str:
    """Say how few clusters carry half of what is known about the term, and what share they carry."""
    j = design.diagnosis.names.index(design.term)
    held = np.sort(design.diagnosis.partial_leverage[:, j])[::-1]
    few = int(np.searchsorted(np.cumsum(held), HALF)) + 1
    who = "one cluster carries" if few == 1 else f"{few} of the {held.size} clusters carry"
    return f"{who} {100 * held[:few].sum():.0f} % of what is known about {design.term!r}"


def _hardly_tells(design: Design, exact: ExactLines, read: ExactLine) -> Iterator[str]:
    by_t = float(critical_value(design.diagnosis.G - 1, exact.alpha))
    unbounded = [line.calibrated for line in exact.lines if line.calibrated and not line.calibrated.test.bounded]
    ratios = [found.critical_value(exact.alpha).value / by_t for found in unbounded]
    if min(ratios, default=0.0) < HARDLY:
        return
    more = "clusters of the smaller arm" if design.arms else "clusters like them"
    yield (
        f"This design can hardly tell: {clusters_that_carry(design)}, and an effect of 2.8 standard deviations would "
        f"be found {100 * read.power:.0f} % of the time. More rows in the same clusters will not help; more {more} "
        "will."
    )


def _few_in_an_arm(design: Design, read: ExactLine) -> Iterator[str]:
    """Yield what happens where one arm, of few clusters, is nine times as variable as any world listed has it."""
    if design.arms is None or min(design.arms) > TINY or read.calibrated is None:
        return
    few, side = min(design.arms), "treated" if design.arms[0] <= design.arms[1] else "control"
    ratio = NINE if side == "treated" else 1.0 / NINE
    found = read.calibrated
    sizes = [found.size_in(Arms(ratio, Intercept(icc)), read.critical_value) for icc in (0.0, 0.1, 0.5)]
    yield (
        f"How variable {side} clusters are rests on {few} of them: were they nine times as variable as the others, "
        f"{read.name} would flag {100 * max(sizes):.0f} % of true nulls."
    )


def _few_in_all(design: Design) -> Iterator[str]:
    """Yield how often few clusters hold none of those with an effect, for a term that varies inside clusters."""
    d = design.diagnosis
    inside = not d.column_icc[d.names.index(design.term)] >= CONSTANT
    if design.arms is None and inside and d.G < FEW:
        none = 100 * (1 - 1 / ONE_IN) ** d.G
        yield (
            f"This speaks for clusters like these {d.G}: where one in {ONE_IN} has the whole effect, {none:.2g} % of "
            "such samples hold none of them."
        )
