"""t and joint tests: examples, laws and refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from examples import NAMES, experiment
from lyra.errors import InputError, LyraError, NotIdentifiedError, UnidentifiedWarning
from lyra.robust.inference import Inference
from lyra.se import cluster_robust

y, X, clusters = experiment()


SATTERTHWAITE = "Satterthwaite degrees of freedom, one a coefficient"


def result(variant: str = "CV1", dof: str | None = None) -> Inference:
    return cluster_robust(y, X, clusters=clusters, names=NAMES, variant=variant, dof=dof)


def refusal(function, *args, kind: type[LyraError] = InputError, **kwargs) -> str:
    with pytest.raises(kind) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("variant", "dof", "law"),
    [
        ("CV1", None, stats.t(7)),
        ("CV3", None, stats.t(7)),
        ("CV3J", None, stats.t(7)),
        ("CV1", "N-K", stats.t(29)),
        ("HC3", None, stats.t(29)),
        ("iid", None, stats.t(29)),
        ("CV1", "normal", stats.norm()),
    ],
)
def test_p_values_and_intervals_follow_the_law(variant, dof, law):
    res = result(variant, dof)
    assert_allclose(res.pvalue, 2 * law.sf(np.abs(res.coef / res.se)), rtol=1e-9)
    assert_allclose(res.conf_int(0.9)[:, 1], res.coef + law.ppf(0.95) * res.se, rtol=1e-9)


def test_satterthwaite_law():
    res = result("CV2")
    law = stats.t(res.dof)
    assert_allclose(res.pvalue, 2 * law.sf(np.abs(res.statistic)), rtol=1e-8)
    assert_allclose(res.conf_int()[:, 0], res.coef - law.ppf(0.975) * res.se, rtol=1e-8)


@pytest.mark.parametrize(
    ("variant", "dof", "method", "law"),
    [
        ("CV1", None, "F", stats.f(2, 7)),
        ("CV3", None, "F", stats.f(2, 7)),
        ("CV2", "G-1", "F", stats.f(2, 7)),
        ("CV1", "N-K", "F", stats.f(2, 29)),
        ("iid", None, "F", stats.f(2, 29)),
        ("CV1", "normal", "chi2", None),
        ("CV2", None, "HTZ", None),
    ],
)
def test_joint_tests_choose_the_law_of_the_fit(variant, dof, method, law):
    res = result(variant, dof)
    test = res.wald(["treat", "x"], [0.0, 0.9])
    gap = res.coef[1:] - [0.0, 0.9]
    Q = gap @ np.linalg.inv(res.vcov[1:, 1:]) @ gap
    assert test.method == method
    assert test.df_num == 2
    if method == "HTZ":
        eta = test.df_denom + 1
        assert test.statistic == pytest.approx((eta - 1) / (eta * 2) * Q, rel=1e-9)
        law = stats.f(2, test.df_denom)
    assert law is None or test.statistic == pytest.approx(Q / 2 if method == "F" else test.statistic, rel=1e-9)
    tail = law.sf(test.statistic) if law else stats.chi2(2).sf(Q)
    assert test.pvalue == pytest.approx(tail, rel=1e-8)


def test_restrictions_by_name_are_rows_of_the_identity():
    res = result()
    assert res.wald("treat") == res.wald([[0, 1, 0]])
    assert res.wald(("treat", "x")) == res.wald(np.eye(3)[1:])
    assert res.wald("treat").pvalue == pytest.approx(res.pvalue[1], rel=1e-9)


def test_the_f_of_iid_is_the_classical_one():
    u0 = y - y.mean()
    u1 = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    classical = (u0 @ u0 - u1 @ u1) / 2 / (u1 @ u1 / 29)
    assert result("iid").wald(["treat", "x"]).statistic == pytest.approx(classical, rel=1e-10)


def test_coefficients_that_are_nan_do_not_spoil_tests_of_others():
    alone = np.column_stack([X, clusters == "c"]).astype(float)
    with pytest.warns(UnidentifiedWarning):
        res = cluster_robust(y, alone, clusters=clusters, variant="CV3", names=(*NAMES, "only"))
    assert np.isnan(res.wald("only").pvalue)
    assert res.wald("treat").pvalue == pytest.approx(res.pvalue[1], rel=1e-9)


def test_refuses_restrictions_that_do_not_fit():
    res = result()
    assert refusal(res.wald, np.eye(2)) == (
        "R has shape (2, 2) and there are 3 coefficients: pass one row a restriction and one column a coefficient."
    )
    assert refusal(res.wald, np.empty((0, 3))) == "R has no rows: pass at least one restriction."
    assert refusal(res.wald, [[0, 1, 0], [0, 2, 0]]) == (
        "The 2 rows of R are not independent: leave out the restriction that repeats."
    )
    assert refusal(res.wald, "tret") == (
        "R='tret' is not a coefficient: did you mean 'treat'? there is 'one', 'treat', 'x'."
    )
    assert refusal(res.wald, np.eye(3)[1:], [0.0, 0.0, 0.0]) == (
        "r has shape (3,) and R has 2 rows: pass one value a restriction."
    )


def test_refuses_more_restrictions_than_clusters_less_one():
    few = np.isin(clusters, ["a", "b", "c"])
    rng = np.random.default_rng(0)
    wide = np.column_stack([X[few], rng.normal(size=few.sum())])
    res = cluster_robust(y[few], wide, clusters=clusters[few])
    assert refusal(res.wald, np.eye(4)[:3]) == (
        "3 restrictions cannot be tested with 3 clusters: the rank of the covariance is at most G-1 = 2; "
        "test fewer at once."
    )
    by_rows = cluster_robust(y[few], wide, clusters=clusters[few], variant="HC1")
    assert by_rows.wald(np.eye(4)[:3]).df_denom == few.sum() - 4


def test_refuses_restrictions_whose_covariance_is_singular():
    """With cluster dummies the scores of CV1 vary only along the one other column."""
    D = (clusters[:, None] == np.unique(clusters)).astype(float)
    res = cluster_robust(y, np.column_stack([D, X[:, 2]]), clusters=clusters)
    assert refusal(res.wald, np.eye(9)[:3], kind=NotIdentifiedError) == (
        "The covariance of the 3 restrictions is singular: the scores of the clusters vary in fewer directions; "
        "test fewer at once."
    )


def test_refuses_methods_that_are_unknown_or_undefined():
    assert refusal(result().wald, "treat", method="LR") == "method='LR' is unknown: there is 'HTZ', 'F', 'chi2'."
    assert refusal(result().wald, "treat", method="htz") == (
        "method='htz' is unknown: did you mean 'HTZ'? there is 'HTZ', 'F', 'chi2'."
    )
    assert refusal(result("CV3").wald, "treat", method="HTZ") == (
        "method='HTZ' is defined for CV2, not CV3: fit CV2, or use method='F'."
    )


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.1, float("nan")])
def test_refuses_a_level_out_of_range(level):
    assert refusal(result().conf_int, level) == (
        f"level={level!r} is not a coverage: pass a number between 0 and 1, such as 0.95."
    )


def test_refuses_degrees_of_freedom_that_are_unknown_or_undefined():
    rules = "there is 'satterthwaite', 'G-1', 'N-K', 'normal'."
    assert refusal(result, dof="satterthwate") == (
        f"dof='satterthwate' is unknown: did you mean 'satterthwaite'? {rules}"
    )
    assert refusal(result, dof=5) == f"dof=5 is unknown: {rules}"
    for variant in ("CV3J", "iid", "HC0", "HC1", "HC2", "HC3"):
        assert refusal(result, variant, "satterthwaite") == (
            f"dof='satterthwaite' is not defined for {variant}: choose CV1, CV2 or CV3, or another dof."
        )


def test_the_result_as_columns_and_as_plain_values():
    res = result("CV2")
    assert set(res.tidy()) == {
        "term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "dof",
    }  # fmt: skip
    told = json.loads(json.dumps(res.to_dict()))
    assert told["term"] == list(NAMES)
    assert told["vcov"] == res.vcov.tolist()
    assert (told["variant"], told["dof_rule"], told["n_rows"], told["n_clusters"]) == ("CV2", "satterthwaite", 32, 8)


def test_a_printed_table_names_clusters_law_and_factor():
    lines = str(result("CV3")).splitlines()
    assert [line.split()[0] for line in lines] == ["term", *NAMES, "CV3:"]
    assert lines[1].endswith("t(7)")
    assert lines[-1] == (
        "CV3: (G-1)/G sum (b_(g)-b)(b_(g)-b)', b_(g) without cluster g; 32 rows, 8 clusters; law t(G-1) = t(7)"
    )


@pytest.mark.parametrize(
    ("variant", "dof", "told"),
    [
        ("CV1", None, ["factor in front: 1.221674877", "law: t(G-1) = t(7) (the default for CV1)"]),
        ("CV3", None, ["factor in front: 0.875"]),
        ("CV2", None, ["factor in front: 1", f"law: t with {SATTERTHWAITE} (the default for CV2)"]),
        ("HC1", None, ["factor in front: 1.103448276", "law: t(N-K) = t(29) (the default for HC1)"]),
        ("CV1", "normal", ["law: standard normal (as asked)"]),
    ],
)  # fmt: skip
def test_explain_tells_formula_factor_law_and_counts(variant, dof, told):
    """CV1: 8/7 · 31/29; HC1: 32/29."""
    lines = result(variant, dof).explain().splitlines()
    assert lines[0].startswith(f"{variant} = ")
    assert set(told) <= set(lines)
    assert "G = 8 clusters, N = 32 rows, K = 3 coefficients" in lines
