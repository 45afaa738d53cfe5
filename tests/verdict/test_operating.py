"""What a rule does to tests of known size: computed, held to brute force and to published tables."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra.errors import InputError
from lyra.verdict.judging import judge
from lyra.verdict.operating import boundaries, operating_characteristics
from lyra.verdict.rule import Rule

RULES = [
    Rule(maximum=8_000),
    Rule(maximum=16_000),
    Rule(),
    Rule(tolerance=1.5, maximum=16_000),
    Rule(tolerance=1.1),
]


# Published operating characteristics, computed by another program: for each rule of RULES,
# P(certified), P(uncertified), E[replicates].
SIZES = [0.03, 0.05, 0.055, 0.06, 0.065, 0.07, 0.075, 0.10, 0.13]


PUBLISHED = [
    [(1, 0, 687), (1, 0, 695), (1, 0, 745), (1, 0, 540), (1, 0, 1127)],
    [(0.977, 0, 4408), (1.000, 0, 4828), (1.000, 0, 5004), (1.000, 0, 1396), (0.996, 0.0002, 28333)],
    [
        (0.504, 0.0001, 6988),
        (0.867, 0.0001, 11266),
        (1.000, 0.0001, 14160),
        (1.000, 0, 2178),
        (0.007, 0.007, 63336),
    ],
    [
        (0.040, 0.001, 7872),
        (0.070, 0.001, 15612),
        (0.375, 0.001, 58038),
        (1.000, 0, 3933),
        (0.0002, 0.992, 29739),
    ],
    [(0.002, 0.041, 7868), (0.0015, 0.072, 15596), (0.001, 0.367, 58087), (0.979, 0, 8633), (0, 1, 7951)],
    [
        (0.0003, 0.468, 7022),
        (0.0002, 0.826, 11626),
        (0.0001, 1.000, 15482),
        (0.329, 0.0004, 14678),
        (0, 1, 3684),
    ],
    [(0, 0.946, 4807), (0, 0.9995, 5463), (0, 1, 5761), (0.007, 0.007, 15845), (0, 1, 2156)],
    [(0, 1, 781), (0, 1, 781), (0, 1, 828), (0, 1, 1734), (0, 1, 613)],
    [(0, 1, 506), (0, 1, 506), (0, 1, 508), (0, 1, 566), (0, 1, 501)],
]


@pytest.mark.parametrize("rule", RULES)
def test_a_wrong_verdict_has_probability_at_most_delta_at_any_size(rule):
    shown = operating_characteristics(rule, [*np.linspace(0, 1, 101), rule.tolerated])
    assert shown.wrong.max() <= rule.delta
    np.testing.assert_allclose(shown.certified + shown.uncertified + shown.inconclusive, 1, atol=1e-9)


def test_the_error_is_spent_where_the_size_is_the_tolerated_one():
    # At one look, p = t is where P(uncertified) is largest; δ is not reached only because counts are whole:
    # one rejection fewer than `fewest` would pass it.
    rule = Rule(first=1_000, maximum=1_000)
    (_, _, fewest) = boundaries(rule)[0]
    at_t = operating_characteristics(rule, rule.tolerated).wrong[0]
    one_more = at_t + _binomial(fewest - 1, 1_000, Fraction(1, 16))
    assert at_t <= rule.delta < one_more


HELD = {"certified", "never rejects"}


@pytest.mark.parametrize("size", [0.0, 0.04, 0.0625, 0.09, 1.0])
def test_operating_characteristics_are_those_of_brute_force(size):
    # Every count path of a small rule, in rational arithmetic.
    rule = Rule(first=10, maximum=40, delta=0.2, alpha=0.2)
    assert rule.looks == (10, 20, 40)
    p = Fraction(size)
    mass, made, certified, uncertified, mean = {0: Fraction(1)}, 0, Fraction(0), Fraction(0), Fraction(0)
    for n in rule.looks:
        mean += (n - made) * sum(mass.values())
        reached: dict[int, Fraction] = {}
        for count, weight in mass.items():
            for more in range(n - made + 1):
                chance = _binomial(more, n - made, p) * weight
                reached[count + more] = reached.get(count + more, Fraction(0)) + chance
        verdicts = {count: judge(count, n, rule).verdict for count in reached}
        certified += sum((w for c, w in reached.items() if verdicts[c] in HELD), Fraction(0))
        uncertified += sum((w for c, w in reached.items() if verdicts[c] == "uncertified"), Fraction(0))
        mass, made = {c: w for c, w in reached.items() if verdicts[c] in {"go on", "inconclusive"}}, n
    shown = operating_characteristics(rule, size)
    assert shown.certified[0] == pytest.approx(float(certified), abs=1e-12)
    assert shown.uncertified[0] == pytest.approx(float(uncertified), abs=1e-12)
    assert shown.inconclusive[0] == pytest.approx(float(sum(mass.values())), abs=1e-12)
    assert shown.mean_replicates[0] == pytest.approx(float(mean), rel=1e-12)


@pytest.mark.parametrize("rule", [*RULES, Rule(first=20, maximum=20)])
def test_boundaries_are_where_exact_binomial_tails_cross_the_error(rule):
    # Certify at x iff P(X <= x | t) <= δ/K, uncertify at x iff P(X >= x | t) <= δ/K: the definition of
    # the Clopper-Pearson bounds, with tails summed in integers.
    t = Fraction(rule.alpha).limit_denominator(1000) * Fraction(rule.tolerance).limit_denominator(1000)
    error = Fraction(rule.delta).limit_denominator(1000) / len(rule.looks)
    for n, most, fewest in boundaries(rule):
        if n > 2_000:  # exact integers of thousands of digits: enough is enough
            continue
        assert _tail(most, n, t) <= error < _tail(most + 1, n, t)
        assert 1 - _tail(fewest - 1, n, t) <= error < 1 - _tail(fewest - 2, n, t)


def _binomial(k, n, p):
    return comb(n, k) * p**k * (1 - p) ** (n - k)


def _tail(k, n, p):
    """P(Binomial(n, p) <= k), exactly."""
    a, b = p.numerator, p.denominator - p.numerator
    ways = sum(comb(n, i) * a**i * b ** (n - i) for i in range(k + 1))
    return Fraction(ways, p.denominator**n)


@pytest.mark.parametrize(("row", "size"), list(enumerate(SIZES)))
def test_operating_characteristics_equal_the_published_table(row, size):
    for rule, (certified, uncertified, mean) in zip(RULES, PUBLISHED[row], strict=True):
        shown = operating_characteristics(rule, size)
        assert shown.certified[0] == pytest.approx(certified, abs=0.002)
        assert shown.uncertified[0] == pytest.approx(uncertified, abs=0.002)
        assert round(shown.mean_replicates[0]) == mean


@pytest.mark.parametrize(
    ("tolerance", "replicates", "published"),
    [
        (1.25, 1_000, [0.215, 0.016, 0, 0]),
        (1.25, 5_000, [0.926, 0.049, 0, 0]),
        (1.25, 10_000, [0.999, 0.092, 0, 0]),
        (1.5, 1_000, [0.790, 0.279, 0.008, 0]),
        (1.5, 5_000, [1, 0.968, 0.009, 0]),
    ],
)
def test_one_look_certifies_as_often_as_published(tolerance, replicates, published):
    rule = Rule(tolerance=tolerance, first=replicates, maximum=replicates)
    shown = operating_characteristics(rule, [0.05, 0.06, 0.075, 0.10])
    np.testing.assert_allclose(shown.certified, published, atol=0.0006)


@settings(max_examples=200, deadline=None)
@given(look=st.sampled_from(Rule().looks), share=st.floats(0, 1), tolerance=st.sampled_from([1.1, 1.25, 1.5]))
def test_the_verdict_is_read_off_the_interval_and_the_boundaries(look, share, tolerance):
    rule = Rule(tolerance=tolerance)
    verdict = judge(round(share * look), look, rule)
    most, fewest = next((most, fewest) for n, most, fewest in boundaries(rule) if n == look)
    assert (verdict.verdict in HELD) == (verdict.size_high <= rule.tolerated) == (share * look < most + 0.5)
    assert (verdict.verdict == "never rejects") == (round(share * look) == 0)
    assert (verdict.verdict == "uncertified") == (verdict.size_low > rule.tolerated)
    assert (verdict.verdict == "uncertified") == (round(share * look) >= fewest)
    assert (verdict.verdict == "inconclusive") <= (look == rule.maximum)
    assert (verdict.verdict == "go on") <= (look < rule.maximum)
    assert verdict.final == (verdict.verdict != "go on")
    assert verdict.size_low <= verdict.size <= verdict.size_high


def test_a_size_that_is_no_probability():
    with pytest.raises(InputError) as refusal:
        operating_characteristics(Rule(), [0.05, 5, float("nan")])
    assert str(refusal.value) == "a size is a probability, got 5.0, nan: give shares, not percent."
