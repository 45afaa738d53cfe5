"""Looks until the verdict, and one digest whatever interrupts them."""

import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from lyra.designs import ByCluster
from lyra.simulation.from_world import WorldSource
from lyra.trials.store import Store
from lyra.verdict.judging import judge
from lyra.verdict.looks import certify_scenarios
from lyra.verdict.rule import Rule
from scenarios import world

RUN = Path(__file__).parent / "killed_certificate.py"
"""A program that certifies into a store; also the module its workers import."""


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
