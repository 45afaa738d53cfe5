"""Sentences about weak designs: their exact words on fixed designs, when they are said, and that no outcome is read."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import forms
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import statistic
from lyra.robust.exact.worlds import Arms, Intercept
from lyra.verdict.ladder import climb
from lyra.verdict.sized import sized_ladder
from lyra.verdict.weak import clusters_that_carry, weaknesses


def arms(G, treated, *, seed=1, shift=0.0):
    g = np.repeat(np.arange(G), 5)
    X = np.column_stack([np.ones(g.size), g < treated]).astype(float)
    y = np.random.default_rng(seed).normal(size=g.size) + shift * X[:, 1]
    return least_squares(Moments.from_arrays(y, X, g, names=["Intercept", "t"]))


def inside(G, *, seed=1):
    g = np.repeat(np.arange(G), 6)
    X = np.column_stack([np.ones(g.size), np.tile([0.0, 1.0], g.size // 2)])
    y = np.random.default_rng(seed).normal(size=g.size)
    return least_squares(Moments.from_arrays(y, X, g, names=["Intercept", "t"]))


def ladder(fit, methods=("CV3*", "CV1*"), family=None):
    asked = Family(slopes=(0.6,)) if family is None else family
    return sized_ladder(fit, 1, methods=list(methods), level=0.95, family=asked, tolerance=1.0)


def told(fit, read="CV3*", **asked):
    return weaknesses(ladder(fit, **asked), read)


# --- a design that can hardly tell ----------------------------------------------------------------


def test_two_treated_of_twenty_can_hardly_tell():
    """Each arm's clusters are alike: a treated one carries 18/40 of what is known."""
    found = ladder(arms(20, 2))
    assert told(arms(20, 2))[0] == (
        "This design can hardly tell: 2 of the 20 clusters carry 90 % of what is known about 't', and an effect of 2.8 "
        f"standard deviations would be found {100 * found.judged['CV3*'].power:.0f} % of the time. More rows in the "
        "same clusters will not help; more clusters of the smaller arm will."
    )


def test_half_of_twenty_treated_can_tell():
    assert told(arms(20, 10)) == []


@pytest.mark.parametrize("methods", [("CV3",), ("CV1", "CV3"), ("CV3", "CV3*"), ("R1*", "CV3*"), ("iid", "CV3")])
def test_it_is_said_by_the_critical_values_whatever_lines_were_asked_for(methods):
    read = next(method for method in methods if method.startswith("CV3"))
    assert not [s for s in told(arms(20, 10), read, methods=methods) if s.startswith("This design")]
    assert [s for s in told(arms(20, 2), read, methods=methods) if s.startswith("This design")]


def test_where_no_critical_value_is_known_nothing_is_said_of_it():
    """That of R1 is not compared with t(G − 1), for its |t| is bounded."""
    assert not [s for s in told(arms(20, 2), "R1*", methods=("R1*",)) if s.startswith("This design")]


def test_who_carries_half():
    """Of G clusters of two arms the T treated carry (G − T)/G together, in equal parts."""
    for G, treated, words in (
        (20, 1, "one cluster carries 95 % of what is known about 't'"),
        (20, 3, "2 of the 20 clusters carry 57 % of what is known about 't'"),
        (12, 6, "6 of the 12 clusters carry 50 % of what is known about 't'"),
    ):
        fit = arms(G, treated)
        with_all = ladder(fit, methods=("CV1*",))
        found = clusters_that_carry(with_all)
        assert found == words or (G == 12 and found.startswith(("6 of", "7 of")))


def test_a_column_without_arms_asks_for_clusters_like_those_that_carry_it():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(14), 5)
    x = rng.normal(size=g.size) * np.where(g < 1, 30.0, 1.0)
    X = np.column_stack([np.ones(g.size), x])
    fit = least_squares(Moments.from_arrays(rng.normal(size=g.size), X, g, names=["Intercept", "t"]))
    (hardly,) = (s for s in told(fit, "CV1*", methods=("CV1*",)) if s.startswith("This design"))
    assert hardly.startswith("This design can hardly tell: one cluster carries ")
    assert hardly.endswith("More rows in the same clusters will not help; more clusters like them will.")


# --- few clusters in an arm, or in all ------------------------------------------------------------


@pytest.mark.parametrize(("treated", "side"), [(2, "treated"), (3, "treated"), (18, "control")])
def test_few_clusters_of_one_arm_nine_times_as_variable(treated, side):
    fit = arms(20, treated)
    about, line = Coefficient.of(fit, 1), ladder(fit).exact["CV3*"]
    worlds = [Arms(9.0 if side == "treated" else 1 / 9, Intercept(icc)) for icc in (0.0, 0.1, 0.5)]
    size = rejection(forms(statistic(fit, about, "CV3"), about, worlds), line.critical_value).max()
    assert told(fit)[-1] == (
        f"How variable {side} clusters are rests on {min(treated, 20 - treated)} of them: were they nine times as "
        f"variable as the others, CV3* would flag {100 * size:.0f} % of true nulls."
    )


def test_four_clusters_of_an_arm_are_not_so_few():
    assert not [s for s in told(arms(20, 4)) if s.startswith("How variable")]
    assert [s for s in told(arms(20, 3)) if s.startswith("How variable")]


@pytest.mark.parametrize(("G", "share"), [(10, "11"), (24, "0.47")])
def test_few_clusters_may_hold_none_of_those_with_an_effect(G, share):
    """0.8 to the power G."""
    assert told(inside(G))[-1] == (
        f"This speaks for clusters like these {G}: where one in 5 has the whole effect, {share} % of such samples hold "
        "none of them."
    )


def test_it_is_not_said_of_many_clusters_nor_of_arms_of_clusters():
    for fit in (inside(25), arms(20, 10)):
        assert not [s for s in told(fit) if s.startswith("This speaks")]


# --- what it does not depend on --------------------------------------------------------------------


def test_the_outcome_is_not_looked_at():
    for make in (lambda seed: arms(20, 2, seed=seed, shift=3.0 * seed), lambda seed: inside(10, seed=seed)):
        assert len({tuple(told(make(seed))) for seed in range(5)}) == 1


def test_without_exact_sizes_nothing_is_said():
    assert weaknesses(climb(arms(20, 2), 1), "CV3") == []
    assert weaknesses(ladder(arms(20, 2)), "WCR-11") == []
