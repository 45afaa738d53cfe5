"""The ladder's lines for a bootstrap and a certificate, and the advice read from the certificate."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import lyra
from examples import experiment
from lyra.certificate import Certificate, Row
from lyra.errors import UnidentifiedWarning
from lyra.ladder import Judged, climb
from lyra.moments import Moments
from lyra.ols import least_squares


def regression(treated=None):
    """Return the shared small experiment as a regression, its treatment replaced when clusters are named."""
    y, X, g = experiment()
    if treated is not None:
        X[:, 1] = np.isin(g, list(treated))
    return lyra.fit_moments(Moments.from_arrays(y, X, g, names=["Intercept", "treat", "x"]))


REG = regression()
LADDER = REG.ladder("treat")


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


def certificate(*rows, alpha=0.05):
    return Certificate(rows, None, "", alpha=alpha, tolerance=1.25, delta=0.01, seed=0, digest="0" * 64)


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
    rung = REG.ladder("treat", level=0.8).with_bootstrap(boot).rungs[-1]
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
        "iid": Judged("uncertified", 0.2, 0.19, pytest.approx(0.21), 0.05, usable=False),
        "CV2": Judged("inconclusive", 0.06, 0.058, 0.0615, 0.05, usable=False),
    }
    assert [str(judged) for judged in ladder.judged.values()] == ["uncertified (0.200)", "inconclusive (0.060)"]
    assert ladder.judged_on == ("a", "b")
    assert ladder.facts[-1] == "Certificate: the share of true nulls flagged, at worst, on a; b"


def test_without_a_certificate_nothing_is_said_of_one():
    assert LADDER.judged == {}
    assert len(LADDER.facts) == 2
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


def test_the_shortest_interval_of_the_certified_is_read():
    assert width("CV1") < width("CV2") < width("CV3")
    assert advice(row("CV1", size=0.052), row("CV2"), row("CV3")) == (
        "CV1",
        (
            "on this design it flags a true null 5.2 % of the time at 5 %; of the certified (CV1, CV2, CV3) its "
            "interval is the shortest."
        ),
    )
    assert advice(row("CV1", "uncertified", 0.09), row("CV2"), row("CV3"))[0] == "CV2"


def test_the_only_one_certified_is_read():
    assert advice(row("CV1", "uncertified", 0.13), row("CV3", size=0.0401)) == (
        "CV3",
        "on this design it flags a true null 4.0 % of the time at 5 %.",
    )


def test_the_nominal_size_is_the_certificates():
    assert (
        advice(row("CV3", size=0.091), alpha=0.1)[1] == "on this design it flags a true null 9.1 % of the time at 10 %."
    )


def test_the_naive_line_is_read_where_it_is_certified():
    assert advice(row("iid"), row("CV3"))[0] == "iid"


@pytest.mark.parametrize(
    "useless", [row("CV1", flags=("conservative", "cannot reject")), row("CV1", size=0.0, low=0.0, rejections=0)]
)
def test_a_method_that_never_rejects_is_not_read(useless):
    assert advice(useless, row("CV3"))[0] == "CV3"


def test_the_line_by_rule_while_it_is_inconclusive():
    assert advice(row("CV1", "uncertified", 0.09), row("CV2", "inconclusive", 0.061, low=0.0555, high=0.0668)) == (
        "CV2",
        "its size, 0.061 in [0.056, 0.067], is not settled yet; certify for longer. By the design, "
        + LADDER.advice.reason,
    )


def test_none_certified():
    assert advice(row("iid", "uncertified", 0.3), row("CV2", "uncertified", 0.08), row("CV3", "uncertified", 0.09)) == (
        None,
        (
            "no method is certified on this design; the closest is CV2, with a size of 0.080: use randomisation "
            "inference, or more clusters."
        ),
    )


def test_one_treated_cluster_is_not_computable_and_not_certified():
    """Leaving the cluster out leaves nothing to compare, and CV1 rejects nearly always."""
    reg = regression(treated="a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        ladder = reg.ladder("treat")
    assert [rung.computable for rung in ladder.rungs] == [True, True, False, False]
    cert = reg.certify("treat", methods=["CV1", "CV2", "CV3"], icc=0.5, maximum=500, seed=1)
    judged = ladder.with_certificate(cert)
    assert (judged.judged["CV2"].verdict, judged.judged["CV2"].size) == ("uncertified", 1.0)
    assert judged.advice.method is None
    assert judged.advice.reason.startswith("no method is certified on this design; the closest is CV1, with a size of ")
    assert str(judged.advice).startswith("Read no line: no method is certified")


def test_a_line_without_an_answer_is_not_read_though_its_method_is_certified():
    nowhere = replace(LADDER.rungs[1], std_error=np.nan, conf_low=np.nan, conf_high=np.nan)
    ladder = replace(LADDER, rungs=(nowhere, LADDER.rungs[3]))
    assert advice(row("CV1"), row("CV3"), ladder=ladder)[0] == "CV3"
    assert advice(row("CV1"), ladder=replace(LADDER, rungs=(nowhere,)))[0] is None


def test_a_column_that_is_not_a_treatment_has_no_arms():
    y, X, g = experiment()
    fit = least_squares(Moments.from_arrays(y, X, g, names=["one", "treat", "x"]))
    assert (climb(fit, 1).arms, climb(fit, 2).arms) == ((4, 4), None)
