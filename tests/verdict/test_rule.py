"""The verdict: exact bounds, a guaranteed error, and operating characteristics that are computed."""

from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra.errors import InputError
from lyra.verdict.rule import (
    TOLERANCES,
    Rule,
    boundaries,
    judge,
    judge_exact,
    looks,
    operating_characteristics,
    tolerance_named,
)

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


# Theorems


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


# Outside oracles


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


@pytest.mark.parametrize(("rejections", "replicates"), [(0, 500), (3, 500), (65, 500), (500, 500), (3200, 64_000)])
def test_the_interval_is_statsmodels_exact_one(rejections, replicates):
    from statsmodels.stats.proportion import proportion_confint

    verdict = judge(rejections, replicates, Rule())
    low, high = proportion_confint(rejections, replicates, alpha=1 - verdict.level, method="beta")
    # statsmodels leaves NaN where the bound is 0 or 1.
    np.testing.assert_allclose(verdict.size_low, np.nan_to_num(low, nan=0.0), rtol=1e-10)
    np.testing.assert_allclose(verdict.size_high, np.nan_to_num(high, nan=1.0), rtol=1e-10)
    assert verdict.level == pytest.approx(1 - 2 * 0.01 / 8)


# Properties


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


@given(maximum=st.integers(1, 10**6), first=st.integers(1, 10**4))
def test_looks_double_and_end_at_the_maximum(maximum, first):
    schedule = looks(maximum, first)
    assert schedule[-1] == maximum
    assert schedule[0] == min(first, maximum)
    assert all(b == 2 * a for a, b in pairwise(schedule[:-1]))
    assert len(schedule) == 1 or schedule[-2] < maximum <= 2 * schedule[-2]


# Examples


def test_the_four_verdicts():
    rule = Rule(maximum=1_000)
    said = [judge(*counts, rule).verdict for counts in [(5, 500), (65, 500), (30, 500), (60, 1_000)]]
    assert said == ["certified", "uncertified", "go on", "inconclusive"]


@pytest.mark.parametrize(
    ("counts", "beside", "said"),
    [
        ((500, 500), {"not_computable": 450}, "not computable"),
        ((500, 500), {"not_computable": 449}, "uncertified"),
        ((450, 500), {"not_computable": 450}, "not computable"),
        ((0, 500), {}, "never rejects"),
        ((1, 500), {}, "certified"),
        ((0, 500), {"smallest_pvalue": 0.0625}, "never rejects"),
        ((10, 500), {"smallest_pvalue": 0.0625}, "never rejects"),
        ((10, 500), {"smallest_pvalue": 0.05}, "certified"),
        ((500, 500), {"not_computable": 500, "smallest_pvalue": 0.0625}, "not computable"),
    ],
)
def test_a_count_that_is_not_a_size_has_a_word_of_its_own(counts, beside, said):
    assert judge(*counts, Rule(), **beside).verdict == said
    rejections, replicates = counts
    shares = {name: n / replicates if name == "not_computable" else n for name, n in beside.items()}
    assert judge_exact(rejections / replicates, replicates, Rule(), **shares).verdict == said


def test_named_tolerances():
    assert [tolerance_named(name) for name in TOLERANCES] == [1.1, 1.25, 1.5]


def test_numbers_derived_from_a_verdict():
    verdict = judge(50, 1_000, Rule())
    assert verdict.inflation == pytest.approx(1.0)
    assert verdict.inflation_interval == pytest.approx((verdict.size_low / 0.05, verdict.size_high / 0.05))
    assert verdict.mc_error == pytest.approx((0.05 * 0.95 / 1_000) ** 0.5)
    assert verdict.flags == ()


def test_flags_stand_beside_the_verdict():
    assert judge(2, 500, Rule()).flags == ("conservative", "differs from nominal")
    assert judge(0, 500, Rule(), smallest_pvalue=0.0625).flags[-1] == "cannot reject"
    assert "cannot reject" not in judge(0, 500, Rule(), smallest_pvalue=0.05).flags
    spoiled = judge(60, 500, Rule(), not_computable=31)
    assert spoiled.flags == ("differs from nominal", "not computable in 6.2 %")
    assert spoiled.verdict == judge(60, 500, Rule()).verdict


def test_conservative_needs_the_upper_bound_below_four_fifths_of_alpha():
    few, more = judge(6, 500, Rule()), judge(9, 500, Rule())
    assert few.size_high < 0.04 < more.size_high
    assert ["conservative" in verdict.flags for verdict in (few, more)] == [True, False]


def test_an_enumerated_size_is_compared_and_not_estimated():
    # G = 5, all 32 sign patterns, strict inequality: two patterns reject, 1/16 = 1.25 α, tolerated.
    met = judge_exact(sum([1 / 48] * 3), 32, Rule())
    assert (met.verdict, met.flags, met.exact) == ("certified", ("differs from nominal",), True)
    assert (met.size_low, met.size_high, met.level, met.mc_error) == (met.size, met.size, 1, 0)
    passed = judge_exact(0.0626, 32, Rule(), not_computable=0.0126)
    assert (passed.verdict, passed.flags) == (
        "uncertified",
        ("differs from nominal", "not computable in 1.26 %"),
    )
    never = judge_exact(0.0, 32, Rule(), smallest_pvalue=0.0625)
    assert never.flags == ("conservative", "differs from nominal", "cannot reject")
    assert judge_exact(0.05, 20, Rule()).flags == ()


def test_a_verdict_prints_as_one_line():
    assert str(judge_exact(0.05, 12_870, Rule())) == (
        "certified: size 0.0500 (all 12,870 assignments), tolerated 0.0625"
    )


# Refusals

REFUSALS = {
    "700 replicates are not a look of this rule, which looks at 500, 1000: stop at one of these, "
    "or plan another look with Rule(first=..., maximum=...).": lambda: judge(40, 700, Rule(maximum=1_000)),
    "4 not computable, 3 rejections and 500 replicates do not fit: count what is not computable "
    "among the rejections, and these among the replicates.": lambda: judge(3, 500, Rule(), not_computable=4),
    "0 not computable, 501 rejections and 500 replicates do not fit: count what is not computable "
    "among the rejections, and these among the replicates.": lambda: judge(501, 500, Rule()),
    "an enumerated size is a probability, got 5: weigh the assignments to sum to 1.": (
        lambda: judge_exact(5.0, 20, Rule())
    ),
    "a size is a probability, got 5.0, nan: give shares, not percent.": (
        lambda: operating_characteristics(Rule(), [0.05, 5, float("nan")])
    ),
    "the verdict's alpha must be between 0 and 1, got 5: change it.": lambda: Rule(alpha=5),
    "the verdict's tolerance must be at least 1, got 0.9: change it.": lambda: Rule(tolerance=0.9),
    "the verdict's alpha x tolerance must be below 1, got 1.125: change it.": lambda: Rule(alpha=0.9),
    "the verdict's delta must be between 0 and 0.5, got 0.5: change it.": lambda: Rule(delta=0.5),
    "a look needs at least 1 replicate, got first=0 and maximum=64000: raise them.": lambda: Rule(first=0),
    "there is no tolerance named 'strigent': did you mean 'stringent'? there is 'stringent', "
    "'default', 'liberal'.": lambda: tolerance_named("strigent"),
}


@pytest.mark.parametrize("sentence", list(REFUSALS))
def test_refusals(sentence):
    with pytest.raises(InputError) as refusal:
        REFUSALS[sentence]()
    assert str(refusal.value) == sentence
