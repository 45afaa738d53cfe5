"""Power: round trips, the closed form against its law, brute force by shifting, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

import lyra
from lyra.data.units import Units
from lyra.designs import ByCluster, ByUser, Switchback
from lyra.errors import InputError, NotIdentifiedError
from lyra.moments.moments import Moments
from lyra.planning import power
from lyra.robust.laws import critical_value
from lyra.robust.methods import run_method
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.world import World
from lyra.trials.trial import Trial
from lyra.verdict.closed_form import ClosedForm, t_power

WORLD = World(24, cluster_size=20, icc=0.05)


@pytest.fixture(scope="module")
def plan():
    return power(WORLD, ByCluster(), effect=0.3, method="CV2", seed=4)


def test_the_power_of_the_detectable_effect_is_the_target(plan):
    """On the draws themselves to one replicate; on other draws to four Monte-Carlo errors (fails 1 in 16,000)."""
    again = power(WORLD, ByCluster(), effect=plan.mde, method="CV2", seed=4)
    assert abs(again.effect_power - 0.8) <= 1.5 / again.replicates
    other = power(WORLD, ByCluster(), effect=plan.mde, method="CV2", seed=5, replicates=8_000)
    error = np.sqrt(0.16 * (1 / plan.replicates + 1 / other.replicates))
    assert abs(other.effect_power - 0.8) < 4 * error


@pytest.mark.parametrize("method", ["CV1", "CV2", "CV3", "WCR-11"])
def test_power_is_the_share_rejected_when_the_effect_is_added_to_the_outcome(method):
    source = WorldSource(WORLD, ByCluster())
    trial = Trial(cell=0, source=source, methods=(method,), seed=9, weights="auto")
    found = power(source, effect=0.25, method=method, seed=9, replicates=500)
    rejected = [
        run_method(reps.shifted(0.25), method, trial.bootstrap_weights(reps.G, 0)).pvalue <= 0.05
        for reps in trial.batches(0)
    ]
    assert found.effect_power == np.concatenate(rejected).mean()


def test_the_curve_rises_and_starts_at_the_size(plan):
    assert list(plan.power) == sorted(plan.power)
    assert plan.effects[0] == 0.0
    assert plan.power[0] < 0.1
    assert plan.power[-1] > 0.99


def test_the_closed_form_of_equal_clusters_is_moultons():
    """Var = 4σ²/N · (1 + (m − 1)ρ) for half of G equal clusters of m, σ = 1."""
    form = power(World(40, cluster_size=25, icc=0.03), ByCluster(), seed=1, replicates=500).closed_form
    assert form.design_effect == pytest.approx(1 + 24 * 0.03, rel=1e-12)
    assert form.sharing == pytest.approx(25, rel=1e-12)
    assert form.information == pytest.approx(40 * 25 / 4, rel=1e-12)


def test_the_closed_form_agrees_with_simulation_where_it_is_exact():
    """Half of 60 equal clusters: CV1 within 4.5 Monte-Carlo errors (1 in 10,000) and the .01 its size is off."""
    found = power(World(60, cluster_size=20, icc=0.02), ByCluster(), seed=2, replicates=6_000)
    for effect, share, error in zip(found.effects, found.power, found.mc_error, strict=True):
        assert abs(share - found.closed_form.power(effect)) < 4.5 * max(error, 0.001) + 0.01


def test_users_need_no_design_effect():
    assert power(WORLD, ByUser("half"), seed=3, replicates=500).closed_form.design_effect == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("ratio", "dof", "alpha"), [(0.0, 7, 0.05), (1.3, 11.5, 0.1), (3.0, 49, 0.05)])
def test_t_power_is_the_noncentral_t(ratio, dof, alpha):
    """T = (Z + ratio)/√(χ²/dof), integrated over χ; before its version 1.17 scipy's law is good to 2e-8 of it."""
    from scipy.integrate import quad
    from scipy.stats import chi, norm, t

    critical = t.ppf(1 - alpha / 2, dof)
    assert critical_value(dof, alpha) == pytest.approx(critical, rel=1e-12)

    def rejected(x):
        end = critical * x / np.sqrt(dof)
        return (norm.sf(end - ratio) + norm.cdf(-end - ratio)) * chi.pdf(x, dof)

    expected = quad(rejected, 0, np.inf, epsabs=1e-14, epsrel=1e-12)[0]
    assert t_power(ratio, dof, alpha) == pytest.approx(expected, rel=3e-8)


def test_t_power_of_nothing_is_the_size():
    assert t_power(0.0, 9, 0.05) == pytest.approx(0.05, rel=1e-9)


def test_the_interval_of_the_icc_travels_on():
    form = ClosedForm(
        within=1.0, information=100.0, sharing=30.0, dof=19, icc=0.02, icc_low=0.0, icc_high=0.1, alpha=0.05, target=0.8
    )
    low, high = form.mde_interval
    assert low < form.mde < high
    worst, best = form.power_interval(form.mde)
    assert worst < 0.8 < best
    assert form.power(form.mde) == pytest.approx(0.8, abs=1e-8)


def test_significant_estimates_of_a_weak_design_exaggerate():
    """Gelman and Carlin: with power near .8 type M is near 1.13; with little power it is far above 1."""
    strong = power(WORLD, ByCluster(), effect=0.45, seed=1)
    weak = power(WORLD, ByCluster(), effect=0.05, seed=1)
    assert 1.0 <= strong.type_m < 1.4 < weak.type_m
    assert strong.type_s <= 0.001 < weak.type_s


