"""A calibrated line where no other can be read: only there, and only when its interval has two ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.verdict.fallback import with_calibrated_line


def panel(G=20, treated=1, seed=3):
    """Quarters of G states, of which a few take something up half way: one state holds nearly all of the effect."""
    rng = np.random.default_rng(seed)
    state, quarter = np.repeat(np.arange(G), 8), np.tile(np.arange(8), G)
    y = rng.normal(size=G)[state] + rng.normal(size=8 * G)
    return pd.DataFrame(
        {
            "y": y,
            "treat": ((state < treated) & (quarter >= 4)) * 1,
            "quarter": quarter,
            "state": [f"s{s}" for s in state],
        }
    )


LOST = pytest.mark.filterwarnings("ignore::lyra.errors.UnidentifiedWarning")


def laddered(frame, formula="y ~ treat + C(quarter) + state"):
    reg = lyra.fit(formula, frame, clusters="state")
    return reg, reg.certified(reg.ladder("treat"), maximum=2_000)


@LOST
def test_a_design_of_one_state_has_a_line_to_read_and_says_what_it_is_worth():
    reg, ladder = laddered(panel())
    line = ladder.rungs[-1]
    assert ladder.advice.method == line.method
    assert line.method in ("CV1*", "R1*")
    alone = reg.robust(line.method, law="calibrated")
    j = reg.names.index("treat")
    assert (line.p_value, line.conf_low, line.conf_high) == (alone.pvalue[j], *alone.conf_int()[j])
    assert np.isfinite([line.conf_low, line.conf_high]).all()
    assert ladder.advice.reason.startswith(
        "no other line that allows for clusters holds its size here, and this one does, exactly, in every world of its "
        "family of Gaussian errors; one cluster holds "
    )
    assert "of what is known about 'treat', so this design can hardly tell, and more rows will not help." in str(ladder)


def test_where_a_line_can_be_read_none_is_added():
    _, ladder = laddered(panel(treated=10))
    assert ladder.advice.method in ("CV2", "CV3")
    assert [rung.method for rung in ladder.rungs] == ["iid", "CV1", "CV2", "CV3"]


@LOST
def test_where_clusters_could_be_drawn_randomisation_is_the_way_out():
    frame = panel().assign(treat=lambda d: (d["state"] == "s0") * 1)
    reg = lyra.fit("y ~ treat", frame, clusters="state")
    ladder = reg.certified(reg.ladder("treat"), maximum=2_000)
    assert ladder.advice.method is None
    assert with_calibrated_line(ladder, reg.fit) is ladder
