"""A method's replicates -> its performance: size, standard error against the truth, coverage, width.

References
----------
.. [1] T. P. Morris, I. R. White and M. J. Crowther (2019), Using simulation studies to evaluate statistical methods.
   Statistics in Medicine 38, 2074-2102, for the measures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.result import Told
from lyra.simulation.estimand import TOTAL
from lyra.trials.trial import BLOCK, COLUMNS, Scenario, method_name
from lyra.verdict.judging import judge_counts
from lyra.verdict.rule import Rule

__all__ = ["REMEDY", "Row", "finite", "performance", "recoveries"]

SURELY = 4.0  # Monte-Carlo errors
REMEDY = "lengthen the block and leave out its first windows (washout)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Row(Told):
    """What is known of one method in one cell.

    Attributes
    ----------
    design, method : str
    replicates, rejections : int
        Rejections count the replicates where the method was not computable; none of either where the size is an
        integral.
    size, size_low, size_high : float
        Share of rejections of a true null, with its exact interval.
    inflation : float
        size/α.
    mean_se, sd_estimate : float
        Mean standard error, and the standard deviation of the estimates it should equal; where the size is an integral,
        √E[SE²].
    coverage : float
        Share of 95 % intervals that hold the truth; NaN for a method without intervals.
    bias, width : float
        Mean estimate minus the truth; mean width of the 95 % interval.
    not_computable : int
        Replicates in which the method gave no p-value.
    verdict : str
        "certified", "uncertified", "inconclusive", "not computable" or "never rejects"; see `verdict`.
    flags : tuple of str
    analysis : str
        How the data were analysed, where several ways are compared.
    message : str
        The first failure's message, empty when none failed.
    ignores_clusters : bool
        Whether the method takes the rows of a cluster as independent; then it is never the one to read, certified or
        not, for it is certified in this world alone.
    model_size : float
        Of own data, the exact size on Gaussian outcomes, see `verdict.one_outcome`; NaN where none is known.
    sound_in_model : bool
        Whether that size is tolerated, or not known.
    estimand : str
        What the null states: "effect", or "total effect" where treatment carries over.
    truth : float
        Its value, which is the null; `recovers` is the mean estimate as a share of it.
    """

    design: str
    method: str
    replicates: int
    rejections: int
    size: float
    size_low: float
    size_high: float
    inflation: float
    mean_se: float
    sd_estimate: float
    coverage: float
    bias: float
    width: float
    not_computable: int
    verdict: str
    flags: tuple[str, ...]
    analysis: str = ""
    message: str = ""
    ignores_clusters: bool = False
    model_size: float = math.nan
    sound_in_model: bool = True
    estimand: str = "effect"
    truth: float = 0.0

    @property
    def recovers(self) -> float:
        """The mean estimate as a share of the estimand; NaN where that is zero."""
        return 1.0 + self.bias / self.truth if self.truth else math.nan

    @property
    def recovery_error(self) -> float:
        """The Monte-Carlo error of `recovers`."""
        return self.sd_estimate / math.sqrt(self.replicates) / abs(self.truth) if self.truth else math.nan

    @property
    def misses(self) -> bool:
        """Whether the estimates surely miss a total effect, so that no standard error can help."""
        return self.estimand == TOTAL and abs(self.recovers - 1.0) > SURELY * self.recovery_error

    @property
    def usable(self) -> bool:
        """Whether the method holds its size here and in the model, rejects at all and allows for the clusters."""
        return self.verdict == "certified" and not self.ignores_clusters and self.sound_in_model

    @property
    def exact(self) -> bool:
        """Whether the size is known: every assignment of the design was tried, or it is an integral."""
        return self.size_low == self.size_high

    @property
    def known(self) -> str:
        """How the size is known without error, in words; empty where it was simulated."""
        return "" if not self.exact else "all assignments" if self.replicates else "exact"

    @property
    def se_ratio(self) -> float:
        """Mean standard error over the standard deviation of the estimates: below 1, too small."""
        return self.mean_se / self.sd_estimate

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON; what is not finite becomes null."""
        return finite(asdict(self))

    def explain(self) -> str:
        """Return in words how often the method flagged a true null, and the verdict on it."""
        beside = f" ({'; '.join(self.flags)})" if self.flags else ""
        return f"{self._answer()}{beside}."

    def _answer(self) -> str:
        tried = f"of all {self.replicates:,} assignments" if self.exact else f"of {self.replicates:,} replicates"
        tried = tried if self.replicates else "of true nulls, by an integral"
        within = "" if self.exact else f" [{self.size_low:.4f}, {self.size_high:.4f}]"
        return f"{self.method} is {self.verdict} in {self.design}: rejects {self.size:.4f}{within} {tried}"


def finite(values: Mapping[str, object]) -> dict[str, Any]:
    """Return values for JSON: what is not finite becomes null."""
    return {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in values.items()}


def performance(scenario: Scenario, m: int, table: Array, rule: Rule, *, exact: bool) -> Row:
    """Return what the table (R, 4) of one method's replicates says, `exact` when they are all assignments."""
    trial = scenario.trial
    estimate, se, pvalue, half = (table[:, COLUMNS.index(name)] for name in COLUMNS)
    missing = np.isnan(pvalue)
    rejections, lost = int(np.count_nonzero(missing | (pvalue <= rule.alpha * (1 + 1e-12)))), int(missing.sum())
    smallest = trial.smallest_pvalue(trial.methods[m], scenario.n_clusters)
    verdict = judge_counts(rejections, len(table), rule, missing=lost, smallest_pvalue=smallest, exact=exact)
    first = int(np.argmax(missing))
    return Row(
        design=scenario.design,
        method=method_name(trial.methods[m]),
        replicates=len(table),
        rejections=rejections,
        size=verdict.size,
        size_low=verdict.size_low,
        size_high=verdict.size_high,
        inflation=verdict.inflation,
        mean_se=_mean(se),
        sd_estimate=float(np.nanstd(estimate)) if not np.isnan(estimate).all() else math.nan,
        coverage=_mean(np.where(np.isnan(half), np.nan, np.abs(estimate) <= half)),
        bias=_mean(estimate),
        width=2.0 * _mean(half),
        not_computable=lost,
        verdict=verdict.verdict,
        flags=(*verdict.flags, *scenario.flags_of(m)),
        analysis=scenario.analysis,
        message=trial.first_failure(m, *divmod(first, BLOCK)) if lost else "",
        ignores_clusters=scenario.ignores_clusters(m),
        estimand=trial.source.estimand.name,
        truth=trial.source.estimand.value,
    )


def recoveries(rows: Iterable[Row]) -> list[str]:
    """Say of each design under carry-over what share of the total effect its estimates recover on average."""
    most: dict[str, Row] = {}
    for row in rows:
        if row.estimand == TOTAL and math.isfinite(row.recovers):
            most[row.design] = max(most.get(row.design, row), row, key=lambda row: row.replicates)
    return [f"{design}: the estimates recover {_recovered(row)}" for design, row in most.items()]


def _recovered(row: Row) -> str:
    error = f"(Monte-Carlo error {100 * row.recovery_error:.1f})"
    told = f"{100 * row.recovers:.1f} % of the total effect {row.truth:.4g} {error}"
    return f"{told}: {REMEDY}" if row.misses else told


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
