"""The certificate: looks until the verdict, one digest, a file that is read back."""

import json
import math
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from lyra.data.units import Units
from lyra.designs import ByCluster
from lyra.errors import DataError, InputError
from lyra.se import cluster_robust
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.world import World
from lyra.trials.store import Store
from lyra.trials.trial import BLOCK, Scenario, Trial
from lyra.verdict.certificate import Certificate, Row, _recommend, certify_scenarios
from lyra.verdict.rule import Rule, judge

RUN = Path(__file__).parent / "killed_certificate.py"
"""A program that certifies into a store; also the module its workers import."""


def world(*methods, G=20, icc=0.1, design=None, seed=1, cell=0):
    source = WorldSource(World(G, cluster_size=10, icc=icc), design or ByCluster())
    return Scenario(f"{G} clusters", Trial(cell, source, methods, seed), G)


def past(*methods, G=8, design=None, weights="auto"):
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(G), rng.integers(3, 9, G))
    y = rng.standard_normal(cluster.size) + rng.standard_normal(G)[cluster]
    source = HistorySource(y, np.ones((cluster.size, 1)), Units(cluster), design or ByCluster())
    return Scenario("own data", Trial(0, source, methods, 1, weights), G)


# Verdicts


def test_each_row_is_the_verdict_on_its_counts():
    cert = certify_scenarios([world("iid", "CV3", "CV1")], seed=1)
    assert [row.method for row in cert.rows] == ["iid", "CV3", "CV1"]
    for row in cert.rows:
        verdict = judge(row.rejections, row.replicates, Rule())
        assert (row.verdict, row.size, row.size_low, row.size_high) == (
            verdict.verdict,
            verdict.size,
            verdict.size_low,
            verdict.size_high,
        )
        assert row.flags == verdict.flags
    assert cert.verdicts == {("20 clusters", row.method): row.verdict for row in cert.rows}
    assert cert.verdicts["20 clusters", "iid"] == "uncertified"  # its size is 2Φ(−1.96/√1.9) = .155
    assert cert.rows[0].replicates < cert.rows[1].replicates


