"""Two lines of randomisation inference: those of the test, by the draw declared, or by themselves where few stand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.designs import ByCluster, Pairs
from lyra.errors import InputError, NotIdentifiedError
from lyra.verdict.judged import Judged

PLAIN = ["iid", "CV1", "CV2", "CV3"]
USUAL = [*PLAIN, "CV2*", "CV3*", "CV1*", "R1*"]
BOTH = ["RI-t", "RI-beta"]


def table(G, treated, seed=0):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(G), 2 + np.arange(G) % 3)
    y = rng.normal(size=G)[g] + rng.normal(size=g.size) + 0.5 * np.isin(g, treated)
    return pd.DataFrame(
        {"y": y, "treat": np.isin(g, treated) * 1, "x": rng.normal(size=g.size), "g": g, "half": g // 2}
    )


def reg(G, treated, **asked):
    return lyra.fit("y ~ treat + x", table(G, treated), clusters="g", **asked)


def methods(ladder):
    return [rung.method for rung in ladder.rungs]


@pytest.mark.parametrize(("G", "treated", "count"), [(9, 2, "36"), (50, 2, "1,225"), (9, 7, "36"), (12, 5, "792")])
def test_they_are_there_by_themselves_where_few_stand_for_one_arm(G, treated, count):
    ladder = reg(G, range(treated)).ladder("treat")
    assert methods(ladder) == [*USUAL, *BOTH]
    assert {ladder[method].law for method in BOTH} == {f"all {count} assignments, if clusters were drawn"}
    assert ladder.facts[-1] == (
        "RI-t and RI-beta are exact for no effect on anyone if clusters were drawn, for which nobody vouched: say how "
        "with design=."
    )


def test_they_are_the_tests_they_name():
    fit = reg(12, range(4))
    ladder = fit.ladder("treat", level=0.9)
    for method, kind in zip(BOTH, ("t", "beta"), strict=True):
        test, line = fit.randomisation_test("treat", statistic=kind), ladder[method]
        assert (line.estimate, line.std_error, line.p_value) == (test.estimate, test.std_error, test.pvalue)
        assert [line.conf_low, line.conf_high] == test.conf_int(0.9).tolist()
        assert line.statistic == pytest.approx(test.estimate / test.std_error, rel=1e-12)
        assert np.isnan(line.dof)
    assert ladder["RI-t"].statistic == pytest.approx(ladder["CV1"].statistic, rel=1e-10)
    assert ladder["RI-t"].std_error == pytest.approx(ladder["CV1"].std_error, rel=1e-10)


@pytest.mark.parametrize(
    ("ladder", "why"),
    [
        (lambda: reg(12, range(6)).ladder("treat"), "six stand for each arm"),
        (lambda: reg(9, range(2)).ladder("treat", methods=[*USUAL]), "the lines were chosen"),
        (lambda: reg(9, range(2)).ladder("x"), "x was not drawn by cluster"),
        (lambda: reg(6, range(2)).ladder("treat"), "15 assignments reject nothing at 5 %"),
        (lambda: reg(500, range(2)).ladder("treat"), "it would take seconds"),
    ],
)
def test_they_are_not_there_where(ladder, why):
    assert methods(ladder()) == USUAL, why


def test_many_assignments_are_drawn_and_the_same_every_time():
    first, second = (reg(50, range(5)).ladder("treat") for _ in range(2))
    assert first["RI-t"].law == "10,000 drawn assignments, if clusters were drawn"
    assert first.tidy() == second.tidy()


@pytest.mark.parametrize("design", ["pairs", Pairs()])
def test_a_declared_draw_is_named_and_not_assumed(design):
    treated = [0, 3, 4, 7, 8, 11]
    strata = {g: g // 2 for g in range(12)}
    ladder = reg(12, treated).ladder("treat", design=design, stratum=strata, methods=["CV2"])
    assert methods(ladder) == ["CV2", *BOTH]
    assert ladder["RI-t"].law == "all 64 assignments"
    assert ladder.facts[-1] == (
        "RI-t and RI-beta are exact for no effect on anyone if the treatment was drawn as declared (matched pairs). "
        "Their sizes are simulated, the largest in the ends of the worlds above, of 2,000 data sets in each."
    )
    assert ladder.assigned in str(ladder)
    read = reg(12, treated, stratum="half")
    assert read.placed.stratum == strata
    assert read.ladder("treat", design=design, methods=["CV2"]).tidy()["p_value"] == ladder.tidy()["p_value"]
    test = read.randomisation_test("treat", design=design)
    assert test.pvalue == ladder["RI-t"].p_value
    assert read.randomisation_test("treat").n_assignments == 924  # the strata are read by a design that draws in them


def test_a_declared_number_is_kept():
    ladder = reg(12, range(4)).ladder("treat", design=ByCluster(4))
    assert ladder["RI-beta"].law == "all 495 assignments"
    assert "(cluster-randomised, 4 treated)" in ladder.assigned
    assert ladder["RI-beta"].p_value == reg(12, range(4)).ladder("treat", design="cluster")["RI-beta"].p_value


def test_a_declared_draw_has_simulated_sizes_that_never_change():
    fit = reg(12, range(6))
    ladder = fit.ladder("treat", design="cluster")
    assert ladder.advice.method not in BOTH
    assert {method: ladder.judged[method].exact for method in BOTH} == dict.fromkeys(BOTH, False)
    assert all(0.03 < ladder.judged[method].size < 0.1 for method in BOTH)  # .05 and more; the error is .005
    again = fit.ladder("treat", design="cluster")
    assert [again.judged[method] for method in BOTH] == [ladder.judged[method] for method in BOTH]
    assert ladder.assigned in ladder.facts


def test_a_draw_that_nobody_declared_has_none():
    ladder = reg(12, range(4)).ladder("treat")
    assert ladder.verdicts[-2:] == ("-", "-")


def test_the_drawn_line_is_read_where_that_much_is_tolerated_and_it_has_the_power():
    ladder = reg(12, range(6)).ladder("treat", design="cluster", tolerance=1.25)
    drawn = Judged(verdict="certified", size=0.05, size_low=0.04, size_high=0.06, alpha=0.05, usable=True, power=0.99)
    assert ladder.with_judged({"RI-t": drawn}, "").advice.method == "RI-t"
    assert ladder.with_judged({"RI-t": drawn}, "").advice.reason == (
        "simulated in the ends of those worlds it surely flags at most 6.25 % of true nulls, and it is exact for no "
        "effect on anyone as the treatment was drawn, and no line that does finds more but for a percentage point: "
        "99 % of effects of 2.8 standard deviations of the estimate."
    )
    assert replace(ladder, tolerance=1.0).with_judged({"RI-t": drawn}, "").advice.method != "RI-t"
    loud = replace(drawn, verdict="uncertified", size=0.08, usable=False)
    assert ladder.with_judged({"RI-t": loud}, "").advice.method != "RI-t"


def test_unequal_arms_make_the_estimates_own_line_loud():
    """Two treated of fifty, and twice as variable: by draws RI-beta .15, RI-t .08 (2,000 data sets, error .008)."""
    ladder = reg(50, range(2)).ladder("treat", design="cluster")
    assert ladder.judged["RI-beta"].verdict == "uncertified"
    assert 0.1 < ladder.judged["RI-beta"].size < 0.2


def test_a_design_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="cannot have treated these 4 of 12 clusters"):
        reg(12, range(4)).ladder("treat", design=ByCluster(5))
    with pytest.raises(NotIdentifiedError, match="x varies within clusters"):
        reg(12, range(4)).ladder("x", design="cluster")


def test_a_cluster_in_two_strata_is_refused():
    data = table(6, [0, 1, 2]).assign(region=lambda d: np.arange(len(d)) % 2)
    with pytest.raises(InputError) as told:
        lyra.fit("y ~ treat", data, clusters="g", stratum="region")
    assert str(told.value) == ("stratum='region': cluster 0 lies in strata 0 and 1; a stratum holds whole clusters.")
