"""What is read off the table, on a table that can be worked through by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_table import CELLS, table_of
from lyra.verdict.atlas.findings import advised, findings, loud_by_law, named, summaries, worst
from lyra.verdict.atlas.panel import panel_of, places
from lyra.verdict.atlas.questions import QUESTIONS


@pytest.fixture
def columns():
    return table_of(CELLS)


def test_a_line_over_all_its_cells(columns):
    """.06 − 2·.005 is not above .0625, .20 and .30 are; where nothing is advised nothing is counted but silence."""
    found = {named(each.key): each for each in summaries(columns)}
    assert list(found) == ["CV1", "CV2", "CV3* (arms 2)", "advice, arms 2"]
    assert (found["CV1"].loud, found["CV1"].largest, found["CV1"].mean) == (2, 0.30, pytest.approx(0.1525))
    advice = found["advice, arms 2"]
    assert (advice.cells, advice.loud, advice.largest, advice.silent) == (4, 0, 0.05, 0.25)
    assert advice.mean == pytest.approx(0.13 / 3)


def test_the_sentences(columns):
    """Valid beside the advice: CV1 or CV2 at .80, then CV2 at .50, then none; .80 and .90 have the median .85."""
    surely, theirs = "Surely above 6.25 % where 5 % is meant", "the advice, arms 2, in 0 of 4 (largest 0.050)"
    beside = "Power beside the best of CV1, CV2, CV3 that is not surely above 6.25 % there"
    assert list(findings(columns)) == [
        f"{surely}: CV1 in 2 of 4 (largest 0.300), CV2 in 1 of 4 (largest 0.100), and {theirs}.",
        f"{beside}: advice, arms 2: median 0.85, a tenth below 0.81, 2 cells.",
        "Of 3 sizes that are also known exactly 100.0 % of the simulated ones are within two Monte-Carlo errors of it.",
    ]


def test_a_size_far_from_the_exact_one_is_counted(columns):
    """Two errors of .05 are .0097."""
    columns["exact"][1] = 0.0402
    assert "Of 3 sizes that are also known exactly 66.7 %" in findings(columns)[2]


def test_what_is_advised_is_counted_by_design(columns):
    assert advised(columns, ("advice", 2.0, 1.0)) == {"CV3*": 2, "": 1}


def test_where_it_flags_most(columns):
    place, row = worst(columns, ("CV1", 0.0, 0.0))[0]
    assert place.known["law"] == "t3"
    assert columns["size"][row] == 0.30


def question(key):
    return next(each for each in QUESTIONS if each.key == key)


def test_a_panel_varies_one_thing(columns):
    clusters = panel_of(columns, question("clusters"))
    assert list(clusters.cells) == [20, 50]
    assert clusters.of(columns, "size", ("CV1", 0.0, 0.0)) == [0.06, 0.05]
    treated = panel_of(columns, question("treated"))
    assert list(treated.cells) == [4, 10]
    assert treated.of(columns, "size", ("CV1", 0.0, 0.0)) == [0.20, 0.06]
    law = panel_of(columns, question("law"))
    assert list(law.cells) == ["normal", "t3"]
    assert law.held["treated"] == 4


def test_of_several_correlations_the_one_nearest_to_a_tenth_is_shown():
    far = (20, 4, "t3", 0.9, (0.01, 0.1), (0.01, 0.1), (0.01, 0.1), (0.01, 0.1))
    panel = panel_of(table_of([far, *CELLS]), question("law"))
    assert panel.cells["t3"].known["icc"] == 0.1


def test_a_line_that_is_not_there_has_no_size(columns):
    panel = panel_of(columns, question("clusters"))
    assert np.isnan(panel.of(columns, "size", ("WCR-11", 0.0, 0.0))).all()


def test_what_the_table_does_not_vary_is_not_answered(columns):
    assert panel_of(columns, question("sizes")) is None
    assert panel_of(columns, question("arms")) is None


def test_cells_stay_in_their_order(columns):
    assert [place.known["treated"] for place in places(columns)] == [10, 4, 4, 25]


def test_where_it_fails_by_law(columns):
    """CV1: .20 of three normal cells, .30 of the one with t(3) effects."""
    assert loud_by_law(columns, ("CV1", 0.0, 0.0)) == {"normal": (1, 3), "t3": (1, 1)}
