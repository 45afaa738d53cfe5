"""The ladder's lines for a bootstrap and a certificate, and the advice by certificate where no size is exact."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import lyra
from examples import experiment
from lyra.errors import UnidentifiedWarning
from lyra.fitted import Regression
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.verdict.certificate import Certificate
from lyra.verdict.judged import Judged
from lyra.verdict.ladder import climb
from lyra.verdict.performance import Row


def regression(treated=None):
    """Return the shared small experiment as a regression, its treatment replaced when clusters are named."""
    y, X, g = experiment()
    if treated is not None:
        X[:, 1] = np.isin(g, list(treated))
    return lyra.fit_moments(Moments.from_arrays(y, X, g, names=["Intercept", "treat", "x"]))


REG = regression()
LADDER = climb(REG.fit, 1)
"""As it is beyond ten thousand clusters: without exact sizes."""


def row(method, verdict="certified", size=0.05, *, design="d", low=None, high=None, flags=(), rejections=50):
    return Row(
        design=design,
        method=method,
        replicates=1_000,
        rejections=rejections,
        size=size,
        size_low=size - 0.01 if low is None else low,
        size_high=size + 0.01 if high is None else high,
        inflation=size / 0.05,
        mean_se=1.0,
        sd_estimate=1.0,
        coverage=1 - size,
        bias=0.0,
        width=4.0,
        not_computable=0,
        verdict=verdict,
        flags=flags,
    )


def judged(verdict, size, low, high):
    return Judged(verdict=verdict, size=size, size_low=low, size_high=high, alpha=0.05, usable=False)


def certificate(*rows, alpha=0.05):
    return Certificate(
        rows=rows, recommended=None, reason="", alpha=alpha, tolerance=1.25, delta=0.01, seed=0, digest="0" * 64
    )


def advice(*rows, ladder=LADDER, **options):
    found = ladder.with_certificate(certificate(*rows, **options)).advice
    return found.method, found.reason


# --- the bootstrap's line -----------------------------------------------------------------------


def test_a_bootstrap_is_a_line_like_the_others():
    boot = REG.bootstrap("treat", weights="rademacher")
    ladder = LADDER.with_bootstrap(boot)
    assert [rung.method for rung in ladder.rungs] == ["iid", "CV1", "CV2", "CV3", "WCR-11"]
    rung = ladder["WCR-11"]
    assert (rung.p_value, rung.statistic) == (boot.pvalue, boot.statistic)
    assert (rung.conf_low, rung.conf_high) == tuple(boot.conf_int(0.95))
    assert rung.std_error == pytest.approx(LADDER["CV1"].std_error, rel=1e-9)  # the statistic is studentised by CV1
    assert rung.estimate == pytest.approx(LADDER["CV1"].estimate, rel=1e-9)
    assert np.isnan(rung.dof)


@pytest.mark.parametrize(
    ("options", "method", "law"),
    [
        ({"weights": "rademacher"}, "WCR-11", "all 256 Rademacher patterns"),
        ({"weights": "rademacher", "restricted": False, "kind": "31"}, "WCU-31", "all 256 Rademacher patterns"),
        ({"weights": "webb", "exact": False, "B": 1_999, "rng": 1}, "WCR-11", "1,999 Webb draws"),
        ({"weights": "normal", "B": 999, "rng": 1, "kind": "33"}, "WCR-33", "999 normal draws"),
    ],
)
def test_its_law_says_what_was_drawn(options, method, law):
    rung = LADDER.with_bootstrap(REG.bootstrap("treat", **options)).rungs[-1]
    assert (rung.method, rung.law) == (method, law)


def test_its_interval_has_the_level_of_the_ladder():
    boot = REG.bootstrap("treat", weights="rademacher")
    rung = climb(REG.fit, 1, level=0.8).with_bootstrap(boot).rungs[-1]
    assert (rung.conf_low, rung.conf_high) == tuple(boot.conf_int(0.8))


def test_a_null_that_is_not_zero_leaves_the_standard_error():
    rung = LADDER.with_bootstrap(REG.bootstrap("treat", weights="rademacher", h0=0.7)).rungs[-1]
    assert rung.std_error == pytest.approx(LADDER["CV1"].std_error, rel=1e-9)


# --- the certificate's column -------------------------------------------------------------------


def test_a_method_is_judged_by_its_worst_cell():
    rows = (
        row("iid", "uncertified", 0.2, design="a"),
        row("iid", "certified", 0.05, design="b"),
        row("CV2", "inconclusive", 0.055, design="a"),
        row("CV2", "certified", 0.06, design="b", low=0.058, high=0.0615),
    )
    ladder = LADDER.with_certificate(certificate(*rows))
    assert ladder.judged == {
        "iid": judged("uncertified", 0.2, 0.19, pytest.approx(0.21)),
        "CV2": judged("inconclusive", 0.06, 0.058, 0.0615),
    }
    assert [str(judged) for judged in ladder.judged.values()] == ["uncertified (0.200)", "inconclusive (0.060)"]
    assert ladder.judged_on == ("a", "b")
    assert ladder.facts[-1] == "Certificate: the largest share of true nulls flagged on a; b"


def test_without_a_certificate_nothing_is_said_of_one():
    assert LADDER.judged == {}
    assert [fact.split(" ")[0] for fact in LADDER.facts] == ["32", "Moulton", "Other"]
    assert "verdict" not in LADDER.to_dict()["ladder"][0]


def test_what_was_judged_is_in_the_plain_values():
    lines = LADDER.with_certificate(certificate(row("CV2", size=0.04))).to_dict()["ladder"]
    told = {key: lines[2][key] for key in ("verdict", "size", "size_low", "size_high")}
    assert told == {"verdict": "certified", "size": 0.04, "size_low": 0.03, "size_high": 0.05}
    assert "verdict" not in lines[0]


def test_a_fit_certifies_its_own_ladder():
    ladder = LADDER.with_certificate(REG.certify("treat", methods=["CV2", "CV3"], icc=0.1, maximum=500, seed=1))
    assert set(ladder.judged) == {"CV2", "CV3"}
    assert ladder.judged_on == ("the fitted design, ICC 0.1",)


# --- advice -------------------------------------------------------------------------------------


def width(method):
    return LADDER[method].conf_high - LADDER[method].conf_low


def test_of_the_certified_the_first_in_a_fixed_order_is_read_and_not_the_shortest():
    assert width("CV1") < width("CV2") < width("CV3")
    assert advice(row("CV1", size=0.041), row("CV3"), row("CV2", size=0.052)) == (
        "CV2",
        (
            "on this design it flags a true null 5.2 % of the time at 5 %; of the certified (CV2, CV3, CV1) it is the "
            "first in lyra's order."
        ),
    )
    assert advice(row("CV1"), row("CV2", "uncertified", 0.09), row("CV3"))[0] == "CV3"


def test_a_rough_law_is_read_after_the_others():
    """Below four degrees of freedom Satterthwaite's law is rough [Tipton 2015]."""
    rungs = tuple(replace(rung, dof=3.9) if rung.method == "CV2" else rung for rung in LADDER.rungs)
    assert advice(row("CV1"), row("CV2"), row("CV3"), ladder=replace(LADDER, rungs=rungs))[0] == "CV3"
    assert advice(row("CV1", "uncertified", 0.1), row("CV2"), ladder=replace(LADDER, rungs=rungs))[0] == "CV2"


