"""What a column of windows says of the level of a fit's clusters, on the page, in JSON, and in no line's numbers."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.certifying import level_known
from lyra.cli import run
from lyra.data.units import Units
from lyra.designs import ByCluster, Design, Switchback
from lyra.errors import InputError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.windows import LastingShocks, size_clustered_by

G, W, N = 8, 12, 6


def rows(design: Design, seed: int = 4) -> pd.DataFrame:
    """Regions of 12 windows of 6 rows; W10 follows W9, and rows are in no order."""
    rng = np.random.default_rng(seed)
    cell = rng.permutation(np.repeat(np.arange(G * W), N))
    region, window = np.divmod(cell, W)
    treat = design.draw(Units(region, window=window), seed).astype(int)
    frame = pd.DataFrame({"y": rng.normal(size=cell.size), "treat": treat, "x": rng.normal(size=cell.size)})
    frame["region"] = [f"r{g}" for g in region]
    frame["hour"] = [f"W{t + 1}" for t in window]
    frame["cell"] = frame["region"] + frame["hour"]
    frame["block"] = frame["region"] + [f"b{t // 4}" for t in window]
    return frame


def known(frame, clusters="cell", coarse="region", formula="y ~ treat + x", **asked):
    reg = lyra.fit(formula, frame, clusters=clusters)
    ladder = level_known(
        reg.fit, reg.ladder("treat"), frame, formula=formula, cluster=clusters, window="hour", coarse=coarse, **asked
    )
    return reg, ladder


def test_clusters_finer_than_the_blocks_drawn_are_a_danger_with_their_exact_size():
    frame = rows(Switchback(4))
    reg, ladder = known(frame)
    danger = ladder.diagnosis.dangers[0]
    assert danger.startswith(
        "treat changes in a region only from one block of 4 by hour to the next, so clusters by cell are finer than "
        "what was drawn. "
        "Were 5 % of the variance a shock of its hour that keeps a correlation of 0.8 with the next, CV1 would flag "
    )
    assert danger.endswith("of true nulls at .05, exactly. Cluster by those blocks, or by region.")
    labels = [str(label) for label in reg.fit.labels]
    region = np.array([int(label[1 : label.index("W")]) for label in labels])
    window = np.array([int(label[label.index("W") + 1 :]) - 1 for label in labels])
    shocks = LastingShocks(region=region, window=window)
    for codes, name in ((np.arange(G * W), "cell"), (region * 3 + window // 4, "blocks of 4"), (region, "region")):
        assert f"{size_clustered_by(Coefficient.of(reg.fit, 1), codes, shocks):.3f} by {name}" in danger
    assert "No danger found" not in str(ladder)
    assert str(ladder.advice) == (
        "Read no line: these clusters are finer than what was drawn, so that no standard error by them is to be "
        "trusted, whatever its size above: cluster by what was drawn."
    )


def test_the_level_test_is_that_of_the_fit():
    frame = rows(Switchback(4))
    reg, ladder = known(frame)
    coarse = {label: str(label).split("W")[0] for label in reg.fit.labels.tolist()}
    test = reg.level_test(coarse, term="treat")
    assert ladder.judged_notes == (f"Level of cell in region: {test.explain()}",)


def test_no_number_of_a_line_changes():
    frame = rows(Switchback(4))
    reg, ladder = known(frame)
    assert ladder.tidy() == reg.ladder("treat").tidy()


def test_arms_drawn_for_each_window_are_no_danger():
    _, ladder = known(rows(Switchback(1)))
    assert ladder.diagnosis.foreseen == ()
    assert ladder.judged_notes[0] == (
        "treat changes in a region from one hour to the next, as a coin for each of these clusters makes it."
    )


@pytest.mark.parametrize(
    ("design", "seen"),
    [
        (Switchback(1, "alternating"), "treat changes in a region from every hour to the next, in turn, so clusters"),
        (
            Switchback(4, "alternating"),
            "treat changes in a region from every block of 4 by hour to the next, in turn, so",
        ),
        (ByCluster(), "treat never changes in a region, so clusters by cell are finer than what was drawn."),
    ],
    ids=["in turn", "blocks in turn", "never"],
)
def test_where_one_draw_decides_a_region_that_is_the_cluster(design, seen):
    _, ladder = known(rows(design))
    assert ladder.diagnosis.dangers[0].startswith(seen)
    assert ladder.diagnosis.dangers[0].endswith(" Cluster by region.")


def test_clusters_of_several_windows_are_tested_and_not_called_fine():
    _, ladder = known(rows(Switchback(4)), clusters="block")
    assert ladder.diagnosis.foreseen == ()
    assert [note.split(":")[0] for note in ladder.judged_notes] == ["Level of block in region"]


def test_without_a_coarser_column_it_says_what_it_cannot_know():
    _, ladder = known(rows(Switchback(4)), coarse=None)
    assert ladder.judged_notes == (
        (
            "Every cluster lies in one hour: where the treatment was drawn for longer, these clusters are too fine; "
            "name the column of what switches with coarse=."
        ),
    )
    assert known(rows(Switchback(4)), clusters="region", coarse=None)[1].judged_notes == ()


def test_a_column_that_varies_in_clusters_has_no_drawn_block():
    frame = rows(Switchback(4))
    reg = lyra.fit("y ~ x", frame, clusters="cell")
    ladder = level_known(
        reg.fit, reg.ladder("x"), frame, formula="y ~ x", cluster="cell", window="hour", coarse="region"
    )
    assert ladder.diagnosis.foreseen == ()
    assert len(ladder.judged_notes) == 1


def test_rows_left_out_of_the_fit_are_left_out_here():
    frame = rows(Switchback(4))
    frame.loc[3, "x"] = np.nan
    with pytest.warns(lyra.errors.DroppedRowsWarning):
        _, ladder = known(frame)
    assert ladder.diagnosis.dangers[0].startswith("treat changes in a region only from one block of 4")


def test_refusals():
    frame = rows(Switchback(4))
    odd = frame.assign(region=["r0" if i == 0 else r for i, r in enumerate(frame["region"])])
    odd.loc[0, "cell"] = "r5W3"
    with pytest.raises(InputError) as refused:
        known(odd)
    assert str(refused.value) == (
        "Cluster r5W3 of cell lies in several region: name a column that holds whole clusters."
    )
    gone = frame.assign(hour=[None if i == 0 else h for i, h in enumerate(frame["hour"])])
    with pytest.raises(InputError) as refused:
        known(gone)
    assert str(refused.value) == "Some rows of the fit have no hour: leave them out of the fit, or fill it in."


def test_the_shell_says_it_on_the_page_and_in_json(tmp_path, capsys):
    path = str(tmp_path / "rows.csv")
    rows(Switchback(4)).to_csv(path, index=False)
    asked = ["fit", path, "y ~ treat + x", "--cluster", "cell", "--window", "hour", "--no-certify"]
    assert run([*asked, "--coarse", "region", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["diagnostics"]
    assert told["dangers"][0].startswith("treat changes in a region only from one block of 4 by hour")
    assert told["notes"][0].startswith("Level of cell in region: score-variance test for treat, 96 fine in 8 coarse")
    assert run(asked) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "name the column of what switches with --coarse." in page
