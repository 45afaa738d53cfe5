"""The lines of one coefficient, what a certificate says of them, and the clusters they rest on -> which line to read.

This is the only place where a line is named as one to read: tables, dangers and warnings state what is so. A line is a
candidate when it has an answer and allows for clusters, or when every cluster is one row. The candidates are read in a
fixed order; to choose the shortest interval in these data would cost size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, inf, sqrt
from typing import Protocol

from lyra.base.text import listed, option
from lyra.robust.diagnosis.dangers import TINY_ARM
from lyra.robust.diagnosis.diagnosis import Diagnosis
from lyra.robust.exact.lines import ExactLines
from lyra.robust.methods import METHODS, read_in_order
from lyra.verdict.chosen import chosen, sized_in_order, why_chosen, why_none_holds
from lyra.verdict.judged import Judged
from lyra.verdict.rung import Rung
from lyra.verdict.weak import weaknesses

__all__ = ["Advice", "Lines", "advise"]

FEWEST_DOF = 4.0  # below which Satterthwaite's law is itself rough [Tipton 2015, Psychological Methods 20, 375-393]
TOO_FINE = (
    "these clusters are finer than what was drawn, so that no standard error by them is to be trusted, whatever its "
    "size above: cluster by what was drawn."
)
ASK = "ask for calibrated lines, such as CV3* and R1*"
LEAST_ASSIGNMENTS = 20  # with fewer no randomisation test reaches p = .05


@dataclass(frozen=True, slots=True)
class Advice:
    """Which line to read, None when none can be trusted, and why."""

    method: str | None
    reason: str

    def __str__(self) -> str:
        return f"Read {self.method}: {self.reason}" if self.method else f"Read no line: {self.reason}"


class Lines(Protocol):
    """What advice is read from: see `ladder.Ladder`."""

    @property
    def term(self) -> str:
        """The coefficient."""

    @property
    def rungs(self) -> Sequence[Rung]:
        """Its lines."""

    @property
    def n_rows(self) -> int:
        """Rows used."""

    @property
    def arms(self) -> tuple[int, int] | None:
        """Clusters treated and not, where the term splits them."""

    @property
    def moulton(self) -> float:
        """SE(CV1) / SE(iid)."""

    @property
    def diagnosis(self) -> Diagnosis:
        """What the clusters can bear."""

    @property
    def exact(self) -> ExactLines | None:
        """Its lines with an exact law, in the worlds of a family."""

    @property
    def tolerance(self) -> float:
        """How many times its level a line may reach in those worlds."""

    @property
    def judged(self) -> Mapping[str, Judged]:
        """What exact sizes, or a certificate, say of the lines."""

    @property
    def judged_up_to(self) -> float:
        """The largest intraclass correlation it simulated."""


def advise(lines: Lines) -> Advice:
    """Return which line to read and why: by exact sizes, by the certificate where there is one, else by rule."""
    if lines.diagnosis.foreseen:
        return Advice(None, TOO_FINE)
    by_size = _by_size(lines)
    if by_size is not None:
        return by_size
    candidates = _candidates(lines)
    if not candidates:
        return Advice(None, _why_no_candidate(lines))
    judged = [rung for rung in candidates if rung.method in lines.judged and not lines.judged[rung.method].exact]
    found = _by_certificate(lines, judged) if judged else _by_rule(lines, candidates)
    beside = [sentence for sentence in (_few_in_an_arm(lines, found.method), _not_covered(lines)) if sentence]
    return Advice(found.method, " ".join([found.reason, *beside]))


def _candidates(lines: Lines) -> list[Rung]:
    """Return the lines that have an answer and allow for these clusters, in the order they are read."""
    order = _order(lines)
    known = [rung for rung in lines.rungs if rung.computable and rung.method in order]
    return sorted(known, key=lambda rung: order.index(rung.method))


def _order(lines: Lines) -> tuple[str, ...]:
    return read_in_order(one_row_each=lines.n_rows == lines.diagnosis.G)


# --- by exact sizes -----------------------------------------------------------------------------


def _by_size(lines: Lines) -> Advice | None:
    """Read the most powerful line that holds its level in every world; None where nothing has an exact size.

    One cluster that stands for a whole arm leaves nothing to tell its own shock from the effect.
    """
    order = _order(lines)
    if not sized_in_order(lines, order):
        return None
    if lines.arms is not None and min(lines.arms) == 1:
        return Advice(None, f"{_one_alone(lines)}; {_way_out(lines)}.")
    method = chosen(lines, order)
    if method is None:
        simulated = any(known.usable for known in _simulated(lines))
        return None if simulated else Advice(None, f"{why_none_holds(lines, order)}; {ASK}.")
    beside = (*weaknesses(lines, method), _few_in_an_arm(lines, method))
    return Advice(method, " ".join(sentence for sentence in (why_chosen(lines, method), *beside) if sentence))


def _one_alone(lines: Lines) -> str:
    return f"one cluster stands for a whole arm of {lines.term!r}, so its own shock cannot be told from the effect"


def _simulated(lines: Lines) -> list[Judged]:
    """Return what a certificate says of the candidates that have no exact size."""
    known = [lines.judged[rung.method] for rung in _candidates(lines) if rung.method in lines.judged]
    return [judged for judged in known if not judged.exact]


# --- by the certificate -------------------------------------------------------------------------


def _by_certificate(lines: Lines, candidates: Sequence[Rung]) -> Advice:
    """Read the first line that is certified; else the first that is not settled yet; else none."""
    sound = sorted((rung for rung in candidates if lines.judged[rung.method].usable), key=_rough)
    if sound:
        return Advice(sound[0].method, _why_certified(lines.judged[sound[0].method], [rung.method for rung in sound]))
    unsettled = [rung for rung in candidates if lines.judged[rung.method].verdict == "inconclusive"]
    if unsettled:
        return Advice(unsettled[0].method, _why_unsettled(lines.judged[unsettled[0].method]))
    told = listed(f"{rung.method} {lines.judged[rung.method]}" for rung in candidates)
    return Advice(None, f"none that allows for clusters is certified on this design ({told}); {_way_out(lines)}.")


def _rough(rung: Rung) -> bool:
    """Whether a line's law is rough, so that it is read after the others."""
    return rung.method == "CV2" and rung.dof < FEWEST_DOF


