"""The shortest intervals of what holds everywhere and can reject."""

import math

import pytest

from lyra.designs import ByCluster
from lyra.simulation.from_world import WorldSource
from lyra.simulation.world import World
from lyra.trials.trial import Scenario, Trial
from lyra.verdict.looks import certify_scenarios
from lyra.verdict.performance import Row
from lyra.verdict.recommendation import recommend


def row(method, *, width=1.0, verdict="certified", design="d", ignores_clusters=False):
    return Row(
        design=design,
        method=method,
        replicates=500,
        rejections=10,
        size=0.05,
        size_low=0.03,
        size_high=0.07,
        inflation=1.0,
        mean_se=0.1,
        sd_estimate=0.1,
        coverage=0.95,
        bias=0.0,
        width=width,
        not_computable=0,
        verdict=verdict,
        flags=(),
        ignores_clusters=ignores_clusters,
    )


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
    assert recommend(rows)[0] == best


@pytest.mark.parametrize("method", ["iid", "HC1", "CV1-normal"])
@pytest.mark.parametrize(("size", "best"), [(10, None), (1, "alone")])
def test_a_line_that_ignores_clusters_keeps_its_verdict_and_is_never_the_one_to_read(method, size, best):
    """Rows of a cluster that are not alike at all: each is right here, and here alone, unless a row is a cluster."""
    source = WorldSource(World(300, cluster_size=size, icc=0.0), ByCluster())
    one = Scenario(
        design="alike",
        trial=Trial(cell=0, source=source, methods=(method,), seed=1),
        n_clusters=300,
        one_row_each=size == 1,
    )
    cert = certify_scenarios([one], seed=1, tolerance=1.9, maximum=1_000)
    assert (cert.rows[0].verdict, cert.rows[0].ignores_clusters) == ("certified", size > 1)
    assert cert.recommended == cert.recommended_in("alike") == (best and method)
    if best is None:
        assert cert.reason == (
            "rows of a cluster may be alike, and no method that allows for it is certified in every design "
            f"({method} does not)"
        )
