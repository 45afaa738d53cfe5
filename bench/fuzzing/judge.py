"""What an answer is: right, refused, too cautious, beyond its bound, silently wrong, or no answer of lyra's at all.

The bound of a coefficient is ROOM · (1e-15 κ + 1e-13), relative, κ the condition of the columns, centred where one is
constant and each of length one. It is relative to the largest of |β_j|, √N times its iid standard error, and the other
coefficients in units of this one: what a backward stable solution can give (Higham 2002, chapter 20). A standard
error may lose, on top, the digits that cancel before it: ‖y‖/‖û‖ in the residuals, se(iid)/se in sums of scores, and
1/√(1 − λ), λ the largest share of a cluster that is not 1, where one is left out. However many digits that is, a
number off by more than SILENT is wrong when no warning says so, unless half a unit in the last place of y moves it as
far. NaN with a warning where there is a number is too cautious, not wrong. Columns of a condition beyond HELD may be
read as collinear, of all rows and of those without one cluster: what hangs on the last digits of the columns is lost
with a warning, and a standard error of the others is that of the columns so read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from flint import arb

from bench.fuzzing.oracle import Exact, t_pvalue
from lyra.errors import ConditionWarning, LyraError, LyraWarning, UnidentifiedWarning

ROOM = 16.0
SILENT = 1e-6
GOOD = 1e9  # a condition, of centred columns, at which none may be called a combination of the others
HELD = 1e13  # and of the columns as they are, where what is left of one is more than its own last digits
WRONG = ("wrong", "imprecise", "foreign exception", "foreign warning")
LEAVES_OUT = ("HC2", "HC3", "CV2", "CV3", "CV3J")


@dataclass(frozen=True)
class Finding:
    """One judgement: `kind` is a word of WRONG or "cautious"; `what` its sort, `told` the numbers behind it."""

    kind: str
    what: str
    told: str = ""
    size: float = 0.0


@dataclass
class Answer:
    """What came back of one call: a value or an exception, and the warnings."""

    value: Any = None
    error: BaseException | None = None
    warned: list[Any] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        return isinstance(self.error, LyraError)

    def has(self, category: type[Warning]) -> bool:
        return any(issubclass(w.category, category) for w in self.warned)


def ask(call: Callable[[], Any]) -> Answer:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return Answer(call(), None, caught)
        except Exception as error:  # noqa: BLE001  whatever it raises is what is being judged
            return Answer(None, error, caught)


def foreign(answer: Answer) -> Iterator[Finding]:
    """What is none of lyra's own words."""
    if answer.error is not None and not answer.refused:
        name = type(answer.error).__name__
        yield Finding("foreign exception", name, str(answer.error)[:200])
    for warned in answer.warned:
        if not issubclass(warned.category, LyraWarning):
            yield Finding("foreign warning", warned.category.__name__, f"{warned.message!s:.150}")


# --- numbers ------------------------------------------------------------------------------------


def off(value: float, true: arb, scale: arb | None = None) -> float:
    """|value − true| in units of the scale, the true value when none is given; inf for what is no number."""
    if not np.isfinite(value):
        return np.inf
    unit = abs(true if scale is None else scale).mid()
    gap = abs(arb(float(value)) - true).mid()
    return 0.0 if gap == 0 else np.inf if unit == 0 else float((gap / unit).mid())


def bound(exact: Exact) -> float:
    return ROOM * (1e-15 * exact.condition + 1e-13)


def scales(exact: Exact) -> list[arb]:
    """What the error of each coefficient is measured in; a constant's takes in what the others' do to it."""
    iid, lengths, means = exact.se("iid"), lengths_of(exact), means_of(exact)
    size = larger(abs(b) * length for b, length in zip(exact.coef, lengths, strict=True))
    found = [larger([abs(b), arb(exact.N).sqrt() * iid[j], size / lengths[j]]) for j, b in enumerate(exact.coef)]
    for j in (j for j, constant in enumerate(exact.constants) if constant):
        found[j] = larger([found[j], *(s * abs(m / means[j]) for s, m in zip(found, means, strict=True))])
    return found


def larger(values: Iterable[arb]) -> arb:
    return max(values, key=lambda v: v.mid()).mid()


def lengths_of(exact: Exact) -> list[arb]:
    """The columns' lengths, less their means where one is constant, as given."""
    found = []
    for j, e in enumerate(exact.exponents):
        column = [row[j] for row in exact.X]
        total = 0 if exact.constants[j] or not any(exact.constants) else sum(column)
        squares = sum((exact.N * v - total) ** 2 for v in column)
        found.append(arb(squares).sqrt() / exact.N * arb(2) ** e)
    return found


def means_of(exact: Exact) -> list[arb]:
    return [arb(sum(row[j] for row in exact.X)) / exact.N * arb(2) ** e for j, e in enumerate(exact.exponents)]


