"""Do the data look like the worlds: rare false alarms where they do, a sentence where they surely do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.exact.family import Family
from lyra.robust.exact.lines import exact_lines
from lyra.robust.inference import infer
from lyra.verdict.fidelity import infidelities
from lyra.verdict.sized import sized_ladder

G, ROWS, HALF = 30, 6, 15
CLUSTER = np.repeat(np.arange(G), ROWS)
ARMS = np.column_stack([np.ones(CLUSTER.size), CLUSTER < HALF]).astype(float)
INSIDE = np.column_stack([np.ones(CLUSTER.size), np.tile([0.0, 1.0], CLUSTER.size // 2)])


def fitted(y, X):
    return least_squares(Moments.from_arrays(y, X, CLUSTER, names=["Intercept", "t"]))


def exact_of(X, family=None):
    """Return what is known of the design: no outcome is in it."""
    fit = fitted(np.random.default_rng(0).normal(size=CLUSTER.size), X)
    asked = Family(slopes=(0.6,)) if family is None else family
    return exact_lines(fit, 1, textbook={"CV1": ("CV1", "G-1")}, starred=(), family=asked)


def cautions(y, X, exact):
    fit = fitted(y, X)
    moulton = infer(fit, variant="CV1").se[1] / infer(fit, variant="iid").se[1]
    return infidelities(fit, exact, diagnose(fit).about("t"), float(moulton))


def drawn(rng, *, icc=0.0, scale=1.0):
    return scale * (np.sqrt(icc) * rng.normal(size=G)[CLUSTER] + np.sqrt(1 - icc) * rng.normal(size=CLUSTER.size))


@pytest.mark.parametrize("icc", [0.0, 0.3])
@pytest.mark.parametrize("X", [ARMS, INSIDE], ids=["arms", "inside"])
def test_false_alarms_are_rare_where_the_worlds_hold(X, icc):
    """At most one in a hundred a check, two or three checks: 200 data sets.

    With a rate of 2.5 % in all, more than 14 alarms have probability 2e-4, that is 8e-4 over the four cases.
    """
    rng, exact = np.random.default_rng(20_420), exact_of(X)
    alarms = sum(bool(cautions(drawn(rng, icc=icc), X, exact)) for _ in range(200))
    assert alarms <= 14


def test_arms_that_differ_as_the_family_says_are_told_about_once_in_two_hundred():
    """At the edge of the family, κ = 2, the F test of the arms is at .5 %: of 200 more than 6 has probability 1e-4."""
    rng, exact = np.random.default_rng(20_421), exact_of(ARMS)
    larger = np.where(CLUSTER < HALF, np.sqrt(2.0), 1.0)
    told = [cautions(drawn(rng, icc=0.2, scale=larger), ARMS, exact) for _ in range(200)]
    assert sum("times as variable" in " ".join(each) for each in told) <= 6


@pytest.mark.parametrize("larger", [True, False])
def test_arms_that_differ_sixteen_times_are_told(larger):
    """Fifteen clusters an arm: the F(14, 14) of 16/2 is above its .5 % point 4.3 with probability .87 each.

    P(F > 4.3/8) with 14 and 14 degrees of freedom is .87; in twenty data sets fewer than 10 has probability 1e-5.
    """
    rng, exact = np.random.default_rng(20_422), exact_of(ARMS)
    scale = np.where((CLUSTER < HALF) == larger, 4.0, 1.0)
    told = [[s for s in cautions(drawn(rng, scale=scale), ARMS, exact) if "as variable" in s] for _ in range(20)]
    assert sum(map(bool, told)) >= 10
    which = "larger" if larger else "smaller"
    assert all(sentence.startswith(f"Clusters with the {which} t are ") for (sentence,) in filter(None, told))


def test_the_words_about_arms():
    """Sums of squares that are known: treated clusters at ±8, the others at ±1, a ratio of 64."""
    sign = np.where(np.arange(G) % 2, 1.0, -1.0)
    sign[[HALF - 1, G - 1]] = 0.0
    y = sign[CLUSTER] * np.where(CLUSTER < HALF, 8.0, 1.0)
    told = cautions(y + 1e-3 * np.tile([1.0, -1.0], CLUSTER.size // 2), ARMS, exact_of(ARMS))
    assert (
        "Clusters with the larger t are 64.0 times as variable as the others here, and the listed worlds go to 2 "
        "times: ask for arms=64."
    ) in told
    wide = exact_of(ARMS, Family(arms=64.0))
    assert not [s for s in cautions(y + 1e-3 * np.tile([1.0, -1.0], CLUSTER.size // 2), ARMS, wide) if "variable" in s]


def test_effects_that_differ_by_cluster_beyond_the_family_are_told():
    """Nothing but slopes: SE(CV1)/SE(iid) is then far above what an intercept and 60 % slopes make it."""
    rng = np.random.default_rng(20_423)
    exact = exact_of(INSIDE, Family(slopes=(), arms=1.0))
    y = 5.0 * rng.normal(size=G)[CLUSTER] * INSIDE[:, 1] + rng.normal(size=CLUSTER.size)
    fit = fitted(y, INSIDE)
    ratio = infer(fit, variant="CV1").se[1] / infer(fit, variant="iid").se[1]
    told = cautions(y, INSIDE, exact)
    assert diagnose(fit).moulton_at(0.7)[1] < 1.0  # an intercept cancels inside clusters: rows independent is most
    assert told[0] == (
        f"SE(CV1)/SE(iid) is {ratio:.2f}, and the listed worlds make it 1.00 at most: what makes it so is not among "
        "them."
    )


def test_cluster_sums_that_are_skewed_are_told():
    """Two clusters of thirty with the whole effect: (1 − 2p)/√(p(1 − p)) with p = 1/15 is 3.47, and the limit 1.04."""
    effect = 40.0 * np.isin(CLUSTER, (3, 20)) * INSIDE[:, 1]
    y = np.random.default_rng(20_424).normal(size=CLUSTER.size) * 0.1 + effect
    assert (
        "The cluster sums are skewed (3.5), and the listed worlds are not: where few clusters carry the effect, a line "
        "may flag more true nulls than is said."
    ) in cautions(y, INSIDE, exact_of(INSIDE))


def test_cautions_are_printed_and_nothing_is_chosen_by_them():
    rng = np.random.default_rng(20_425)
    y = drawn(rng, scale=np.where(CLUSTER < HALF, 4.0, 1.0))
    found = sized_ladder(fitted(y, ARMS), 1, methods=["CV1", "CV3", "CV3*"], level=0.95, family=Family(), tolerance=1.0)
    assert found.cautions
    for caution in found.cautions:
        assert caution in str(found).split("\n")
        assert caution not in str(found.advice)
    assert found.to_dict()["diagnostics"]["cautions"] == list(found.cautions)
    assert replace(found, cautions=()).advice == found.advice
