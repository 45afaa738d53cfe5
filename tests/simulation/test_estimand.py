"""What an estimate is held against: the total effect where treatment carries over, in a certificate's own words."""

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.designs import ByCluster, Switchback
from lyra.simulation.estimand import Estimand, estimand_in_words, estimand_of
from lyra.simulation.from_world import WorldSource
from lyra.verdict.certificate import Certificate

CARRIES = lyra.World(
    10, cluster_size=20, windows=24, icc=0, icc_window=0.02, ar1=0.8, effect=0.1, carryover=0.1, carryover_decay=0.0
)
PLAIN = lyra.World(10, cluster_size=20, windows=24, effect=0.1)


def recovered(block, washout, pattern, W, decay=0.0, effect=0.1, carryover=0.1):
    """The closed form of math.md §9 with a washout, a decay and arms that alternate, as a share of the total effect.

    In window j of a block (from 0) 1 − φ^j of what carries over is of its own arm, and φ^j of the blocks before: of
    coins, which cancel, or of the arms in turn, of which the first block has none before it.
    """
    total, gained = effect + carryover, []
    for k in range(W // block):
        before = 0.0  # E[H at the start of the block | T = 1] − E[· | T = 0]
        if pattern == "alternating":
            for i in range(k):
                before = decay**block * before + (1 - decay**block) * (-1.0) ** (k - i)
        gained += [1 - decay**j + decay**j * before for j in range(washout, block)]
    return (effect + carryover * np.mean(gained)) / total


DESIGNS = [(1, 0), (2, 0), (4, 0), (4, 1), (12, 0), (12, 1)]


def test_the_closed_form_is_that_of_the_page():
    """τ + γ(L − 1)/L for independent blocks of L windows."""
    for L in (1, 2, 4, 12):
        assert recovered(L, 0, "random", 48) * 0.2 == pytest.approx(0.1 + 0.1 * (L - 1) / L, rel=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.6])
@pytest.mark.parametrize("pattern", ["random", "alternating"])
@pytest.mark.parametrize(("block", "washout"), DESIGNS)
def test_what_a_block_recovers_is_what_the_closed_form_says(block, washout, pattern, decay):
    """The mean of 1,000 estimates within 4.5 Monte-Carlo errors: 24 looks, error rate 2e-4.

    Coins leave the arms unequal by chance, so that an estimate is a ratio: 30 clusters keep that small.
    """
    world = lyra.World(30, cluster_size=1, windows=24, icc=0, effect=0.1, carryover=0.1, carryover_decay=decay)
    design = Switchback(block, pattern, washout)
    reps = WorldSource(world, design).batch(1_000, np.random.default_rng(20))
    estimate = reps.estimate + 0.2
    error = estimate.std() / np.sqrt(estimate.size)
    assert abs(estimate.mean() - 0.2 * recovered(block, washout, pattern, 24, decay)) < 4.5 * error + 1e-4


def test_the_total_effect_is_the_estimand_only_where_treatment_carries_over():
    assert estimand_of(CARRIES) == Estimand("total effect", pytest.approx(0.2))
    assert estimand_of(PLAIN) == Estimand("effect", 0.1)
    crowded = lyra.World(4, windows=2, effect=0.3, carryover=0.2, interference=0.1)
    assert estimand_of(crowded).value == pytest.approx(0.4)


def test_a_source_takes_the_total_effect_out():
    """Alternating twice with a washout: every estimate is the total effect and noise, on sums and on rows."""
    world = lyra.World(20, cluster_size=2, windows=8, icc=0.0, effect=1.0, carryover=2.0)
    source = WorldSource(world, Switchback(4, washout=1))
    estimate = source.batch(2_000, np.random.default_rng(1)).estimate
    assert abs(estimate.mean()) < 4.5 * estimate.std() / np.sqrt(2_000)
    y, X, _ = source.table(np.random.default_rng(2))
    assert abs(np.linalg.lstsq(X, y, rcond=None)[0][1]) < 1.0


def certificate(world, design):
    return lyra.certify(world, design, methods=["CV1"], cluster_by="unit", seed=3, first=500, maximum=500)


def test_a_certificate_names_the_total_effect_and_what_is_recovered():
    cert = certificate(CARRIES, Switchback(4))
    assert (
        "Estimand: the total effect of the treatment, everyone treated always against no one ever (0.2); the true null "
        "is that the coefficient is this, and size, bias and coverage are about it"
    ) in str(cert).splitlines()
    row = cert.rows[0]
    assert (row.estimand, row.truth) == ("total effect", pytest.approx(0.2))
    assert row.recovers == pytest.approx(1 + row.bias / 0.2)
    told = next(line for line in cert.closing if "recover" in line)
    assert told.startswith(f"switchback, blocks of 4 A/A: the estimates recover {100 * row.recovers:.1f} % of the ")
    assert told.endswith("): lengthen the block and leave out its first windows (washout)")


def test_a_right_washout_is_certified_and_a_block_that_recovers_half_is_not():
    right, half = (
        lyra.certify(CARRIES, design, methods=["CV1"], cluster_by="unit", seed=3)
        for design in (Switchback(4, washout=1), Switchback(1))
    )
    assert right.recommended == "CV1"
    assert not any(line.endswith("(washout)") for line in right.closing)
    assert half.recommended is None
    assert half.reason == (
        "in switchback, blocks of 1 A/A the estimates miss the total effect, whatever their standard error: lengthen "
        "the block and leave out its first windows (washout)"
    )
    assert half.rows[0].bias == pytest.approx(-0.1, abs=0.01)
    assert half.rows[0].coverage < 0.5


def test_a_world_without_carry_over_is_told_as_before():
    cert = certificate(PLAIN, ByCluster())
    assert "Estimand: the coefficient of the treatment, truly zero" in str(cert)
    assert "recover" not in str(cert)
    assert cert.rows[0].estimand == "effect"


def test_several_worlds_share_one_sentence():
    words = estimand_in_words([CARRIES, PLAIN])["estimand"]
    assert words.startswith("the total effect of the treatment in worlds with carry-over, everyone treated always")
    assert "(0.2)" not in estimand_in_words([CARRIES, lyra.World(4, windows=2, carryover=0.5)])["estimand"]
    assert estimand_in_words([PLAIN]) == {}


def test_a_certificate_with_a_total_effect_is_read_back(tmp_path):
    cert = certificate(CARRIES, Switchback(2))
    cert.to_json(tmp_path / "c.json")
    assert Certificate.from_json(tmp_path / "c.json") == cert


def test_past_data_cannot_tell_what_carries_over():
    rng = np.random.default_rng(2)
    past = pd.DataFrame({"y": rng.normal(size=48), "city": np.repeat(range(6), 8), "day": np.tile(range(8), 6)})
    asked = {"outcome": "y", "cluster": "city", "window": "day", "methods": ["CV1"], "maximum": 500}
    cert = lyra.certify(past, Switchback(4), cluster_by="unit", **asked)
    assert cert.notes[0] == (
        "The arms are drawn over an outcome that none of them touched: sizes are of no effect on anyone. What "
        "carries over, and whether a washout is long enough, cannot be seen in it: certify a World with carryover."
    )
    assert cert.notes[1].startswith("These sizes are for this outcome alone")
    (own,) = lyra.certify(past, ByCluster(), **asked).notes
    assert own.startswith("These sizes are for this outcome alone")


def test_a_total_effect_of_zero_has_no_share():
    row = certificate(lyra.World(6, windows=4, effect=-0.1, carryover=0.1), Switchback(2)).rows[0]
    assert np.isnan(row.recovers)
