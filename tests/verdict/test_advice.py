"""No two sentences at odds: over tables with dangers of every sort, by every door, with and without a certificate."""

from __future__ import annotations

import io
import json
import re
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import cache

import numpy as np
import pytest

import lyra
from dangers import DANGERS
from lyra.cli import run
from lyra.errors import LyraWarning

METHOD = re.compile(r"(?<![\w(/])(iid|HC[0-3]|CV[0-3]J?\*?|R1\*|CV1-normal|WC[RU]-[13]{2})(?![\w*])")
RATIO = "SE(CV1)/SE(iid)"  # names a figure and no line
NAMES = sorted(DANGERS)
CLUSTERED = ("CV2", "CV3", "WCR-11", "CV1", "CV2*", "CV3*", "CV1*", "R1*")


@cache
def seen(name, certified):
    """Return the page, its document, the exit code, and the ladder in Python, all of one table."""
    danger, options = DANGERS[name](), ["--maximum", "1000"] if certified else ["--no-certify"]
    path = f"{TABLES}/{NAMES.index(name)}.csv"
    danger.table.to_csv(path, index=False, float_format="%.17g")
    shown = []
    for how in ([], ["--json"]):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            asked = ["fit", path, danger.formula, "--cluster", danger.cluster, "--term", danger.term, "--bootstrap"]
            code = run([*asked, *options, *how])
        shown.append((out.getvalue(), err.getvalue(), code))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LyraWarning)
        reg = lyra.fit(danger.formula, path, clusters=danger.cluster)
        ladder = reg.ladder(danger.term)
    return shown[0][0], shown[0][1], json.loads(shown[1][0]), shown[0][2], reg, ladder


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    global TABLES  # noqa: PLW0603
    TABLES = tmp_path_factory.mktemp("dangers")


def named(sentence):
    return set(METHOD.findall(sentence.replace(RATIO, "")))


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_every_door_says_the_same(name, certified):
    page, _, document, code, reg, ladder = seen(name, certified)
    told = document["diagnostics"]
    last = page.rstrip("\n").split("\n")[-1]
    assert last == told["advice"] == f"Read {told['read'] or 'no line'}: {told['reason']}"
    assert code == (0 if told["read"] or not certified else 4)
    assert told["dangers"] == list(ladder.diagnosis.dangers)
    assert ladder.diagnosis.explain() in page.split("\n")
    assert repr(ladder).endswith(f"; read {ladder.advice.method or 'no line'}>")
    assert ladder.diagnosis.explain() in str(ladder).split("\n")
    assert str(ladder).split("\n")[-1] == str(ladder.advice)
    if not certified and name not in ("zero scores", "collinear treatment"):  # there the bootstrap is no line
        assert last == str(ladder.advice)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LyraWarning)
        assert str(reg) == str(reg.ladder())


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_only_the_advice_names_a_line_to_read(name, certified):
    page, err, document, *_ = seen(name, certified)
    assert len(re.findall(r"\b[Rr]ead\b", page)) == 1
    assert "Read " not in err
    assert [danger for danger in document["diagnostics"]["dangers"] if named(danger)] == []


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_line_that_is_read_is_there_has_an_answer_and_allows_for_clusters(name, certified):
    document = seen(name, certified)[2]
    lines = {line["method"]: line for line in document["ladder"]}
    read = document["diagnostics"]["read"]
    for method in named(document["diagnostics"]["advice"]):
        assert lines[method]["std_error"] is not None
        assert lines[method]["p_value"] is not None
    if read:
        assert read in CLUSTERED
        holds = lines[read].get("exact") and 0.0 < lines[read]["worst"] <= 0.05 * (1.0 + 1e-6)
        assert holds or lines[read].get("verdict") in ({"certified", "inconclusive"} if certified else {None})
    if read and not lines[read].get("exact"):
        assert not [line for line in lines.values() if line.get("exact") and line["method"] in CLUSTERED]


@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_agrees_with_the_size_beside_it(name):
    page, _, document, *_ = seen(name, certified=True)
    for line in document["ladder"]:
        if line["method"] in ("RI-t", "RI-beta"):  # exact under an assignment, of which a certificate says nothing
            assert "verdict" not in line
            continue
        if line["verdict"] == "not computable":
            assert line["size"] is None
        elif line["verdict"] == "never rejects":
            assert (line["worst"] if line["exact"] else line["size"]) <= 0.05
        elif line["verdict"] == "certified":
            assert 0 < (line["worst"] if line["exact"] else line["size"]) <= 0.0625
        if line["std_error"] is None:
            assert line["verdict"] == "not computable"
        shown = next(row for row in page.splitlines() if row.startswith(f"{line['method']} "))
        assert line["verdict"] in shown
    assert not re.search(r"certified \((0\.000|1\.000|nan)\)", page.replace("uncertified (1.000)", ""))
    assert not re.search(r"\bnan\b", page)


@pytest.mark.parametrize("name", NAMES)
def test_dangers_and_their_absence_are_never_said_together(name):
    page, _, document, *_ = seen(name, certified=False)
    assert ("No danger found" in page) != bool(document["diagnostics"]["dangers"])


def test_the_grid_holds_every_end():
    """What is read differs over the grid: a textbook line, every calibrated one, and none."""
    ends = {name: seen(name, certified=True)[2]["diagnostics"]["read"] for name in NAMES}
    assert len(NAMES) >= 10
    assert {None, "CV3", "CV2*", "CV1*", "CV3*", "R1*"} == set(ends.values())
    told = " ".join(seen(name, certified=True)[2]["diagnostics"]["advice"] for name in NAMES)
    for words in (
        "a whole arm of",
        "randomisation inference",
        "leave out columns of the clusters",
        "Its critical value",
        "can hardly tell",
        "has the whole effect",
        "nine times as variable",
    ):
        assert words in told


def test_two_treated_of_thirty_is_read_beside_randomisation_inference():
    told = seen("two treated of thirty", certified=True)[2]["diagnostics"]["advice"]
    assert "fit.randomisation_test('t')" in told
    assert 0 < seen("two treated of thirty", certified=True)[4].randomisation_test("t").smallest_pvalue < 0.05


def test_where_no_randomisation_test_could_reject_none_is_sent_to_one():
    told = seen("one treated of twelve", certified=True)[2]["diagnostics"]["advice"]
    assert "12 ways only, too few for randomisation inference at 5 %" in told
    assert np.isclose(seen("one treated of twelve", certified=True)[4].randomisation_test("t").smallest_pvalue, 1 / 12)
