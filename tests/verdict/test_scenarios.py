"""What was asked to be certified, as scenarios: a name each, a cell each, and what each analysis clusters on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.units import History, Units
from lyra.designs import ByCluster, ByUser, Pairs, Switchback
from lyra.designs.named import design_name
from lyra.errors import FinerClustersWarning, InputError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.methods import run_method
from lyra.simulation.analysis import Analysis
from lyra.simulation.asked import Asked
from lyra.simulation.own_data import Past
from lyra.simulation.subjects import sources_of
from lyra.verdict.scenarios import scenarios_of

WORLD = lyra.World(6, cluster_size=4, windows=2, strata=3)
PLAIN = {"": Analysis()}


def world_scenarios(worlds, designs, analyses, **asked):
    return scenarios_of(sources_of(worlds, designs, Asked(analyses=analyses)), **asked)


def history_scenarios(past, designs, cluster_by="cluster"):
    named = {"window": "week", "stratum": "region"}
    return scenarios_of(Past(past, named, cluster_by).settings(designs), seed=0)


def model_scenarios(fit, term, icc=None, **asked):
    return scenarios_of(sources_of(fit, None, Asked(term=term, icc=icc)), **asked)


def labels(scenarios):
    return [scenario.design for scenario in scenarios]


def history(G=6, *, windows=2):
    cluster, window = np.divmod(np.arange(G * windows * 3) // 3, windows)
    y = np.random.default_rng(20270).normal(size=cluster.size)
    return History(y=y, W=np.ones((y.size, 1)), units=Units(cluster, window=window, stratum=cluster // 2))


# --- names and cells ----------------------------------------------------------------------------


def test_a_design_goes_by_its_title():
    assert design_name(ByCluster(3)) == "cluster-randomised, 3 treated"
    assert design_name(None) == "nothing assigned"


@pytest.mark.parametrize(
    ("worlds", "designs", "analyses", "named"),
    [
        (WORLD, ByCluster(), PLAIN, ["cluster-randomised A/A"]),
        (WORLD, [ByCluster(), ByUser()], PLAIN, ["cluster-randomised A/A", "user-randomised A/A"]),
        (WORLD, [ByCluster(), ByCluster()], PLAIN, ["cluster-randomised #1 A/A", "cluster-randomised #2 A/A"]),
        (WORLD, {"half": ByCluster(), "one": ByCluster(1)}, PLAIN, ["half A/A", "one A/A"]),
        ([WORLD, WORLD], ByCluster(), PLAIN, ["#1, cluster-randomised A/A", "#2, cluster-randomised A/A"]),
        ({"a": lyra.RegressorWorld(5)}, None, PLAIN, ["a"]),
        (lyra.RegressorWorld(5), None, PLAIN, ["nothing assigned A/A"]),
        (
            {"a": WORLD, "b": WORLD},
            ByCluster(),
            {"plain": Analysis(), "by unit": Analysis("unit", ("pre",))},
            [
                "a, cluster-randomised A/A, plain",
                "a, cluster-randomised A/A, by unit",
                "b, cluster-randomised A/A, plain",
                "b, cluster-randomised A/A, by unit",
            ],
        ),
    ],
)
def test_a_world_has_a_scenario_a_world_design_and_analysis(worlds, designs, analyses, named):
    made = world_scenarios(worlds, designs, analyses, seed=3)
    assert labels(made) == named
    assert [scenario.trial.cell for scenario in made] == list(range(len(named)))  # its own stream each
    assert {scenario.trial.seed for scenario in made} == {3}


def test_an_analysis_reaches_the_source():
    (made,) = world_scenarios(WORLD, ByCluster(), {"how": Analysis("unit", ("pre",))}, seed=0, methods=["CV1"])
    assert (made.trial.source.cluster_by, made.trial.source.covariates, made.analysis) == ("unit", ("pre",), "how")
    assert made.trial.methods == ("CV1",)


# --- clusters -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::lyra.errors.FinerClustersWarning")
@pytest.mark.parametrize(
    ("design", "level", "clusters", "fine"),
    [
        (ByCluster(), "cluster", 6, False),
        (ByCluster(), "unit", 6, False),
        (ByCluster(), "window", 12, True),
        (ByCluster(), "stratum", 3, False),
        (Pairs(), "cluster", 6, True),
        (Pairs(), "unit", 3, False),
        (Pairs(), "pair", 3, False),
        (Switchback(1), "window", 12, False),
        (Switchback(2), "window", 12, True),
        (Switchback(2), "unit", 6, False),
        (ByUser(), "cluster", 6, False),
    ],
)
@pytest.mark.parametrize("kind", ["world", "own data"])
def test_clusters_are_counted_and_compared_with_what_is_randomised(kind, design, level, clusters, fine):
    made = (
        world_scenarios(WORLD, design, {"": Analysis(level)}, seed=0)
        if kind == "world"
        else history_scenarios(history(), design, level)
    )
    assert [(scenario.n_clusters, scenario.too_fine) for scenario in made] == [(clusters, fine)]
    assert any("split over several clusters" in note for note in made[0].notes) == fine
    assert made[0].flags_of(1) == (("clusters finer than randomised",) if fine else ())


def test_the_warning_counts_the_units_that_are_split():
    with pytest.warns(FinerClustersWarning) as caught:
        history_scenarios(history(), Switchback(2), "window")
    told = (
        "The analysis clusters by window and the design randomises by block: 6 of its units are split over several "
        "clusters, so cluster with cluster_by='unit'."
    )
    assert [str(warning.message) for warning in caught] == [told]


# --- own data -----------------------------------------------------------------------------------


def test_own_data_have_a_scenario_a_design():
    made = history_scenarios(history(), [ByCluster(), Switchback(2)], "unit")
    assert labels(made) == ["own data, cluster-randomised", "own data, switchback, blocks of 2"]
    assert {scenario.trial.source.cluster_by for scenario in made} == {"unit"}


@pytest.mark.parametrize("designs", [None, [ByCluster(), None]])
def test_own_data_without_a_design(designs):
    with pytest.raises(InputError) as caught:
        history_scenarios(history(), designs)
    assert str(caught.value) == "A table needs a design: say how the treatment is drawn, such as ByCluster()."


# --- a fit --------------------------------------------------------------------------------------


def fitted(y, G=8):
    g = np.repeat(np.arange(G), len(y) // G)
    return least_squares(Moments.from_arrays(y, np.column_stack([np.ones(g.size), g % 2]), g, names=["one", "treat"]))


def test_a_fit_is_tried_at_its_correlation_and_both_ends_of_its_interval():
    rng = np.random.default_rng(20271)
    fit = fitted(rng.normal(size=8).repeat(9) + rng.normal(size=72))
    made = model_scenarios(fit, 1, seed=0)
    icc = diagnose(fit).icc
    low, high = icc.conf_int(0.95)
    assert 0 < low < icc.estimate < high < 1
    assert [scenario.trial.source.icc for scenario in made] == [icc.estimate, low, high]
    assert labels(made) == [
        f"the fitted design, ICC {icc.estimate:.4g}",
        f"the fitted design, ICC {low:.4g}, lower end of its 95 % interval",
        f"the fitted design, ICC {high:.4g}, upper end of its 95 % interval",
    ]
    assert {scenario.n_clusters for scenario in made} == {8}


def test_correlations_below_zero_are_tried_at_zero():
    """Clusters whose means agree exactly: the estimate and the lower end are negative."""
    fit = fitted(np.tile([-1.0, 0.0, 1.0], 24) + 1e-3 * np.arange(72) % 2)
    assert diagnose(fit).icc.estimate < 0
    assert [scenario.trial.source.icc for scenario in model_scenarios(fit, 1, seed=0)][:2] == [0.0, 0.0]


def test_without_a_correlation_rows_are_alike():
    """Every cluster is one row, so no correlation can be estimated."""
    y = np.random.default_rng(20272).normal(size=12)
    fit = fitted(y, G=12)
    assert np.isnan(diagnose(fit).icc.estimate)
    made = model_scenarios(fit, 1, seed=0)
    assert [(scenario.design, scenario.trial.source.icc) for scenario in made] == [("the fitted design, ICC 0", 0.0)]


def test_correlations_may_be_given():
    fit = fitted(np.random.default_rng(20273).normal(size=72))
    assert [scenario.trial.source.icc for scenario in model_scenarios(fit, 1, seed=0, icc=[0.0, 0.3])] == [0.0, 0.3]
    assert labels(model_scenarios(fit, 1, seed=0, icc=0.3)) == ["the fitted design, ICC 0.3"]


# --- where no correlation can be estimated ------------------------------------------------------

TAKEN_UP = (
    "A shock common to a cluster's rows is taken up by its effect and does not reach 'x', so one correlation stands "
    "for all; serial correlation and effects that differ by cluster are not covered."
)
STATED = (
    "The intraclass correlation cannot be estimated from this fit, so 0.05 and 0.2 are tried: pass icc= for others."
)


def columns(g, *, effects=True, demeaned=False, seed=20274):
    """A covariate x (after its cluster means, or not) beside an effect for every cluster, or a constant."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=g.size)
    if demeaned:
        x -= (np.bincount(g, x) / np.bincount(g))[g]
    beside = (g[:, None] == np.unique(g)) * 1.0 if effects else np.ones((g.size, 1))
    X = np.column_stack([x, beside])
    names = ["x", *(f"c{j}" for j in range(beside.shape[1]))]
    return least_squares(Moments.from_arrays(rng.normal(size=g.size), X, g, names=names))


