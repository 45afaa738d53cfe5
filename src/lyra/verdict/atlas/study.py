"""A design of the atlas -> what it fixes before any outcome: its shares, its critical values, and what is advised."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from lyra.base.arrays import Array
from lyra.errors import LyraWarning, NotIdentifiedError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import Fit, least_squares
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.lines import ExactLines
from lyra.robust.exact.naive import naive_sizes
from lyra.robust.exact.row_sums import arm_sums, period_sums
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import STATISTICS, Statistic, statistic
from lyra.robust.grams import Dense
from lyra.robust.laws import critical_value
from lyra.robust.methods import METHODS
from lyra.robust.replicates import Replicates
from lyra.verdict.atlas.blueprint import Blueprint, Rows, number_of
from lyra.verdict.atlas.laws import Law
from lyra.verdict.ladder import Ladder
from lyra.verdict.sized import sized_ladder

__all__ = ["ALPHA", "TESTED", "TOLERANCES", "Line", "Study", "on_sums", "study_of"]

ALPHA = 0.05
NAIVE = "iid"
TESTED = 1  # the place of the treatment
TOLERANCES = (1.0, 1.25)  # the advice as printed, and one that takes 6.25 % for 5 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a study: a method, a calibrated line, or the advice.

    Attributes
    ----------
    name : str
        "CV2", "CV2*" or "advice".
    reads : str
        The line whose test it is: its own name, or what is advised; empty where nothing is.
    arms : float
        How many times as variable an arm may be in the family that calibrates it; NaN for a method.
    tolerance : float
        What the advice tolerates; NaN for other lines.
    """

    name: str
    reads: str
    arms: float = nan
    tolerance: float = nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Study:
    """A design with all that does not depend on an outcome, in orthonormal coordinates, the treatment last.

    Attributes
    ----------
    rows : Rows
    Q : ndarray (N, K)
        X turned into orthonormal columns, the last that of the treatment given the constant.
    shares : ndarray (G, K, K)
        Q_g'Q_g.
    s : float
        Residual sum of squares of the treatment given the constant.
    fit : Fit
        Of the design, on an outcome that is none.
    about : Coefficient
        The treatment as worlds see it, with the sums that some need of the rows.
    tests : dict of str to (Statistic, float)
        Methods that have an exact law, with their own critical value.
    sized : dict of float to ExactLines
        Calibrated lines, by what their family allows the arms.
    lines : tuple of Line
        All lines in the order of the table.
    """

    rows: Rows
    Q: Array
    shares: Array
    s: float
    fit: Fit
    about: Coefficient
    tests: dict[str, tuple[Statistic, float]]
    sized: dict[float, ExactLines]
    lines: tuple[Line, ...]

    def replicates(self, y: Array) -> Replicates:
        """Return the sums of outcomes y (R, N)."""
        c = np.stack([np.add.reduceat(y * q, self.rows.starts, axis=1) for q in self.Q.T], axis=2)
        yy = np.einsum("rn,rn->r", y, y)
        return Replicates(E=Dense(self.shares[None]), c=c, s=np.array([self.s]), yy=yy, N=self.rows.N)

    def exact_size(self, line: Line, law: Law, icc: float) -> float:
        """Return the exact size of a line where the errors are Gaussian and the line has an exact law, else NaN."""
        if law.world is None:
            return nan
        world = law.world(self.about, icc)
        if line.reads == NAIVE:
            return float(naive_sizes(self.fit, self.about, [world], self._naive_point)[0])
        test, c = self._test(line)
        return nan if test is None or np.isnan(c) else float(rejection(forms(test, self.about, [world]), c)[0])

    def critical_value(self, line: Line) -> float:
        """Return c* of a calibrated line."""
        return self.sized[line.arms][line.reads].critical_value

    def _test(self, line: Line) -> tuple[Statistic | None, float]:
        if not line.reads.endswith("*"):
            return self.tests.get(line.reads, (None, nan))
        found = self.sized[line.arms][line.reads]
        return None if found.calibrated is None else found.calibrated.test, found.critical_value

    @property
    def _naive_point(self) -> float:
        return float(critical_value(self.fit.N - self.fit.K, ALPHA))


def on_sums() -> tuple[str, ...]:
    """Return the methods that can be computed from sums, bootstraps last."""
    names = [name for name, method in METHODS.items() if not method.needs_rows]
    return tuple(sorted(names, key=lambda name: METHODS[name].draws is not None))


def study_of(blueprint: Blueprint, arms: Sequence[float]) -> Study:
    """Return what a design fixes, the advice under families that allow the arms to differ so many times."""
    rows = blueprint.laid_out()
    X = rows.X
    y = np.random.default_rng(number_of(blueprint.name)).standard_normal(rows.N)  # no advice reads it
    fit = least_squares(Moments.from_arrays(y, X, rows.cluster, names=["Intercept", "treat"]))
    Q, R = np.linalg.qr(X)
    ladders = {most: _ladder(fit, most) for most in arms}
    return Study(
        rows=rows,
        Q=Q * np.sign(np.diag(R)),
        shares=np.add.reduceat(Q[:, :, None] * Q[:, None, :], rows.starts, axis=0) * _signs(R),
        s=float(R[-1, -1] ** 2),
        fit=fit,
        about=_with_row_sums(fit, rows),
        tests=dict(_tests(fit)),
        sized={most: ladder.exact for most, ladder in ladders.items() if ladder.exact is not None},
        lines=(*(Line(name=name, reads=name) for name in on_sums()), *_lines(ladders)),
    )


def _tests(fit: Fit) -> Iterator[tuple[str, tuple[Statistic, float]]]:
    """Yield every method on sums that has an exact law, with the critical value of its own."""
    about = Coefficient.of(fit, TESTED)
    for name in on_sums():
        method = METHODS[name]
        if method.variant in STATISTICS:
            dof = degrees_of_freedom(fit, method.variant, method.law)[0][TESTED]
            with suppress(NotIdentifiedError):
                yield name, (statistic(fit, about, method.variant), float(critical_value(dof, ALPHA)))


def _signs(R: Array) -> Array:
    signs = np.sign(np.diag(R))
    return np.outer(signs, signs)


def _ladder(fit: Fit, arms: float) -> Ladder:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LyraWarning)  # lines without an answer are counted in the table
        return sized_ladder(fit, TESTED, methods=None, level=1.0 - ALPHA, family=Family(arms=arms), tolerance=1.0)


def _lines(ladders: dict[float, Ladder]) -> list[Line]:
    """Return the calibrated lines of every family, and then what is advised by each at each tolerance."""
    stars = [
        Line(name=found.name, reads=found.name, arms=most)
        for most, ladder in ladders.items()
        if ladder.exact is not None
        for found in ladder.exact.starred
    ]
    advised = [
        Line(name="advice", reads=_advised(ladder, tolerance), arms=most, tolerance=tolerance)
        for most, ladder in ladders.items()
        for tolerance in TOLERANCES
    ]
    return stars + advised


def _advised(ladder: Ladder, tolerance: float) -> str:
    return replace(ladder, tolerance=tolerance).advice.method or ""


def _with_row_sums(fit: Fit, rows: Rows) -> Coefficient:
    about, sums = Coefficient.of(fit, TESTED), arm_sums(fit, rows.cluster, rows.treated)
    if rows.window is not None:
        timed = period_sums(fit, rows.cluster, rows.window)
        sums = replace(sums, paths=timed.paths, periods=timed.periods)
    return about.with_rows(sums)
