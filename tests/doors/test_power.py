"""Power: one set of draws under every effect, against rows, formulas and other draws."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr
from statsmodels.stats.power import TTestIndPower

import lyra
from lyra.data.units import Units
from lyra.designs import ByCluster, ByUser, Pairs, Switchback
from lyra.errors import InputError, NotIdentifiedError
from lyra.moments.moments import Moments
from lyra.planning import power
from lyra.regression.least_squares import least_squares
from lyra.se import cluster_robust
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.regressor_world import RegressorWorld
from lyra.simulation.world import World
from lyra.verdict.closed_form import ClosedForm, closed_form


def past(G=8, design=None, scale=1.0):
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(G), rng.integers(6, 14, G))
    y = rng.standard_normal(cluster.size) + 0.5 * rng.standard_normal(G)[cluster]
    W = np.column_stack([np.ones(cluster.size), rng.standard_normal(cluster.size)])
    return HistorySource(y=scale * y, W=W, units=Units(cluster), design=design or ByCluster())


def fitted(G=30, m=10):
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(G), m)
    X = np.column_stack([np.ones(G * m), clusters % 2])
    y = rng.standard_normal(G * m) + 0.3 * rng.standard_normal(G)[clusters]
    return least_squares(Moments.from_arrays(y, X, clusters).with_tensor())


# The simulated power


@pytest.mark.parametrize("method", ["CV1", "CV2", "CV3"])
def test_the_power_of_a_history_is_every_assignment_with_the_effect_added_to_its_rows(method):
    source = past()
    plan = power(source, method=method, target=0.7)
    assert (plan.exact, plan.replicates, plan.mc_error) == (True, 70, (0.0,) * 11)
    drawn = source.design.enumerate(source.units)[:, source.design.items(source.units)]
    for place in (0, 2, 4, 5, 8):
        seen = [
            cluster_robust(
                source.y + plan.effects[place] * each,
                np.column_stack([source.W, each]),
                clusters=source.units.cluster,
                variant=method,
            ).pvalue[-1]
            <= 0.05
            for each in drawn
        ]
        assert plan.power[place] == pytest.approx(np.mean(seen))


@pytest.mark.parametrize(("method", "tolerance"), [("CV1", 0.0021), ("CV3", 0.0021), ("WCR-11", 0.01)])
def test_the_power_at_the_smallest_detectable_effect_is_the_target(method, tolerance):
    plan = power(World(12, cluster_size=10), ByCluster(), method=method, target=0.75, seed=3, replicates=500)
    assert plan.effects[5] == pytest.approx(plan.mde)
    assert abs(plan.power[5] - 0.75) <= tolerance
    assert list(plan.power) == sorted(plan.power)
    low, high = plan.mde_interval
    assert low < plan.mde < high


def test_other_draws_have_the_target_s_power_at_that_effect():
    # 2,000 replicates each: within 4 standard errors of the difference, error rate 6e-5.
    world = World(20, cluster_size=15, icc=0.05)
    mde = power(world, ByCluster(), seed=1).mde
    again = power(world, ByCluster(), effect=mde, seed=2).effect_power
    assert abs(again - 0.8) < 4 * math.sqrt(2 * 0.16 / 2000)


def test_an_effect_the_world_really_has_is_seen_as_often():
    # Rows of a world with the effect in it, 400 of them: within 4 standard errors, error rate 6e-5.
    world = World(12, cluster_size=8, icc=0.05)
    plan = power(world, ByCluster(), effect=0.4, seed=1)
    rng = np.random.default_rng(5)
    seen = []
    for _ in range(400):
        sample = replace(world, effect=0.4).sample(ByCluster(), rng)
        X = np.column_stack([np.ones(len(sample)), sample["treat"]])
        seen.append(cluster_robust(sample["outcome"], X, clusters=sample["cluster"]).pvalue[1] <= 0.05)
    p = plan.effect_power
    assert abs(np.mean(seen) - p) < 4 * math.sqrt(p * (1 - p) * (1 / 400 + 1 / 2000))


def test_the_scale_of_the_outcome_is_that_of_the_effect():
    plan, scaled = power(past(), target=0.7), power(past(scale=1e3), target=0.7)
    assert scaled.mde == pytest.approx(1e3 * plan.mde, rel=1e-7)
    assert scaled.power == plan.power
    assert scaled.closed_form.mde == pytest.approx(1e3 * plan.closed_form.mde)


def test_half_against_half_sees_a_loss_as_it_sees_a_gain():
    gain, loss = power(past(), effect=1.0, target=0.7), power(past(), effect=-1.0, target=0.7)
    assert loss.mde == pytest.approx(-gain.mde)
    assert loss.power == pytest.approx(gain.power)
    assert (loss.type_s, loss.type_m, loss.clusters_needed) == pytest.approx(
        (gain.type_s, gain.type_m, gain.clusters_needed)
    )


def test_type_s_and_type_m_are_gelman_and_carlin_s():
    # Independent normal rows, a known-variance z test for practical purposes: 20,000 replicates of which about 3,400
    # are significant; type S .0148 within 4.5 of its standard errors and type M within 2 %, error rate 1e-5 each.
    source = ModelSource(fitted(40, 10), 1, 0.0)
    se = closed_form(source, n_clusters=40, alpha=0.05, target=0.8, seed=0).se
    plan = power(source, method="iid", effect=se, seed=1, replicates=20_000)
    right, wrong = ndtr(1 - 1.96), ndtr(-1 - 1.96)
    significant = right + wrong
    z = np.linspace(-9, 11, 200_001)
    density = np.exp(-((z - 1) ** 2) / 2) / math.sqrt(2 * math.pi)
    mean = np.sum(np.abs(z) * density * (np.abs(z) > 1.96)) * (z[1] - z[0]) / significant
    assert abs(plan.effect_power - significant) < 4.5 * math.sqrt(significant / 20_000)
    assert abs(plan.type_s - wrong / significant) < 4.5 * math.sqrt(wrong / significant / (20_000 * significant))
    assert plan.type_m == pytest.approx(mean, rel=0.02)


# The formula


@pytest.mark.parametrize("effect", [0.05, 0.2, 0.6])
def test_without_clusters_the_formula_is_the_power_of_a_t_test(effect):
    form = ClosedForm(
        within=1.0, information=100 / 4, sharing=1, dof=98, icc=0.0, icc_low=0.0, icc_high=0.1, alpha=0.05, target=0.8
    )
    known = TTestIndPower()
    assert form.power(effect) == pytest.approx(known.power(effect, 50, 0.05, df=98), abs=1e-9)
    assert form.mde == pytest.approx(known.solve_power(None, 50, 0.05, 0.8), rel=1e-4)
    assert form.power(-effect) == pytest.approx(form.power(effect))
    assert form.power(form.mde) == pytest.approx(0.8)


@pytest.mark.parametrize("size", [35, "35 lognormal:0.8"])
def test_the_standard_error_of_the_formula_is_the_world_s_own(size):
    # Var(β̂) = v'Ωv exactly for linear outcomes; the formula averages 50 assignments, whose Ω-variances vary by 1 %.
    world = World(40, cluster_size=size, icc=0.03)
    form = power(world, ByCluster(), replicates=100).closed_form
    known = replace(form, within=0.97)
    rng = np.random.default_rng(0)
    variances = []
    for _ in range(100 if isinstance(size, str) else 1):
        D = ByCluster().draw(world.units, rng).astype(float)
        centred = D - D.mean()
        variances.append(world.covariance().variance(centred / (centred @ centred)))
    assert known.se == pytest.approx(math.sqrt(np.mean(variances)), rel=0.01 if isinstance(size, str) else 1e-10)
    assert form.within == pytest.approx(0.97, rel=0.03)
    assert form.icc == form.icc_low == form.icc_high == 0.03


@pytest.mark.parametrize(
    ("world", "design", "asked"),
    [
        (World(50), ByCluster(), {}),
        (World(50), ByUser(), {}),
        (World(50, cluster_size="35 lognormal:0.8"), ByCluster(), {"method": "CV2"}),
        (World(30, strata=15), Pairs(), {"cluster_by": "pair", "covariates": ("stratum",)}),
        (
            World(10, cluster_size=10, windows=24, icc=0.0, icc_window=0.05, ar1=0.8),
            Switchback(block=4),
            {"cluster_by": "unit"},
        ),
    ],
    ids=["clusters", "users", "unequal", "pairs", "switchback"],
)
def test_the_formula_is_near_the_simulation(world, design, asked):
    # The Monte-Carlo 95 % interval is some 3 % on each side; the formula is held to 6 % of the simulated effect.
    plan = power(world, design, seed=1, **asked)
    assert plan.closed_form.mde == pytest.approx(plan.mde, rel=0.06)


def test_the_interval_of_the_icc_travels_on():
    plan = power(past(20), seed=1)
    form = plan.closed_form
    assert form.icc_low < form.icc < form.icc_high
    assert form.mde_interval[0] < form.mde < form.mde_interval[1]
    assert form.mde_interval[1] == pytest.approx(form.noncentrality * form.se_at(form.icc_high))
    worst, best = form.power_interval(plan.mde)
    assert worst < form.power(plan.mde) < best
    table = plan.table()
    assert table["closed_form_low"][5] == pytest.approx(worst)
    assert table["closed_form_high"][5] == pytest.approx(best)


def test_the_design_of_a_fit():
    # Equal clusters treated whole: κ is the cluster size and ΣD² is N/4.
    source = ModelSource(fitted(), 1, 0.1)
    plan = power(source, seed=1, effect=0.5)
    form = plan.closed_form
    assert form.sharing == pytest.approx(10)
    assert form.information == pytest.approx(300 / 4)
    assert form.design_effect == pytest.approx(1.9)
    assert form.mde == pytest.approx(plan.mde, rel=0.06)


# How many are needed


def test_clusters_needed_are_the_fewest_that_reach_the_target():
    world = World(20, cluster_size=10)
    plan = power(world, ByCluster(), effect=0.35, seed=1, replicates=500)
    n = plan.clusters_needed
    with_n, with_fewer = (
        power(World(G, cluster_size=10), ByCluster(), effect=0.35, seed=1, replicates=500).effect_power
        for G in (n, n - 1)
    )
    assert with_fewer < 0.8 <= with_n
    assert plan.windows_needed is None
    assert not plan.notes


def test_strata_are_added_whole():
    plan = power(World(40, cluster_size=10, strata=20), Pairs(), cluster_by="pair", effect=0.3, seed=1, replicates=500)
    assert plan.clusters_needed % 2 == 0
    form = replace(plan.closed_form, dof=plan.clusters_needed // 2 - 1)
    needed = 40 * (form.noncentrality * form.se / 0.3) ** 2
    assert plan.clusters_needed == pytest.approx(needed, rel=0.15)


def test_windows_needed_are_whole_blocks():
    world = World(6, cluster_size=5, windows=12, icc=0.0, icc_window=0.05)
    plan = power(world, Switchback(block=3), cluster_by="unit", effect=0.3, seed=1, replicates=500)
    n = plan.windows_needed
    assert n % 3 == 0
    with_n, with_fewer = (
        power(replace(world, windows=W), Switchback(block=3), cluster_by="unit", effect=0.3, seed=1, replicates=500)
        for W in (n, n - 3)
    )
    assert with_fewer.effect_power < 0.8 <= with_n.effect_power


def test_clusters_like_those_of_a_history():
    # The effect that is just seen with 8 clusters needs 8 of them; half of it four times as many and a little fewer for
    # the heavier tails of t(7).
    source = past()
    mde = power(source, target=0.7).mde
    assert power(source, effect=mde, target=0.7).clusters_needed == 8
    plan = power(source, effect=mde / 2, target=0.7)
    assert 24 <= plan.clusters_needed <= 32
    assert plan.notes == ("Clusters needed are by the formula: new ones are taken to be like these.",)


# What is said


def test_the_public_door_and_the_printed_page():
    plan = lyra.power(World(20, cluster_size=10), ByCluster(), effect=0.3, seed=1, replicates=500)
    text = str(plan)
    assert text.startswith("Power of CV1 with 20 clusters at alpha 0.05, 500 replicates\n")
    assert f"clusters needed for that effect: {plan.clusters_needed}" in text
    assert f"{plan.mde:.4g} at power 0.8" in text
    assert "over the ICC's interval [" in str(power(past(), target=0.7))
    assert "70 assignments" in str(power(past(), target=0.7))


def test_everything_is_plain_and_the_columns_are_of_one_length():
    plan = power(World(20, cluster_size=10), ByCluster(), effect=0.3, seed=1, replicates=500)
    told = json.loads(json.dumps(plan.to_dict(), allow_nan=False))
    assert told["mde"] == plan.mde
    assert told["closed_form"]["design_effect"] == plan.closed_form.design_effect
    assert {len(column) for column in plan.table().values()} == {11}
    assert plan.mc_error[5] == pytest.approx(math.sqrt(0.16 / 500), rel=0.01)


def test_a_regression_has_a_power_too():
    plan = power(RegressorWorld(10), seed=1, effect=0.5, replicates=500)
    assert plan.closed_form.icc == 0.5
    assert plan.clusters_needed > 2


# Refusals


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"target": 1.0}, "target=1.0 is not a power: pass a number between alpha=0.05 and 1, such as 0.8."),
        ({"target": 0.05}, "target=0.05 is not a power: pass a number between alpha=0.05 and 1, such as 0.8."),
        ({"alpha": 0.0}, "alpha=0.0 is not the size of a test: pass a number between 0 and 1, such as 0.05."),
        ({"effect": 0}, "effect=0 cannot be planned for: pass the effect worth finding, or none."),
        ({"effect": math.nan}, "effect=nan cannot be planned for: pass the effect worth finding, or none."),
        ({"replicates": 99}, "replicates=99 are too few for a power: ask for at least 100."),
        (
            {"method": "CV4"},
            (
                "method 'CV4' has no power curve: did you mean 'CV3'? there is 'iid', 'CV1-normal', 'CV1', 'CV2', "
                "'CV3', 'WCR-11', 'WCR-31', 'WCR-13', 'WCR-33', 'WCU-11'."
            ),
        ),
        (
            {"method": "WCR-11", "weights": "rademacher"},
            (
                "method 'WCR-11' cannot reject at 0.05 with 4 clusters, where its smallest p-value is 0.125: "
                "use weights='webb', another method or more clusters."
            ),
        ),
    ],
)
def test_what_is_refused(asked, sentence):
    with pytest.raises(InputError) as caught:
        power(World(4), ByCluster(), **asked)
    assert str(caught.value) == sentence


def test_a_source_with_another_design():
    with pytest.raises(InputError) as caught:
        power(WorldSource(World(4), ByCluster()), ByCluster())
    assert str(caught.value) == "A source has its design already: leave the design out."


def test_a_power_that_no_effect_reaches():
    with pytest.raises(NotIdentifiedError) as caught:
        power(World(10), ByCluster(1), method="CV3")
    assert str(caught.value) == (
        "No effect, however large, reaches power 0.8: CV3 sees 0 % of enormous ones with 10 clusters; "
        "use another method, or more clusters on each side."
    )


def test_the_formula_needs_no_draws_of_the_simulation():
    first, second = (closed_form(past(), n_clusters=8, alpha=0.05, target=0.8, seed=0) for _ in range(2))
    assert first == second