UNEQUAL = np.repeat(np.arange(9), [2, 3, 4, 5, 6, 7, 8, 9, 40])


@pytest.mark.parametrize("g", [np.repeat(np.arange(8), 9), UNEQUAL], ids=["equal", "unequal"])
def test_effects_of_the_clusters_take_a_common_shock_up_and_one_correlation_stands_for_all(g):
    fit = columns(g)
    made = model_scenarios(fit, 0, seed=0)
    assert labels(made) == ["the fitted design, ICC 0"]
    assert [(scenario.trial.source.icc, scenario.notes) for scenario in made] == [(0.0, (TAKEN_UP,))]


def test_it_stands_for_all_because_every_p_value_is_the_same_at_any_correlation():
    at_none, at_much = model_scenarios(columns(UNEQUAL), 0, seed=5, icc=[0.0, 0.7])
    batches = [scenario.trial.source.batch(200, np.random.default_rng(5)) for scenario in (at_none, at_much)]
    for method in ("iid", "CV1", "CV3"):
        first, second = (run_method(batch, method, np.empty((0, 9))).pvalue for batch in batches)
        np.testing.assert_allclose(first, second, rtol=1e-8)


def test_a_shock_reaches_what_is_told_from_the_means_of_two_clusters():
    """The means of two clusters are absorbed too, yet by the very coefficient: its sizes depend on the correlation."""
    g = np.repeat([0, 1], 15)
    rng = np.random.default_rng(20275)
    X = np.column_stack([np.ones(30), g, rng.normal(size=30)])
    fit = least_squares(Moments.from_arrays(rng.normal(size=30), X, g, names=["one", "treat", "x"]))
    assert np.isnan(diagnose(fit).icc.estimate)
    made = model_scenarios(fit, 1, seed=0)
    assert [(scenario.trial.source.icc, scenario.notes) for scenario in made] == [(0.05, (STATED,)), (0.2, (STATED,))]
    (beside,) = model_scenarios(fit, 2, seed=0)  # of the column beside it, the treatment takes the shock up
    assert (beside.trial.source.icc, beside.notes) == (0.0, (TAKEN_UP,))


