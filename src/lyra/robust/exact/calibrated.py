"""The calibrated line: one coefficient, its t statistic, and the critical value that holds over a family of worlds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from lyra.base.arrays import Array
from lyra.base.result import Told
from lyra.data import check
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import Coefficient, RowSums
from lyra.robust.exact.confidence_set import ConfidenceSet, confidence_set, standard_error, t_value
from lyra.robust.exact.critical_value import Bound, Calibrated, calibrated
from lyra.robust.exact.family import Family
from lyra.robust.exact.statistic import STATISTICS, statistic

__all__ = ["CALIBRATED", "CalibratedTest", "answer", "calibrated_test"]

CALIBRATED = tuple(f"{name}*" for name in STATISTICS)
"""The names of calibrated lines in tables: the variance with a star."""

ALTERNATIVES = ("two-sided", "less", "greater")
SIDE: Mapping[str, Literal["both", "lower", "upper"]] = {"two-sided": "both", "greater": "lower", "less": "upper"}

Alternative = Literal["two-sided", "less", "greater"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CalibratedTest(Told):
    """A t test whose critical value holds its level in every world of a family [1]_.

    The critical value depends on X and the clusters alone: nothing is tested beforehand, and no outcome is looked at.

    Attributes
    ----------
    term : str
        The coefficient.
    variant : str
        The variance: CV0, CV1, CV2, CV3, CV3J, or R1, CV0 with the scores of the fit without this column.
    estimate, std_error, statistic : float
        The estimate, its standard error (for R1 that of the null), and (estimate − h0)/std_error.
    h0 : float
        The value under the null.
    alternative : {"two-sided", "less", "greater"}
        What the null is tested against.
    n_clusters : int
        Clusters.
    family : str
        The worlds in which the level holds, in one sentence.

    References
    ----------
    .. [1] B. M. Pötscher and D. Preinerstorfer (2021), Valid heteroskedasticity robust testing. arXiv 2104.12597: the
       idea, for independent rows.
    """

    term: str
    variant: str
    estimate: float
    std_error: float
    statistic: float
    h0: float
    alternative: Alternative
    n_clusters: int
    family: str
    calibrated: Calibrated = field(repr=False)
    fit: Fit = field(repr=False)

    @property
    def method(self) -> str:
        """The name of the line in tables: the variance with a star."""
        return f"{self.variant}*"

    @property
    def bounded(self) -> bool:
        """Whether |t| has a largest value: scores are taken under the null (R1)."""
        return self.calibrated.test.bounded

    @cached_property
    def p_value(self) -> float:
        """The largest P(|t| ≥ |statistic|) over the family, never below that of t(G − 1); one-sided as asked."""
        if np.isnan(self.statistic):
            return float("nan")
        towards = -self.statistic if self.alternative == "less" else self.statistic
        return self.calibrated.p_value(towards, sides=self._sides)

    def critical_value(self, level: float = 0.95) -> Bound:
        """Return c*, for intervals with this coverage, and the world that sets it."""
        return self._critical_value(check.coverage(level))

    def confidence_set(self, level: float = 0.95) -> ConfidenceSet:
        """Return the values that are not rejected: an interval, and for R1 perhaps all but one, or every value."""
        c = self.critical_value(level).value
        return confidence_set(self.fit, self.calibrated.about, self.calibrated.test, c, bound=SIDE[self.alternative])

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the smallest interval (2,) that holds the confidence set; infinite where that has no end."""
        if np.isnan(self.statistic):
            return np.full(2, np.nan)
        pieces = self.confidence_set(level).pieces
        return np.array([pieces[0][0], pieces[-1][1]])

    def size(self, critical_value: float) -> Bound:
        """Return the largest P(|t| > critical_value) over the family, and the world it belongs to."""
        return self.calibrated.size(critical_value)

    def law(self, level: float = 0.95) -> str:
        """Return the law in words: the critical value and the world that sets it."""
        bound = self.critical_value(level)
        return f"c* {bound.value:.4g}, set by: {bound.words}"

    def to_dict(self, level: float = 0.95) -> dict[str, Any]:
        """Return everything as plain Python values, ready for JSON."""
        low, high = self.conf_int(level).tolist()
        bound = self.critical_value(level)
        return {
            "term": self.term,
            "method": self.method,
            "estimate": self.estimate,
            "std_error": self.std_error,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "conf_low": low,
            "conf_high": high,
            "level": level,
            "h0": self.h0,
            "alternative": self.alternative,
            "critical_value": bound.value,
            "set_by": bound.words,
            "family": self.family,
            "n_clusters": self.n_clusters,
        }

    def explain(self) -> str:
        """Return in words what was computed, in which worlds it holds, and which of them sets the critical value."""
        return "\n".join(_explained(self))

    def _answer(self) -> str:
        return f"{self.method}, {self.term} {self.estimate:.4g}, SE {self.std_error:.4g}, p = {self.p_value:.4g}"

    @property
    def _sides(self) -> int:
        return 2 if self.alternative == "two-sided" else 1

    def _critical_value(self, level: float) -> Bound:
        return self.calibrated.critical_value(1.0 - level, sides=self._sides)


