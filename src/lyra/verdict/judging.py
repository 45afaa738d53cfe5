"""Counts of rejections -> the verdict of a rule, or the word that stands in its place.

Two words claim nothing of the size, for the count is not one:

==============  =====================================================================================
not computable  the method gave no p-value in nine replicates of ten, which all count as rejections
never rejects   it would be certified and rejected in none, or it cannot: its smallest p-value is above α
==============  =====================================================================================
"""

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Literal

from lyra.base.result import Told
from lyra.base.text import listed
from lyra.errors import InputError
from lyra.verdict.rule import Rule

__all__ = ["FAVOUR", "Outcome", "Verdict", "clopper_pearson", "judge", "judge_counts", "judge_exact"]

Outcome = Literal["certified", "uncertified", "go on", "inconclusive", "not computable", "never rejects"]

FAVOUR = ("certified", "never rejects", "inconclusive", "uncertified", "not computable")
"""The verdicts a run can end with, the most favourable first."""

CONSERVATIVE = 0.8
"""A size surely below this share of α is called conservative."""

NEARLY_ALL = 0.9
"""A method without a p-value in this share of the replicates is not computable."""

ROUNDING = 1e-9
"""An enumerated size is a sum of floats; this relative excess over t is not evidence."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Verdict(Told):
    """The verdict on one method under one design, at one look.

    Parameters
    ----------
    verdict : {"certified", "uncertified", "go on", "inconclusive", "not computable", "never rejects"}
        "go on" before the last look, "inconclusive" at it.
    size : float
        The share of replicates that reject, or the size itself when it was enumerated.
    size_low, size_high : float
        The exact interval whose ends the rule compares with t.
    level : float
        The coverage of that interval at this look, 1 - 2δ/K; it holds at all K looks together, hence at
        the look where a run stops, with probability at least 1 - 2δ. It is 1 for an enumerated size.
    replicates : int
        The replicates, or the assignments enumerated.
    flags : tuple of str
        What else should be known: "conservative", "differs from nominal", "cannot reject",
        "not computable in x %". They stand beside the verdict and never change it.
    rule : Rule
        The rule that was applied.
    """

    verdict: Outcome
    size: float
    size_low: float
    size_high: float
    level: float
    replicates: int
    flags: tuple[str, ...]
    rule: Rule

    @property
    def final(self) -> bool:
        """Whether the run stops here."""
        return self.verdict != "go on"

    @property
    def exact(self) -> bool:
        """Whether the size was enumerated, so that it has no Monte-Carlo error."""
        return self.level == 1

    @property
    def inflation(self) -> float:
        """The size as a multiple of nominal, p/α."""
        return self.size / self.rule.alpha

    @property
    def inflation_interval(self) -> tuple[float, float]:
        """The interval of `inflation`, at the same level as that of the size."""
        return self.size_low / self.rule.alpha, self.size_high / self.rule.alpha

    @property
    def mc_error(self) -> float:
        """The Monte-Carlo standard error of the size, √(p(1-p)/R)."""
        return 0.0 if self.exact else sqrt(self.size * (1 - self.size) / self.replicates)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return asdict(self)

    def _answer(self) -> str:
        return self.explain()

    def explain(self) -> str:
        """Return the verdict, the size and what it was compared with, in one line."""
        if self.exact:
            between = f"(all {self.replicates:,} assignments)" if self.replicates else "(by an integral)"
        else:
            sure = f"({self.level:.2%}, {self.replicates:,} replicates)"
            between = f"in [{self.size_low:.4f}, {self.size_high:.4f}] {sure}"
        beside = f"; {listed(self.flags)}" if self.flags else ""
        return f"{self.verdict}: size {self.size:.4f} {between}, tolerated {self.rule.tolerated:.4f}{beside}"


def judge(
    rejections: int, replicates: int, rule: Rule, *, not_computable: int = 0, smallest_pvalue: float = 0.0
) -> Verdict:
    """Return the verdict at one look.

    The null is that of the judged test, and it is true in every replicate. The count of rejections is
    binomial; its Clopper-Pearson bounds [1]_ are compared with the tolerated size, after Serlin's advice
    to test a range and not a point [2]_.

    Parameters
    ----------
    rejections : int
        Replicates in which the method rejected, those where it was not computable included.
    replicates : int
        Replicates made; one of `rule.looks`.
    rule : Rule
        What is tolerated, with which error, and for how many replicates.
    not_computable : int
        Replicates in which the method gave no p-value.
    smallest_pvalue : float
        The smallest p-value the method can attain in this design; above α it cannot reject.

    Raises
    ------
    InputError
        The counts do not fit each other, or `replicates` is not a look of the rule: a peek that was not
        planned would spend error the rule has not set aside.

    References
    ----------
    .. [1] C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the
       case of the binomial", Biometrika 26, 1934.
    .. [2] R. C. Serlin, "Testing for robustness in Monte Carlo studies", Psychological Methods 5, 2000.

    Examples
    --------
    >>> print(judge(65, 500, Rule()))
    uncertified: size 0.1300 in [0.0885, 0.1812] (99.75%, 500 replicates), tolerated 0.0625;
    differs from nominal
    """
    _check_counts(rejections, replicates, rule, not_computable)
    low, high = clopper_pearson(rejections, replicates, rule.error_per_look)
    size, missing = rejections / replicates, not_computable / replicates
    return Verdict(
        verdict=_worded(
            _decide(low, high, replicates, rule),
            size,
            not_computable=missing,
            smallest_pvalue=smallest_pvalue,
            rule=rule,
        ),
        size=size,
        size_low=low,
        size_high=high,
        level=1 - 2 * rule.error_per_look,
        replicates=replicates,
        flags=_flags(low, high, rule, not_computable=missing, smallest_pvalue=smallest_pvalue),
        rule=rule,
    )


def judge_exact(
    size: float, assignments: int, rule: Rule, *, not_computable: float = 0.0, smallest_pvalue: float = 0.0
) -> Verdict:
    """Return the verdict on a size without Monte-Carlo error: every assignment of the design was enumerated.

    It is certified if and only if the size is at most t = κα and not 0.

    Parameters
    ----------
    size : float
        The probability of the assignments that reject, those where the method is not computable included.
    assignments : int
        How many assignments were enumerated.
    rule : Rule
        Only its α and its tolerance matter.
    not_computable : float
        The probability of the assignments where the method gave no p-value.
    smallest_pvalue : float
        The smallest p-value the method can attain in this design; above α it cannot reject.

    Raises
    ------
    InputError
        `size` is not a probability.

    Examples
    --------
    >>> judge_exact(1 / 16, 32, Rule()).verdict, judge_exact(2 / 16, 32, Rule()).verdict
    ('certified', 'uncertified')
    """
    if not 0 <= size <= 1 + ROUNDING:
        raise InputError(f"an enumerated size is a probability, got {size:g}: weigh the assignments to sum to 1.")
    size = min(float(size), 1.0)
    held: Outcome = "certified" if size <= rule.tolerated * (1 + ROUNDING) else "uncertified"
    return Verdict(
        verdict=_worded(held, size, not_computable=not_computable, smallest_pvalue=smallest_pvalue, rule=rule),
        size=size,
        size_low=size,
        size_high=size,
        level=1.0,
        replicates=assignments,
        flags=_flags(size, size, rule, not_computable=not_computable, smallest_pvalue=smallest_pvalue),
        rule=rule,
    )


def judge_counts(
    rejections: int, replicates: int, rule: Rule, *, missing: int, smallest_pvalue: float, exact: bool
) -> Verdict:
    """Return the verdict on counts: of replicates at a look, or of all assignments, which are equally likely."""
    if exact:
        size, lost = rejections / replicates, missing / replicates
        return judge_exact(size, replicates, rule, not_computable=lost, smallest_pvalue=smallest_pvalue)
    return judge(rejections, replicates, rule, not_computable=missing, smallest_pvalue=smallest_pvalue)


def _check_counts(rejections: int, replicates: int, rule: Rule, not_computable: int) -> None:
    if replicates not in rule.looks:
        raise InputError(
            f"{replicates} replicates are not a look of this rule, which looks at {listed(rule.looks, 12)}: "
            "stop at one of these, or plan another look with Rule(first=..., maximum=...)."
        )
    if not 0 <= not_computable <= rejections <= replicates:
        raise InputError(
            f"{not_computable} not computable, {rejections} rejections and {replicates} replicates do not "
            "fit: count what is not computable among the rejections, and these among the replicates."
        )


def clopper_pearson(rejections: int, replicates: int, error: float) -> tuple[float, float]:
    """Return the lower and upper Clopper-Pearson bounds, each one-sided at `error`."""
    from scipy.special import betainccinv, betaincinv

    x, n = rejections, replicates
    low = float(betaincinv(x, n - x + 1, error)) if x > 0 else 0.0
    high = float(betainccinv(x + 1, n - x, error)) if x < n else 1.0
    return low, high


def _worded(verdict: Outcome, size: float, *, not_computable: float, smallest_pvalue: float, rule: Rule) -> Outcome:
    """Return the verdict, or the word that stands in its place where the count of rejections is not a size."""
    if not_computable >= NEARLY_ALL:
        return "not computable"
    silent = verdict == "certified" and size == 0
    return "never rejects" if silent or _cannot_reject(smallest_pvalue, rule) else verdict


def _cannot_reject(smallest_pvalue: float, rule: Rule) -> bool:
    return smallest_pvalue > rule.alpha * (1 + ROUNDING)


def _decide(low: float, high: float, replicates: int, rule: Rule) -> Outcome:
    if high <= rule.tolerated:
        return "certified"
    if low > rule.tolerated:
        return "uncertified"
    return "go on" if replicates < rule.maximum else "inconclusive"


def _flags(low: float, high: float, rule: Rule, *, not_computable: float, smallest_pvalue: float) -> tuple[str, ...]:
    named = {
        "conservative": high < CONSERVATIVE * rule.alpha,
        "differs from nominal": low > rule.alpha * (1 + ROUNDING) or high < rule.alpha * (1 - ROUNDING),
        "cannot reject": _cannot_reject(smallest_pvalue, rule),
        f"not computable in {100 * not_computable:.3g} %": not_computable > 0,
    }
    return tuple(name for name, raised in named.items() if raised)