def test_clusters_needed_reach_the_target_and_fewer_do_not(plan):
    n = plan.clusters_needed
    reached = power(World(n, cluster_size=20, icc=0.05), ByCluster(), effect=0.3, method="CV2", seed=4)
    missed = power(World(n - 1, cluster_size=20, icc=0.05), ByCluster(), effect=0.3, method="CV2", seed=4)
    assert reached.effect_power >= 0.8
    assert missed.effect_power < 0.8


def test_windows_of_a_switchback_come_in_blocks():
    world = World(6, cluster_size=10, windows=8, icc=0.0, icc_window=0.02)
    found = power(world, Switchback(4), effect=0.4, cluster_by="unit", seed=1, replicates=500)
    assert found.windows_needed % 4 == 0


def test_a_table_and_its_history_are_one():
    import pandas as pd

    rng = np.random.default_rng(1)
    city = np.repeat([f"c{i}" for i in range(8)], 15)
    frame = pd.DataFrame({"y": rng.normal(size=120), "city": city, "x": rng.normal(size=120)})
    table = power(frame, ByCluster(), outcome="y", cluster="city", covariates=["x"], seed=1)
    W = np.column_stack([np.ones(120), frame["x"]])
    source = HistorySource(y=frame["y"].to_numpy(), W=W, units=Units(city), design=ByCluster())
    assert table.exact
    assert table.replicates == 70
    assert table.power == pytest.approx(power(source, seed=1).power, abs=1e-12)


def test_a_fit_is_planned_from_as_it_stands():
    import pandas as pd

    rng = np.random.default_rng(2)
    city = np.repeat(np.arange(12), 15)
    frame = pd.DataFrame({"y": rng.normal(size=180), "city": city, "treat": city % 2})
    fit = lyra.fit("y ~ treat", frame, clusters="city")
    found = power(fit, term="treat", icc=0.0, seed=1)
    sigma = np.sqrt(fit.fit.rss / (180 - 2))
    assert found.closed_form.se == pytest.approx(sigma * np.sqrt(4 / 180), rel=1e-9)
    with pytest.raises(InputError, match="A fit is taken as it stands"):
        power(fit, ByCluster())


def test_effects_of_the_clusters_leave_power_no_correlation_to_depend_on():
    """A covariate with slope 1 beside an effect for every city: its standard error is that of the plain regression."""
    rng = np.random.default_rng(20_277)
    city = np.repeat(np.arange(10), 8)
    X = np.column_stack([rng.normal(size=80), city[:, None] == np.arange(10)]).astype(float)
    fit = lyra.fit_moments(Moments.from_arrays(rng.normal(size=80), X, city))
    form = power(fit, term="x0", method="iid", seed=1).closed_form
    assert (form.icc, form.se) == (0.0, pytest.approx(fit.robust("iid").se[0], rel=1e-9))


def test_a_fit_of_two_clusters_does_not_tell_their_correlation():
    city = np.repeat([0, 1], 20)
    X = np.column_stack([np.ones(40), city])
    fit = lyra.fit_moments(Moments.from_arrays(np.random.default_rng(3).normal(size=40), X, city, names=["one", "t"]))
    with pytest.raises(NotIdentifiedError) as caught:
        power(fit, term="t")
    assert str(caught.value) == (
        "The intraclass correlation cannot be estimated from this fit, and its power depends on it: pass icc=, such as "
        "icc=0.05."
    )


def test_a_method_that_flags_true_nulls_is_said_to():
    world = World(10, cluster_size=20, windows=16, icc=0.0, icc_window=0.05, ar1=0.8)
    (note, *_) = power(world, Switchback(8), cluster_by="window", seed=1).notes
    assert note.startswith("CV1 flags ")
    assert note.endswith("(its clusters are finer than what the design randomises): certify before you plan with it.")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": 1.2}, "target=1.2 is not a power: pass a number between alpha=0.05 and 1, such as 0.8."),
        ({"target": 0.03}, "target=0.03 is not a power: pass a number between alpha=0.05 and 1, such as 0.8."),
        ({"alpha": 0.0}, "alpha=0.0 is not the size of a test: pass a number between 0 and 1, such as 0.05."),
        ({"effect": 0.0}, "effect=0.0 cannot be planned for: pass the effect worth finding, or none."),
        ({"replicates": 10**9}, "replicates=1000000000 is not a whole number up to 100,000: pass one."),
        ({"replicates": True}, "replicates=True is not a whole number up to 100,000: pass one."),
        ({"seed": 1.5}, "seed=1.5 is not a whole number: pass 0 or more."),
        ({"seed": -1}, "seed=-1 is negative: pass 0 or more."),
        ({"replicates": 50}, "replicates=50 are too few for a power: ask for at least 100."),
        ({"outcome": "y"}, "a world takes no outcome=: it takes cluster_by, covariates, weights."),
        ({"method": "CV4"}, "method 'CV4' has no power curve: did you mean 'CV3'? there is"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(InputError) as refused:
        power(WORLD, ByCluster(), **options)
    assert str(refused.value).startswith(sentence)


def test_refusals_of_tables_sources_and_methods():
    frame = {"y": [1.0, 2.0], "city": ["a", "b"]}
    with pytest.raises(InputError, match=r"^A table needs cluster=, the name of its column: pass it\.$"):
        power(frame, ByCluster(), outcome="y")
    with pytest.raises(InputError, match=r"^A source has its design already: leave the design out\.$"):
        power(WorldSource(WORLD, ByCluster()), ByCluster())
    with pytest.raises(InputError, match=r"cannot reject at 0\.05 with 5 clusters"):
        power(World(5), ByCluster(), method="WCR-11", weights="rademacher")
    with pytest.raises(NotIdentifiedError, match=r"^No effect, however large, reaches power 0\.8: CV3 sees 0 % of"):
        power(World(6), ByCluster(1), method="CV3", replicates=500)
