"""An inference, or a bootstrap, of one coefficient -> a line of the ladder: one method's answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.result import HEADS, Told
from lyra.data import check
from lyra.errors import InputError
from lyra.robust.exact.calibrated import CalibratedTest
from lyra.robust.inference import Inference
from lyra.robust.laws import t_interval
from lyra.robust.randomised import NAMES, RandomisationTest
from lyra.robust.wild.bootstrap import WildBootstrap

__all__ = ["COLUMNS", "Rung", "bootstrapped", "calibrated", "drawn", "inferred"]

COLUMNS = ("method", *HEADS, "dof", "law")
"""What a line shows, in the order of a table."""

AUTHORS = ("rademacher", "webb", "mammen")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rung(Told):
    """One method's answer: estimate, standard error, t statistic, two-sided p-value, interval and law.

    `term` is the coefficient and `level` the coverage of the interval; `dof` is NaN where the law is no t.
    """

    term: str
    method: str
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float
    dof: float
    law: str
    level: float

    @property
    def computable(self) -> bool:
        """Whether the method has an answer: a p-value, and not from a standard error of zero."""
        return isfinite(self.p_value) and self.std_error != 0.0

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the interval (2,) of the values that this line's test does not reject.

        Raises
        ------
        InputError
            The level is no coverage, or another than the line's and the law is that of a bootstrap.
        """
        if check.coverage(level) == self.level or not self.computable:
            return np.array([self.conf_low, self.conf_high])
        if np.isnan(self.dof):
            raise InputError(
                f"The line {self.method} holds the interval at {self.level:g} alone: ask for the ladder, or the "
                f"bootstrap, at level={level:g}."
            )
        return t_interval(np.asarray(self.estimate), np.asarray(self.std_error), np.asarray(self.dof), level)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return asdict(self)

    def explain(self) -> str:
        """Return the line in words."""
        return f"{self.method} of {self.term}: {self._numbers()}, {100 * self.level:g} % interval {self._span()}."

    def _answer(self) -> str:
        return f"{self.method}, {self.term} {self._numbers()}"

    def _numbers(self) -> str:
        return f"{self.estimate:.4g}, SE {self.std_error:.4g}, p = {self.p_value:.4g} by {self.law}"

    def _span(self) -> str:
        return f"{self.conf_low:.4g} to {self.conf_high:.4g}"


def inferred(inference: Inference, j: int, level: float) -> Rung:
    """Return the line of coefficient j under one covariance and its law."""
    low, high = inference.conf_int(level)[j]
    return Rung(
        term=inference.names[j],
        method=inference.variant,
        estimate=float(inference.coef[j]),
        std_error=float(inference.se[j]),
        statistic=float(inference.statistic[j]),
        p_value=float(inference.pvalue[j]),
        conf_low=float(low),
        conf_high=float(high),
        dof=float(inference.dof[j]),
        law=_law(inference, j),
        level=level,
    )


def _law(inference: Inference, j: int) -> str:
    if np.isnan(inference.dof[j]):
        return "not computable"
    return f"{inference.law(j)}, Satterthwaite" if inference.dof_rule == "satterthwaite" else inference.law(j)


def calibrated(test: CalibratedTest, level: float) -> Rung:
    """Return the line of a calibrated test, its critical value in place of a law."""
    low, high = test.conf_int(level)
    return Rung(
        term=test.term,
        method=test.method,
        estimate=test.estimate,
        std_error=test.std_error,
        statistic=test.statistic,
        p_value=test.p_value,
        conf_low=float(low),
        conf_high=float(high),
        dof=np.nan,
        law=f"c* {test.critical_value(level).value:.4g}",
        level=level,
    )


def bootstrapped(boot: WildBootstrap, term: str, level: float) -> Rung:
    """Return a bootstrap's line: the standard error of its t, and the interval its test inverts to."""
    low, high = boot.conf_int(level)
    weights = boot.weights.title() if boot.weights in AUTHORS else boot.weights
    draws = f"all {boot.n_draws:,} {weights} patterns" if boot.enumerated else f"{boot.n_draws:,} {weights} draws"
    return Rung(
        term=term,
        method=f"{'WCR' if boot.restricted else 'WCU'}-{boot.kind}",
        estimate=float(np.asarray(boot.estimate).ravel()[0]),
        std_error=boot.std_error,
        statistic=boot.statistic,
        p_value=boot.pvalue,
        conf_low=float(low),
        conf_high=float(high),
        dof=np.nan,
        law=draws,
        level=level,
    )


def drawn(test: RandomisationTest, level: float, *, assumed: bool = False) -> Rung:
    """Return the line of a randomisation test; `assumed` where nobody said that clusters were drawn."""
    low, high = test.conf_int(level)
    count = f"{test.n_assignments:,}"
    how = f"all {count} assignments" if test.enumerated else f"{count} drawn assignments"
    return Rung(
        term=test.term,
        method=NAMES[test.kind],
        estimate=test.estimate,
        std_error=test.std_error,
        statistic=float(np.divide(test.estimate - test.h0, test.std_error)) if test.std_error else np.nan,
        p_value=test.pvalue,
        conf_low=float(low),
        conf_high=float(high),
        dof=np.nan,
        law=f"{how}, if clusters were drawn" if assumed else how,
        level=level,
    )
