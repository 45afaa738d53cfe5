"""Own data is one outcome: the exact size on Gaussian outcomes beside it, and which lines may then be read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from scipy.stats import t as t_law

import lyra
from lyra.data.units import Units
from lyra.designs import Adoption, ByCluster
from lyra.moments.moments import Moments
from lyra.simulation.from_history import HistorySource
from lyra.trials.trial import stream
from lyra.verdict.certificate import Certificate
from lyra.verdict.one_outcome import ASSIGNMENTS, ICC, model_sizes

LINES = ("CV1", "CV2", "CV3")


def shops(G: int, *, m: int = 4, uneven: bool = False, seed: int = 20_273) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    shop = np.repeat(np.arange(G), m + (np.arange(G) ** 2 if uneven else 0))
    return pd.DataFrame({"y": rng.normal(size=G)[shop] + rng.normal(size=shop.size), "shop": shop})


def source(frame: pd.DataFrame, design: ByCluster) -> HistorySource:
    return HistorySource(y=frame["y"].to_numpy(), W=np.ones((len(frame), 1)), units=Units(frame["shop"]), design=design)


@pytest.mark.parametrize("G", [6, 8, 14])
def test_equal_clusters_half_of_them_treated_are_two_samples_of_means(G):
    """t of CV2 is Student's with G - 2, at any ICC; CV1 and CV3 are known multiples of it, with the law of G - 1."""
    N = 4 * G
    factor = {"CV1": (G - 2) / (G - 1) * (N - 1) / (N - 2), "CV2": 1.0, "CV3": (G - 1) / (G - 2)}
    dof = {"CV1": G - 1, "CV2": G - 2, "CV3": G - 1}
    wanted = {name: 2 * t_law.sf(t_law.ppf(0.975, dof[name]) * np.sqrt(factor[name]), G - 2) for name in LINES}
    found = model_sizes(source(shops(G), ByCluster()), ("iid", *LINES, "WCR-11", len), 0.05)
    assert found == pytest.approx(wanted, rel=1e-9)


def test_of_unequal_ones_it_is_the_mean_over_assignments_at_the_worst_icc():
    drawn = source(shops(7, uneven=True), ByCluster(3))
    rng = stream(0, 0)
    each = []
    for _ in range(ASSIGNMENTS):
        y, X, clusters = drawn.table(rng)
        fit = lyra.fit_moments(Moments.to_fit(y, X, clusters))
        each.append([[fit.size(1, name, icc=icc) for icc in ICC] for name in LINES])
    wanted = np.mean(each, axis=0).max(axis=1)
    found = model_sizes(drawn, LINES, 0.05)
    assert list(found.values()) == pytest.approx(wanted, rel=1e-9)


def test_columns_that_are_combinations_of_others_change_nothing():
    plain = source(shops(6), ByCluster())
    double = HistorySource(y=plain.y, W=np.ones((len(plain.y), 2)), units=plain.units, design=plain.design)
    assert model_sizes(double, LINES, 0.05) == pytest.approx(model_sizes(plain, LINES, 0.05), rel=1e-9)


def test_a_line_that_loses_its_coefficient_counts_as_rejected():
    assert model_sizes(source(shops(5), ByCluster(1)), ("CV2", "CV3"), 0.05) == {"CV2": 1.0, "CV3": 1.0}


@pytest.fixture(scope="module")
def few() -> Certificate:
    """Eight equal shops: CV1 rejects 7 % of true nulls on Gaussian outcomes, whatever it does on this one."""
    return lyra.certify(shops(8), ByCluster(), outcome="y", cluster="shop", methods=LINES, seed=1)


def test_it_says_for_this_outcome_and_what_the_model_says(few):
    sizes = {row.method: row.model_size for row in few.rows}
    (note,) = few.notes
    assert note == (
        "These sizes are for this outcome alone: all 70 assignments were tried on it, and another of the same kind has "
        f"others. On Gaussian outcomes, at the worst ICC from 0 to 0.3, exactly: CV1 {sizes['CV1']:.3f}, "
        f"CV2 {sizes['CV2']:.3f}, CV3 {sizes['CV3']:.3f}."
    )
    assert note in str(few)


def test_what_fails_in_the_model_is_not_read_though_it_is_certified_here(few):
    (unsound,) = [row for row in few.rows if not row.sound_in_model]
    assert unsound.method == "CV1"
    assert unsound.flags[-1] == f"{unsound.model_size:.3f} on Gaussian outcomes"
    assert not unsound.usable
    for seed in range(40):
        frame = shops(8, seed=seed)
        cert = lyra.certify(frame, ByCluster(), outcome="y", cluster="shop", methods=["CV1"])
        if cert.rows[0].verdict == "certified":
            break
    assert cert.rows[0].verdict == "certified"
    assert cert.recommended is None
    assert cert.reason == (
        "what is certified for this outcome (CV1) does not hold its size on others of the kind: more clusters, or "
        "several past outcomes, are the remedy"
    )


def test_a_file_keeps_both(few, tmp_path):
    few.to_json(tmp_path / "few.json")
    again = Certificate.from_json(tmp_path / "few.json")
    assert again.rows == few.rows
    assert again.recommended == few.recommended


def test_many_clusters_and_worlds_have_no_such_note():
    many = lyra.certify(shops(60, m=2), ByCluster(), outcome="y", cluster="shop", methods=["CV1"], maximum=500)
    world = lyra.certify(lyra.World(8), ByCluster(), methods=["CV1"], maximum=500)
    assert many.notes == world.notes == ()
    assert np.isnan(many.rows[0].model_size)
    assert many.rows[0].sound_in_model


def test_where_effects_take_up_the_shocks_no_random_effect_is_a_model():
    frame = shops(8).assign(week=lambda rows: rows.groupby("shop").cumcount(), law=0)
    cert = lyra.certify(
        frame, Adoption(2), formula="y ~ law + C(shop) + C(week)", cluster="shop", time="week", methods=["CV1"]
    )
    assert cert.notes[-1] == (
        f"These sizes are for this outcome alone: all {28 * 9} assignments were tried on it, and another of the same "
        "kind has others."
    )
    assert np.isnan(cert.rows[0].model_size)


def test_the_smallest_effect_of_an_exact_plan_has_the_interval_of_a_spread():
    plan = lyra.power(shops(8), ByCluster(), outcome="y", cluster="shop", method="CV2")
    low, high = plan.mde_interval
    assert plan.exact
    assert [low, high] == pytest.approx([plan.mde * np.sqrt(7 / chi2.ppf(share, 7)) for share in (0.975, 0.025)])
    assert f"(for this outcome; 95 % over outcomes like it: {low:.4g} to {high:.4g})" in str(plan)
