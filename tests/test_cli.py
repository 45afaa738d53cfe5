"""The command line: what goes to stdout, what to stderr, and the exit code."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.cli import run
from lyra.datasets import social_insure

FARMERS = str(social_insure())
DROPPED = (
    "32 of 1410 rows have a missing value or cluster label (male in 3, age in 4, agpop in 6, ricearea_2010 in 9, "
    "literacy in 21) and were left out."
)


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from lyra.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def one_treated(tmp_path):
    rng = np.random.default_rng(20267)
    g = np.repeat(np.arange(8), 5)
    path = tmp_path / "rows.csv"
    pd.DataFrame({"y": rng.normal(size=40), "treat": (g == 0) * 1, "g": g}).to_csv(path, index=False)
    return str(path)


def test_demo_ends_with_its_table_and_the_line_to_read(capsys):
    assert run(["demo"]) == 0
    out, err = capsys.readouterr()
    lines = [line.strip() for line in out.splitlines() if line.strip()]
    assert lines[0].startswith('lyra fit social_insure.csv "takeup_survey ~ default + ')
    assert lines[1] == "default"
    assert lines[2].split()[:2] == ["method", "estimate"]
    assert [line.split()[0] for line in lines[4:8]] == ["iid", "CV1", "CV2", "CV3"]
    assert lines[8] == "1378 rows (32 left out for a missing value), 166 clusters: 81 treated, 85 not"
    assert lines[9].startswith("Moulton ratio SE(CV1)/SE(iid) = ")
    assert lines[10].startswith("Read CV2: ")
    assert err == f"warning: {DROPPED}\n"


def test_demo_is_the_fit_it_says_it_is(capsys):
    assert run(["demo"]) == 0
    demo = capsys.readouterr().out.splitlines()
    formula = demo[0].split('"')[1]
    assert run(["fit", FARMERS, formula, "--cluster", "address"]) == 0
    assert capsys.readouterr().out.splitlines() == demo[2:]


def test_json_is_one_document_with_what_python_gives(capsys):
    arguments = ["fit", FARMERS, "takeup_survey ~ default + age", "--cluster", "address"]
    assert run([*arguments, "--term", "age", "--level", "0.9", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    with pytest.warns(lyra.errors.DroppedRowsWarning):
        ladder = lyra.fit("takeup_survey ~ default + age", FARMERS, clusters="address").ladder("age", level=0.9)
    assert err == ""
    assert list(document) == ["n_rows", "n_clusters", "dropped_rows", "term", "ladder", "diagnostics", "warnings"]
    assert (document["n_rows"], document["n_clusters"], document["dropped_rows"]) == (1406, 166, 4)
    assert document["term"] == "age"
    assert list(document["ladder"][0]) == [
        "method", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "dof", "law",
    ]  # fmt: skip
    for line, rung in zip(document["ladder"], ladder.rungs, strict=True):
        assert line["law"] == rung.law
        assert line["std_error"] == pytest.approx(rung.std_error, rel=1e-12)
        assert line["conf_high"] == pytest.approx(rung.conf_high, rel=1e-12)
    assert document["diagnostics"]["moulton_ratio"] == pytest.approx(ladder.moulton, rel=1e-12)
    assert document["diagnostics"]["read"] == "CV2"
    assert document["warnings"] == [
        "4 of 1410 rows have a missing value or cluster label (age in 4) and were left out."
    ]


def test_numbers_that_do_not_exist_are_null(one_treated, capsys):
    assert run(["fit", one_treated, "y ~ treat", "--cluster", "g", "--json"]) == 0
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    lines = {line["method"]: line for line in document["ladder"]}
    assert (lines["CV3"]["std_error"], lines["CV3"]["dof"], lines["CV3"]["law"]) == (None, None, "not computable")
    assert math.isfinite(lines["CV1"]["std_error"])
    assert document["diagnostics"]["treated_clusters"] == 1
    assert document["diagnostics"]["control_clusters"] == 7
    assert document["diagnostics"]["read"] is None
    assert [warning.split(" is ")[0] for warning in document["warnings"]] == ["CV2", "CV3"]


def test_lines_can_be_chosen(capsys):
    assert (
        run(
            [
                "fit",
                FARMERS,
                "takeup_survey ~ default",
                "--cluster",
                "address",
                "--variant",
                "HC3",
                "--variant",
                "CV3J",
                "--json",
            ]
        )
        == 0
    )
    assert [line["method"] for line in json.loads(capsys.readouterr().out)["ladder"]] == ["HC3", "CV3J"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("fit", FARMERS, "takeup_survey ~ defualt", "--cluster", "address"),
            "'defualt' is not a column: did you mean 'default'?",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "adress"),
            "clusters='adress' is not a column: did you mean 'address'?",
        ),
        (("fit", "no.csv", "y ~ x", "--cluster", "g"), "There is no file 'no.csv': check the path,"),
        (
            ("fit", FARMERS, "takeup_survey ~ default +", "--cluster", "address"),
            "'+' at position 25 is not followed by a term",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "address", "--term", "x"),
            "term='x' is not a coefficient",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "address", "--level", "95"),
            "level=95.0 is not a coverage",
        ),
        (("fit", FARMERS, "takeup_survey ~ default"), 'Command "fit" parameter --cluster requires an argument.'),
        (("fit", FARMERS, "y ~ x", "--cluster", "g", "--variant", "CV4"), 'Invalid value "CV4" for --variant.'),
        (("fti", FARMERS), 'Unknown command "fti". Did you mean "fit"?'),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_is_one_sentence_on_stderr_and_code_2(arguments, told, as_json, capsys):
    assert run([*arguments, *(["--json"] if as_json else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"lyra: {told}")


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["demo", "--help"]])
def test_help_is_there(arguments, capsys):
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: lyra")
    assert len(arguments) == 1 or "Example: lyra" in " ".join(out.split())


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == lyra.__version__


def test_process_says_nothing_more_than_asked():
    fine = shell("demo", "--json")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert json.loads(fine.stdout)["n_clusters"] == 166
    bad = shell("fit", "no.csv", "y ~ x", "--cluster", "g")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert len(bad.stderr.splitlines()) == 1


def test_help_loads_no_numerics():
    code = (
        "import sys; from lyra.cli import run; run(['fit', '--help']);"
        "print([name for name in ('numpy', 'scipy', 'narwhals', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