def calibrated_test(
    fit: Fit,
    j: int,
    variant: str,
    family: Family,
    *,
    h0: float = 0.0,
    alternative: Alternative = "two-sided",
    rows: RowSums | None = None,
) -> CalibratedTest:
    """Return the calibrated test of coefficient j: a variance, and the critical value that holds over a family.

    Raises
    ------
    InputError
        The variance has no exact law, or the alternative is unknown.
    NotIdentifiedError
        The variance leaves out one cluster at a time, and without one of them there is no estimate.

    Examples
    --------
    Two treated clusters of twenty, where the t(19) point is 2.09.

    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.regression.least_squares import least_squares
    >>> g = np.repeat(np.arange(20), 5)
    >>> X, y = np.column_stack([np.ones(100), g < 2]).astype(float), np.random.default_rng(1).normal(size=100)
    >>> fit = least_squares(Moments.from_arrays(y, X, g, names=["Intercept", "treat"]))
    >>> test = calibrated_test(fit, 1, "CV1", Family(arms=2.0))
    >>> bound = test.critical_value()
    >>> print(f"{bound.value:.2f}, {bound.words}")
    5.45, rows independent, clusters with the larger treat twice as variable
    """
    about = Coefficient.of(fit, j)
    about = about if rows is None else about.with_rows(rows)
    found = calibrated(statistic(fit, about, variant), about, family)
    return answer(fit, found, family.words(about), h0=h0, alternative=alternative)


def answer(
    fit: Fit, found: Calibrated, family: str, *, h0: float = 0.0, alternative: Alternative = "two-sided"
) -> CalibratedTest:
    """Return the calibrated test of a fit by a statistic whose worlds are known, with its family in words."""
    chosen: Alternative = check.one_of(alternative, ALTERNATIVES, what="alternative")  # type: ignore[assignment]
    test, about = found.test, found.about
    return CalibratedTest(
        term=about.term,
        variant=test.name,
        estimate=float(fit.coef[fit.names.index(about.term)]),
        std_error=standard_error(fit, about, test, h0),
        statistic=t_value(fit, about, test, h0),
        h0=h0,
        alternative=chosen,
        n_clusters=fit.G,
        family=family,
        calibrated=found,
        fit=fit,
    )


def _explained(test: CalibratedTest) -> Iterator[str]:
    bound = test.critical_value()
    yield (
        f"{test.method} of {test.term}: estimate {test.estimate:.6g}, standard error {test.std_error:.6g}, "
        f"t = {test.statistic:.4g} for the null {test.h0:g}, p = {test.p_value:.4g} ({test.alternative})."
    )
    yield f"95 % confidence set: {test.confidence_set().words}."
    floor = "|t| is bounded, so it may be small" if test.bounded else f"never below that of t({test.n_clusters - 1})"
    yield f"Critical value {bound.value:.5g}, {floor}; set by: {bound.words}."
    yield f"It holds the level in every world of this family, computed exactly. {test.family}"
    yield "The errors of these worlds are Gaussian: skewness is outside the family."
