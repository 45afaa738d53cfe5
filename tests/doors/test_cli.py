"""The command line: what goes to stdout, what to stderr, and the exit code."""

from __future__ import annotations

import io
import json
import math
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.cli import app, run
from lyra.datasets import social_insure
from lyra.designs import ByCluster, ByUser, Pairs, Stratified, Switchback
from lyra.errors import FinerClustersWarning
from lyra.verdict.certificate import Certificate

EXAMPLES = Path(__file__).parents[2] / "examples"
FARMERS = str(social_insure())
SHOWN = ["iid", "CV1", "CV2", "CV3", "CV2*", "CV3*", "CV1*", "R1*"]
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


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """Sixteen shops in pairs over six weeks, nothing treated yet."""
    rng = np.random.default_rng(20275)
    shop, week = np.divmod(np.arange(16 * 6 * 2) // 2, 6)
    frame = pd.DataFrame({"shop": shop, "week": week, "pair": shop // 2, "x": rng.normal(size=shop.size)})
    path = tmp_path_factory.mktemp("past") / "past.parquet"
    frame.assign(y=rng.normal(size=16)[shop] + rng.normal(size=shop.size)).to_parquet(path, index=False)
    return str(path)


@pytest.fixture
def asked(tmp_path):
    def written(text):
        path = tmp_path / "asked.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


# --- demo ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told():
    """What the demo says: stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert run(["demo"]) == 0
    return out.getvalue(), err.getvalue()


def test_demo_tells_a_real_experiment_and_then_the_two_designs(told):
    lines = [line for line in told[0].splitlines() if line]
    assert lines[0].startswith("A real experiment: insurance offered to 1,410 rice farmers in 166 villages.")
    assert lines[1].startswith('$ lyra fit social_insure.csv "takeup_survey ~ default + ')
    assert lines[2].startswith("default: estimate 0.")
    assert lines[3].split()[:3] == ["method", "std.", "error"]
    assert [line.split()[0] for line in lines[5:14]] == [*SHOWN, "WCR-11"]
    assert lines[14] == "1,378 rows (32 left out for a missing value), 166 clusters: 81 treated, 85 not"
    assert lines[15].startswith("Moulton ratio SE(CV1)/SE(iid) = ")
    assert lines[16].startswith("Other coefficients (asked for with --term): intensive, male, age, agpop, ")
    assert lines[17].startswith(
        "Worst sizes: the largest share of true nulls that a line flags in any of these worlds, "
    )
    assert lines[18] == "WCR-11: the largest share of true nulls flagged in 7 such worlds, simulated."
    assert lines[19].startswith("No danger found: 166 clusters, for 'default' worth ")
    assert lines[20].startswith("Read ")
    assert "in every world listed above it flags a true null at most 5 % of the time, computed exactly" in lines[20]
    places = [
        told[0].index(f"\n{head}\n") for head in ("$ lyra certify", "cluster-randomised A/A", "user-randomised A/A")
    ]
    assert places == sorted(places)
    assert told[1] == f"warning: {DROPPED}\n"


def test_demo_has_the_lesson(told):
    """The naive size is .13 by theory [2Φ(−1.96/1.296)]; a verdict is wrong at most .01 of the time."""
    cluster, user = (
        told[0].split("user-randomised A/A\n")[0].split("$ lyra certify")[1],
        told[0].split("user-randomised A/A\n")[1],
    )
    verdicts = [
        {line.split()[0]: line.split()[1] for line in part.splitlines() if line.startswith(("iid ", "CV"))}
        for part in (cluster, user)
    ]
    assert verdicts[0]["iid"] == "uncertified"
    assert verdicts[0]["CV1"] == verdicts[0]["CV3"] == "certified"
    assert set(verdicts[1].values()) == {"certified"}
    assert "Data: World(n_clusters=50, cluster_size=35, icc=0.02)" in told[0].splitlines()


def test_naive_is_uncertified_and_a_cluster_robust_line_read_on_the_real_experiment(told):
    ladder = {line.split()[0]: line for line in told[0].split("$ lyra certify")[0].splitlines() if " to " in line}
    assert "uncertified" in ladder["iid"]
    read = told[0].split("\nRead ")[1].split(":")[0]
    assert read in ("CV1", "CV2", "CV3", "WCR-11")
    assert (" certified (" in ladder[read]) != ("is not settled yet" in told[0])


def test_demo_is_the_fit_it_says_it_is(told, capsys):
    formula = told[0].split('"')[1]
    assert run(["fit", FARMERS, formula, "--cluster", "address", "--bootstrap", "--seed", "20"]) == 0
    shown = capsys.readouterr().out
    assert shown in told[0]
    assert len(shown) > 500


# --- fit ----------------------------------------------------------------------------------------


def test_json_is_one_document_with_what_python_gives(capsys):
    arguments = ["fit", FARMERS, "takeup_survey ~ default + age", "--cluster", "address"]
    assert run([*arguments, "--term", "age", "--level", "0.9", "--no-certify", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    with pytest.warns(lyra.errors.DroppedRowsWarning):
        ladder = lyra.fit("takeup_survey ~ default + age", FARMERS, clusters="address").ladder("age", level=0.9)
    assert err == ""
    assert list(document) == ["n_rows", "n_clusters", "dropped_rows", "term", "ladder", "diagnostics", "warnings"]
    assert (document["n_rows"], document["n_clusters"], document["dropped_rows"]) == (1406, 166, 4)
    assert document["term"] == "age"
    numbers = ["method", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "dof", "law"]
    sizes = ["verdict", "size", "size_low", "size_high", "exact", "worst", "set_by", "power"]
    assert list(document["ladder"][0]) == numbers + sizes
    for line, rung in zip(document["ladder"], ladder.rungs, strict=True):
        assert line["law"] == rung.law
        assert line["std_error"] == pytest.approx(rung.std_error, rel=1e-12)
        assert line["conf_high"] == pytest.approx(rung.conf_high, rel=1e-12)
    assert document["diagnostics"]["moulton_ratio"] == pytest.approx(ladder.moulton, rel=1e-12)
    assert document["diagnostics"]["read"] == ladder.advice.method is not None
    assert document["warnings"] == [
        "4 of 1410 rows have a missing value or cluster label (age in 4) and were left out."
    ]


def test_numbers_that_do_not_exist_are_null(one_treated, capsys):
    assert run(["fit", one_treated, "y ~ treat", "--cluster", "g", "--json"]) == 4
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    lines = {line["method"]: line for line in document["ladder"]}
    assert (lines["CV3"]["std_error"], lines["CV3"]["dof"], lines["CV3"]["law"]) == (None, None, "not computable")
    assert math.isfinite(lines["CV1"]["std_error"])
    assert document["diagnostics"]["treated_clusters"] == 1
    assert document["diagnostics"]["control_clusters"] == 7
    assert document["diagnostics"]["read"] is None
    assert (lines["CV3"]["verdict"], lines["CV3"]["size"]) == ("not computable", None)
    assert document["warnings"] == [
        "CV2 and CV3 are not computable for 'treat': without cluster 0 there is no estimate of it."
    ]


def test_lines_can_be_chosen(capsys):
    lines = ["--variant", "HC3", "--variant", "CV3J", "--tolerance", "1.25"]
    assert run(["fit", FARMERS, "takeup_survey ~ default", "--cluster", "address", *lines, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["ladder"]
    assert [(line["method"], "verdict" in line) for line in found] == [("HC3", False), ("CV3J", True)]


def test_sizes_of_the_ladder(past, capsys):
    asked = [word for variant in ("iid", "CV2", "CV2*") for word in ("--variant", variant)]
    assert run(["fit", past, "y ~ x", "--cluster", "shop", *asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for line in document["ladder"]:
        assert line["verdict"] in ("certified", "uncertified")
        assert line["size_low"] == line["size"] == line["size_high"]
    assert document["diagnostics"]["reason"].endswith(".")


def test_bootstrap_is_a_line_and_its_seed_is_the_users(past, capsys):
    arguments = ["fit", past, "y ~ x", "--cluster", "shop", "--variant", "CV1", "--no-certify", "--bootstrap", "--json"]
    assert run(arguments) == 0
    line = json.loads(capsys.readouterr().out)["ladder"][-1]
    boot = lyra.fit("y ~ x", past, clusters="shop").bootstrap("x", rng=0)
    assert (line["method"], line["p_value"]) == ("WCR-11", boot.pvalue)
    assert [line["conf_low"], line["conf_high"]] == list(boot.conf_int())
    assert line["dof"] is None


def test_equal_seeds_print_the_same(past, capsys):
    """A seed is that of what is simulated: exact sizes have none."""
    for asked, simulated in ((["--bootstrap", "--replicates", "500"], True), ([], False)):
        shown = []
        for seed in ("3", "3", "4"):
            assert run(["fit", past, "y ~ x", "--cluster", "shop", "--seed", seed, *asked, "--json"]) == 0
            shown.append(capsys.readouterr().out)
        assert shown[0] == shown[1]
        assert (shown[1] != shown[2]) == simulated


def test_one_treated_cluster_is_told_and_no_line_is_read(one_treated, capsys):
    assert run(["fit", one_treated, "y ~ treat", "--cluster", "g"]) == 4
    out, err = capsys.readouterr()
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert " ".join(lines["CV3"].split()).endswith("- - - - not computable not computable")
    assert "Read no line: one cluster stands for a whole arm of 'treat', so its own shock cannot be told" in out
    assert err == "warning: CV2 and CV3 are not computable for 'treat': without cluster 0 there is no estimate of it.\n"


def test_without_a_certificate_the_numbers_are_all_that_is_asked_for(one_treated, capsys):
    assert run(["fit", one_treated, "y ~ treat", "--cluster", "g", "--no-certify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["diagnostics"]["read"] is None


def test_a_bootstrap_that_does_not_exist_leaves_the_other_lines(one_treated, capsys):
    """y = g in every row but for x, whose only cluster fits it exactly: no score varies."""
    table = pd.DataFrame({"g": np.repeat([0, 1], 4), "x": [1.0, 2, 3, 5, 0, 0, 0, 0], "y": [3.0, 1, 2, 5, 1, 2, 4, 4]})
    table.to_csv(one_treated, index=False)
    assert run(["fit", one_treated, "y ~ x + C(g)", "--cluster", "g", "--bootstrap", "--no-certify"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[3:7]] == ["iid", "CV1", "CV2", "CV3"]
    assert "warning: There is no bootstrap line. The standard error of x is zero: " in err


# --- certify: what is asked ---------------------------------------------------------------------

CELL = {
    "design", "method", "replicates", "rejections", "size", "size_low", "size_high", "inflation", "mean_se",
    "sd_estimate", "coverage", "verdict", "flags",
}  # fmt: skip


def certified(capsys, *arguments, code=0):
    """Return the document printed, and check that nothing else was."""
    assert run(["certify", *arguments, "--json"]) == code
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out, parse_constant=pytest.fail)


def test_certify_alone_is_the_seeds_lesson(capsys):
    """The naive size is .1305 by theory; 4,000 replicates leave a Monte-Carlo error of .005."""
    document = certified(capsys)
    assert {"cells", "recommended", "seed", "digest", "config", "data", "warnings"} <= set(document)
    assert all(set(cell) >= CELL for cell in document["cells"])
    found = {(cell["design"], cell["method"]): cell for cell in document["cells"]}
    naive = found["cluster-randomised A/A", "iid"]
    assert abs(naive["size"] - 0.1305) < 4 * 0.0053
    assert abs(naive["sd_estimate"] / naive["mean_se"] - 1.2961) < 4 * 0.0145  # of 4,000 draws' deviation
    assert naive["verdict"] == "uncertified"
    assert {found[key]["verdict"] for key in found if key != ("cluster-randomised A/A", "iid")} == {"certified"}
    assert document["recommended"] in ("CV1", "CV2", "CV3")


@pytest.mark.parametrize(
    ("example", "designs", "code"),
    [("few_clusters", 4, 3), ("few_treated", 5, 3), ("pairs", 9, 3), ("switchback", 4, 3)],
)
def test_examples_run(example, designs, code, capsys):
    """In bounded form: 1,000 replicates settle few methods in every design."""
    document = certified(capsys, str(EXAMPLES / f"{example}.toml"), "--maximum", "1000", code=code)
    assert len({cell["design"] for cell in document["cells"]}) == designs
    assert max(cell["replicates"] for cell in document["cells"]) <= 1_000
    assert document["config"]["maximum"] == 1_000


def test_every_example_is_run():
    parametrized = next(mark for mark in test_examples_run.pytestmark if mark.name == "parametrize")
    assert {path.stem for path in EXAMPLES.glob("*.toml")} == {case[0] for case in parametrized.args[1]}


def test_a_files_settings_hold_unless_the_shell_says_otherwise(asked, capsys):
    path = asked(
        'seed = 3\nmethods = ["iid", "CV3"]\nfirst = 500\nmaximum = 500\ntolerance = "liberal"\nalpha = 0.1\n'
        "[world]\nn_clusters = 10\ncluster_size = 4\n[design]\n"
    )
    config = certified(capsys, path)["config"]
    assert (config["seed"], config["methods"], config["tolerance"], config["alpha"]) == (3, ["iid", "CV3"], 1.5, 0.1)
    told = ["--seed", "4", "--method", "CV2", "--tolerance", "2", "--maximum", "1000"]
    config = certified(capsys, path, *told)["config"]
    assert (config["seed"], config["methods"], config["tolerance"], config["maximum"]) == (4, ["CV2"], 2, 1_000)


@pytest.mark.parametrize(
    ("options", "design"),
    [
        ([], {"kind": "ByCluster"}),
        (["--treated", "4"], {"kind": "ByCluster", "treated": 4}),
        (["--treated", "0.25"], {"kind": "ByCluster", "treated": 0.25}),
        (["--treated", "bernoulli"], {"kind": "ByCluster", "treated": "bernoulli"}),
        (["--design", "user"], {"kind": "ByUser"}),
        (["--design", "user", "--treated", "half"], {"kind": "ByUser", "treated": "half"}),
        (["--design", "stratified", "--stratum", "pair"], {"kind": "Stratified"}),
        (["--design", "pairs", "--stratum", "pair", "--cluster-by", "unit"], {"kind": "Pairs"}),
        (
            ["--design", "switchback", "--window", "week", "--block", "2", "--cluster-by", "unit"],
            {"kind": "Switchback", "block": 2},
        ),
        (
            ["--design", "switchback", "--window", "week", "--cluster-by", "unit"]  # noqa: RUF005
            + ["--block", "3", "--pattern", "alternating", "--washout", "1"],
            {"kind": "Switchback", "block": 3, "pattern": "alternating", "washout": 1},
        ),
    ],
)
def test_a_table_under_every_design_is_what_python_gives(past, options, design, capsys):
    given = dict(zip(options[::2], options[1::2], strict=True))
    columns = {
        name[2:].replace("-", "_"): value
        for name, value in given.items()
        if name in ("--stratum", "--window", "--cluster-by")
    }
    fixed = ["--outcome", "y", "--cluster", "shop", "--covariate", "x", "--method", "CV1", "--maximum", "500"]
    assert run(["certify", past, *fixed, *options, "--json"]) in (0, 1, 3)
    document = json.loads(capsys.readouterr().out)
    made = {
        "ByCluster": ByCluster,
        "ByUser": ByUser,
        "Stratified": Stratified,
        "Pairs": Pairs,
        "Switchback": Switchback,
    }
    drawn = {name: value for name, value in design.items() if name != "kind"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FinerClustersWarning)
        cert = lyra.certify(
            past,
            made[design["kind"]](**drawn),
            outcome="y",
            cluster="shop",
            covariates=["x"],
            methods=["CV1"],
            maximum=500,
            **columns,
        )
    assert document["config"]["designs"] == design
    assert document["digest"] == cert.digest


# --- certify: what comes out --------------------------------------------------------------------


def test_exit_codes(past, asked, capsys):
    assert run(["certify", "--method", "CV3"]) == 0  # every requested method is certified
    assert run(["certify", "--method", "iid", "--method", "CV3"]) == 1  # one of the requested is not
    assert run(["certify", "--method", "CV3", "--maximum", "500"]) == 3  # too few replicates to tell
    assert run(["certify", past]) == 2
    # One treated cluster of twelve: CV1 rejects nearly always, and nothing else was asked for.
    few = asked('methods = ["CV1"]\nmaximum = 500\n[world]\nn_clusters = 12\n[design]\ntreated = 1\n')
    assert run(["certify", few]) == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("design", "method", "word"),
    [("treated = 1", "CV3", "not computable"), ("", "WCR-11", "never rejects")],
    ids=["not computable", "never rejects"],
)
def test_what_was_asked_for_and_has_no_size_is_not_certified(design, method, word, asked, capsys):
    """Without its only treated cluster there is no estimate; of four clusters no bootstrap's p-value is below .05."""
    few = asked(
        f"weights = 'rademacher'\n[world]\nn_clusters = 4\ncluster_size = 5\n[design]\nkind = 'cluster'\n{design}\n"
    )
    options = ["--method", method, "--maximum", "500", "--json"]
    assert run(["certify", few, *options]) == 1
    document = json.loads(capsys.readouterr().out)
    assert {cell["verdict"] for cell in document["cells"]} == {word}
    assert document["recommended"] is None


@pytest.mark.parametrize(("workers", "chunks"), [(1, 1), (2, 1), (2, 0)], ids=["alone", "two", "two that start"])
def test_ctrl_c_ends_a_run_in_one_line_and_its_store_serves_on(workers, chunks, asked, tmp_path):
    """A terminal sends it to the workers too: they leave with their parent, and what was stored is right."""
    world = asked("methods = ['WCR-11', 'CV2']\nmaximum = 4000\n[world]\nkind = 'regressor'\nn_clusters = [20, 30]\n")
    store = tmp_path / "run.sqlite"
    command = [sys.executable, "-m", "lyra", "certify", world, "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    going = subprocess.Popen(
        [*command, "--store", str(store), "--workers", str(workers)], start_new_session=True, **pipes
    )
    patience = time.monotonic() + 60
    while stored(store) < chunks and going.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    time.sleep(0 if chunks else 0.25)  # the store is there, and the workers load what they need
    os.killpg(going.pid, signal.SIGINT)
    out, err = going.communicate(timeout=60)  # the pipes end with the last process that holds them
    assert (going.returncode, out, len(err.splitlines())) == (130, "", 1)
    assert gone(going.pid)
    again = subprocess.run([*command, "--store", str(store)], check=False, **pipes)
    assert (
        json.loads(again.stdout)["digest"]
        == lyra.certify(
            {f"n_clusters={G}": lyra.RegressorWorld(G) for G in (20, 30)}, methods=["WCR-11", "CV2"], maximum=4_000
        ).digest
    )


def gone(group):
    """Return whether no process of a group is left, some seconds after the last of them closed its pipes."""
    patience = time.monotonic() + 20
    while time.monotonic() < patience:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def stored(store):
    """Return how many chunks a store holds, as a second reader sees it; less than none while it is not there."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
        return db.execute("SELECT count(*) FROM chunk").fetchone()[0]
    return -1


def test_an_analysis_that_is_certified_is_enough(asked, capsys):
    """Clustered by window it rejects far too often, by randomised unit it does not: the file asks which one to read."""
    path = asked(
        'methods = ["CV3"]\nmaximum = 8000\n[world]\nn_clusters = 24\ncluster_size = 4\nwindows = 4\n'
        'icc = 0.2\n[design]\n[analysis]\ncluster_by = ["window", "unit"]\n'
    )
    assert run(["certify", path]) == 0
    out = capsys.readouterr().out
    assert "Read CV3, clustered by unit: the only one that holds its size and ever rejects in every design." in out


def test_out_reads_back_as_the_same_certificate(tmp_path, asked, capsys):
    path = asked('methods = ["CV3"]\nmaximum = 500\n[world]\nn_clusters = 10\n[design]\n')
    document = certified(capsys, path, "--out", str(tmp_path / "kept.json"), code=3)
    read = Certificate.from_json(tmp_path / "kept.json")
    assert json.loads(json.dumps(read.to_dict())) | {"warnings": []} == document


def test_a_store_resumed_and_two_workers_give_the_same_digest(tmp_path, capsys):
    store = str(tmp_path / "run.sqlite")
    options = ["--method", "CV3", "--maximum", "1000"]
    first = certified(capsys, *options, "--store", store, code=3)
    again = certified(capsys, *options, "--store", store, code=3)
    assert first["digest"] == again["digest"] == certified(capsys, *options, code=3)["digest"]


@pytest.mark.certify
def test_workers_do_not_change_what_is_printed(past, capsys):
    options = [past, "--outcome", "y", "--cluster", "shop", "--maximum", "1000", "--method", "CV3"]
    printed = []
    for workers in ("1", "2"):
        run(["certify", *options, "--workers", workers, "--json"])
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_warnings_go_to_stderr_or_into_the_document(past, capsys):
    own = [past, "--outcome", "y", "--cluster", "shop", "--design", "pairs", "--stratum", "pair", "--maximum", "500"]
    told = (
        "The analysis clusters by cluster and the design randomises by pair: 8 of its units are split over several "
        "clusters, so cluster with --cluster-by unit."
    )
    code = run(["certify", *own, "--method", "CV1"])
    out, err = capsys.readouterr()
    assert err == f"warning: {told}\n"
    assert "  clusters finer than randomised: CV1" in out
    assert certified(capsys, *own, "--method", "CV1", code=code)["warnings"] == [told]


def test_a_pipe_gets_a_paragraph_a_line_and_no_trailing_blanks(told):
    assert [line for line in told[0].splitlines() if line != line.rstrip()] == []
    assert [line for line in told[0].splitlines() if line.startswith("Read ") and not line.endswith(".")] == []


# --- simulate -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_simulate_writes_the_first_world_under_the_first_design(asked, tmp_path, name, capsys):
    path = asked("seed = 9\n[world]\nn_clusters = [6, 8]\ncluster_size = 3\neffect = 2.0\n[design]\ntreated = [2, 3]\n")
    assert run(["simulate", path, "--out", str(tmp_path / name)]) == 0
    assert capsys.readouterr() == ("", "")
    written = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    sample = lyra.World(6, cluster_size=3, effect=2.0).sample(ByCluster(2), 9)
    assert list(written.columns) == list(sample.columns)
    for column, values in sample.columns.items():
        np.testing.assert_allclose(written[column], values, rtol=1e-15)
    assert written.groupby("cluster")["treat"].first().sum() == 2


def test_simulate_leaves_out_the_washout_and_takes_a_seed(asked, tmp_path):
    path = asked(
        "[world]\nn_clusters = 4\ncluster_size = 2\nwindows = 6\n[design]\n"
        'kind = "switchback"\nblock = 3\nwashout = 1\n'
    )
    frames = []
    for seed in ("1", "1", "2"):
        assert run(["simulate", path, "--out", str(tmp_path / "rows.csv"), "--seed", seed]) == 0
        frames.append(pd.read_csv(tmp_path / "rows.csv"))
    assert sorted(frames[0]["window"].unique()) == [1, 2, 4, 5]
    assert frames[0].equals(frames[1])
    assert not frames[0].equals(frames[2])


def test_what_was_simulated_can_be_fitted(asked, tmp_path, capsys):
    path = asked("[world]\nn_clusters = 20\ncluster_size = 5\n[design]\n")
    assert run(["simulate", path, "--out", str(tmp_path / "rows.parquet")]) == 0
    assert run(["fit", str(tmp_path / "rows.parquet"), "outcome ~ treat + pre", "--cluster", "cluster", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["diagnostics"]["treated_clusters"] == 10


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--outcome", "y"], "A table needs --cluster, the name of its column: pass it."),
        (["--cluster", "shop"], "A table needs --outcome, the name of its column: pass it."),
        (
            ["--outcome", "yy", "--cluster", "shop"],
            "'yy' is not a column: did you mean 'y'? there is 'shop', 'week', 'pair', 'x', 'y'.",
        ),
        (
            ["--outcome", "y", "--cluster", "shp"],
            "--cluster shp is not a column: did you mean 'shop'? there is 'shop', 'week', 'pair', 'x', 'y'.",
        ),
        (
            ["--outcome", "y", "--cluster", "shop", "--treated", "many"],
            "--treated 'many' is not half, bernoulli or a number: pass one of them.",
        ),
        (
            ["--outcome", "y", "--cluster", "shop", "--treated", "16"],
            "--treated 16 of 16 clusters leaves an arm empty; treat at least 1 and at most 15.",
        ),
        (
            ["--outcome", "y", "--cluster", "shop", "--design", "pairs", "--treated", "3"],
            "A pairs design takes no --treated: leave it out.",
        ),
        (
            ["--outcome", "y", "--cluster", "shop", "--block", "3"],
            "A cluster design takes no --block: leave it out.",
        ),
        (
            ["--outcome", "y", "--cluster", "shop", "--design", "pairs"],
            "the design 'matched pairs' reads the stratum of each row: name its column with --stratum.",
        ),
        (
            ["--outcome", "y", "--cluster", "shop", "--design", "switchback", "--window", "week", "--block", "4"],
            "6 windows are not divisible by --block 4; choose a block that divides 6, or leave the last 2 out.",
        ),
        (["--outcome", "y", "--cluster", "shop", "--seed", "-1"], 'Invalid value "-1" for --seed. Must be >= 0.'),
    ],
)
def test_bad_input_of_a_table(past, options, told, capsys):
    assert run(["certify", past, "--maximum", "500", *options]) == 2
    assert capsys.readouterr() == ("", f"lyra: {told}\n")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--outcome", "y"], "outcome"),
        (["--cluster", "shop"], "cluster"),
        (["--cluster-by", "unit"], "cluster-by"),
        (["--covariate", "x"], "covariate"),
        (["--design", "user"], "design"),
        (["--treated", "3"], "treated"),
        (["--block", "2"], "block"),
    ],
)
def test_options_of_a_table_are_not_swallowed(options, name, asked, capsys):
    assert run(["certify", *options]) == 2
    assert capsys.readouterr() == ("", f"lyra: --{name} belongs to a table: name the table before it.\n")
    path = asked("[world]\nn_clusters = 10\n[design]\n")
    assert run(["certify", path, *options]) == 2
    assert capsys.readouterr() == ("", f"lyra: --{name} belongs to a table: {path!r} says it itself.\n")


def test_an_impossible_correlation(asked, capsys):
    path = asked('[world]\nn_clusters = 10\noutcome = "conversion"\nbase_rate = 0.05\nicc = 0.99\n[design]\n')
    assert run(["certify", path]) == 2
    told = (
        "world does not fit: an ICC of 0.99 cannot be planted in a conversion at base_rate=0.05; the attainable range "
        "is 0 to 0.927, so lower it or plant it latent."
    )
    assert capsys.readouterr() == ("", f"lyra: {told}\n")


def test_a_file_without_a_design(asked, capsys):
    assert run(["certify", asked("[world]\nn_clusters = 10\n")]) == 2
    told = "a World treats no one by itself; give it a design, such as ByCluster()."
    assert capsys.readouterr() == ("", f"lyra: {told}\n")


def test_no_workers(capsys):
    assert run(["certify", "--workers", "0"]) == 2
    assert capsys.readouterr() == (
        "",
        "lyra: workers must be a whole number from 1 to 256, got 0: 1 computes in this process.\n",
    )


def test_a_file_that_is_not_there(tmp_path, capsys):
    path = str(tmp_path / "none.toml")
    for arguments in (["certify", path], ["simulate", path, "--out", "rows.csv"]):
        assert run(arguments) == 2
        told = f"lyra: {path!r} cannot be read (No such file or directory): check the path.\n"
        assert capsys.readouterr() == ("", told)


@pytest.fixture
def ten(asked):
    """A world that is certified in a moment, and its command."""
    return asked('methods = ["CV3"]\nmaximum = 500\n[world]\nn_clusters = 10\n[design]\n')


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("none/kept.json", "is in no folder that exists: make the folder first."),
        ("s3://bucket/kept.json", "is an address: name a file on this machine."),
        ("https://example.org/kept.json", "is an address: name a file on this machine."),
        ("", "is a folder: name a file in it."),
        ("/dev/null", "is no ordinary file: name one."),
    ],
)
@pytest.mark.parametrize("command", ["certify", "power", "simulate"])
def test_out_is_refused_before_the_run(command, out, told, ten, monkeypatch, capsys):
    import lyra.certifying
    import lyra.planning

    for module, name in ((lyra.certifying, "certify"), (lyra.planning, "power")):
        monkeypatch.setattr(module, name, pytest.fail)
    told = told if out else told.replace("''", "'.'")
    assert run([command, ten, "--out", out]) == 2
    printed, err = capsys.readouterr()
    assert printed == ""
    assert err.endswith(f"{told}\n")
    assert len(err.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_out_that_may_not_be_written_is_refused(ten, tmp_path, capsys):
    kept = tmp_path / "kept.json"
    kept.write_text("mine")
    kept.chmod(0o444)
    assert run(["certify", ten, "--out", str(kept)]) == 2
    assert capsys.readouterr()[1].endswith("may not be written here: choose a folder that is yours.\n")


def test_a_forbidden_out_is_refused(ten, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda *_: False)
    out = str(tmp_path / "kept.json")
    assert run(["certify", ten, "--out", out]) == 2
    told = f"lyra: --out {out!r} may not be written here: choose a folder that is yours.\n"
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize(("command", "usual"), [("certify", "certificate.json"), ("power", "plan.json")])
def test_out_may_be_a_folder(command, usual, ten, tmp_path, capsys):
    assert run([command, ten, "--out", str(tmp_path), "--json"]) in (0, 3)
    printed = json.loads(capsys.readouterr().out)
    del printed["warnings"]
    assert json.loads((tmp_path / usual).read_text()) == printed


def test_what_was_at_out_survives_a_write_that_fails(ten, tmp_path, monkeypatch, capsys):
    out = tmp_path / "kept.json"
    out.write_text("mine")

    def full(_, path):
        Path(path).write_text("hal")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Certificate, "to_json", full)
    assert run(["certify", ten, "--out", str(out), "--json"]) == 2
    printed, err = capsys.readouterr()
    assert json.loads(printed)["digest"]  # the result of the run is not lost
    assert err == f"lyra: --out {str(out)!r} could not be written (No space left on device): what was there is kept.\n"
    assert [(path.name, path.read_text()) for path in tmp_path.glob("*kept*")] == [("kept.json", "mine")]


def test_a_store_of_another_run_and_a_corrupt_one(tmp_path, capsys):
    path = tmp_path / "run.sqlite"
    options = ["certify", "--method", "CV3", "--maximum", "500", "--store", str(path)]
    assert run([*options, "--seed", "1"]) == 3
    capsys.readouterr()
    assert run([*options, "--seed", "2"]) == 2
    told = (
        f"lyra: the store {path} was made by another configuration: seed is 1 in the store and 2 in this run; choose "
        "another store for this run, or set this back.\n"
    )
    assert capsys.readouterr() == ("", told)
    path.write_bytes(path.read_bytes()[:5000])
    assert run([*options, "--seed", "1"]) == 2
    told = (
        f"lyra: the store {path} is corrupt (database disk image is malformed): it was moved to {path}.corrupt-1 and "
        "nothing was deleted; run again to start a new store.\n"
    )
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("fit", FARMERS, "takeup_survey ~ defualt", "--cluster", "address"),
            "'defualt' is not a column: did you mean 'default'?",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "adress"),
            "--cluster adress is not a column: did you mean 'address'?",
        ),
        (("fit", "no.csv", "y ~ x", "--cluster", "g"), "There is no file 'no.csv': check the path,"),
        (
            ("fit", FARMERS, "takeup_survey ~ default +", "--cluster", "address"),
            "'+' at position 25 is not followed by a term",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "address", "--term", "x"),
            "--term x is not a coefficient",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "address", "--level", "95"),
            "--level 95.0 is not a coverage",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default"),
            "lyra fit needs --cluster, the column of cluster labels: see lyra fit --help.",
        ),
        (("fit", FARMERS), 'lyra fit needs FORMULA, such as "y ~ treat + x": see lyra fit --help.'),
        (("fit", FARMERS, "y ~ x", "--cluster"), "--cluster needs a value after it: see lyra fit --help."),
        (("fit", FARMERS, "y ~ x", "--cluster", "g", "--clutser", "g"), "Unknown option: --clutser. Did you mean"),
        (
            ("fit", FARMERS, "y", "~", "x", "--cluster", "g"),
            "'~ x' is more than this command takes: quote a formula or a name that holds blanks.",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "takeup_survey"),
            "--cluster takeup_survey is the outcome: name the column of cluster labels.",
        ),
        (
            ("fit", FARMERS, "takeup_survey ~ default", "--cluster", "address", "--variant", "CV4"),
            "--variant CV4 is unknown: did you mean",
        ),
        (
            ("fit", FARMERS, "y ~ x", "--cluster", "g", "--seed", "1.5"),
            'Invalid value for --seed: "1.5" is not a whole number.',
        ),
        (("certify", "--workers", "2.5"), 'Invalid value for --workers: "2.5" is not a whole number.'),
        (
            ("certify", FARMERS, "--outcome", "age", "--cluster", "age"),
            "--cluster age is the outcome: name the column of cluster labels.",
        ),
        (("certify", "--decimal", ","), "--decimal belongs to a table: name the table before it."),
        (("fti", FARMERS), 'Unknown command "fti". Did you mean "fit"?'),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_bad_input_is_one_sentence_on_stderr_and_code_2(arguments, told, as_json, capsys):
    assert run([*arguments, *(["--json"] if as_json else [])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"lyra: {told}")


@pytest.mark.parametrize("arguments", [[], ["fit"], ["certify"], ["simulate"], ["demo"], ["atlas"]])
def test_help_is_there_with_an_example(arguments, capsys):
    assert run([*arguments, "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith("Usage: lyra")
    assert not arguments or "Example: lyra" in out or "Examples: lyra" in out


@pytest.mark.parametrize("command", ["fit", "certify", "power", "simulate", "demo", "atlas"])
def test_every_option_has_a_help_text(command):
    collection = app[command].assemble_argument_collection(parse_docstring=True)
    typed = [argument for argument in collection if argument.name != "*"]  # a record of options is not typed itself
    assert [argument.name for argument in typed if not (argument.parameter.help or "").strip()] == []


def test_help_names_the_guides_and_the_exit_codes(capsys):
    assert run(["--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    guides = Path(__file__).parents[2] / "docs" / "guides"
    assert [guide.name for guide in guides.glob("*.md") if guide.name not in out] == []
    assert "0 fine; 1 uncertified; 2 bad input or usage; 3 inconclusive; 4 no line can be read; 130 interrupted" in out


def test_a_switchback_without_a_block_has_blocks_of_one(past, capsys):
    """Six weeks are divisible by 1, as the help says, and by 4 they are not."""
    own = [past, "--outcome", "y", "--cluster", "shop", "--design", "switchback", "--window", "week"]
    assert run(["certify", *own, "--method", "CV1", "--maximum", "500", "--json"]) in (0, 1, 3)
    assert json.loads(capsys.readouterr().out)["config"]["designs"] == {"kind": "Switchback", "block": 1}


def test_options_of_a_csv_reach_the_reader(monkeypatch, capsys):
    import lyra.certifying
    import lyra.planning

    caught = []

    def asked(*_, **options):
        caught.append({name: options[name] for name in ("decimal", "delimiter", "encoding", "missing")})
        raise lyra.errors.DataError("enough.")

    for module, name in ((lyra.fitting, "fit"), (lyra.certifying, "certify"), (lyra.planning, "power")):
        monkeypatch.setattr(module, name, asked)
    csv = ["--decimal", ",", "--delimiter", ";", "--encoding", "latin-1", "--missing", "-", "--missing", "k.A."]
    own = ["--outcome", "y", "--cluster", "g"]
    for command in (["fit", "a.csv", "y ~ x", "--cluster", "g"], ["certify", "a.csv", *own], ["power", "a.csv", *own]):
        assert run([*command, *csv]) == 2
    assert caught == [{"decimal": ",", "delimiter": ";", "encoding": "latin-1", "missing": ("-", "k.A.")}] * 3
    capsys.readouterr()


# --- the doors ----------------------------------------------------------------------------------


def lyra_in_shell(command, **environment):
    """Return a finished shell command in which $L is the command line."""
    line = f"{sys.executable} -m lyra"
    env = os.environ | {"L": line, "FARMERS": FARMERS} | environment
    return subprocess.run(["bash", "-c", command], capture_output=True, env=env, check=False)


FIT = "fit $FARMERS 'takeup_survey ~ default' --cluster address --no-certify"


def test_rows_come_from_stdin():
    piped = lyra_in_shell("cat $FARMERS | $L " + FIT.replace("$FARMERS", "-"))
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert piped.stdout == lyra_in_shell("$L " + FIT).stdout


def test_what_came_from_stdin_is_removed(tmp_path):
    done = lyra_in_shell("cat $FARMERS | $L " + FIT.replace("$FARMERS", "-"), TMPDIR=str(tmp_path))
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []
    empty = lyra_in_shell("$L " + FIT.replace("$FARMERS", "-") + " </dev/null", TMPDIR=str(tmp_path))
    assert (empty.returncode, empty.stdout) == (2, b"")
    assert len(empty.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "code", "told"),
    [
        (">&-", 2, b"lyra: stdout is closed: there is nowhere to print to.\n"),
        (
            ">/dev/full",
            2,
            b"lyra: what was found could not be printed (No space left on device): free the output.\n",
        ),
        ("2>&-", 0, b""),
        ("2>/dev/full", 0, b""),
        ("| head -1 >/dev/null; exit ${PIPESTATUS[0]}", None, b""),
    ],
)
def test_outputs_that_are_closed_or_full(output, code, told):
    done = lyra_in_shell(f"$L {FIT} {output}")
    assert done.stderr == told
    assert done.returncode == code or code is None


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_terminal_that_lacks_letters(encoding, tmp_path):
    """ρ is spelled, a label is escaped, and a document stays a document."""
    rng = np.random.default_rng(20_311)
    g = np.repeat([f"Köln ρ{j}" for j in range(6)], 5)
    path = str(tmp_path / "rows.csv")
    pd.DataFrame({"y": rng.normal(size=30), "x": rng.normal(size=30) * (g == g[0]), "g": g}).to_csv(path, index=False)
    command = f"$L fit {path} 'y ~ x' --cluster g --no-certify"
    shown, document = (lyra_in_shell(command + more, PYTHONIOENCODING=encoding) for more in ("", " --json"))
    assert (shown.returncode, document.returncode) == (0, 0)
    page = shown.stdout.decode(encoding)
    assert "One dominant cluster: K" in page
    assert ("G* at rho = " in page) or "ρ".encode(encoding, "ignore")
    assert "Köln ρ0" in json.loads(document.stdout.decode("ascii"))["diagnostics"]["dangers"][-1]
    assert lyra_in_shell("$L --help", PYTHONIOENCODING=encoding).returncode == 0


def test_a_folder_that_is_gone(tmp_path):
    gone = lyra_in_shell(f"mkdir {tmp_path}/d; cd {tmp_path}/d; rmdir {tmp_path}/d; $L fit no.csv 'y ~ t' --cluster g")
    assert (gone.returncode, gone.stdout) == (2, b"")
    assert gone.stderr.startswith(b"lyra: ")
    assert len(gone.stderr.splitlines()) == 1


def test_an_interrupt_is_one_line(monkeypatch, capsys):
    import lyra.certifying

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(lyra.certifying, "certify", interrupted)
    assert run(["certify"]) == 130
    assert capsys.readouterr() == ("", "lyra: interrupted\n")


def test_an_error_of_the_system_is_one_sentence(monkeypatch, capsys):
    import lyra.fitting

    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied", "secret.csv")

    monkeypatch.setattr(lyra.fitting, "fit", forbidden)
    assert run(["fit", "secret.csv", "y ~ x", "--cluster", "g"]) == 2
    told = "lyra: the system refused 'secret.csv' (Permission denied): check that it is there, and its permissions.\n"
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize("command", ["certify", "power"])
@pytest.mark.parametrize(
    "typed", [["--level", "unit"], ["--level=unit"], ["--outcome", "y", "--level", "unit", "--cluster", "shop"]]
)
def test_an_old_option_is_refused_by_name(command, typed, past, capsys):
    assert run([command, past, *typed]) == 2
    told = "lyra: `--level` is now `--cluster-by`: write --cluster-by unit.\n"
    assert capsys.readouterr() == ("", told)


def test_the_sizes_beside_the_lines_are_those_of_python(past, capsys):
    """Exact ones of the ladder, and for the bootstrap that of the quick certificate."""
    asked = ["fit", past, "y ~ x", "--cluster", "shop", "--seed", "3", "--bootstrap", "--replicates", "500", "--json"]
    assert run(asked) == 0
    shown = {line["method"]: line for line in json.loads(capsys.readouterr().out)["ladder"]}
    reg = lyra.fit("y ~ x", past, clusters="shop")
    exact = reg.ladder().judged
    assert set(shown) == {*exact, "WCR-11"}
    for method, judged in exact.items():
        assert (shown[method]["size"], shown[method]["exact"], shown[method]["set_by"]) == (
            judged.size,
            True,
            judged.set_by,
        )
    cert = reg.certify(quick=True, methods=["WCR-11"], seed=3, maximum=500)
    assert shown["WCR-11"]["size"] == max(row.size for row in cert.rows)
    assert not shown["WCR-11"]["exact"]


@pytest.mark.parametrize("door", ["fit", "certify"])
def test_replicates_have_an_old_name(door, past, capsys):
    asked = {
        "fit": [past, "y ~ x", "--cluster", "shop", "--bootstrap"],
        "certify": [past, "--outcome", "y", "--cluster", "shop", "--treated", "8", "--method", "CV1"],
    }[door]
    shown = []
    for option in ("--replicates", "--maximum"):
        run([door, *asked, option, "500", "--json"])
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] != ""


def test_worlds_and_tolerance_are_those_of_python(past, capsys):
    options = ["--arms", "4", "--icc-max", "0.3", "--tolerance", "1.25", "--level", "0.9"]
    assert run(["fit", past, "y ~ x", "--cluster", "shop", *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    ladder = lyra.fit("y ~ x", past, clusters="shop").ladder(arms=4.0, icc_max=0.3, tolerance=1.25, level=0.9)
    assert told["diagnostics"]["advice"] == str(ladder.advice)
    assert told["diagnostics"]["family"] == ladder.exact.words
    assert [line["size"] for line in told["ladder"]] == [judged.size for judged in ladder.judged.values()]
    assert max(line["worst"] for line in told["ladder"] if line["method"].endswith("*")) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ["--tolerance", "0"],
            "--tolerance 0.0 is not how many times its level a line may reach: pass a positive number, such as 1.25.",
        ),
        (
            ["--variant", "CV4*"],
            "--variant CV4* is unknown: did you mean 'CV3*'? there is 'CV0*', 'CV1*', 'CV2*', 'CV3*', 'CV3J*', 'R1*'.",
        ),
    ],
)
def test_sizes_that_cannot_be_are_refused(options, told, past, capsys):
    assert run(["fit", past, "y ~ x", "--cluster", "shop", *options]) == 2
    assert capsys.readouterr().err == f"lyra: {told}\n"


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == lyra.__version__


def test_process_says_nothing_more_than_asked():
    fine = shell("fit", FARMERS, "takeup_survey ~ default", "--cluster", "address", "--no-certify", "--json")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert json.loads(fine.stdout)["n_clusters"] == 166
    bad = shell("fit", "no.csv", "y ~ x", "--cluster", "g")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert len(bad.stderr.splitlines()) == 1


def test_a_reader_that_leaves_is_no_verdict():
    """`lyra certify | head` must not end in the code that means uncertified."""
    code = "from lyra.cli import main; main()"
    command = [sys.executable, "-c", code, "certify", "--method", "CV3", "--maximum", "500"]
    left = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    left.stdout.close()
    assert (left.stderr.read(), left.wait()) == (b"", 141)
    left.stderr.close()


def test_progress_is_shown_on_the_terminal_of_stderr_and_cleared():
    terminal, stderr = pty.openpty()
    code = "import lyra.trials.runner; lyra.trials.runner.progress_bar.__wrapped__.__kwdefaults__['after'] = 0.0; "
    code += "from lyra.cli import main; main()"
    command = [sys.executable, "-c", code, "certify", "--method", "CV3", "--maximum", "500", "--json"]
    shown = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=stderr, env={**os.environ, "TERM": "xterm"}, check=False
    )
    os.close(stderr)
    drawn = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert shown.returncode == 3
    assert json.loads(shown.stdout)["config"]["maximum"] == 500
    assert "certifying" in drawn
    assert "left" in drawn


def test_help_loads_no_numerics():
    code = (
        "import sys; from lyra.cli import run; run(['fit', '--help']);"
        "print([name for name in ('numpy', 'scipy', 'narwhals', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_declared_draw_adds_two_lines_of_randomisation_inference(tmp_path):
    rng = np.random.default_rng(20290)
    shop = np.repeat(np.arange(12), 4)
    treat = (shop + shop // 2) % 2
    frame = pd.DataFrame({"sales": rng.normal(size=48), "treat": treat, "shop": shop, "pair": shop // 2})
    path = tmp_path / "shops.csv"
    frame.to_csv(path, index=False)
    asked = ("fit", str(path), "sales ~ treat", "--cluster", "shop", "--no-certify")
    found = shell(*asked, "--design", "pairs:pair", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    lines = {line["method"]: line for line in json.loads(found.stdout)["ladder"]}
    test = lyra.fit("sales ~ treat", frame, clusters="shop", stratum="pair").randomisation_test("treat", design="pairs")
    assert lines["RI-t"]["p_value"] == test.pvalue
    assert lines["RI-beta"]["law"] == "all 64 assignments"
    assert "RI-t" not in shell(*asked).stdout
    refused = shell(*asked, "--design", "pair:pair")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("lyra: --design 'pair:pair' is unknown: say cluster, strata:COLUMN")
