"""Every door takes its keywords by name: what Python, and a user's type checker, say of right and wrong calls."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lyra
import lyra.se
from lyra.designs import ByCluster
from lyra.errors import InputError

FRAME = pd.DataFrame({"y": np.arange(24.0) % 7, "x": np.arange(24) % 2, "g": np.arange(24) // 3})
REG = lyra.fit("y ~ x", FRAME, clusters="g")
OWN = {"outcome": "y", "cluster": "g"}

DOORS = {
    "lyra.fit": lyra.fit,
    "lyra.certify": lyra.certify,
    "lyra.power": lyra.power,
    "lyra.fit_moments": lyra.fit_moments,
    "lyra.se.cluster_robust": lyra.se.cluster_robust,
    "lyra.se.wild_cluster_bootstrap": lyra.se.wild_cluster_bootstrap,
    **{
        f"fit.{name}": method
        for name, method in inspect.getmembers(lyra.Regression, inspect.isfunction)
        if not name.startswith("_")
    },
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_door_has_no_keywords_without_a_name_and_a_type(door):
    parameters = inspect.signature(door).parameters.values()
    assert [p.name for p in parameters if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)] == []
    assert [p.name for p in parameters if p.annotation is p.empty and p.name != "self"] == []


TABLES_AND_ARRAYS = {"data", "subject", "y", "X", "clusters", "bootstrap_clusters", "coarse", "assignments", "stratum"}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_any_stands_only_where_tables_or_arrays_come_in(door):
    loose = {p.name for p in inspect.signature(door).parameters.values() if p.annotation == "Any"}
    assert loose <= TABLES_AND_ARRAYS


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda **wrong: lyra.fit("y ~ x", FRAME, clusters="g", **wrong), "fit"),
        (lambda **wrong: lyra.certify(lyra.World(12), ByCluster(), **wrong), "certify"),
        (lambda **wrong: lyra.power(lyra.World(12), ByCluster(), **wrong), "power"),
        (lambda **wrong: REG.robust("CV2", **wrong), "Regression.robust"),
        (lambda **wrong: REG.ladder("x", **wrong), "Regression.ladder"),
        (lambda **wrong: REG.bootstrap("x", **wrong), "Regression.bootstrap"),
        (lambda **wrong: REG.certify("x", **wrong), "Regression.certify"),
        (lambda **wrong: REG.randomisation_test("x", **wrong), "Regression.randomisation_test"),
        (lambda **wrong: REG.per_cluster_test("x", **wrong), "Regression.per_cluster_test"),
        (lambda **wrong: REG.level_test(np.arange(8) // 2, **wrong), "Regression.level_test"),
    ],
)
def test_a_wrong_keyword_is_pythons_to_refuse_and_names_the_door(call, name):
    with pytest.raises(TypeError, match=rf"^{re.escape(name)}\(\) got an unexpected keyword argument 'levle'"):
        call(levle=1)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: lyra.certify(FRAME, ByCluster(), level="unit", **OWN),
            "`level` is now `cluster_by`: write cluster_by='unit'.",
        ),
        (
            lambda: lyra.power(FRAME, ByCluster(), level="unit", **OWN),
            "`level` is now `cluster_by`: write cluster_by='unit'.",
        ),
        (lambda: lyra.certify(REG, param="x"), "`param` is now `term`: write term='x'."),
        (lambda: lyra.power(REG, param="x"), "`param` is now `term`: write term='x'."),
        (lambda: REG.bootstrap(param="x"), "`param` is now `term`: write term='x'."),
        (lambda: REG.certify(param="x"), "`param` is now `term`: write term='x'."),
        (lambda: REG.randomisation_test(param="x"), "`param` is now `term`: write term='x'."),
        (lambda: REG.per_cluster_test(param="x"), "`param` is now `term`: write term='x'."),
        (lambda: REG.level_test(np.arange(8) // 2, param=1), "`param` is now `term`: write term=1."),
    ],
)
def test_an_old_keyword_is_refused_by_name(call, told):
    with pytest.raises(InputError) as refused:
        call()
    assert str(refused.value) == told


def test_arrays_have_positions_and_keep_param():
    X = np.column_stack([np.ones(24), FRAME["x"]])
    boot = lyra.se.wild_cluster_bootstrap(FRAME["y"], X, clusters=FRAME["g"], param=1, B=99, rng=1)
    assert boot.pvalue == REG.bootstrap(term="x", B=99, rng=1).pvalue


# --- a user's file under mypy -------------------------------------------------------------------

RIGHT = """
import numpy as np
import lyra
from lyra.designs import ByCluster, Pairs
from lyra.se import cluster_robust, wild_cluster_bootstrap

