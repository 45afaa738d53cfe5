"""Every coefficient of a fit by its calibrated test: what `fit.robust(..., law="calibrated")` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.result import HEADS, Estimated, plain
from lyra.base.text import did_you_mean, laid_out, option
from lyra.base.warn import warn
from lyra.errors import InputError, NotIdentifiedError, UnidentifiedWarning
from lyra.regression.least_squares import Fit
from lyra.regression.of_fit import OfFit
from lyra.robust.exact.calibrated import CalibratedTest, calibrated_test
from lyra.robust.exact.family import Family
from lyra.robust.exact.statistic import STATISTICS
from lyra.robust.sandwich import VARIANTS, variant_named

__all__ = ["CalibratedInference", "calibrated_inference"]

Tests = tuple[CalibratedTest | None, ...]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CalibratedInference(OfFit, Estimated):
    """Estimates, each with the critical value that holds the level in every world of a family [1]_.

    A coefficient that is lost without one of the clusters, where the variance leaves each out, is NaN.

    Attributes
    ----------
    variant : str
        The variance; `method` has the star that marks the calibrated line.
    family : Family
        The worlds in which the level holds; its `words` say them of one coefficient.
    tests : tuple of CalibratedTest or None
        The test of each of the K coefficients.

    References
    ----------
    .. [1] B. M. Pötscher and D. Preinerstorfer (2021), Valid heteroskedasticity robust testing. arXiv 2104.12597: the
       idea, for independent rows.
    """

    variant: str
    family: Family
    tests: Tests
    fit: Fit = field(repr=False)

    @property
    def method(self) -> str:
        """The name of the line in tables: the variance with a star."""
        return f"{self.variant}*"

    @property
    def names(self) -> tuple[str, ...]:
        """The K coefficients."""
        return self.fit.names

    @property
    def term(self) -> tuple[str, ...]:
        """The same as `names`."""
        return self.names

    @property
    def coef(self) -> Array:
        """The estimates (K,)."""
        return self.fit.coef

    @property
    def se(self) -> Array:
        """The standard errors (K,); for R1 those of the null 0."""
        return self._each(lambda test: test.std_error)

    @property
    def statistic(self) -> Array:
        """coef / se (K,)."""
        return self._each(lambda test: test.statistic)

    @property
    def pvalue(self) -> Array:
        """The largest two-sided p-values (K,) over the family, of coef = 0."""
        return self._each(lambda test: test.p_value)

    @property
    def critical_value(self) -> Array:
        """c* (K,) of intervals with 95 % coverage."""
        return self._each(lambda test: test.critical_value().value)

    @property
    def set_by(self) -> tuple[str, ...]:
        """The world that sets each of those critical values, in words; empty where there is no test."""
        return tuple("" if test is None else test.critical_value().words for test in self.tests)

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the intervals (K, 2) that hold every value the test does not reject; infinite where one has no end."""
        none = np.full(2, np.nan)
        return np.array([none if test is None else test.conf_int(level) for test in self.tests])

    def tidy(self) -> dict[str, Array | list[str]]:
        """Return columns term, estimate, std_error, statistic, p_value, conf_low, conf_high, critical_value, set_by."""
        low, high = self.conf_int().T
        return {
            "term": list(self.names),
            "estimate": self.coef,
            "std_error": self.se,
            "statistic": self.statistic,
            "p_value": self.pvalue,
            "conf_low": low,
            "conf_high": high,
            "critical_value": self.critical_value,
            "set_by": list(self.set_by),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, ready for JSON."""
        facts = ("method", "n_rows", "n_clusters", "dropped_rows")
        families = ["" if test is None else test.family for test in self.tests]
        return plain(self.tidy()) | {name: getattr(self, name) for name in facts} | {"family": families}

    def explain(self) -> str:
        """Return in words, for every coefficient, what was computed and in which worlds it holds."""
        return "\n".join(test.explain() for test in self.tests if test is not None)

    def __str__(self) -> str:
        columns = self.tidy()
        layout = (f"<{max(map(len, (*self.names, 'term')))}", *[">12"] * len(HEADS), "")
        rows = [
            (name, *(f"{float(np.asarray(columns[head])[j]):.5g}" for head in HEADS), f"  {law}")
            for j, (name, law) in enumerate(zip(self.names, self._laws(), strict=True))
        ]
        table = laid_out(layout, ("term", *HEADS, "  law"), rows)
        return "\n".join([*table, f"{self.method}, {self.n_rows:,} rows, {self.n_clusters:,} clusters"])

    def _answer(self) -> str:
        told = zip(self.names, self.coef, self.se, self.pvalue, strict=True)
        lines = (f"{name} {coef:.4g}, SE {se:.4g}, p = {p:.3g}" for name, coef, se, p in told)
        return f"{self.method}, {self.n_clusters} clusters: " + "; ".join(lines)

    def _laws(self) -> Iterator[str]:
        for test in self.tests:
            yield "not computable" if test is None else test.law()

    def _each(self, said: Callable[[CalibratedTest], float]) -> Array:
        return np.array([np.nan if test is None else said(test) for test in self.tests])


def calibrated_inference(fit: Fit, variant: str, family: Family) -> CalibratedInference:
    """Return every coefficient of a fit by its calibrated test.

    Raises
    ------
    InputError
        The variance has no exact law.

    Warns
    -----
    UnidentifiedWarning
        Coefficients that are lost without one of the clusters.
    """
    name = _statistic_named(variant)
    lost: list[str] = []  # a sentence each

    def tested(j: int) -> CalibratedTest | None:
        try:
            return calibrated_test(fit, j, name, family)
        except NotIdentifiedError as told:
            lost.append(str(told))
            return None

    tests = tuple(tested(j) for j in range(fit.K))
    for error in lost:
        warn(f"{error}", UnidentifiedWarning)
    return CalibratedInference(fit=fit, variant=name, family=family, tests=tests)


def _statistic_named(variant: str) -> str:
    """Return the variance meant by a name, with its star or without."""
    plain = variant.removesuffix("*") if isinstance(variant, str) else variant
    name = "R1" if isinstance(plain, str) and plain.upper() == "R1" else variant_named(plain)
    if name not in STATISTICS:
        clustered = [known for known in VARIANTS if known in STATISTICS]
        raise InputError(
            f"{option('variant', variant)} has no calibrated law: {did_you_mean(str(variant), (*clustered, 'R1'))}."
        )
    return name
