"""Counts to a verdict: exact bounds, and words for counts that are not a size."""

import numpy as np
import pytest

from lyra.errors import InputError
from lyra.verdict.judging import judge, judge_exact
from lyra.verdict.rule import Rule


@pytest.mark.parametrize(("rejections", "replicates"), [(0, 500), (3, 500), (65, 500), (500, 500), (3200, 64_000)])
def test_the_interval_is_statsmodels_exact_one(rejections, replicates):
    from statsmodels.stats.proportion import proportion_confint

    verdict = judge(rejections, replicates, Rule())
    low, high = proportion_confint(rejections, replicates, alpha=1 - verdict.level, method="beta")
    # statsmodels leaves NaN where the bound is 0 or 1.
    np.testing.assert_allclose(verdict.size_low, np.nan_to_num(low, nan=0.0), rtol=1e-10)
    np.testing.assert_allclose(verdict.size_high, np.nan_to_num(high, nan=1.0), rtol=1e-10)
    assert verdict.level == pytest.approx(1 - 2 * 0.01 / 8)


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
}


@pytest.mark.parametrize("sentence", list(REFUSALS))
def test_refusals(sentence):
    with pytest.raises(InputError) as refusal:
        REFUSALS[sentence]()
    assert str(refusal.value) == sentence
