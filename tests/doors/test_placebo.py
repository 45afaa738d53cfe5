"""lyra.certify and lyra.power with a formula: placebo laws on the user's own panel, held to refits of every one."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.cli import run
from lyra.designs import Adoption, ByCluster, Pairs, Switchback
from lyra.errors import InputError

G, T = 7, 6
FORMULA = "y ~ law + x + C(state) + C(year)"
OWN = {"formula": FORMULA, "cluster": "state", "time": "year"}
METHODS = ["iid", "CV1", "CV2", "CV3"]


def panel(seed: int = 20_272) -> pd.DataFrame:
    """Seven states, six years, three cells missing, two states adopting, errors that wander."""
    rng = np.random.default_rng(seed)
    state, year = np.indices((G, T)).reshape(2, -1)
    frame = pd.DataFrame(
        {
            "y": rng.normal(size=(G, T)).cumsum(axis=1).ravel() + state,
            "x": rng.normal(size=G * T),
            "law": (year >= np.array([2, 4, 9, 9, 9, 9, 9])[state]).astype(int),
            "state": np.char.add("S", state.astype(str)),
            "year": 2001 + year,
            "pair": (state // 2).clip(max=2),
        }
    )
    return frame.drop(index=[8, 15, 30]).reset_index(drop=True)


FRAME = panel()


def every_law():
    """Yield the table under each of the 42 dealings of the two dates."""
    for early, late in itertools.permutations(FRAME["state"].unique(), 2):
        date = FRAME["state"].map({early: 2003, late: 2005}).fillna(9999)
        yield FRAME.assign(law=(FRAME["year"] >= date).astype(int))


@pytest.mark.filterwarnings("ignore::lyra.errors.UnidentifiedWarning")  # of the effects, not of the law
def test_a_certificate_is_every_placebo_law_fitted():
    cert = lyra.certify(FRAME, Adoption(), methods=METHODS, **OWN)
    for row in cert.rows:
        pvalues = [lyra.fit(FORMULA, law, clusters="state").robust(row.method).pvalue[1] for law in every_law()]
        assert (row.replicates, row.exact) == (42, True)
        assert row.rejections == sum(p <= 0.05 for p in pvalues)
    assert cert.designs == ("own data, staggered adoption",)
    assert "Estimand: the coefficient of law, truly zero" in str(cert)
    assert "law is drawn again and the rest of the data stay as they are" in " ".join(cert.notes)


def test_every_dealing_is_tried_whatever_law_there_was():
    """What was observed enters by its dates alone: another law with the same dates has the same certificate."""
    first, *_, last = every_law()
    one, other = (lyra.certify(law, Adoption(), methods=["CV1"], **OWN) for law in (first, last))
    assert one.rows == other.rows


def test_the_tested_term_may_be_named_and_stand_anywhere():
    formula = "y ~ x + C(state) + law + C(year)"
    named = lyra.certify(FRAME, Adoption(), methods=["CV2"], **OWN | {"formula": formula}, term="law")
    assert named.rows == lyra.certify(FRAME, Adoption(), methods=["CV2"], **OWN).rows


@pytest.mark.parametrize(
    ("design", "columns"),
    [
        (ByCluster(2), {"formula": "y ~ law + x + C(year)"}),
        (Switchback(block=3), {"formula": FORMULA, "time": "year"}),
        (Adoption(treated=2), OWN),
        (Adoption(dates=(2003, 2004, 2004)), OWN),
    ],
    ids=str,
)
def test_other_designs_draw_the_treatment_too(design, columns):
    cert = lyra.certify(FRAME, design, methods=["CV1"], maximum=500, **{"cluster": "state"} | columns)
    assert (cert.rows[0].not_computable == 0) == isinstance(design, (ByCluster, Adoption))  # coins may fall alike
    assert np.isfinite(cert.rows[0].mean_se)


def test_without_effects_it_is_the_certificate_of_an_outcome_and_covariates():
    """The same regression asked for in two ways, its sums made by two pieces of code."""
    ways = ({"formula": "y ~ law + x"}, {"outcome": "y", "covariates": ["x"]})
    one, other = (lyra.certify(FRAME, ByCluster(), cluster="state", methods=METHODS, **way).rows for way in ways)
    for first, second in zip(one, other, strict=True):
        assert first.rejections == second.rejections
        np.testing.assert_allclose([first.mean_se, first.bias], [second.mean_se, second.bias], rtol=1e-9, atol=1e-12)


def test_power_of_a_formula_is_that_of_an_outcome_and_covariates():
    ways = ({"formula": "y ~ law + x"}, {"outcome": "y", "covariates": ["x"]})
    one, other = (lyra.power(FRAME, ByCluster(), cluster="state", method="CV1", **way) for way in ways)
    np.testing.assert_allclose([one.mde, one.closed_form.mde], [other.mde, other.closed_form.mde], rtol=1e-9)


def test_bootstraps_and_functions_of_rows_are_judged_too():
    def own(y, X, clusters, rng):
        res = lyra.se.cluster_robust(y, X, clusters=clusters, variant="CV1")
        return SimpleNamespace(estimate=res.coef[-1], se=res.se[-1], pvalue=res.pvalue[-1])

    cert = lyra.certify(FRAME, Adoption(treated=4), methods=["WCR-11", "HC1", "CV1", own], maximum=500, **OWN)
    assert [row.not_computable for row in cert.rows] == [0, 0, 0, 0]
    one, other = cert.rows[2:]
    np.testing.assert_allclose([one.mean_se, one.size], [other.mean_se, other.size], rtol=1e-9)


def test_a_store_is_of_one_formula(tmp_path):
    told = {"methods": ["CV1"], "first": 500, "maximum": 500}
    design = Adoption(treated=3)
    kept = lyra.certify(FRAME, design, store=tmp_path / "run", **OWN, **told)
    assert kept.digest == lyra.certify(FRAME, design, store=tmp_path / "run", **OWN, **told).digest
    with pytest.raises(InputError):
        lyra.certify(FRAME, design, store=tmp_path / "run", **OWN | {"formula": "y ~ law + C(state) + C(year)"}, **told)


REFUSED = [
    (None, OWN, "A table needs a design: say how the treatment is drawn, such as Adoption()."),
    (Adoption(), {"formula": FORMULA}, "A table needs cluster=, the name of its column: pass it."),
    (
        Adoption(),
        OWN | {"outcome": "y"},
        (
            "a table with a formula takes no outcome=: it takes cluster, cluster_by, decimal, delimiter, encoding, "
            "formula, missing, stratum, term, weights, window."
        ),
    ),
    (
        Adoption(),
        OWN | {"window": "year"},
        "window='year' and time='year' name one column twice: pass one.",
    ),
    (
        Adoption(),
        {"outcome": "y", "cluster": "state", "time": "year"},
        (
            "the design 'staggered adoption' deals the dates of the data again, and no treatment is named: pass "
            "formula=, such as 'y ~ treat + C(unit) + C(time)', or say how many adopt, with treated=."
        ),
    ),
    (
        Adoption(),
        {"formula": FORMULA, "cluster": "state"},
        "the design 'staggered adoption' reads the window of each row: name its column with window=.",
    ),
    (
        Pairs(),
        OWN,
        "the design 'matched pairs' reads the stratum of each row: name its column with stratum=.",
    ),
    (
        ByCluster(),
        OWN,
        (
            "The other columns, C(state), C(year) among them, hold all that a design 'cluster-randomised' varies in "
            "law, which has no coefficient then: leave them out, or draw by a design that varies inside them."
        ),
    ),
]


@pytest.mark.parametrize(("design", "columns", "told"), REFUSED)
def test_refusals_are_one_sentence_by_every_door(design, columns, told):
    for door in (lyra.certify, lyra.power):
        with pytest.raises(InputError) as refused:
            door(FRAME, design, **columns)
        assert str(refused.value) == told


def test_a_formula_belongs_to_a_table():
    with pytest.raises(InputError, match=r"^a world takes no formula=: it takes "):
        lyra.certify(lyra.World(10), ByCluster(), formula="y ~ treat")


# In the shell


@pytest.fixture
def laws(tmp_path):
    path = tmp_path / "laws.csv"
    FRAME.to_csv(path, index=False)
    return str(path)


@pytest.mark.parametrize(
    ("typed", "design"),
    [
        (["--design", "adoption", "--time", "year"], Adoption()),
        (["--design", "adoption", "--window", "year", "--treated", "2"], Adoption(2)),
        (["--design", "switchback", "--time", "year", "--block", "3"], Switchback(3)),
    ],
)
def test_the_shell_takes_a_formula_after_the_table(laws, typed, design, capsys):
    asked = ["certify", laws, FORMULA, "--cluster", "state", *typed, "--method", "CV1", "--maximum", "500", "--json"]
    assert run(asked) in (0, 1, 3)
    document = json.loads(capsys.readouterr().out)
    wanted = lyra.certify(laws, design, methods=["CV1"], maximum=500, **OWN)
    assert document["digest"] == wanted.digest
    assert document["config"]["formula"] == FORMULA


def test_the_shell_says_which_term_is_drawn(laws, capsys):
    typed = ["certify", laws, "y ~ x + law + C(state)", "--cluster", "state", "--design", "adoption", "--time", "year"]
    assert run(typed) == 2
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith("would be drawn again as 0s and 1s: name the treatment with --term, or code it so.")
    )
    assert run([*typed, "--term", "law", "--method", "CV1"]) in (0, 1, 3)
    assert "the coefficient of law" in capsys.readouterr().out


def test_power_in_the_shell_takes_a_formula(laws, capsys):
    typed = ["power", laws, FORMULA, "--cluster", "state", "--design", "adoption", "--time", "year", "--json"]
    assert run(typed) == 0
    assert json.loads(capsys.readouterr().out)["mde"] > 0


@pytest.mark.parametrize("subject", [[], ["worlds.toml"]])
def test_a_formula_without_a_table_is_refused(subject, capsys):
    given = [*subject, FORMULA] if subject else ["worlds.toml", FORMULA]
    assert run(["certify", *given]) == 2
    told = f"lyra: The formula {FORMULA!r} belongs to a table: leave it out, or name a table before it."
    assert capsys.readouterr().err.strip() == told
