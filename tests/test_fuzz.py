"""The adversary held to account: its oracle against the textbook by rows, its judge against planted faults."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from bench.fuzz import seed_of
from bench.fuzzing import arrays, judge, tables
from bench.fuzzing.carriers import CARRIERS
from bench.fuzzing.frames import table, term
from bench.fuzzing.labels import KINDS
from bench.fuzzing.oracle import Exact, dyadic, t_pvalue
from bench.fuzzing.problems import problem
from dense import coefficients, covariance, refits, satterthwaite
from scipy.stats import t as student

from lyra.errors import InputError
from lyra.se import cluster_robust
from strategies import Regression


def regression(seed=3, N=40, G=7, K=3):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(N), rng.normal(size=(N, K - 1))])
    return Regression(y=X @ rng.normal(size=K) + rng.normal(size=N), X=X, clusters=rng.permutation(np.arange(N) % G))


def exactly(r):
    return Exact.of(r.X.T.tolist(), r.y.tolist(), r.clusters.tolist())


def numbers(values):
    return np.array([np.nan if v is None else float(v.mid()) for v in values])


@pytest.mark.parametrize("seed", range(3))
def test_the_oracle_is_the_textbook_by_rows(seed):
    r = regression(seed)
    exact, G = exactly(r), 7
    for variant, exponent in (("CV0", 0.0), ("CV2", -0.5)):
        np.testing.assert_allclose(numbers(exact.se(variant)) ** 2, np.diagonal(covariance(r, exponent)), rtol=1e-10)
    moved = refits(r) - coefficients(r.y, r.X)
    np.testing.assert_allclose(numbers(exact.se("CV3")) ** 2, (G - 1) / G * (moved**2).sum(axis=0), rtol=1e-10)
    np.testing.assert_allclose(numbers(exact.coef), coefficients(r.y, r.X), rtol=1e-10)
    for j, contrast in enumerate(np.eye(3)):
        np.testing.assert_allclose(float(exact.satterthwaite(j).mid()), satterthwaite(r, contrast, -0.5), rtol=1e-10)


def test_every_row_its_own_cluster_gives_the_variances_of_rows():
    r = replace(regression(), clusters=np.arange(40))
    exact = exactly(r)
    np.testing.assert_allclose(numbers(exact.se("CV2")), numbers(exact.se("HC2")), rtol=1e-14)
    np.testing.assert_allclose(numbers(exact.se("CV3")) * np.sqrt(40 / 39), numbers(exact.se("HC3")), rtol=1e-14)


def test_the_oracle_decides_what_does_not_exist_and_what_is_zero():
    g = np.repeat(np.arange(4), 3)
    alone = (g == 0).astype(float)
    exact = Exact.of([alone.tolist(), (1 - alone).tolist()], [0.1 * i * i for i in range(12)], g.tolist())
    assert exact.se("CV1")[0] == 0  # the score of the one treated cluster is zero by the normal equations
    assert exact.se("CV1")[1] > 0
    assert exact.se("CV2")[0] is exact.se("CV3")[0] is None
    assert exact.se("CV3")[1] > 0
    assert exact.rank == 2
    assert Exact.of([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6]], [1.0, 2.0, 4.0], [0, 1, 2]).rank == 1


def test_floats_are_fractions():
    assert dyadic([0.75, -3, 2.0**-60]) == ([3 * 2**58, -3 * 2**60, 1], -60)
    assert t_pvalue(2.5, 3.7) == pytest.approx(2 * student.sf(2.5, 3.7), rel=1e-13)


def findings(res, answer=None):
    r = regression()
    return {(f.kind, f.what) for f in judge.inference(exactly(r), res, answer or judge.Answer(), "CV1")}


@pytest.fixture
def right():
    r = regression()
    return cluster_robust(r.y, r.X, clusters=r.clusters)


def test_a_right_answer_is_right(right):
    assert not findings(right)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda res: {"coef": res.coef * (1 + 1e-4)}, ("wrong", "coefficient")),
        (lambda res: {"coef": res.coef * (1 + 1e-9)}, ("imprecise", "coefficient")),
        (lambda res: {"scaled": res.scaled * (1 + 1e-4)}, ("wrong", "se CV1")),
        (lambda res: {"scaled": res.scaled * (1 + 1e-9)}, ("imprecise", "se CV1")),
        (lambda res: {"scaled": res.scaled * np.nan}, ("wrong", "NaN for an se that exists, no warning")),
        (lambda res: {"dof": res.dof + 1}, ("wrong", "dof")),
    ],
)
def test_a_planted_fault_is_found(right, change, found):
    assert found in findings(replace(right, **change(right)))


def test_a_warning_makes_a_nan_only_too_cautious(right):
    answer = judge.ask(lambda: warnings.warn("as it is", judge.LyraWarning, stacklevel=1))
    nan = replace(right, scaled=right.scaled * np.nan)
    assert findings(nan, answer) == {("cautious", "NaN for an se that exists")}


def test_what_is_not_of_lyra_is_foreign():
    def leak():
        warnings.warn("divide by zero", RuntimeWarning, stacklevel=1)
        raise KeyError("x")

    def refuse():
        raise InputError("No.")

    assert [f.what for f in judge.foreign(judge.ask(leak))] == ["KeyError", "RuntimeWarning"]
    assert not list(judge.foreign(judge.ask(refuse)))


def test_a_noise_for_a_zero_standard_error_is_wrong(right):
    g = np.repeat(np.arange(4), 10)
    alone = (g == 0).astype(float)
    exact = Exact.of([alone.tolist(), (1 - alone).tolist()], regression().y.tolist(), g.tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        noisy = cluster_robust(regression().y, np.column_stack([alone, 1 - alone]), clusters=g, names=("a", "b"))
    noisy = replace(noisy, scaled=np.eye(2) * 1e-32)
    kinds = {(f.kind, f.what) for f in judge.standard_errors(exact, noisy, judge.Answer(), "CV1")}
    assert ("wrong", "se that is zero") in kinds


@pytest.mark.parametrize("number", [0, 7, 123])
def test_a_problem_is_its_seed(number):
    one, two = problem(seed_of(1, "arrays", number)), problem(seed_of(1, "arrays", number))
    assert (one.columns, one.outcome, one.codes, one.facts) == (two.columns, two.outcome, two.codes, two.facts)
    assert table(seed_of(1, "tables", number)) == table(seed_of(1, "tables", number))


def test_labels_of_a_kind_are_apart():
    rng = np.random.default_rng(0)
    for name, kind in KINDS.items():
        labels = kind.make(rng, min(kind.most, 20))
        assert len({repr(label) for label in labels}) == len(labels), name


def test_terms_are_read_from_their_names():
    columns = {"c": ["W2", "W10", "x:y"], "x": [1, 2, 3], "m": [9, 10, 9], "t": [True, False, True]}
    assert term("Intercept", columns) == [1, 1, 1]
    assert term("c[T.W10]", columns) == [0, 1, 0]
    assert term("C(m, ref=10)[T.9]", columns) == [1, 0, 1]
    assert term("t:c[T.x:y]", columns) == [0, 0, 1]
    assert term("square(x):t", columns) == [1, 0, 9]
    assert term("c[T.W3]", columns) is None


def test_plain_problems_are_judged_right():
    """What has no trap must have no finding: the adversary raises no false alarm there."""
    found = [arrays.judged(seed_of(5, "arrays", number)) for number in range(60)]
    plain = [
        f
        for p, _, f in found
        if set(p.facts["columns"]) <= {"one", "normal", "dummy"}
        and p.facts["y"] == "noise"
        and not p.facts["missing"]
        and p.facts["X as"] == "float64"
        and p.facts["labels"] in ("text", "int32", "dates")
    ]
    assert not [f for f in plain if f]


def test_a_table_goes_through_every_source():
    t, fits, _ = tables.judged(seed_of(5, "tables", 0))
    assert fits == len(CARRIERS) == 7
    assert set(t.used) >= {"y", t.clusters}
