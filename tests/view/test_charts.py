from __future__ import annotations

import math
from xml.etree import ElementTree

from lyra.view.charts import Series, chart

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*series):
    return ElementTree.fromstring(chart("Size & number", series, [(0.0, "6"), (1.0, "<50")], along="clusters"))


def test_a_picture_is_an_svg_with_its_title_its_ticks_and_its_legend():
    picture = drawn(Series(name="CV1", colour="#e69f00", points=[(0.0, 0.1, 0.01), (1.0, 0.06, 0.01)]))
    assert picture.tag == f"{SVG}svg"
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"Size & number", "CV1", "6", "<50", "clusters", "0.05"} <= set(words)
    assert len(list(picture.iter(f"{SVG}circle"))) == 2


def test_a_larger_size_is_higher_and_the_nominal_line_is_where_its_number_is():
    picture = drawn(Series(name="a", colour="#000000", points=[(0.0, 0.05, 0.0), (1.0, 0.15, 0.0)]))
    low, high = (float(dot.get("cy")) for dot in picture.iter(f"{SVG}circle"))
    assert low > high
    nominal = next(path.get("d") for path in picture.iter(f"{SVG}path") if path.get("stroke") == "#c03030")
    assert math.isclose(float(nominal.split()[1].split("H")[0]), low, abs_tol=0.1)


def test_a_size_beyond_the_frame_is_told_in_numbers():
    picture = drawn(Series(name="a", colour="#000000", points=[(0.0, 0.775, 0.01)]))
    assert ".78" in [text.text for text in picture.iter(f"{SVG}text")]
    assert not list(picture.iter(f"{SVG}circle"))


def test_a_size_that_is_not_there_is_left_out():
    picture = drawn(Series(name="a", colour="#000000", points=[(0.0, math.nan, math.nan), (1.0, 0.05, 0.01)]))
    assert len(list(picture.iter(f"{SVG}circle"))) == 1
    assert "nan" not in ElementTree.tostring(picture, encoding="unicode")
    assert drawn(Series(name="a", colour="#000000", points=[(0.0, math.nan, math.nan)])) is not None


def test_laws_have_no_order_and_no_line_through_them():
    points = [(0.0, 0.05, 0.01), (1.0, 0.06, 0.01)]
    joined, apart = (drawn(Series(name="a", colour="#123456", points=points, joined=on)) for on in (True, False))
    lines = [len([path for path in picture.iter(f"{SVG}path") if "L" in path.get("d")]) for picture in (joined, apart)]
    assert lines == [1, 0]
    assert len(list(apart.iter(f"{SVG}circle"))) == 2
