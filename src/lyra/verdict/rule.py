"""Counts to a verdict on whether a test flags a true null as rarely as it claims.

The size p = P(reject | the null is true) is compared with the tolerated size t = κα, not with α: a test of
exactly α cannot be proved, a test of at most κα can. Replicates are added until the answer is known. At each
of K planned looks the size is bounded on both sides by an exact Clopper-Pearson bound, each at error δ/K:

==============  ==============================================
certified       the upper bound is at most t
uncertified     the lower bound is above t
go on           neither, and replicates are left
inconclusive    neither, and no replicates are left
==============  ==============================================

Whatever the true size, a wrong verdict has probability at most δ. Two words stand in place of these where the count is
not a size, and claim nothing of it:

==============  =====================================================================================
not computable  the method gave no p-value in nine replicates of ten, which all count as rejections
never rejects   it would be certified and rejected in none, or it cannot: its smallest p-value is above α
==============  =====================================================================================
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from numbers import Integral, Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lyra.base.text import did_you_mean, listed
from lyra.errors import InputError

__all__ = [
    "FAVOUR",
    "MOST_REPLICATES",
    "TOLERANCES",
    "OperatingCharacteristics",
    "Outcome",
    "Rule",
    "Verdict",
    "boundaries",
    "judge",
    "judge_exact",
    "looks",
    "operating_characteristics",
    "tolerance_named",
]

Outcome = Literal["certified", "uncertified", "go on", "inconclusive", "not computable", "never rejects"]

FAVOUR = ("certified", "never rejects", "inconclusive", "uncertified", "not computable")
"""The verdicts a run can end with, the most favourable first."""

TOLERANCES = {"stringent": 1.1, "default": 1.25, "liberal": 1.5}
"""The tolerated inflations κ that have a name; 1.1 and 1.5 are Bradley's (1978)."""

CONSERVATIVE = 0.8
"""A size surely below this share of α is called conservative."""

NEARLY_ALL = 0.9
"""A method without a p-value in this share of the replicates is not computable."""

MOST_REPLICATES = 1_000_000
"""What one method may be given at most."""

ROUNDING = 1e-9
"""An enumerated size is a sum of floats; this relative excess over t is not evidence."""


