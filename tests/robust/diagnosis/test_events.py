"""Events expected in the smaller arm: counted by rows, and none where there is nothing to count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.robust.diagnosis.events import expected_events

G = np.repeat(np.arange(20), 30)
RNG = np.random.default_rng(4)
FRAME = pd.DataFrame(
    {
        "y": (RNG.random(G.size) < 0.02) * 1.0,
        "treat": (G < 4) * 1,
        "user": RNG.integers(0, 2, G.size),
        "x": RNG.normal(size=G.size) * 1e4 + 3e6,
        "g": G,
    }
)


@pytest.mark.parametrize("formula", ["y ~ treat", "y ~ treat + x", "y ~ user", "y ~ x + user", "y ~ x + user + C(g)"])
def test_they_are_the_pooled_rate_times_the_rows_of_the_smaller_arm(formula):
    term = "treat" if "treat" in formula else "user"
    fit = lyra.fit(formula, FRAME, clusters="g").fit
    smaller = min(FRAME[term].sum(), (1 - FRAME[term]).sum())
    found = expected_events(fit, fit.names.index(term))
    assert found == pytest.approx(FRAME["y"].mean() * smaller, rel=1e-6)


def test_arms_may_have_any_two_values_that_are_constant_in_clusters():
    frame = FRAME.assign(treat=np.where(FRAME["treat"] == 1, 7.5, -2.0))
    fit = lyra.fit("y ~ treat", frame, clusters="g").fit
    assert expected_events(fit, 1) == pytest.approx(FRAME["y"].mean() * 120)


@pytest.mark.parametrize(
    "change",
    [
        {"y": FRAME["y"] * 2},
        {"y": FRAME["y"] + 0.5},
        {"y": RNG.normal(size=G.size)},
        {"y": RNG.poisson(1.0, G.size)},
        {"treat": RNG.normal(size=G.size)},
        {"treat": RNG.integers(0, 3, G.size)},
    ],
    ids=["0 and 2", "half and more", "a measure", "counts", "a covariate", "three doses"],
)
def test_nothing_is_counted_where_there_is_nothing_to_count(change):
    fit = lyra.fit("y ~ treat", FRAME.assign(**change), clusters="g").fit
    assert expected_events(fit, 1) is None


def test_few_are_told_on_the_ladder_and_many_are_not():
    told = (
        "About {} events are expected in the smaller arm of 'treat': so few are far from Gaussian, and a line may flag "
        "more true nulls than is said; use an exact or a randomisation test."
    )
    expected = FRAME["y"].mean() * 120
    ladder = lyra.fit("y ~ treat", FRAME, clusters="g").ladder("treat")
    assert told.format(f"{expected:.2g}") in ladder.cautions
    often = FRAME.assign(y=(RNG.random(G.size) < 0.4) * 1)
    assert not [
        line for line in lyra.fit("y ~ treat", often, clusters="g").ladder("treat").cautions if "events" in line
    ]