def test_the_only_one_certified_is_read():
    assert advice(row("CV1", "uncertified", 0.13), row("CV3", size=0.0401)) == (
        "CV3",
        "on this design it flags a true null 4.0 % of the time at 5 %.",
    )


def test_the_nominal_size_is_the_certificates():
    assert (
        advice(row("CV3", size=0.091), alpha=0.1)[1] == "on this design it flags a true null 9.1 % of the time at 10 %."
    )


def test_the_naive_line_is_never_read_where_a_cluster_has_two_rows():
    assert advice(row("iid"), row("CV3", "uncertified", 0.09)) == (
        None,
        (
            "none that allows for clusters is certified on this design (CV3 uncertified (0.090)); use randomisation "
            "inference (in Python, fit.randomisation_test('treat')), or find more clusters on each side."
        ),
    )
    assert advice(row("iid"), row("CV3"))[0] == "CV3"
    for method in ("HC1", "HC3", "CV1-normal"):
        lines = replace(LADDER, rungs=(replace(LADDER.rungs[0], method=method),))
        assert advice(row(method), ladder=lines) == (None, "none here allows for clusters; ask for the lines that do.")


def test_lines_of_rows_are_read_where_every_cluster_is_a_row():
    y, X, _ = experiment()
    reg = lyra.fit_moments(Moments.from_arrays(y, X, np.arange(y.size), names=["Intercept", "treat", "x"]))
    ladder = climb(reg.fit, 1, methods=["iid", "HC3"])
    assert advice(row("HC3"), row("iid"), ladder=ladder)[0] == "HC3"
    assert advice(row("iid"), ladder=replace(ladder, rungs=ladder.rungs[:1]))[0] is None


@pytest.mark.parametrize(
    "useless", [row("CV1", flags=("conservative", "cannot reject")), row("CV1", size=0.0, low=0.0, rejections=0)]
)
def test_a_method_that_never_rejects_is_not_read(useless):
    assert advice(useless, row("CV3"))[0] == "CV3"


def test_the_line_by_rule_while_it_is_inconclusive():
    assert advice(row("CV1", "uncertified", 0.09), row("CV2", "inconclusive", 0.061, low=0.0555, high=0.0668)) == (
        "CV2",
        (
            "its size, 0.061 in [0.056, 0.067], is not settled yet and no line is certified; more replicates "
            "(maximum=) may settle it."
        ),
    )