def test_a_column_without_cluster_means_does_not_hide_the_correlation_of_the_residuals():
    """No shock reaches its estimate, but every standard error is larger for it."""
    made = model_scenarios(columns(UNEQUAL, effects=False, demeaned=True), 0, seed=0)
    assert len(made) == 3
    assert {scenario.notes for scenario in made} == {()}


def test_a_quick_certificate_tries_the_same():
    rng = np.random.default_rng(20276)
    frame = pd.DataFrame({"y": rng.normal(size=84), "x": rng.normal(size=84), "g": [f"c{g}" for g in UNEQUAL]})
    cert = lyra.fit("y ~ x + g", frame, clusters="g").certify("x", quick=True, methods=["CV1"])
    assert [design.removeprefix("the fitted design, ") for design in cert.designs] == [
        "rows independent",
        "rows independent, the one cluster that carries half of x twice as variable",
        "rows independent, the other clusters twice as variable",
        "the worst of all listed worlds",
    ]
    taken_up, listed = cert.notes
    assert taken_up == TAKEN_UP
    ladder = lyra.fit("y ~ x + g", frame, clusters="g").ladder("x")
    assert listed.casefold() == f"The listed worlds: {ladder.exact.words}".casefold()
    assert TAKEN_UP in str(cert).splitlines()
    ladder = lyra.fit("y ~ x + g", frame, clusters="g").ladder("x").with_certificate(cert)
    assert TAKEN_UP in str(ladder).splitlines()
    assert ladder.to_dict()["diagnostics"]["notes"] == [TAKEN_UP, listed]
