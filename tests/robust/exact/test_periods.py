"""Periods told from a fit's own dummies: the same sums as from the rows, and only where they are periods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.errors import InputError, RowsNeededError
from lyra.robust.exact.periods import period_factor, sums_by_period
from lyra.robust.exact.row_sums import period_sums

RNG = np.random.default_rng(11)
UNIT, YEAR = np.repeat(np.arange(9), 5), np.tile([2001, 2002, 2004, 2005, 2009], 9)
FRAME = pd.DataFrame(
    {
        "y": RNG.normal(size=45),
        "treat": ((UNIT < 4) & (YEAR > 2003)) * 1,
        "state": [f"s{k}" for k in UNIT],
        "year": YEAR,
        "kind": np.tile(list("abcab"), 9),
    }
).sample(frac=1.0, random_state=3)


@pytest.mark.parametrize("factor", ["C(year)", "C(year, ref=2004)"])
def test_the_sums_are_those_of_the_rows(factor):
    fit = lyra.fit(f"y ~ treat + state + {factor}", FRAME, clusters="state").fit
    found, rows = sums_by_period(fit, "year"), period_sums(fit, FRAME["state"], FRAME["year"])
    np.testing.assert_allclose(found.paths, rows.paths, rtol=0, atol=1e-12)
    gaps = np.diff(found.periods)
    assert gaps[1:].tolist() == np.diff(rows.periods)[1:].tolist()
    if "ref" in factor:
        assert gaps.tolist() == [1, 2, 1, 4]  # every period is named: 2001, 2002, 2004, 2005, 2009


def test_periods_are_found_where_effects_of_the_clusters_are_in_the_formula_and_only_there():
    def found(formula):
        fit = lyra.fit(formula, FRAME, clusters="state").fit
        return period_factor(fit, "treat")

    assert found("y ~ treat + state + C(year)") == "year"
    assert found("y ~ treat + C(year)") is None
    assert found("y ~ treat + state + kind") is None
    assert found("y ~ treat + state") is None


def test_a_ladder_of_a_panel_allows_for_correlation_in_time():
    ladder = lyra.fit("y ~ treat + state + C(year)", FRAME, clusters="state").ladder("treat")
    assert "a correlation from 0 to 0.95 from one period to the next" in ladder.exact.words
    plain = lyra.fit("y ~ treat + C(year)", FRAME, clusters="state")
    assert "period" not in plain.ladder("treat").exact.words
    assert "period" in plain.ladder("treat", time="year").exact.words


def test_a_factor_that_is_not_there_is_refused():
    reg = lyra.fit("y ~ treat + state + kind", FRAME, clusters="state")
    with pytest.raises(InputError) as caught:
        reg.ladder("treat", time="kind")
    assert str(caught.value) == "time='kind' is no factor of numbers in the formula: add C(kind) to it."


def test_sums_alone_have_no_periods():
    reg = lyra.fit("y ~ treat + state + C(year)", FRAME, clusters="state")
    sums = lyra.fit_moments(reg.moments + reg.moments.drop("s8").drop("s7"))
    assert period_factor(sums.fit, "treat") is None
    with pytest.raises(RowsNeededError) as caught:
        sums.ladder("treat", time="year")
    assert str(caught.value) == (
        "Sums by period need the rows, and this fit holds only per-cluster sums: fit from the table or the arrays."
    )
