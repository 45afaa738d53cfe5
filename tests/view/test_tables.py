"""Numbers show the digits their errors bear, and nothing is cut where the page is narrow."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lyra.view.pages import ladder_page
from shown import JUDGED, LADDER, lines, shops, whole


def test_laws_go_below_where_the_table_has_no_room_for_them():
    wide, narrow = (whole(ladder_page(JUDGED, width), width) for width in (140, 80))
    assert "Laws: " not in wide
    assert "Laws: iid t(58); CV1 t(11); CV2 t(10), Satterthwaite; CV3 t(11); CV2* c*" in narrow


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 1e4, 1e12])
def test_four_digits_of_the_standard_error_whatever_the_unit(scale):
    reg = shops(scale)
    ladder = reg.ladder("treat")
    shown = [line.split() for line in lines(ladder_page(ladder, 140), 140)[3 : 3 + len(ladder.rungs)]]
    for rung, cells in zip(ladder.rungs, shown, strict=True):
        assert float(cells[1].replace(",", "")) == pytest.approx(rung.std_error, rel=5e-4)


def test_small_and_missing_probabilities():
    rungs = (replace(LADDER.rungs[0], p_value=1e-9), replace(LADDER.rungs[1], p_value=math.nan))
    shown = lines(ladder_page(replace(LADDER, rungs=rungs), 140), 140)
    assert shown[3].split()[3] == "<0.0001"
    assert shown[4].split()[3] == "-"


def test_what_a_line_lacks_is_a_dash():
    rungs = (replace(LADDER.rungs[0], std_error=math.nan, statistic=math.nan, p_value=math.nan, conf_low=math.nan),)
    shown = lines(ladder_page(replace(LADDER, rungs=rungs), 140), 140)[3]
    assert shown.split()[1:5] == ["-", "-", "-", "-"]
