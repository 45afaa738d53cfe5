"""A rule -> what it does to tests of known size: the probability of each verdict, computed and not simulated."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lyra.base.arrays import Array
from lyra.base.text import listed
from lyra.errors import InputError
from lyra.verdict.judging import clopper_pearson
from lyra.verdict.rule import Rule

__all__ = ["OperatingCharacteristics", "boundaries", "operating_characteristics"]


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
        most = bisect_right(counts, t, key=lambda x: clopper_pearson(x, n, error)[1]) - 1
        fewest = bisect_right(counts, t, key=lambda x: clopper_pearson(x, n, error)[0])
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

    sizes: Array
    certified: Array
    uncertified: Array
    inconclusive: Array
    mean_replicates: Array
    rule: Rule

    @property
    def wrong(self) -> Array:
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


def _at_most(k: NDArray[np.int_], n: int, p: float) -> Array:
    """Return P(Binomial(n, p) ≤ k) for any integers k."""
    from scipy.special import betaincc

    inside = np.clip(k, 0, n - 1)
    law = betaincc(inside + 1, n - inside, p)
    return np.where(k < 0, 0.0, np.where(k >= n, 1.0, law))


def _probability(k: NDArray[np.int_], n: int, p: float) -> Array:
    """Return P(Binomial(n, p) = k) for any integers k."""
    from scipy.special import gammaln, xlog1py, xlogy

    inside = np.clip(k, 0, n)
    ways = gammaln(n + 1) - gammaln(inside + 1) - gammaln(n - inside + 1)
    law = np.exp(ways + xlogy(inside, p) + xlog1py(n - inside, -p))
    return np.where((k < 0) | (k > n), 0.0, law)
