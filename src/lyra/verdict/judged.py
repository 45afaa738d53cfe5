"""Exact sizes, or a certificate -> what they say of each line of a ladder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lyra.robust.diagnosis.diagnosis import Diagnosis
from lyra.robust.exact.lines import ExactLine, ExactLines
from lyra.verdict.certificate import Certificate
from lyra.verdict.judging import clopper_pearson
from lyra.verdict.recommendation import worst_verdict
from lyra.verdict.rung import Rung

__all__ = [
    "CERTIFIED",
    "NEVER_REJECTS",
    "NOT_COMPUTABLE",
    "Judged",
    "judged_by_draws",
    "judged_exactly",
    "judged_lines",
    "largest_icc",
]

LEAST = 1e-9  # a largest size below this: the line never rejects
ROUNDING = 1e-6  # of a size found as a root
ERROR = 0.01  # of either verdict on simulated sizes
CERTIFIED = 1.25  # times the size it claims: the tolerance of certificates
NOT_COMPUTABLE, NEVER_REJECTS = "not computable", "never rejects"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is known of one method: its worst verdict, and its largest size with that one's interval.

    `usable` when it is certified throughout and ever rejects; `alpha` is the size it claims. A method that is not
    computable has no size: NaN. Where sizes are `exact`, `size` is the largest in worlds whose clusters are alike, and
    `worst` the largest in any listed world, which `set_by` names and the verdict is about; `power` is the share of
    effects of 2.8 standard deviations that the line finds. Simulated sizes have none of these.
    """

    verdict: str
    size: float
    size_low: float
    size_high: float
    alpha: float
    usable: bool
    exact: bool = False
    worst: float = np.nan
    set_by: str = ""
    power: float = np.nan

    def holds(self, tolerance: float) -> bool:
        """Whether it flags at most this many times the true nulls it claims to, and ever rejects."""
        return 0.0 < self.told <= tolerance * self.alpha * (1.0 + ROUNDING)

    def __str__(self) -> str:
        if self.verdict in (NOT_COMPUTABLE, NEVER_REJECTS):
            return self.verdict
        return f"{self.verdict} ({'<0.001' if self.told < 0.0005 else f'{self.told:.3f}'})"

    @property
    def told(self) -> float:
        """The size that the verdict is about."""
        return self.worst if self.exact else self.size


def judged_exactly(lines: ExactLines, rungs: Sequence[Rung]) -> dict[str, Judged]:
    """Return the exact size of every line that has one, over its family; a line without an answer here has none."""
    answered = {rung.method: rung.computable for rung in rungs}
    return {
        line.name: _sized(line, lines.alpha) if answered[line.name] else _unanswered(lines.alpha)
        for line in lines.lines
        if line.name in answered
    }


def _sized(line: ExactLine, alpha: float) -> Judged:
    worst, size = line.size.value, line.model_size
    held = worst <= CERTIFIED * alpha * (1.0 + ROUNDING)
    return Judged(
        verdict=(NEVER_REJECTS if worst < LEAST else "certified") if held else "uncertified",
        size=size,
        size_low=size,
        size_high=size,
        alpha=alpha,
        usable=held and worst >= LEAST,
        exact=True,
        worst=worst,
        set_by=line.size.words,
        power=line.power,
    )


def judged_by_draws(size: float, data_sets: int, *, alpha: float, power: float) -> Judged:
    """Return the verdict on a size that is the share of so many data sets, by its Clopper-Pearson bounds."""
    low, high = clopper_pearson(round(size * data_sets), data_sets, ERROR)
    tolerated = CERTIFIED * alpha
    verdict = "certified" if high <= tolerated else "uncertified" if low > tolerated else "inconclusive"
    return Judged(
        verdict=verdict,
        size=size,
        size_low=low,
        size_high=high,
        alpha=alpha,
        usable=verdict == "certified" and size > 0.0,
        power=power,
    )


def judged_lines(certificate: Certificate, rungs: Sequence[Rung]) -> dict[str, Judged]:
    """Return every method's worst verdict and its largest size; a line without an answer in these data has none."""
    methods = dict.fromkeys(row.method for row in certificate.rows)
    return {method: _worst(certificate, method) for method in methods} | dict(_without_an_answer(rungs, certificate))


def _worst(certificate: Certificate, method: str) -> Judged:
    own = [row for row in certificate.rows if row.method == method]
    verdict = worst_verdict(own)
    if verdict == NOT_COMPUTABLE:
        return _unanswered(certificate.alpha)
    worst = max(own, key=lambda row: row.size)
    return Judged(
        verdict=verdict,
        size=worst.size,
        size_low=worst.size_low,
        size_high=worst.size_high,
        alpha=certificate.alpha,
        usable=all(row.usable for row in own),
    )


def _without_an_answer(rungs: Sequence[Rung], certificate: Certificate) -> Iterator[tuple[str, Judged]]:
    """Yield lines that have no answer in these data: whatever their method does elsewhere, here it has none."""
    methods = {row.method for row in certificate.rows}
    for rung in rungs:
        if not rung.computable and rung.method in methods:
            yield rung.method, _unanswered(certificate.alpha)


def _unanswered(alpha: float) -> Judged:
    return Judged(verdict=NOT_COMPUTABLE, size=np.nan, size_low=np.nan, size_high=np.nan, alpha=alpha, usable=False)


def largest_icc(certificate: Certificate, diagnosis: Diagnosis) -> float:
    """Return the largest intraclass correlation simulated: what was asked, or the upper end of its interval."""
    asked = certificate.config.get("icc")
    shares = diagnosis.icc.conf_int(0.95) if asked is None else np.atleast_1d(np.asarray(asked, float))
    return float(np.nan_to_num(np.clip(shares.max(), 0.0, 0.999)))