def _why_certified(judged: Judged, certified: Sequence[str]) -> str:
    often = f"{100 * judged.size:.1f} %" if judged.size >= 0.0005 else "less than 0.1 %"
    first = f"; of the certified ({', '.join(certified)}) it is the first in lyra's order" if len(certified) > 1 else ""
    return f"on this design it flags a true null {often} of the time at {100 * judged.alpha:g} %{first}."


def _why_unsettled(judged: Judged) -> str:
    return (
        f"its size, {judged.size:.3f} in [{judged.size_low:.3f}, {judged.size_high:.3f}], is not settled yet and no "
        f"line is certified; more replicates ({option('maximum')}) may settle it."
    )


# --- by rule ------------------------------------------------------------------------------------


def _by_rule(lines: Lines, candidates: Sequence[Rung]) -> Advice:
    lost = [rung for rung in lines.rungs if rung.method in _order(lines) and not rung.computable]
    alone = _alone(lines)
    if lost or alone:
        without = f"without cluster {listed(alone, 3)} there is no estimate of {lines.term!r}, and " if alone else ""
        return Advice(None, f"{without}what can still be computed is far too small; {_way_out(lines)}.")
    return Advice(candidates[0].method, f"{_reason(lines, candidates[0])} This is by rule, without a certificate.")


def _reason(lines: Lines, best: Rung) -> str:
    if lines.n_rows == lines.diagnosis.G:
        return "every cluster is one row, and this line gives each a variance of its own."
    if best.method == "CV2":
        return _reason_for_cv2(lines, best)
    if best.method in ("CV1", "CV0"):
        return "it allows for clusters, but is too small when they are few or unequal, and no better line is here."
    if METHODS[best.method].draws is not None:
        return "it takes its law from these clusters, not from a formula."
    return "it leaves out one cluster at a time, and errs on the side of caution."


