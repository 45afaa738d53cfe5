"""lyra.fit, its ladder, and the line it says to read."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lyra
from lyra.errors import InputError, NotIdentifiedError, UnidentifiedWarning
from lyra.robust.diagnosis.cluster_level import level_test
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.exact.most_powerful import LINES
from lyra.robust.per_cluster import per_cluster_test
from lyra.robust.randomisation import randomisation_test
from lyra.robust.wild.bootstrap import wild_bootstrap
from lyra.se import cluster_robust
from lyra.verdict.ladder import LADDER, climb

STARRED = tuple(f"{name}*" for name in LINES)


def experiment(*, G: int = 30, treated: int = 15, rows: int = 6, seed: int = 20266) -> pd.DataFrame:
    """Clusters of equal size, the first of them treated."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(G), rows)
    y = rng.normal(size=G)[g] + rng.normal(size=g.size)
    return pd.DataFrame({"y": y, "treat": (g < treated) * 1, "x": rng.normal(size=g.size), "g": g})


FRAME = experiment()

# --- the facade ---------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["iid", "HC3", "CV1", "CV2", "CV3", "CV3J"])
def test_tables_and_arrays_give_the_same(variant):
    X = np.column_stack([np.ones(len(FRAME)), FRAME["treat"], FRAME["x"]])
    arrays = cluster_robust(FRAME["y"], X, clusters=FRAME["g"], variant=variant)
    table = lyra.fit("y ~ treat + x", FRAME, clusters="g").robust(variant)
    np.testing.assert_allclose(table.vcov, arrays.vcov, rtol=1e-12)
    np.testing.assert_allclose(table.dof, arrays.dof, rtol=1e-12)


def test_what_a_regression_knows():
    holed = FRAME.assign(x=FRAME["x"].where(FRAME.index > 2))
    with pytest.warns(lyra.errors.DroppedRowsWarning):
        regression = lyra.fit("y ~ treat + x", holed, clusters="g")
    assert regression.names == ("Intercept", "treat", "x")
    assert (regression.n_rows, regression.n_clusters, regression.dropped_rows) == (177, 30, 3)
    assert regression.formula.text == "y ~ treat + x"
    assert regression.coef.shape == (3,)
    assert str(regression) == str(regression.ladder("treat"))


def test_moments_of_shards_are_fitted_as_the_whole():
    parts = [lyra.fit("y ~ treat + x", FRAME[k::2], clusters="g").moments for k in (0, 1)]
    shards = lyra.fit_moments(parts[0] + parts[1])
    whole = lyra.fit("y ~ treat + x", FRAME, clusters="g")
    assert shards.formula is None
    for variant in ("CV1", "CV2", "CV3"):
        np.testing.assert_allclose(shards.robust(variant).se, whole.robust(variant).se, rtol=1e-10)


def test_dof_can_be_chosen():
    assert lyra.fit("y ~ treat", FRAME, clusters="g").robust("CV3", dof="normal").dof.tolist() == [np.inf, np.inf]


# --- the ladder ---------------------------------------------------------------------------------


def test_each_line_is_what_the_method_gives_alone():
    regression = lyra.fit("y ~ treat + x", FRAME, clusters="g")
    ladder = regression.ladder("x", level=0.9)
    assert tuple(rung.method for rung in ladder.rungs) == (*LADDER, *STARRED)
    for rung in ladder.rungs[: len(LADDER)]:
        alone = regression.robust(rung.method)
        low, high = alone.conf_int(0.9)[2]
        assert (rung.estimate, rung.std_error, rung.p_value) == (alone.coef[2], alone.se[2], alone.pvalue[2])
        assert (rung.conf_low, rung.conf_high, rung.dof) == (low, high, alone.dof[2])
        assert rung.law.startswith(alone.law("x"))
    for rung in ladder.rungs[len(LADDER) :]:
        alone = regression.robust(rung.method, law="calibrated")
        low, high = alone.conf_int(0.9)[2]
        assert (rung.estimate, rung.std_error, rung.p_value) == (alone.coef[2], alone.se[2], alone.pvalue[2])
        assert (rung.conf_low, rung.conf_high) == (low, high)
    assert ladder.moulton == ladder["CV1"].std_error / ladder["iid"].std_error