y = np.arange(8.0)
X = np.ones((8, 1))
fit = lyra.fit("y ~ treat + x", "orders.parquet", clusters="city", missing=["-"])
p: float = fit.bootstrap("treat", B=999, kind="31", rng=1).pvalue
q: float = fit.bootstrap(["treat", "x"], R=None, restricted=False, exact=True).pvalue
t: float = fit.randomisation_test("treat", design=Pairs(), stratum={"a": 1}, R=99).pvalue
names: tuple[str, ...] = fit.robust("CV3", dof="normal").names
cert: lyra.Certificate = fit.certify("treat", quick=True, methods=["CV2"], seed=1, workers=2, store="run.sqlite")
same: lyra.Certificate = lyra.certify(fit, term="treat", icc=[0.0, 0.1], maximum=500)
past: lyra.Certificate = lyra.certify("past.csv", ByCluster(), outcome="y", cluster="g", cluster_by="unit")
many: lyra.Certificate = lyra.certify({"small": lyra.World(10)}, [ByCluster(), None], methods="CV2", tolerance=1.5)
plan: lyra.PowerAnalysis = lyra.power(lyra.World(10), ByCluster(), effect=0.1, method="CV2", cluster_by="cluster")
fit.per_cluster_test("treat", h0=0.5)
fit.level_test({"a": "north"}, term="treat", method="score-bootstrap", B=99, rng=1)
fit.ladder("treat", methods=["CV2"], level=0.9, design="pairs", stratum={"a": 1})
cluster_robust(y, X, clusters=y, variant="CV2", dof="satterthwaite", names=["one"])
wild_cluster_bootstrap(y, X, clusters=y, param=0, weights="webb", h0=0.0)
"""

WRONG = """
import lyra
from lyra.designs import ByCluster

fit = lyra.fit("y ~ treat", "orders.parquet", clusters="city")
fit.bootstrap("treat", b=999)  # call-arg
fit.bootstrap("treat", kind=31)  # arg-type
fit.bootstrap(param="treat")  # call-arg
fit.certify("treat", quick="yes")  # arg-type
fit.certify("treat", outcome="y")  # call-arg
fit.randomisation_test("treat", design="pair")  # arg-type
fit.randomisation_test("treat", draws=99)  # call-arg
fit.robust("CV2", level=0.9)  # call-overload
fit.level_test({}, param="treat")  # call-arg
lyra.certify(fit, term="treat", icc="0.1")  # arg-type
lyra.certify("past.csv", ByCluster(), outcome="y", cluster="g", level="unit")  # call-arg
lyra.certify("past.csv", "cluster", outcome="y", cluster="g")  # arg-type
lyra.certify("past.csv", ByCluster(), outcome=1, cluster="g")  # arg-type
lyra.power("past.csv", [ByCluster()], outcome="y", cluster="g")  # arg-type
lyra.power("past.csv", ByCluster(), effect="large")  # arg-type
lyra.power("past.csv", ByCluster(), analyses={})  # call-arg
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What mypy says of both files, in strict mode: the line and the code of every error."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("user")
    for name, text in (("right.py", RIGHT), ("wrong.py", WRONG)):
        (folder / name).write_text(text, encoding="utf-8")
    home = Path(lyra.__file__).parents[1]
    asked = ["--strict", "--no-error-summary", "--follow-imports=silent", f"--cache-dir={folder / 'cache'}"]
    run = subprocess.run(
        [sys.executable, "-m", "mypy", *asked, "right.py", "wrong.py"],
        check=False,
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(home)},
        capture_output=True,
        text=True,
    )
    assert run.stderr == ""
    found = re.findall(r"^(\w+)\.py:(\d+): error: .*\[([a-z-]+)\]$", run.stdout, re.MULTILINE)
    return {(name, int(line), code) for name, line, code in found}, run.stdout


def test_every_door_called_rightly_passes_a_strict_type_checker(said):
    errors, output = said
    assert {error for error in errors if error[0] == "right"} == set(), output


def test_every_wrong_call_is_an_error_where_it_is_made(said):
    errors, output = said
    expected = {
        ("wrong", number, line.rpartition("# ")[2])
        for number, line in enumerate(WRONG.splitlines(), start=1)
        if "# " in line
    }
    assert {error for error in errors if error[0] == "wrong"} == expected, output
