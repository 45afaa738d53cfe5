"""The exact rows of a certificate of a fit: against simulation, against rows refitted, and in the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.errors import DataError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.own_size import own_size
from lyra.robust.exact.worlds import Intercept, unequal
from lyra.simulation.from_fit import ModelSource
from lyra.trials.trial import Scenario, Trial
from lyra.verdict.by_integral import EVERYWHERE, integrated
from lyra.verdict.looks import certify_scenarios
from lyra.verdict.performance import performance
from lyra.verdict.rule import Rule

METHODS = ("iid", "CV1-normal", "CV0", "CV1", "CV2", "CV3", "CV3J")
RNG = np.random.default_rng(5)
SIZES = np.array([4, 9, 5, 30, 6, 7, 12, 5, 8, 6, 10, 7])
G = np.repeat(np.arange(12), SIZES)
FRAMES = {
    "clusters treated": pd.DataFrame(
        {"y": RNG.normal(size=G.size), "t": (G < 4) * 1, "x": RNG.normal(size=G.size), "g": G}
    ),
    "users treated": pd.DataFrame(
        {"y": RNG.normal(size=G.size), "t": RNG.integers(0, 2, G.size), "x": RNG.normal(size=G.size), "g": G}
    ),
}


def fitted(name):
    return lyra.fit("y ~ t + x", FRAMES[name], clusters="g")


@pytest.mark.parametrize("icc", [0.0, 0.3])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("name", FRAMES)
def test_exact_rows_are_what_is_simulated(name, ratio, icc):
    """8,000 replicates: of some 80 comparisons at four errors each, one is outside once in two hundred runs."""
    source = ModelSource(fitted(name).fit, 1, icc, ratio)
    trial = Trial(cell=0, source=source, methods=METHODS, seed=7)
    scenario = Scenario(design="d", trial=trial, n_clusters=12)
    rule = Rule(maximum=8_000, first=8_000)
    exact = integrated(scenario, [rule] * len(METHODS))
    table = np.concatenate([trial.block(range(len(METHODS)), block) for block in range(16)])
    for m, method in enumerate(METHODS):
        told, seen = exact[m], performance(scenario, m, table[:, m], rule, exact=False)
        error = np.sqrt(told.size * (1.0 - told.size) / 8_000)
        assert abs(told.size - seen.size) < 4 * error, method
        assert abs(told.coverage - seen.coverage) < 4 * error
        assert told.sd_estimate == pytest.approx(seen.sd_estimate, rel=4 / np.sqrt(16_000))
        squares = table[:, m, 1] ** 2
        assert abs(told.mean_se**2 - squares.mean()) < 4 * squares.std() / np.sqrt(8_000)


def test_a_drawn_world_has_the_covariances_that_exact_sizes_know():
    for name in FRAMES:
        fit = fitted(name).fit
        about = Coefficient.of(fit, 1)
        for ratio in (1.0, 2.0):
            source = ModelSource(fit, 1, 0.2, ratio)
            expected = Intercept(0.2) if ratio == 1.0 else unequal(about, ratio, Intercept(0.2))
            assert source.world == expected


def test_the_grid_is_the_same_for_every_outcome_and_no_verdict_is_open():
    reg = fitted("clusters treated")
    frames = [FRAMES["clusters treated"].assign(y=np.random.default_rng(k).normal(size=G.size)) for k in range(3)]
    certs = [lyra.fit("y ~ t + x", frame, clusters="g").certify("t") for frame in frames]
    assert {tuple(cert.designs) for cert in certs} == {reg.certify("t").designs}
    for cert in certs:
        np.testing.assert_allclose([row.size for row in cert.rows], [row.size for row in certs[0].rows], rtol=1e-9)
        assert {row.verdict for row in cert.rows} <= {"certified", "uncertified"}
        assert {row.replicates for row in cert.rows} == {0}


def test_the_last_cell_is_the_worst_size_of_the_ladder():
    reg = fitted("users treated")
    cert, ladder = reg.certify("t", methods=["CV1", "CV2", "CV3"]), reg.ladder("t")
    for row in cert.of_design(EVERYWHERE):
        assert row.size == pytest.approx(ladder.judged[row.method].worst, rel=1e-12)
        assert f"set by: {ladder.judged[row.method].set_by}" in row.flags
        others = [other.size for other in cert.rows if other.method == row.method]
        assert row.size >= max(others) * (1.0 - 1e-6)


def test_a_panel_is_tried_in_time_by_its_certificate_as_by_its_ladder():
    unit, year = np.repeat(np.arange(10), 5), np.tile(np.arange(5), 10)
    frame = pd.DataFrame(
        {
            "y": np.random.default_rng(3).normal(size=50),
            "treat": ((unit < 4) & (year > 2)) * 1,
            "state": [f"s{k}" for k in unit],
            "year": year,
        }
    )
    reg = lyra.fit("y ~ treat + state + C(year)", frame, clusters="state")
    cert, ladder = reg.certify("treat"), reg.ladder("treat")
    for row in cert.of_design(EVERYWHERE):
        assert row.size == pytest.approx(ladder.judged[row.method].worst, rel=1e-12)
    assert "a correlation from 0 to 0.95 from one period to the next" in cert.notes[-1]
    assert ladder.judged["iid"].set_by.endswith(" (correlation in time not tried)")
    assert "not tried" not in ladder.judged["CV1"].set_by


def test_a_correlation_that_is_asked_for_is_the_only_cell():
    reg = fitted("users treated")
    cert = reg.certify("t", methods=["CV2"], icc=0.1)
    assert cert.designs == ("the fitted design, ICC 0.1",)
    assert cert.rows[0].size == pytest.approx(own_size(reg.fit, 1, "CV2", Intercept(0.1)), rel=1e-12)
    wide = reg.certify("t", methods=["CV2"], icc=0.1, alpha=0.2).rows[0]
    assert wide.size > 2 * cert.rows[0].size
    assert wide.coverage == pytest.approx(cert.rows[0].coverage, rel=1e-12)


def test_bootstraps_are_simulated_beside_exact_rows():
    reg = fitted("clusters treated")
    cert = reg.certify("t", methods=["CV3", "WCR-11"], seed=1, maximum=500)
    assert [row.replicates for row in cert.of_design(cert.designs[0])] == [0, 500]
    assert [row.method for row in cert.of_design(EVERYWHERE)] == ["CV3"]
    again = reg.certify("t", methods=["CV3", "WCR-11"], seed=1, maximum=500)
    assert again.digest == cert.digest != reg.certify("t", methods=["CV3"], seed=1).digest


def test_a_file_holds_exact_rows_and_a_size_that_was_changed_is_refused(tmp_path):
    cert = fitted("clusters treated").certify("t")
    cert.to_json(tmp_path / "c.json")
    assert lyra.Certificate.from_json(tmp_path / "c.json") == cert
    worst = max(range(len(cert.rows)), key=lambda k: cert.rows[k].size)
    rows = list(cert.rows)
    rows[worst] = replace(rows[worst], size=0.05, size_low=0.05, size_high=0.05, inflation=1.0)
    replace(cert, rows=tuple(rows)).to_json(tmp_path / "forged.json")
    with pytest.raises(DataError, match="does not follow from its counts"):
        lyra.Certificate.from_json(tmp_path / "forged.json")


def test_a_world_has_no_exact_rows():
    from lyra.designs import ByCluster
    from lyra.simulation.from_world import WorldSource

    source = WorldSource(lyra.World(6, cluster_size=3), ByCluster(), "cluster", ())
    scenario = Scenario(design="d", trial=Trial(cell=0, source=source, methods=("CV1",), seed=1), n_clusters=6)
    assert integrated(scenario, [Rule()]) == {}
    assert certify_scenarios([scenario], maximum=500).rows[0].replicates == 500