def test_the_rows_hold_what_the_replicates_say():
    scenario = world("CV2", seed=4)
    (row,) = certify_scenarios([scenario], seed=4).rows
    table = np.concatenate([scenario.trial.block([0], block)[:, 0] for block in range(row.replicates // BLOCK)])
    estimate, se, pvalue, half = table.T
    assert row.rejections == np.count_nonzero(pvalue <= 0.05)
    assert row.size == pytest.approx(np.mean(np.abs(estimate) > half))
    assert row.coverage == pytest.approx(1 - row.size)
    assert row.mean_se == pytest.approx(se.mean())
    assert row.sd_estimate == pytest.approx(estimate.std())
    assert row.bias == pytest.approx(estimate.mean())
    assert row.width == pytest.approx(2 * half.mean())
    assert row.se_ratio == pytest.approx(se.mean() / estimate.std())
    assert row.inflation == pytest.approx(row.size / 0.05)


def test_bootstraps_stop_at_8_000_and_closed_forms_at_64_000():
    # κ just above 1 cannot be decided: a CV1 size of about .055 at a tolerance of .055.
    cert = certify_scenarios([past("CV1", "WCR-11", G=20)], tolerance=1.02, maximum=16_000, seed=1)
    assert max(row.replicates for row in cert.rows if row.method == "WCR-11") <= 8_000
    assert {row.verdict for row in cert.rows} <= {"certified", "uncertified", "inconclusive"}


def test_own_data_with_few_assignments_are_enumerated():
    cert = certify_scenarios([past("iid", "CV1")], seed=1)
    source = past("CV1").trial.source
    drawn = source.design.enumerate(source.units)[:, source.design.items(source.units)]
    for row, variant in zip(cert.rows, ("iid", "CV1"), strict=True):
        p = [
            cluster_robust(
                source.y, np.column_stack([source.W, each]), clusters=source.units.cluster, variant=variant
            ).pvalue[-1]
            for each in drawn
        ]
        rejections = int(np.sum(np.array(p) <= 0.05))
        assert (row.replicates, row.rejections) == (70, rejections)
        assert row.size == row.size_low == row.size_high == pytest.approx(rejections / 70)
        assert row.verdict == ("certified" if row.size <= 0.0625 else "uncertified")


def test_an_empty_arm_counts_as_a_rejection():
    cert = certify_scenarios([past("CV1", G=5, design=ByCluster("bernoulli"))], seed=1)
    (row,) = cert.rows
    assert (row.replicates, row.not_computable) == (32, 2)
    assert row.rejections >= 2
    assert "not computable in 6.25 %" in row.flags
    assert row.message == "not computable: a leave-one-cluster-out estimate does not exist, or an arm is empty"


def test_one_treated_cluster_certifies_nothing():
    cert = certify_scenarios([world("CV1", "CV2", "CV3", design=ByCluster(1))], seed=1)
    assert list(cert.verdicts.values()) == ["uncertified", "not computable", "not computable"]
    assert list(cert.ways.values()) == ["uncertified", "not computable", "not computable"]
    assert [row.size for row in cert.rows[1:]] == [1.0, 1.0]
    assert all(math.isnan(row.mean_se) for row in cert.rows[1:])
    assert (cert.recommended, cert.reason) == (
        None,
        "no method both holds its size and ever rejects in every design: more clusters are the remedy",
    )


# A user's own methods


@dataclass
class Said:
    estimate: float
    se: float
    pvalue: float


def per_cluster(y, X, clusters, rng):
    """A t-test of the cluster means of two arms, written as an analyst would."""
    means = np.bincount(clusters, y) / np.bincount(clusters)
    arm = np.bincount(clusters, X[:, -1]) / np.bincount(clusters)
    res = cluster_robust(means, np.column_stack([np.ones(arm.size), arm]), clusters=np.arange(arm.size), variant="iid")
    return Said(res.coef[-1], res.se[-1], res.pvalue[-1])


def overconfident(y, X, clusters, rng):
    said = per_cluster(y, X, clusters, rng)
    return Said(said.estimate, said.se / 2, said.pvalue / 3)


def sometimes(y, X, clusters, rng):
    if rng.random() < 0.5:
        raise RuntimeError("half of the time")
    return Said(0.0, 1.0, 1.0)


def test_a_function_is_certified():
    # The t-test of cluster means is exact under normality, so its size is .05; a third of a p-value has size .15.
    cert = certify_scenarios([world(per_cluster, overconfident, sometimes)], maximum=2_000, seed=1)
    assert cert.verdicts["20 clusters", "per_cluster"] in ("certified", "inconclusive")
    assert cert.verdicts["20 clusters", "overconfident"] == "uncertified"
    failed = cert.rows[2]
    assert failed.verdict == "uncertified"
    assert failed.not_computable == failed.rejections
    assert abs(failed.size - 0.5) < 4 * math.sqrt(0.25 / failed.replicates)
    assert failed.message == "RuntimeError: half of the time"
    assert math.isnan(failed.coverage)


# Which to read


def row(method, *, width=1.0, verdict="certified", design="d", ignores_clusters=False):
    counted = (500, 10, 0.05, 0.03, 0.07, 1.0, 0.1, 0.1, 0.95, 0.0, width, 0)
    return Row(design, method, *counted, verdict, (), ignores_clusters=ignores_clusters)


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([row("CV1", width=2), row("CV2", width=1)], "CV2"),
        ([row("CV1", width=2), row("CV2", width=1, verdict="uncertified")], "CV1"),
        ([row("CV1", width=2), row("CV2", width=1, verdict="inconclusive")], "CV1"),
        ([row("CV1", width=2), row("WCR-11", width=1, verdict="never rejects")], "CV1"),
        ([row("CV1", width=2), row("iid", width=1, ignores_clusters=True)], "CV1"),
        ([row("iid", width=1, ignores_clusters=True), row("CV2", verdict="uncertified")], None),
        ([row("CV1", verdict="not computable"), row("CV2", verdict="never rejects")], None),
        ([row("own", width=math.nan), row("CV1", width=9)], "CV1"),
        ([row("own", width=math.nan)], "own"),
        (
            [row("CV1"), row("CV1", design="e", verdict="uncertified"), row("CV3", width=3), row("CV3", design="e")],
            "CV3",
        ),
        ([row("CV1", verdict="uncertified")], None),
    ],
)
def test_the_shortest_intervals_of_what_holds_everywhere_and_can_reject(rows, best):
    assert _recommend(rows)[0] == best


@pytest.mark.parametrize("method", ["iid", "HC1", "CV1-normal"])
@pytest.mark.parametrize(("size", "best"), [(10, None), (1, "alone")])
def test_a_line_that_ignores_clusters_keeps_its_verdict_and_is_never_the_one_to_read(method, size, best):
    """Rows of a cluster that are not alike at all: each is right here, and here alone, unless a row is a cluster."""
    source = WorldSource(World(300, cluster_size=size, icc=0.0), ByCluster())
    one = Scenario("alike", Trial(0, source, (method,), 1), 300, one_row_each=size == 1)
    cert = certify_scenarios([one], seed=1, tolerance=1.9, maximum=1_000)
    assert (cert.rows[0].verdict, cert.rows[0].ignores_clusters) == ("certified", size > 1)
    assert cert.recommended == cert.recommended_in("alike") == (best and method)
    if best is None:
        assert cert.reason == (
            "rows of a cluster may be alike, and no method that allows for it is certified in every design "
            f"({method} does not)"
        )


# One digest


def test_cells_and_seeds_change_the_digest_and_a_store_does_not(tmp_path):
    def run(**kept):
        return certify_scenarios([world("CV1", "WCR-11")], seed=1, maximum=1_000, **kept).digest

    with Store(tmp_path / "run.sqlite", {}) as store:
        digests = {run(), run(store=store), run(store=store)}
    assert len(digests) == 1
    assert certify_scenarios([world("CV1", "WCR-11", seed=2)], seed=2, maximum=1_000).digest not in digests
    assert certify_scenarios([world("CV1", "WCR-11", cell=1)], seed=1, maximum=1_000).digest not in digests


def test_what_is_stored_is_not_drawn_again(tmp_path, monkeypatch):
    with Store(tmp_path / "run.sqlite", {}) as store:
        first = certify_scenarios([world("CV1")], seed=1, maximum=1_000, store=store)
        monkeypatch.setattr(WorldSource, "batch", None)
        again = certify_scenarios([world("CV1")], seed=1, maximum=1_000, store=store)
    assert again == first


def start(path, workers):
    return subprocess.Popen([sys.executable, str(RUN), str(path), str(workers)], stdout=subprocess.PIPE, text=True)


def finished(run):
    printed, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    return printed.split()[-1]


@pytest.mark.certify
def test_killed_at_any_moment_with_1_2_and_4_workers_it_ends_with_one_digest(tmp_path):
    chance, digests = Random(), set()
    for workers in (1, 2, 4):
        path = tmp_path / f"{workers}.sqlite"
        run = start(path, workers)
        for _ in range(chance.randrange(2, 9)):
            run.stdout.readline()
        time.sleep(chance.uniform(0, 0.02))
        run.send_signal(signal.SIGKILL)
        run.communicate(timeout=10)
        assert run.returncode == -signal.SIGKILL
        with Store(path, {"seed": 3}) as store:
            assert len(store.keys()) > 0
        digests.add(finished(start(path, workers)))
    assert digests == {finished(start(tmp_path / "straight.sqlite", 1))}


# The file


@pytest.fixture
def cert():
    return certify_scenarios(
        [world("iid", "CV3", design=ByCluster(1))],
        seed=1,
        maximum=500,
        config={"source": "a world", "designs": ["ByCluster"], "icc": None},
        data={"rows": 200},
    )


def test_a_certificate_is_read_back(cert, tmp_path):
    path = tmp_path / "certificate.json"
    cert.to_json(path)
    read = Certificate.from_json(path)
    assert math.isnan(read.rows[1].mean_se)
    assert read.to_dict() == cert.to_dict()
    assert read.verdicts == cert.verdicts
    assert read.recommended is None
    assert str(read) == str(cert)
    sound = replace(cert, rows=cert.rows[:1])
    sound.to_json(path)
    assert Certificate.from_json(path) == sound


def test_the_file_is_strict_json_with_the_promised_fields(cert, tmp_path):
    path = tmp_path / "certificate.json"
    infinite = replace(cert.rows[0], width=math.inf)
    replace(cert, rows=(infinite, cert.rows[1])).to_json(path)

    def refuse(constant):
        raise AssertionError(constant)

    document = json.loads(path.read_text(), parse_constant=refuse)
    cell = document["cells"][0]
    assert {"design", "method", "replicates", "rejections", "size", "size_low", "size_high", "inflation"} <= set(cell)
    assert {"mean_se", "sd_estimate", "coverage", "verdict", "flags"} <= set(cell)
    assert {"cells", "recommended", "seed", "digest", "config", "data"} <= set(document)


def test_the_printed_form_has_the_order_of_ademp(cert):
    text = str(cert)
    places = [text.index(word) for word in ("Aim:", "Data:", "Estimand:", "Methods:", "20 clusters", "Read ", "seed 1")]
    assert places == sorted(places)
    assert "uncertified" in text


def test_columns(cert):
    table = cert.table()
    assert table["method"] == ["iid", "CV3"]
    assert {len(column) for column in table.values()} == {2}


@pytest.mark.parametrize("content", ["not json", "[]", "{}", '{"cells": [{"design": "a"}]}', '{"cells": 3}'])
def test_a_file_that_is_no_certificate(content, tmp_path):
    path = tmp_path / "certificate.json"
    path.write_text(content)
    with pytest.raises(DataError, match=r"certificate\.json is not a certificate \(.*\): write one with to_json\.$"):
        Certificate.from_json(path)


def told_of(tmp_path, cert, **changed):
    """Return what is said of a certificate with fields of its file, or of its first cell, changed."""
    path = tmp_path / "certificate.json"
    document = cert.to_dict()
    document["cells"] = [dict(document["cells"][0]) | changed.pop("cell", {}), *document["cells"][1:]]
    path.write_text(json.dumps(document | changed))
    with pytest.raises(DataError) as caught:
        Certificate.from_json(path)
    return str(caught.value).removeprefix(f"{path} is not a certificate (").removesuffix("): write one with to_json.")


FORGED = "the verdict {!r} of iid in '20 clusters' does not follow from its counts"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"cell": {"verdict": "certified"}}, FORGED.format("certified")),
        ({"cell": {"verdict": "never rejects"}}, FORGED.format("never rejects")),
        ({"cell": {"verdict": "xuncertified"}}, FORGED.format("xuncertified")),
        ({"cell": {"verdict": ""}}, FORGED.format("")),
        ({"cell": {"rejections": 12}}, FORGED.format("uncertified")),
        ({"cell": {"not_computable": 501}}, FORGED.format("uncertified")),
        ({"cell": {"replicates": 0}}, FORGED.format("uncertified")),
        ({"cell": {"size": 0.05}}, FORGED.format("uncertified")),
        ({"cell": {"size_low": 0.0, "size_high": 0.0, "size": 0.0}}, FORGED.format("uncertified")),
        ({"tolerance": 20.0, "alpha": 0.04}, FORGED.format("uncertified")),
        ({"recommended": "iid"}, "'iid' is recommended and is not certified in every design"),
        ({"recommended": "CV9"}, "'CV9' is recommended and is not certified in every design"),
        ({"cell": {"extra": 1}}, "a cell has an unknown field 'extra'"),
        ({"extra": {"a": 1}}, "it has an unknown field 'extra'"),
        ({"cell": {"verdict": 3}}, "Expected `str`, got `int` - at `$.verdict`"),
        ({"cell": {"replicates": 1e9}}, "Expected `int`, got `float` - at `$.replicates`"),
        ({"alpha": 5.0}, "the verdict's alpha must be between 0 and 1, got 5: change it"),
    ],
)
def test_a_certificate_that_was_written_by_hand(changed, told, cert, tmp_path):
    """Its iid line, with one treated cluster of 20, rejects far too often."""
    assert cert.rows[0].verdict == "uncertified"
    assert told_of(tmp_path, cert, **dict(changed)) == told


@pytest.mark.parametrize("text", ["[" * 200_000, '{"cells": ' * 100_000, '{"cells": [' + "[" * 100_000])
def test_a_certificate_nested_without_end(text, tmp_path):
    path = tmp_path / "certificate.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        Certificate.from_json(path)
    assert str(caught.value) == f"{path} is not a certificate (nested too deeply): write one with to_json."


def test_a_certificate_of_many_megabytes(tmp_path):
    path = tmp_path / "certificate.json"
    path.write_bytes(b" " * (2**24 + 1))
    with pytest.raises(DataError, match=r"\(it has more than 16,777,216 bytes\)"):
        Certificate.from_json(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"is not a certificate .*No such file"):
        Certificate.from_json(tmp_path / "none.json")


def test_a_first_look_inside_a_block():
    with pytest.raises(InputError) as caught:
        certify_scenarios([world("CV1")], seed=1, first=700)
    assert str(caught.value) == "first=700 is not a multiple of 500, the replicates of a block: round it up."