def tolerance_named(value: str | float) -> float:
    """Return the tolerated inflation κ for one of the names in `TOLERANCES`, or the number itself.

    Parameters
    ----------
    value : str or float
        "stringent", "default", "liberal", or κ.

    Raises
    ------
    InputError
        The name is not one of the three.

    Examples
    --------
    >>> tolerance_named("stringent"), tolerance_named(1.3)
    (1.1, 1.3)
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    if value not in TOLERANCES:
        raise InputError(f"there is no tolerance named {value!r}: {did_you_mean(str(value), TOLERANCES)}.")
    return TOLERANCES[value]


def looks(maximum: int, first: int = 500) -> tuple[int, ...]:
    """Return the replicate counts at which the verdict is asked for: `first`, doubled until `maximum`.

    Parameters
    ----------
    maximum : int
        The last look; it is a look even when doubling does not reach it exactly.
    first : int
        The first look, unless `maximum` is smaller.

    Raises
    ------
    InputError
        A look would have no replicates, more than a million, or a part of one.

    Examples
    --------
    >>> looks(8_000)
    (500, 1000, 2000, 4000, 8000)
    >>> looks(5_000)
    (500, 1000, 2000, 4000, 5000)
    """
    for name, value in (("first", first), ("maximum", maximum)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value > MOST_REPLICATES:
            raise InputError(
                f"{name}={value!r} is not a whole number of replicates up to {MOST_REPLICATES:,}: change it."
            )
    if min(first, maximum) < 1:
        raise InputError(f"a look needs at least 1 replicate, got first={first} and maximum={maximum}: raise them.")
    schedule = []
    while first < maximum:
        schedule.append(first)
        first *= 2
    return (*schedule, maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is tolerated, with which error, and for how many replicates.

    Parameters
    ----------
    alpha : float
        The nominal size α of the tests that are judged.
    tolerance : float
        The tolerated inflation κ ≥ 1: a size up to t = κα is certified. See `tolerance_named`.
    delta : float
        The largest probability δ of a wrong verdict. For M cells judged together the expected number of
        wrong verdicts is at most Mδ; use δ/M to bound the probability of any.
    maximum, first : int
        The last and the first look, in replicates. One look of 1,000 is ``Rule(first=1000, maximum=1000)``.

    Raises
    ------
    InputError
        A number is out of its range, or κα reaches 1.

    Examples
    --------
    >>> rule = Rule(maximum=4_000)
    >>> rule.tolerated, rule.looks
    (0.0625, (500, 1000, 2000, 4000))
    """

    alpha: float = 0.05
    tolerance: float = 1.25
    delta: float = 0.01
    maximum: int = 64_000
    first: int = 500

    def __post_init__(self) -> None:
        for field in ("alpha", "tolerance", "delta"):
            if not isinstance(getattr(self, field), Real) or isinstance(getattr(self, field), bool):
                raise InputError(f"the verdict's {field} must be a number, got {getattr(self, field)!r}: change it.")
        for field, value, holds, where in (
            ("alpha", self.alpha, 0 < self.alpha < 1, "between 0 and 1"),
            ("tolerance", self.tolerance, self.tolerance >= 1, "at least 1"),
            ("alpha x tolerance", self.tolerated, self.tolerated < 1, "below 1"),
            ("delta", self.delta, 0 < self.delta < 0.5, "between 0 and 0.5"),
        ):
            if not holds:
                raise InputError(f"the verdict's {field} must be {where}, got {value:g}: change it.")
        looks(self.maximum, self.first)

    @property
    def tolerated(self) -> float:
        """The largest size that is certified, t = κα."""
        return self.alpha * self.tolerance

    @property
    def looks(self) -> tuple[int, ...]:
        """The K replicate counts at which the rule is applied."""
        return looks(self.maximum, self.first)

    @property
    def error_per_look(self) -> float:
        """The error δ/K of each one-sided bound."""
        return self.delta / len(self.looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
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

    def __str__(self) -> str:
        if self.exact:
            between = f"(all {self.replicates:,} assignments)"
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
    low, high = _bounds(rejections, replicates, rule.error_per_look)
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


def _bounds(rejections: int, replicates: int, error: float) -> tuple[float, float]:
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


@lru_cache(maxsize=64)
def boundaries(rule: Rule) -> tuple[tuple[int, int, int], ...]:
    """Return, for each look, the counts of rejections at which the rule stops.

    Parameters
    ----------
    rule : Rule
        What is tolerated, with which error, and for how many replicates.

    Returns
    -------
    tuple of (replicates, most, fewest)
        At this look `most` rejections or fewer certify (-1: none do), `fewest` or more uncertify.

    Examples
    --------
    >>> boundaries(Rule(maximum=1_000))
    ((500, 17, 47), (1000, 43, 84))
    """
    error, t = rule.error_per_look, rule.tolerated

    def at(n: int) -> tuple[int, int, int]:
        counts = range(n + 1)
        most = bisect_right(counts, t, key=lambda x: _bounds(x, n, error)[1]) - 1
        fewest = bisect_right(counts, t, key=lambda x: _bounds(x, n, error)[0])
        return n, most, fewest

    return tuple(at(n) for n in rule.looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingCharacteristics:
    """What a rule does to tests of known size, one entry a size; arrays of shape (S,).

    Parameters
    ----------
    sizes : (S,) float array
        True sizes.
    certified, uncertified, inconclusive : (S,) float array
        Probability of each verdict; they sum to 1. A test that rejected in no replicate is counted as certified.
    mean_replicates : (S,) float array
        Expected replicates until the verdict.
    rule : Rule
        The rule.
    """

    sizes: NDArray[np.float64]
    certified: NDArray[np.float64]
    uncertified: NDArray[np.float64]
    inconclusive: NDArray[np.float64]
    mean_replicates: NDArray[np.float64]
    rule: Rule

    @property
    def wrong(self) -> NDArray[np.float64]:
        """Probability of a wrong verdict (S,); at most δ whatever the size."""
        return np.where(self.sizes > self.rule.tolerated, self.certified, self.uncertified)


def operating_characteristics(rule: Rule, sizes: ArrayLike) -> OperatingCharacteristics:
    """Return the probability of each verdict and the mean replicates for tests of known size.

    Nothing is simulated: the law of the count is carried from look to look over the counts at which the
    rule goes on, by convolution with the binomial law of the added rejections. The law is good to about
    ten digits, those of the log-gamma function.

    Parameters
    ----------
    rule : Rule
        What is tolerated, with which error, and for how many replicates.
    sizes : (S,) array_like
        True sizes, in [0, 1]; one number is one size.

    Raises
    ------
    InputError
        A size is not in [0, 1].

    Examples
    --------
    A 5 % test, one of 6 % that is hard to tell from the tolerated 6.25 %, and one of 13 %:

    >>> shown = operating_characteristics(Rule(maximum=8_000), [0.05, 0.06, 0.13])
    >>> shown.certified.round(3).tolist(), shown.uncertified.round(3).tolist()
    ([0.977, 0.04, 0.0], [0.0, 0.001, 1.0])
    >>> shown.mean_replicates.round().tolist()
    [4408.0, 7872.0, 506.0]
    """
    p = np.atleast_1d(np.asarray(sizes, dtype=np.float64))
    if not np.all((p >= 0) & (p <= 1)):
        raise InputError(f"a size is a probability, got {listed(p[~((p >= 0) & (p <= 1))])}: give shares, not percent.")
    certified, uncertified, mean_replicates = np.array([_follow(size, rule) for size in p]).reshape(-1, 3).T
    return OperatingCharacteristics(
        sizes=p,
        certified=certified,
        uncertified=uncertified,
        inconclusive=np.maximum(1 - certified - uncertified, 0.0),
        mean_replicates=mean_replicates,
        rule=rule,
    )


def _follow(size: float, rule: Rule) -> tuple[float, float, float]:
    """Return P(certified), P(uncertified) and E[replicates] of one true size."""
    certified = uncertified = replicates = 0.0
    counts, mass, made = np.arange(1), np.ones(1), 0
    for n, most, fewest in boundaries(rule):
        added = n - made
        certified += float(mass @ _at_most(most - counts, added, size))
        uncertified += float(mass @ _at_most(added - fewest + counts, added, 1 - size))
        replicates += added * float(mass.sum())
        going_on = np.arange(most + 1, fewest)
        steps = np.arange(going_on[0] - counts[-1], going_on[-1] - counts[0] + 1)
        mass = np.convolve(mass, _probability(steps, added, size), mode="valid")
        counts, made = going_on, n
    return certified, uncertified, replicates


def _at_most(k: NDArray[np.int_], n: int, p: float) -> NDArray[np.float64]:
    """Return P(Binomial(n, p) ≤ k) for any integers k."""
    from scipy.special import betaincc

    inside = np.clip(k, 0, n - 1)
    law = betaincc(inside + 1, n - inside, p)
    return np.where(k < 0, 0.0, np.where(k >= n, 1.0, law))


def _probability(k: NDArray[np.int_], n: int, p: float) -> NDArray[np.float64]:
    """Return P(Binomial(n, p) = k) for any integers k."""
    from scipy.special import gammaln, xlog1py, xlogy

    inside = np.clip(k, 0, n)
    ways = gammaln(n + 1) - gammaln(inside + 1) - gammaln(n - inside + 1)
    law = np.exp(ways + xlogy(inside, p) + xlog1py(n - inside, -p))
    return np.where((k < 0) | (k > n), 0.0, law)
