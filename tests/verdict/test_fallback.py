"""A calibrated line where no other can be read: only there, and only when its interval has two ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lyra.verdict.fallback import with_calibrated_line

import lyra
from lyra.certifying import certified


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
    return reg, certified(reg.fit, reg.ladder("treat"), maximum=2_000)


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
    share = 100 * reg.diagnose().partial_leverage[:, j].max()
    assert ladder.advice.reason == (
        "no other line that allows for clusters can be read here, and this one holds its level, computed exactly, in "
        f"every world of Gaussian errors that is listed above; one cluster holds {share:.0f} % of what is known about "
        "'treat', and its interval is as wide as that asks for: more clusters would narrow it."
    )
    (note,) = [note for note in ladder.judged_notes if note.startswith(line.method)]
    assert note == (
        f"{line.method} holds its level in every world of this family. {alone.tests[j].family} Set by: "
        f"{alone.set_by[j]}."
    )
    assert note in str(ladder)
    assert note in ladder.to_dict()["diagnostics"]["notes"]


def test_lines_that_were_chosen_are_left_as_they_were_chosen():
    frame = panel()
    reg = lyra.fit("y ~ treat + C(quarter) + state", frame, clusters="state")
    ladder = certified(reg.fit, reg.ladder("treat", methods=["iid", "CV1"]), maximum=2_000)
    assert [rung.method for rung in ladder.rungs] == ["iid", "CV1"]


def test_where_a_line_can_be_read_none_is_added():
    _, ladder = laddered(panel(treated=10))
    assert ladder.advice.method in ("CV2", "CV3")
    assert [rung.method for rung in ladder.rungs] == ["iid", "CV1", "CV2", "CV3"]


@LOST
def test_where_clusters_could_be_drawn_randomisation_is_the_way_out():
    frame = panel().assign(treat=lambda d: (d["state"] == "s0") * 1)
    reg = lyra.fit("y ~ treat", frame, clusters="state")
    ladder = certified(reg.fit, reg.ladder("treat"), maximum=2_000)
    assert ladder.advice.method is None
    assert with_calibrated_line(ladder, reg.fit) is ladder