def test_term_left_out_is_the_first_that_is_not_the_intercept():
    assert lyra.fit("y ~ treat + x", FRAME, clusters="g").ladder().term == "treat"
    assert lyra.fit("y ~ x - 1", FRAME, clusters="g").ladder().term == "x"
    assert lyra.fit("y ~ 1", FRAME, clusters="g").ladder().term == "Intercept"


@pytest.mark.parametrize(
    ("frame", "formula", "arms"),
    [
        (FRAME, "y ~ treat", (15, 15)),
        (experiment(treated=4), "y ~ treat + x", (4, 26)),
        (FRAME.assign(treat=FRAME["treat"] == 1), "y ~ treat", (15, 15)),
        (FRAME.assign(treat=1 - FRAME["treat"]), "y ~ treat", (15, 15)),
        (FRAME, "y ~ x", None),
        (FRAME.assign(treat=FRAME.index % 2), "y ~ treat", None),
        (FRAME.assign(treat=FRAME["g"] % 3), "y ~ treat", None),
    ],
)
def test_arms_are_counted_where_clusters_were_drawn(frame, formula, arms):
    assert lyra.fit(formula, frame, clusters="g").ladder().arms == arms


def test_table_names_laws_clusters_arms_and_the_ratio():
    ladder = lyra.fit("y ~ treat", FRAME, clusters="g").ladder()
    lines = str(ladder).splitlines()
    assert lines[0] == "treat"
    assert (
        " ".join(lines[1].split())
        == "method estimate std_error statistic p_value conf_low conf_high law certificate (worst size)"
    )
    assert [line.split()[0] for line in lines[2:10]] == [*LADDER, *STARRED]
    laws = ["t(178)", "t(29)", "t(28), Satterthwaite", "t(29)"]
    assert [line.split(maxsplit=7)[7].split("  ")[0] for line in lines[2:6]] == laws
    assert [line.split()[7] for line in lines[6:10]] == ["c*"] * 4
    assert [line.endswith(verdict) for line, verdict in zip(lines[2:10], ladder.verdicts, strict=True)] == [True] * 8
    assert lines[10] == "180 rows, 30 clusters: 15 treated, 15 not"
    assert lines[11] == f"Moulton ratio SE(CV1)/SE(iid) = {ladder.moulton:.3g}"
    assert lines[12] == (
        "Worst sizes: the largest share of true nulls that a line flags in any of these worlds, computed exactly. "
        "Errors may have an intraclass correlation from 0 to 0.7, either arm of treat, or the clusters that carry half of "
        "treat, 2 or 1/2 times as variable."
    )
    assert lines[13].startswith("No danger found: 30 clusters")
    assert lines[14:] == [f"Read CV3: {ladder.advice.reason}"]


def test_tidy_holds_a_column_a_field():
    columns = lyra.fit("y ~ treat", FRAME, clusters="g").ladder().tidy()
    assert columns["method"] == [*LADDER, *STARRED]
    assert {len(values) for values in columns.values()} == {8}


# --- which line to read -------------------------------------------------------------------------


