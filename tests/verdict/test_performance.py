"""What a method said of every replicate -> its size, standard error, coverage and width."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from lyra.designs import ByCluster
from lyra.se import cluster_robust
from lyra.trials.trial import BLOCK
from lyra.verdict.looks import certify_scenarios
from scenarios import past, world


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
