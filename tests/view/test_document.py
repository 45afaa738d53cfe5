"""Documents that any JSON reader takes."""

from __future__ import annotations

import json
import math

import pytest

from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.view.document import document, ladder_document
from shown import JUDGED, REG


def test_a_document_is_strict_json():
    text = document({"a": math.nan, "b": [math.inf, 1.5], "c": ({"d": -math.inf},), "é": "ü", "n": None, "t": True})
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None,
        "b": [None, 1.5],
        "c": [{"d": None}],
        "é": "ü",
        "n": None,
        "t": True,
    }
    assert "ü" in text


def test_a_ladder_document_has_the_diagnostics_of_its_term():
    diagnosis = diagnose(REG.fit)
    told = ladder_document(JUDGED, ["careful"])
    assert list(told) == ["n_rows", "n_clusters", "dropped_rows", "term", "ladder", "diagnostics", "warnings"]
    assert told["warnings"] == ["careful"]
    found = told["diagnostics"]
    assert (found["treated_clusters"], found["control_clusters"]) == (6, 6)
    assert found["icc"]["estimate"] == diagnosis.icc.estimate
    assert (found["icc"]["low"], found["icc"]["high"]) == tuple(diagnosis.icc.conf_int(0.95))
    assert found["largest_partial_leverage"] == diagnosis.partial_leverage[:, 1].max()
    assert found["effective_clusters"]["rho_0"] == diagnosis.effective_clusters[0][1]
    assert found["dangers"] == list(diagnosis.about("treat").dangers)
    assert found["advice"] == str(JUDGED.advice) == f"Read {found['read']}: {found['reason']}"
    json.dumps(told)


def test_a_document_can_be_ascii():
    text = document({"é": "ρ"}, ascii_only=True)
    assert text.isascii()
    assert json.loads(text) == {"é": "ρ"}