def test_none_certified():
    assert advice(row("iid", "uncertified", 0.3), row("CV2", "uncertified", 0.08), row("CV3", "uncertified", 0.09)) == (
        None,
        (
            "none that allows for clusters is certified on this design (CV2 uncertified (0.080), CV3 uncertified "
            "(0.090)); use randomisation inference (in Python, fit.randomisation_test('treat')), or find more clusters "
            "on each side."
        ),
    )


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        (row("CV3", "never rejects", 0.0, low=0.0, rejections=0), "never rejects"),
        (replace(row("CV3", "not computable", 0.99), not_computable=990), "not computable"),
        (row("CV3", size=0.0002), "certified (<0.001)"),
        (row("CV3", "uncertified", 0.25), "uncertified (0.250)"),
    ],
)
def test_what_is_no_size_has_words_of_its_own(cell, word):
    ladder = LADDER.with_certificate(certificate(cell))
    assert str(ladder.judged["CV3"]) == word
    assert word in str(ladder)
    assert np.isnan(ladder.judged["CV3"].size) == (word == "not computable")


def test_the_worst_word_of_all_cells_is_told_with_its_own_size():
    cells = (
        row("CV1", "uncertified", 0.1, design="a"),
        row("CV1", "certified", 0.0, low=0.0, rejections=0, design="b"),
    )
    assert str(LADDER.with_certificate(certificate(*cells)).judged["CV1"]) == "uncertified (0.100)"


def test_a_certificate_says_what_it_does_not_cover():
    """Effects of a treatment that differ by cluster, beside an intercept a cluster, are no shock common to its rows."""
    rng = np.random.default_rng(20_310)
    g = np.repeat(np.arange(20), 30)
    t = (rng.random(g.size) < 0.5) * 1.0
    y = rng.normal(size=g.size) + 1.5 * rng.normal(size=20)[g] * t
    X = np.column_stack([t, g[:, None] == np.arange(20)]).astype(float)
    reg = lyra.fit_moments(Moments.from_arrays(y, X, g, names=["t", *(f"g{j}" for j in range(20))]))
    ladder = climb(reg.fit, 0)
    assert ladder.moulton > 2
    told = (
        "The certificate covers a shock common to a cluster's rows, which these columns absorb: SE(CV1)/SE(iid) would "
        f"be 1.00. It is {ladder.moulton:.2f} here, and what makes it so, such as serial correlation or effects that "
        "differ by cluster, is not covered."
    )
    assert advice(row("CV2"), ladder=ladder)[1].endswith(told)
    assert "covers" not in ladder.advice.reason
    assert "covers" not in advice(row("CV2"))[1]


def test_a_treatment_that_the_other_columns_absorb_is_sent_nowhere():
    y, X, g = experiment()
    D = np.column_stack([X[:, 1], g[:, None] == np.unique(g)[:-1]]).astype(float)
    reg = Regression(least_squares(Moments.from_arrays(y, D, g, names=["treat", *(f"g{j}" for j in range(7))])))
    with pytest.warns(UnidentifiedWarning, match="not computable for 'treat': without cluster"):
        told = climb(reg.fit, 0).advice
    assert told.method is None
    assert told.reason.endswith(
        "; 'treat' is constant within clusters and the columns together absorb every cluster's mean, so no clusters "
        "are left to compare: leave out columns of the clusters, or find more clusters."
    )


def test_one_treated_cluster_is_not_computable_and_not_certified():
    """Leaving the cluster out leaves nothing to compare, and CV1 rejects nearly always."""
    reg = regression(treated="a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        ladder = climb(reg.fit, 1)
    assert [rung.computable for rung in ladder.rungs] == [True, True, False, False]
    cert = reg.certify("treat", methods=["CV1", "CV2", "CV3"], icc=0.5, maximum=500, seed=1)
    judged = ladder.with_certificate(cert)
    assert str(judged.judged["CV2"]) == "not computable"
    assert judged.advice.method is None
    assert str(judged.advice).startswith(
        "Read no line: none that allows for clusters is certified on this design (CV1 "
    )


def test_a_line_without_an_answer_is_not_read_though_its_method_is_certified():
    nowhere = replace(LADDER.rungs[1], std_error=np.nan, p_value=np.nan, conf_low=np.nan, conf_high=np.nan)
    ladder = replace(LADDER, rungs=(nowhere, LADDER.rungs[3]))
    assert advice(row("CV1"), row("CV3"), ladder=ladder)[0] == "CV3"
    assert advice(row("CV1"), ladder=replace(LADDER, rungs=(nowhere,)))[0] is None
    zero = replace(LADDER.rungs[1], std_error=0.0, p_value=0.0)  # of a certain answer there is no test
    assert advice(row("CV1"), ladder=replace(LADDER, rungs=(zero,)))[0] is None


def test_a_column_that_is_not_a_treatment_has_no_arms():
    y, X, g = experiment()
    fit = least_squares(Moments.from_arrays(y, X, g, names=["one", "treat", "x"]))
    assert (climb(fit, 1).arms, climb(fit, 2).arms) == ((4, 4), None)
