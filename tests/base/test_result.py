"""Every public result speaks one protocol, fits a line in the prompt, and prints its answer."""

from __future__ import annotations

import importlib
import json
import pkgutil

import numpy as np
import pytest

import lyra
from lyra.base.result import Coefficient, Result, Statistic, Told, one_line
from results import BOOT, COEFFICIENTS, LADDER, REG, RESULTS, TESTED

every_result = pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
every_coefficient = pytest.mark.parametrize("result", COEFFICIENTS.values(), ids=COEFFICIENTS)


@every_result
def test_a_result_is_one_line_in_the_prompt(result):
    line = repr(result)
    assert len(line) <= 120
    assert "\n" not in line
    assert line.startswith(f"<{type(result).__name__}: ")
    assert line.endswith(">")


@every_result
def test_a_result_prints_its_answer_and_not_its_parts(result):
    text = str(result)
    assert text != repr(result)
    assert not text.startswith("<")
    assert "array(" not in text


@every_result
def test_a_result_explains_itself_and_is_plain_values(result):
    assert isinstance(result, Result)
    assert result.explain().strip() != ""
    assert not isinstance(json.loads(json.dumps(result.to_dict())), str)


@pytest.mark.parametrize("result", [*COEFFICIENTS.values(), *TESTED.values()], ids=[*COEFFICIENTS, *TESTED])
def test_a_test_has_a_statistic_and_a_p_value_in_its_plain_values(result):
    assert isinstance(result, Statistic)
    assert ((np.asarray(result.p_value) >= 0) & (np.asarray(result.p_value) <= 1)).all()
    told = result.to_dict()
    np.testing.assert_array_equal(told["statistic"], result.statistic)
    np.testing.assert_array_equal(told["p_value"], result.p_value)


@every_coefficient
def test_a_coefficient_is_told_in_the_same_words_by_all(result):
    assert isinstance(result, Coefficient)
    told = result.to_dict()
    assert list(np.atleast_1d(told["term"])) == list(np.atleast_1d(result.term))
    for name in ("estimate", "std_error"):
        np.testing.assert_array_equal(told[name], getattr(result, name))
    shape = np.shape(result.estimate)
    assert np.shape(result.std_error) == np.shape(result.statistic) == np.shape(result.p_value) == shape
    assert result.conf_int().shape == (*shape, 2)


@every_coefficient
def test_the_interval_holds_the_estimate_and_grows_with_its_level(result):
    low, high = np.moveaxis(result.conf_int(0.95), -1, 0)
    assert ((low < result.estimate) & (result.estimate < high)).all()
    if result is not COEFFICIENTS["line of a bootstrap"]:  # it holds one interval, see tests/verdict/test_rung.py
        inner = np.diff(result.conf_int(0.5))
        assert (inner < np.diff(result.conf_int(0.95))).all()


@pytest.mark.parametrize("name", ["inference", "inference of arrays", "per cluster"])
def test_the_names_of_the_array_door_are_the_same_numbers(name):
    result = COEFFICIENTS[name]
    for new, old in (("estimate", "coef"), ("std_error", "se"), ("p_value", "pvalue")):
        np.testing.assert_array_equal(getattr(result, new), getattr(result, old))


def test_moments_are_one_line_in_the_prompt_too():
    assert repr(REG.moments) == "<Moments: 72 rows, 12 clusters, 3 columns: Intercept, treat, x>"


def test_a_bootstrap_is_still_a_number():
    assert float(BOOT) == BOOT.p_value == BOOT.pvalue == BOOT
    assert f"{BOOT:.3f}" == f"{BOOT.pvalue:.3f}"


def test_the_standard_error_of_a_bootstrap_is_that_of_its_t():
    """Kind 11 studentises by CV1."""
    assert BOOT.std_error == pytest.approx(REG.robust("CV1").se[1], rel=1e-10)
    assert np.isnan(REG.bootstrap(["treat", "x"], rng=1).std_error)


def test_a_line_is_its_inference():
    for method in ("iid", "CV1", "CV2", "CV3"):
        res, line = REG.robust(method), LADDER[method]
        assert (line.term, line.estimate, line.std_error) == ("treat", res.coef[1], res.se[1])
        assert (line.statistic, line.p_value) == (res.statistic[1], res.pvalue[1])
        for level in (0.5, 0.9, 0.95, 0.99):
            np.testing.assert_allclose(line.conf_int(level), res.conf_int(level)[1], rtol=1e-14)


def test_every_class_that_is_told_is_walked_here():
    for module in pkgutil.walk_packages(lyra.__path__, "lyra."):
        importlib.import_module(module.name)
    walked = {type(result).__qualname__ for result in RESULTS.values()}
    assert {told.__qualname__ for told in subclasses(Told) if "_answer" in vars(told)} == walked


def subclasses(kind):
    return {kind, *(below for each in kind.__subclasses__() for below in subclasses(each))} - {Told}


def test_a_long_line_is_cut_between_words():
    answer = " ".join(f"word{n}" for n in range(40))
    line = one_line("Long", answer)
    assert len(line) <= 120
    assert line.endswith(" …>")
    assert f"<Long: {answer} ".startswith(line.removesuffix("…>"))
    assert one_line("Short", "two\n  lines") == "<Short: two lines>"
