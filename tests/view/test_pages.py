"""Pages for a terminal: every number whole at any width, and every fact there."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import lyra
from lyra.designs import ByCluster, ByUser
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.view.pages import certificate_page, ladder_page
from shown import JUDGED, LADDER, REG, lines, whole

WIDTHS = (80, 100, 140)


CERT = lyra.certify(
    {"thick": lyra.World(12, cluster_size=9), "thin": lyra.World(12, cluster_size=3)},
    [ByCluster(), ByCluster(1), ByUser()],
    methods=["CV1-normal", "CV3"],
    maximum=1_000,
    seed=1,
)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("ladder", [LADDER, JUDGED], ids=["alone", "judged"])
def test_a_ladder_keeps_every_number_at_any_width(ladder, width):
    text = whole(ladder_page(ladder, width), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for rung in ladder.rungs:
        shown = next(line for line in text.splitlines() if line.startswith(f"{rung.method} "))
        assert f"{rung.std_error:.4f}" in shown
        assert f"{rung.p_value:.4f}" in shown
        assert f"{rung.conf_low:.4f} to {rung.conf_high:.4f}" in shown
        assert rung.law in " ".join(text.split())
        if rung.method in ladder.judged:
            assert str(ladder.judged[rung.method]) in shown
    words = " ".join(text.split())
    assert text.splitlines()[0] == f"treat: estimate {ladder.rungs[0].estimate:.4f}"
    for fact in (*ladder.facts, str(ladder.advice), diagnose(REG.fit).about("treat").explain()):
        assert " ".join(fact.split()) in words


def test_a_method_that_was_not_judged_has_a_dash():
    shown = {line.split()[0]: line.split()[-1] for line in lines(ladder_page(JUDGED, 140), 140)[3:12]}
    assert [method for method, last in shown.items() if last == "-"] == ["WCR-11"]


def test_the_line_to_read_is_bold():
    file = io.StringIO()
    console = Console(file=file, width=140, force_terminal=True, color_system="standard")
    for part in ladder_page(LADDER, 140):
        console.print(part)
    bold = [line for line in file.getvalue().splitlines() if line.startswith("\x1b[1m")]
    assert LADDER.advice.method == "CV2*"
    assert [line for line in bold if "CV2* " in line]
    assert not [line for line in bold if "CV2 " in line or "CV3" in line]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_certificate_keeps_every_number_at_any_width(width):
    text = whole(certificate_page(CERT, width), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    shown = [line for line in text.splitlines() if line.startswith(("CV1-normal ", "CV3 ")) and " to " in line]
    for row, line in zip(CERT.rows, shown, strict=True):
        cells = [f"{row.size:.4f}", f"{row.size_low:.4f} to {row.size_high:.4f}", f"{row.replicates:,}", row.verdict]
        assert [cell for cell in cells if cell not in line] == []
    assert ("coverage" in text) == (width >= 100)


def test_a_certificate_is_in_the_order_of_ademp():
    text = whole(certificate_page(CERT, 140), 140)
    heads = (
        "Aim: ",
        "Data: ",
        "Estimand: ",
        "Methods: ",
        *(f"\n{design}\n" for design in CERT.designs),
        "Read ",
        "seed 1",
    )
    places = [text.index(head) for head in heads]
    assert places == sorted(places)


def test_flags_are_told_below_their_table():
    shown = lines(certificate_page(CERT, 140), 140)
    start = shown.index("thick, cluster-randomised, 1 treated A/A")
    below = shown[start : shown.index("", start)]
    assert "  not computable in 100 %: CV3" in below
    assert "  differs from nominal: CV1-normal, CV3" in below


def test_what_does_not_exist_is_a_dash():
    shown = next(
        line for line in lines(certificate_page(CERT, 140), 140) if line.startswith("CV3 ") and "not computable" in line
    )
    assert " - " in shown.split("not computable")[1]  # SE/sd


@pytest.mark.parametrize("text", [str, lambda cert: whole(certificate_page(cert, 140), 140)], ids=["print", "page"])
def test_an_exact_size_has_no_interval(text):
    frame = pd.DataFrame({"y": np.random.default_rng(20276).normal(size=12), "g": np.arange(12) // 2})
    exact = text(lyra.certify(frame, ByCluster(), methods=["CV3"], outcome="y", cluster="g"))
    assert "all assignments" in next(line for line in exact.splitlines() if "CV3 " in line)
    assert "all assignments" not in text(CERT)


def test_each_design_is_read_where_they_differ():
    shown = lines(certificate_page(CERT, 140), 140)
    reads = [line for line in shown if ": read " in line]
    assert reads == [f"{design}: read {CERT.recommended_in(design) or 'none'}" for design in CERT.designs]
    alike = lyra.certify(lyra.World(12), [ByCluster(1), ByCluster(2)], methods=["CV1"], maximum=500)
    assert not [line for line in lines(certificate_page(alike, 140), 140) if ": read " in line]
