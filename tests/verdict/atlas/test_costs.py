"""What a line costs in power, on a table that can be worked through by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlas_table import CELLS, table_of
from lyra.verdict.atlas.costs import Cost, costs, loud, ratios

ADVICE = ("advice", 2.0, 1.0)


def test_beside_the_best_line_that_holds():
    """Half treated: .64 beside .80. Four of 20: .45 beside CV2's .50, and beside nothing under t(3)."""
    half, few = costs(table_of(CELLS), ADVICE)
    assert (half.kind, half.cells, half.beside) == ("half of the clusters treated", 1, 1)
    assert (half.power, half.best, half.ratio) == pytest.approx((0.64, 0.80, 0.80))
    assert (few.kind, few.cells, few.beside) == ("fewer than half treated", 2, 1)
    assert (few.power, few.best, few.ratio) == pytest.approx((0.45, 0.50, 0.90))
    assert ratios(table_of(CELLS), ADVICE) == pytest.approx([0.80, 0.90])


def test_where_nothing_holds_nothing_is_compared():
    told = costs(table_of(CELLS[2:3]), ADVICE)
    assert [(each.kind, each.cells, each.beside) for each in told] == [("fewer than half treated", 1, 0)]
    assert np.isnan([told[0].power, told[0].best, told[0].ratio]).all()
    assert isinstance(told[0], Cost)


def test_loud_is_sure_by_two_errors():
    columns = {"size": np.array([0.0724, 0.0726, np.nan]), "error": np.full(3, 0.005)}
    assert loud(columns, np.arange(3)).tolist() == [False, True, False]