def short(value: arb) -> str:
    return str(value.str(9, radius=False))


def representable(value: arb) -> bool:
    return bool(value == 0 or (abs(value) < arb(10) ** 290 and abs(value) > arb(10) ** -290))


# --- one result ---------------------------------------------------------------------------------


def inference(exact: Exact, res: Any, answer: Answer, variant: str) -> Iterator[Finding]:
    """Judge every number of an `Inference` of the kept columns."""
    if answer.has(ConditionWarning):
        return
    allowed = bound(exact)
    for j, (true, scale) in enumerate(zip(exact.coef, scales(exact), strict=True)):
        if representable(true):
            told = f"{variant} {res.coef[j]:.9g} of {res.names[j]}, true {short(true)}"
            yield from graded("coefficient", off(res.coef[j], true, scale), min(allowed, SILENT), told)
    yield from standard_errors(exact, res, answer, variant)
    yield from laws(exact, res, variant)


def graded(what: str, error: float, allowed: float, told: str) -> Iterator[Finding]:
    if error > max(SILENT, allowed):
        yield Finding("wrong", what, f"{told}, off by {error:.1e}", error)
    elif error > allowed:
        yield Finding("imprecise", what, f"{told}, off by {error:.1e}, bound {allowed:.1e}", error / allowed)


def standard_errors(exact: Exact, res: Any, answer: Answer, variant: str) -> Iterator[Finding]:
    iid = exact.se("iid")
    for j, true in enumerate(exact.se(variant)):
        got, told = float(res.se[j]), f"{variant} se {res.se[j]:.6g} of {res.names[j]}"
        if true is None or true == 0:
            what = "se that does not exist" if true is None else "se that is zero"
            if not np.isnan(got):
                blurred = true is None and below_rounding(exact, j, variant)
                yield Finding(
                    "cautious" if blurred else "wrong", what + ", by less than rounding" * blurred, told, np.inf
                )
            elif not answer.has(LyraWarning):
                yield Finding("wrong", f"NaN without a warning, {what}", told, np.inf)
        elif np.isnan(got):
            kind = "cautious" if answer.has(LyraWarning) else "wrong"
            yield Finding(
                kind,
                "NaN for an se that exists" + (", no warning" if kind == "wrong" else ""),
                f"{told}, true {short(true)}",
                np.inf if kind == "wrong" else 0.0,
            )
        elif representable(true):
            silent = max(SILENT, ROOM * 1e-15 * exact.as_given)
            allowed = bound(exact) * exact.explained * max(1.0, float((iid[j] / true).mid()))
            allowed /= exact.slack**0.5 if variant in LEAVES_OUT else 1.0
            found = graded(f"se {variant}", off(got, true), min(allowed, silent), f"{told}, true {short(true)}")
            blurred = variant in LEAVES_OUT and answer.has(UnidentifiedWarning)
            for each in found:
                if blurred and exact.is_blurred(HELD, rows=variant.startswith("HC")):
                    yield replace(each, kind="cautious", what=f"se {variant} without what is held by last digits")
                else:
                    yield each


def below_rounding(exact: Exact, j: int, variant: str) -> bool:
    """Whether rounding of X alone moves coefficient j into and out of what is lost: no float can tell."""
    by_row = variant.startswith("HC")
    turned = max(exact.raw_condition, exact.moved_by_rounding(rows=by_row))
    return exact.lost_share(j, rows=by_row) < ROOM * 1e-15 * turned


def laws(exact: Exact, res: Any, variant: str) -> Iterator[Finding]:
    """Degrees of freedom and p-values, where there is a standard error."""
    for j in range(exact.K):
        if np.isnan(res.se[j]):
            continue
        told = f"{variant} dof {res.dof[j]:.6g} of {res.names[j]}"
        if variant == "CV2":
            true = exact.satterthwaite(j)
            if true is not None and not (np.isnan(res.dof[j]) and np.isnan(res.pvalue[j])):
                allowed = min(bound(exact) / exact.slack**0.5, SILENT)
                yield from graded("dof", off(float(res.dof[j]), true), allowed, f"{told}, true {short(true)}")
        elif res.dof[j] != (exact.G - 1 if variant.startswith("CV") else exact.N - exact.K):
            yield Finding("wrong", "dof", told, np.inf)
        t, nu, p = float(res.statistic[j]), float(res.dof[j]), float(res.pvalue[j])
        if np.isfinite(t) and np.isfinite(nu) and nu > 0 and abs(t) < 1e15:
            right = t_pvalue(t, nu)
            if not abs(p - right) <= 1e-9 * right + 1e-300:
                yield Finding("wrong", "p-value", f"{p!r} for t {t!r}, dof {nu!r}: {right!r}", abs(p / right - 1))
        elif np.isinf(t) and res.se[j] != 0:  # a standard error of zero was judged as one
            yield Finding("wrong", "infinite t", told, np.inf)