def advice(frame: pd.DataFrame, formula: str = "y ~ treat", **options: object) -> tuple[str | None, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        found = lyra.fit(formula, frame, clusters="g").ladder(**options).advice
    return found.method, found.reason


def by_rule(frame: pd.DataFrame, **options: object) -> tuple[str | None, str]:
    """Return what is read of `treat` where there are neither exact sizes nor a certificate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        found = climb(lyra.fit("y ~ treat", frame, clusters="g").fit, 1, **options).advice
    return found.method, found.reason


def test_many_clusters_on_each_side():
    assert by_rule(FRAME) == (
        "CV2",
        f"it allows for few and unequal clusters; of the 30 its law keeps 28 degrees of freedom for 'treat'. {BY_RULE}",
    )


BY_RULE = "This is by rule, without a certificate."
BESIDE = (
    "Few clusters stand for one side, so show randomisation inference (in Python, fit.randomisation_test('treat')) "
    "beside it."
)


def law(treated: int, control: int) -> float:
    """Satterthwaite's degrees of freedom of a difference of two means of clusters [Welch 1947, equal variances]."""
    spread = sum(1 / (n**2 * (n - 1)) for n in (treated, control))
    return (1 / treated + 1 / control) ** 2 / spread


def test_few_treated_clusters():
    told = (
        f"it allows for few and unequal clusters; of the 30 its law keeps {law(5, 25):.3g} degrees of freedom for "
        f"'treat'. {BY_RULE}"
    )
    assert by_rule(experiment(treated=5)) == ("CV2", told)


def test_two_treated_clusters():
    told = (
        f"with caution, for {law(2, 28):.3g} degrees of freedom say that very few clusters carry 'treat'; "
        f"below 4 no line is sure to hold its level. {BY_RULE} {BESIDE}"
    )
    assert by_rule(experiment(treated=2)) == ("CV2", told)


def test_one_treated_cluster():
    method, reason = by_rule(experiment(treated=1))
    assert method is None
    assert reason == (
        "without cluster 0 there is no estimate of 'treat', and what can still be computed is far too small; use "
        "randomisation inference (in Python, fit.randomisation_test('treat')), or find more clusters on each side."
    )


def test_one_treated_of_few_clusters_is_beyond_randomisation_inference():
    method, reason = by_rule(experiment(G=12, treated=1))
    assert method is None
    assert reason == (
        "without cluster 0 there is no estimate of 'treat', and what can still be computed is far too small; more "
        "clusters on each side would help, for 1 treated of 12 can be drawn in 12 ways only, too few for "
        "randomisation inference at 5 %."
    )


def test_one_warning_speaks_of_the_term_and_of_no_other():
    """`x` alone is asked for: that dummies of every cluster have no leave-one-out estimate is nobody's question."""
    regression = lyra.fit("y ~ x + C(g)", FRAME, clusters="g")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regression.ladder("x")
    with pytest.warns(UnidentifiedWarning) as caught:
        lyra.fit("y ~ treat", experiment(treated=1), clusters="g").ladder()
    assert [str(warning.message) for warning in caught] == [
        "CV2 and CV3 are not computable for 'treat': without cluster 0 there is no estimate of it."
    ]


def test_a_term_is_found_with_its_levels_spelled_or_short():
    frame = FRAME.assign(arm=np.array(["a", "b", "c"])[FRAME["g"] % 3])
    regression = lyra.fit("y ~ C(arm, ref='b')", frame, clusters="g")
    name = 'C(arm, ref="b")[T.c]'
    assert [regression.ladder(term).term for term in (name, "arm[T.c]", "C(arm)[T.c]", "C(arm, ref='b')[T.c]")] == (
        [name] * 4
    )
    for term, told in {
        "arm": 'term=\'arm\' has 2 coefficients: name one of C(arm, ref="b")[T.a], C(arm, ref="b")[T.c].',
        ("arm[T.a]", "arm[T.c]"): (
            "term= names one coefficient, and ('arm[T.a]', 'arm[T.c]') is none: ask for one at a time."
        ),
    }.items():
        with pytest.raises(InputError) as caught:
            regression.ladder(term)
        assert str(caught.value) == told
    assert 'Other coefficients (asked for with term=): C(arm, ref="b")[T.a]' in str(regression.ladder("arm[T.c]"))


def test_the_outcome_is_no_cluster():
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ treat", FRAME, clusters="y")
    assert str(caught.value) == "clusters='y' is the outcome: name the column of cluster labels."


def test_every_cluster_a_row():
    assert by_rule(FRAME.assign(g=range(180))) == (
        "CV2",
        f"every cluster is one row, and this line gives each a variance of its own. {BY_RULE}",
    )


@pytest.mark.parametrize(
    ("methods", "method", "reason"),
    [
        (("iid", "HC3"), None, "none here allows for clusters; ask for the lines that do."),
        (
            ("CV1", "CV3"),
            "CV3",
            f"it leaves out one cluster at a time, and errs on the side of caution. {BY_RULE}",
        ),
        (
            ("iid", "CV1"),
            "CV1",
            (
                f"it allows for clusters, but is too small when they are few or unequal, and no better line is here. "
                f"{BY_RULE}"
            ),
        ),
    ],
)
def test_lines_left_out(methods, method, reason):
    assert by_rule(FRAME, methods=methods) == (method, reason)


@settings(max_examples=20)
@given(G=st.integers(3, 12), treated=st.integers(1, 11), seed=st.integers(0, 10**6))
def test_naive_line_is_never_the_one_to_read_with_clusters(G, treated, seed):
    frame = experiment(G=G, treated=min(treated, G - 1), rows=3, seed=seed)
    assert advice(frame)[0] in {None, "CV1", "CV2", "CV3", *STARRED}
    assert by_rule(frame)[0] in {None, "CV2"}


ALONE = "one cluster stands for a whole arm of 'treat', so its own shock cannot be told from the effect; "


@pytest.mark.parametrize(
    ("frame", "out"),
    [
        (
            experiment(treated=1),
            (
                "use randomisation inference (in Python, fit.randomisation_test('treat')), or find more clusters on "
                "each side."
            ),
        ),
        (
            experiment(G=12, treated=1),
            (
                "more clusters on each side would help, for 1 treated of 12 can be drawn in 12 ways only, too few for "
                "randomisation inference at 5 %."
            ),
        ),
    ],
)
def test_one_cluster_for_a_whole_arm_has_no_line_though_some_hold_their_level(frame, out):
    assert advice(frame) == (None, ALONE + out)


def test_lines_that_are_named_are_taken_as_they_are():
    regression = lyra.fit("y ~ treat", FRAME, clusters="g")
    for methods, shown in (
        (["CV3*", "CV1", "CV3*"], ["CV1", "CV3*"]),
        (["iid", "CV1"], ["iid", "CV1"]),
        (["CV0*"], ["CV0*"]),
    ):
        assert [rung.method for rung in regression.ladder(methods=methods).rungs] == shown
    assert regression.ladder(methods=["CV0*"]).advice.method == "CV0*"


# --- the other questions ------------------------------------------------------------------------

REG = lyra.fit("y ~ treat + x", experiment(G=8, treated=4), clusters="g")


@pytest.mark.parametrize("options", [{"weights": "rademacher"}, {"weights": "webb", "rng": 3, "B": 499, "h0": 0.5}])
def test_bootstrap_is_that_of_the_fit(options):
    asked = REG.bootstrap("x", **options)
    alone = wild_bootstrap(REG.fit, param="x", **options)
    assert (asked.pvalue, asked.statistic, asked.n_draws) == (alone.pvalue, alone.statistic, alone.n_draws)


def test_bootstrap_of_the_first_that_is_not_the_intercept():
    assert REG.bootstrap(weights="rademacher").statistic == REG.bootstrap("treat", weights="rademacher").statistic


def test_bootstrap_of_a_restriction_needs_no_name():
    joint = REG.bootstrap(R=[[0, 1, 0], [0, 0, 1]], weights="rademacher")
    assert joint.pvalue == REG.bootstrap(["treat", "x"], weights="rademacher").pvalue


def test_diagnosis_is_that_of_the_fit():
    found = REG.diagnose()
    assert found.G == 8
    assert found.treated_clusters == {"treat": (4, 4)}
    np.testing.assert_array_equal(found.influence, diagnose(REG.fit).influence)


def test_randomisation_test_is_that_of_the_fit():
    asked = REG.randomisation_test("treat")
    assert asked.n_assignments == 70  # 4 of 8
    assert asked.pvalue == randomisation_test(REG.fit, term="treat").pvalue


def test_per_cluster_test_is_that_of_the_fit():
    asked = REG.per_cluster_test("x", h0=0.1)
    assert asked.statistic == per_cluster_test(REG.fit, param="x", h0=0.1).statistic


def test_level_test_is_that_of_the_fit():
    coarse = np.arange(8) // 2
    asked = REG.level_test(coarse, term="treat", rng=1)
    assert asked.pvalue == level_test(REG.fit, coarse, param="treat", rng=1).pvalue


def test_certificate_is_of_the_term_asked_for():
    first, named, other = (
        REG.certify(*term, methods=["CV2"], maximum=500, icc=0.1) for term in ((), ("treat",), ("x",))
    )
    assert [cert.config["term"] for cert in (first, named, other)] == ["treat", "treat", "x"]
    assert first.digest == named.digest != other.digest


# --- refused ------------------------------------------------------------------------------------


def test_unknown_term():
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ treat + x", FRAME, clusters="g").ladder("treta")
    assert str(caught.value) == (
        "term='treta' is not a coefficient: did you mean 'treat'? there is 'Intercept', 'treat', 'x'."
    )


def test_unknown_term_of_a_certificate():
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ treat + x", FRAME, clusters="g").certify("treta")
    assert str(caught.value) == (
        "term='treta' is not a coefficient: did you mean 'treat'? there is 'Intercept', 'treat', 'x'."
    )


def test_unknown_line():
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ treat", FRAME, clusters="g").ladder()["CV4"]
    assert str(caught.value) == "'CV4' is not on this ladder: it has iid, CV1, CV2, CV3, CV2*, CV3*, CV1*, R1*."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"methods": ["CV4*"]},
            "variant='CV4*' is unknown: did you mean 'CV3*'? there is 'CV0*', 'CV1*', 'CV2*', 'CV3*', 'CV3J*', 'R1*'.",
        ),
        ({"methods": []}, "methods= names no line: ask for one or more, such as CV3."),
        (
            {"tolerance": 0.0},
            "tolerance=0.0 is not how many times its level a line may reach: pass a positive number, such as 1.25.",
        ),
        (
            {"tolerance": float("nan")},
            "tolerance=nan is not how many times its level a line may reach: pass a positive number, such as 1.25.",
        ),
        ({"arms": 0.5}, "arms=0.5 is not how many times as variable: pass a number, 1 or more."),
        ({"icc_max": 1.0}, "icc_max=1.0 is not a correlation: pass a number from 0, below 1."),
    ],
)
def test_a_ladder_that_cannot_be_is_refused(options, told):
    with pytest.raises(InputError) as caught:
        lyra.fit("y ~ treat", FRAME, clusters="g").ladder(**options)
    assert str(caught.value) == told


def test_a_calibrated_line_that_is_named_and_has_no_answer_is_refused():
    with pytest.raises(NotIdentifiedError) as caught:
        lyra.fit("y ~ treat", experiment(treated=1), clusters="g").ladder(methods=["CV1", "CV3*"])
    assert str(caught.value) == (
        "CV3 of treat leaves out one cluster at a time, and without cluster 0 there is no estimate: read R1, or "
        "randomisation inference."
    )


def test_level_out_of_range():
    with pytest.raises(InputError, match=r"^level=95 is not a coverage"):
        lyra.fit("y ~ treat", FRAME, clusters="g").ladder(level=95)


# --- import -------------------------------------------------------------------------------------


def test_import_loads_no_engine():
    code = (
        "import sys, lyra, lyra.regression, lyra.errors; lyra.fit; lyra.Moments;"
        "print([name for name in ('narwhals', 'duckdb', 'scipy', 'pandas', 'polars', 'pyarrow', 'rich', 'cyclopts') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_public_name():
    with pytest.raises(AttributeError, match="module 'lyra' has no attribute 'fti'"):
        lyra.fti  # noqa: B018
    assert {"fit", "fit_moments", "Moments", "Regression"} <= set(dir(lyra))