def _reason_for_cv2(lines: Lines, best: Rung) -> str:
    if best.dof < FEWEST_DOF:
        return (
            f"with caution, for {best.dof:.3g} degrees of freedom say that very few clusters carry {lines.term!r}; "
            f"below {FEWEST_DOF:g} no line is sure to hold its level."
        )
    return (
        f"it allows for few and unequal clusters; of the {lines.diagnosis.G} its law keeps {best.dof:.3g} degrees of "
        f"freedom for {lines.term!r}."
    )


# --- no line to read ----------------------------------------------------------------------------


def _why_no_candidate(lines: Lines) -> str:
    if not any(rung.method in _order(lines) for rung in lines.rungs):
        return "none here allows for clusters; ask for the lines that do."
    alone = _alone(lines)
    why = f": without cluster {listed(alone, 3)} it has no estimate" if alone else ""
    return f"none that allows for clusters can be computed for {lines.term!r}{why}; {_way_out(lines)}."


def _alone(lines: Lines) -> list[str]:
    """Return the clusters without which the coefficient has no estimate."""
    j = lines.diagnosis.names.index(lines.term)
    return [str(case.cluster) for case in lines.diagnosis.unidentified if j in case.coefficients]


def _way_out(lines: Lines) -> str:
    """Return what is left to do: randomisation inference where it can tell anything, else more clusters."""
    if lines.arms is None:
        return "more clusters would help"
    if lines.diagnosis.absorbs_clusters:
        return (
            f"{lines.term!r} is constant within clusters and the columns together absorb every cluster's mean, so no "
            "clusters are left to compare: leave out columns of the clusters, or find more clusters"
        )
    if _assignments(lines) < LEAST_ASSIGNMENTS:
        return (
            f"more clusters on each side would help, for {lines.arms[0]} treated of {lines.diagnosis.G} can be drawn "
            f"in {_assignments(lines):,.0f} ways only, too few for randomisation inference at 5 %"
        )
    return f"use {_randomisation(lines)}, or find more clusters on each side"


def _assignments(lines: Lines) -> float:
    treated, control = lines.arms or (0, 0)
    return float(comb(treated + control, treated)) if treated + control < 1_000 or min(treated, control) < 3 else inf


def _randomisation(lines: Lines) -> str:
    return f"randomisation inference (in Python, fit.randomisation_test({lines.term!r}))"


# --- beside the line ----------------------------------------------------------------------------


def _few_in_an_arm(lines: Lines, method: str | None) -> str:
    few = method is not None and lines.arms is not None and min(lines.arms) < TINY_ARM
    if not few or _assignments(lines) < LEAST_ASSIGNMENTS:
        return ""
    return f"Few clusters stand for one side, so show {_randomisation(lines)} beside it."


def _not_covered(lines: Lines) -> str:
    """Return what a certificate leaves out, where SE(CV1)/SE(iid) is far from what it simulated.

    Far is two standard deviations of a standard error with G − 1 degrees of freedom, √(2/(G − 1)) of itself.
    """
    d = lines.diagnosis
    if not lines.judged or lines.n_rows == d.G:
        return ""
    absorbed = d.free_of_shocks(lines.term)
    simulated = 1.0 if absorbed else max(1.0, float(d.moulton_at(lines.judged_up_to)[d.names.index(lines.term)]))
    if not lines.moulton > simulated * (1.0 + sqrt(2.0 / (d.G - 1))):
        return ""
    shock = "which these columns absorb" if absorbed else f"with an ICC up to {lines.judged_up_to:.3g}"
    return (
        f"The certificate covers a shock common to a cluster's rows, {shock}: SE(CV1)/SE(iid) would be "
        f"{simulated:.2f}. It is {lines.moulton:.2f} here, and what makes it so, such as serial correlation or "
        "effects that differ by cluster, is not covered."
    )
