"""Every number that other packages returned and that lyra has too, within max(1e-9, 10 × their own disagreement)."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

import oracles
from lyra.errors import UnidentifiedWarning
from lyra.moments.moments import Moments
from lyra.regression.least_squares import Fit, least_squares
from lyra.robust.inference import Inference, infer

Factor = Callable[[int, int, int], float]

COVARIANCES: dict[str, tuple[str, Factor]] = {
    "CR0": ("CV0", lambda G, N, K: 1.0),
    "CR1": ("CV0", lambda G, N, K: G / (G - 1)),
    "CR1p": ("CV0", lambda G, N, K: G / (G - K)),
    "CV1": ("CV1", lambda G, N, K: 1.0),
    "CV1 * (G-1)/G": ("CV1", lambda G, N, K: (G - 1) / G),
    "CV2": ("CV2", lambda G, N, K: 1.0),
    "CV2 * (G-1)/G": ("CV2", lambda G, N, K: (G - 1) / G),
    "CR3": ("CV3", lambda G, N, K: G / (G - 1)),
    "CV3": ("CV3", lambda G, N, K: 1.0),
    "CV3_refit": ("CV3", lambda G, N, K: 1.0),
    "CV3J_refit": ("CV3J", lambda G, N, K: 1.0),
    "CV3 * (G/(G-1))^2 * (N-1)/(N-K)": ("CV3", lambda G, N, K: (G / (G - 1)) ** 2 * (N - 1) / (N - K)),
    "HC0": ("HC0", lambda G, N, K: 1.0),
    "HC1": ("HC1", lambda G, N, K: 1.0),
    "HC2": ("HC2", lambda G, N, K: 1.0),
    "HC3": ("HC3", lambda G, N, K: 1.0),
    "HC2 * N/(N-K)": ("HC2", lambda G, N, K: N / (N - K)),
    "HC3 * N/(N-K)": ("HC3", lambda G, N, K: N / (N - K)),
}
SATTERTHWAITE = {
    "Satterthwaite dof of CR1": "CV1",
    "Satterthwaite dof of CV2": "CV2",
    "Satterthwaite dof of CR3": "CV3",
}
HTZ = "AHT (HTZ): F and denominator dof"

# What the other usable entries speak of, and lyra does not compute from these functions.
ELSEWHERE = ("WCR", "WCU", "twoway", "CV1(a)+CV1(b)-HC0", "CV1_cluster2", "trace(", "partial leverage")

WELL_CONDITIONED = [name for name in oracles.unweighted_names() if name != "syn-collinear8"]  # held to 60 digits


@cache
def fitted(name: str) -> Fit:
    case = oracles.case(name)
    return least_squares(Moments.from_arrays(case.y, case.X, case.clusters, names=case.names))


@cache
def inferred(name: str, variant: str, dof: str | None = None) -> Inference:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        return infer(fitted(name), variant=variant, dof=dof)


def scaled_covariance(name: str, convention: str) -> np.ndarray:
    variant, factor = COVARIANCES[convention]
    fit = fitted(name)
    return inferred(name, variant).vcov * factor(fit.G, fit.N, fit.K)


def usable(known: Callable[[str], bool]) -> list[object]:
    return [
        pytest.param(name, entry, id=f"{name}:{entry.path}")
        for name in oracles.unweighted_names()
        for entry in oracles.case(name).entries
        if entry.usable and known(entry.equals)
    ]


def positions(case: oracles.Case, entry: oracles.Entry, theirs: list[str]) -> tuple[list[int], list[int]]:
    """Return where the coefficients in scope stand in lyra's order and in the package's."""
    wanted = [name for name in theirs if entry.scope == "all" or name in case.focal]
    return [case.names.index(name) for name in wanted], [theirs.index(name) for name in wanted]


@pytest.mark.parametrize(("name", "entry"), usable(COVARIANCES.__contains__))
def test_covariance_equals_the_package(name, entry, compared):
    case = oracles.case(name)
    matrix, names = case.result(entry.path)
    if isinstance(matrix, dict):
        matrix = matrix["vcov"]
    ours, theirs = positions(case, entry, names)
    expected = np.array(matrix, dtype=float)[np.ix_(theirs, theirs)]
    got = scaled_covariance(name, entry.equals)[np.ix_(ours, ours)]
    assert oracles.matrix_gap(got, expected) < entry.tolerance
    compared(entry.package, len(ours) * (len(ours) + 1) // 2)


@pytest.mark.parametrize(("name", "entry"), usable(SATTERTHWAITE.__contains__))
def test_satterthwaite_equals_the_package(name, entry, compared):
    case = oracles.case(name)
    values, names = case.result(entry.path)
    ours, theirs = positions(case, entry, names)
    got = inferred(name, SATTERTHWAITE[entry.equals], "satterthwaite").dof[ours]
    assert oracles.relative_gap(got, np.array(values, dtype=float)[theirs]) < entry.tolerance
    compared(entry.package, len(ours))


@pytest.mark.parametrize(("name", "entry"), usable(HTZ.__eq__))
def test_htz_equals_the_package(name, entry, compared):
    case = oracles.case(name)
    told, _ = case.result(entry.path.removesuffix("/HTZ"))
    row = told["tests"]["test"].index("HTZ")
    test = inferred(name, "CV2").wald(case.restrictions(told["hypothesis"]))
    got = np.array([test.statistic, test.df_num, test.df_denom])
    expected = np.array([told["tests"][key][row] for key in ("Fstat", "df_num", "df_denom")])
    assert test.method == "HTZ"
    assert oracles.relative_gap(got, expected) < entry.tolerance
    compared(entry.package, 3)


@pytest.mark.parametrize("name", WELL_CONDITIONED)
def test_equals_the_dense_formulas(name):
    """The same quantities formed row by row, every M_gg in full."""
    case = oracles.case(name)
    ours = [case.names.index(n) for n in (case.focal if case.raw["singular_M_gg"] else case.names)]
    for convention in COVARIANCES.keys() & given(case.dense["V"]):
        gap = oracles.matrix_gap(
            scaled_covariance(name, convention)[np.ix_(ours, ours)],
            np.array(case.dense["V"][convention])[np.ix_(ours, ours)],
        )
        assert gap < 1e-9, convention
    for convention in given(case.dense["satterthwaite_df"]) - {"coef"}:
        variant = SATTERTHWAITE[f"Satterthwaite dof of {convention}"]
        told = dict(
            zip(case.dense["satterthwaite_df"]["coef"], case.dense["satterthwaite_df"][convention], strict=True)
        )
        got = inferred(name, variant, "satterthwaite").dof
        for j in ours:
            assert got[j] == pytest.approx(told.get(case.names[j], got[j]), rel=1e-9), convention


def given(values: dict[str, object]) -> set[str]:
    """Return the keys with a value: CR1p needs G > K, and a few are too large to form densely."""
    return {key for key, value in values.items() if value is not None}


@pytest.mark.parametrize("name", ["grunfeld-firmfe", "syn-fe"])
@pytest.mark.parametrize("variant", ["CV2", "CV3", "CV3J"])
def test_nan_exactly_where_leaving_out_a_cluster_leaves_no_estimate(name, variant):
    case = oracles.case(name)
    lost = {n for n, se in zip(case.names, inferred(name, variant).se, strict=True) if np.isnan(se)}
    assert lost == {n for n in case.names if n == "(Intercept)" or n.startswith("factor(")}


@pytest.mark.parametrize("name", [n for n in oracles.unweighted_names() if "high_precision" in oracles.case(n).raw])
def test_equals_sixty_digits(name, compared):
    """The columns of syn-collinear8 have a condition number of 2e8."""
    case, fit = oracles.case(name), fitted(name)
    digits = case.raw["high_precision"]
    assert digits["names"] == case.names
    assert oracles.relative_gap(fit.coef, np.array(digits["coef"], dtype=float)) < 1e-7
    numbers = fit.K
    for convention in COVARIANCES.keys() & digits.keys():
        expected = np.array(digits[convention], dtype=float)
        assert oracles.matrix_gap(scaled_covariance(name, convention), expected) < 1e-7, convention
        numbers += fit.K * (fit.K + 1) // 2
    for key in (key for key in digits if key.startswith("satterthwaite_df_")):
        variant = SATTERTHWAITE["Satterthwaite dof of " + key.removeprefix("satterthwaite_df_")]
        expected = np.array(digits[key], dtype=float)
        assert oracles.relative_gap(inferred(name, variant, "satterthwaite").dof, expected) < 1e-7
        numbers += fit.K
    compared("60 digits", numbers)


@pytest.mark.parametrize("name", WELL_CONDITIONED)
def test_coefficients_equal_every_package(name, compared):
    case = oracles.case(name)
    for package, told in case.raw["results"].items():
        coef = told.get("coef") if isinstance(told, dict) else None
        if coef is not None and len(coef) == len(case.names):
            assert oracles.relative_gap(fitted(name).coef, np.array(coef, dtype=float)) < 1e-9, package
            compared(package, len(coef))


@pytest.mark.parametrize("name", WELL_CONDITIONED)
@pytest.mark.parametrize(("path", "variant"), [("cl_stata", "CV1"), ("cl_CR2", "CV2"), ("HC3", "HC3")])
def test_p_values_and_intervals_equal_estimatr(name, path, variant, compared):
    """t(G−1), Satterthwaite's t and t(N−K); a p-value far in the tail has the relative error of its t, magnified."""
    case = oracles.case(name)
    told, res = case.raw["results"]["estimatr"][path], inferred(name, variant)
    scope = case.focal if case.raw["singular_M_gg"] and variant == "CV2" else case.names
    ours = [case.names.index(n) for n in scope]
    np.testing.assert_allclose(res.pvalue[ours], np.array(told["p"], dtype=float)[ours], rtol=1e-6)
    half = (res.conf_int() - res.coef[:, None])[ours]
    expected = np.column_stack([told["ci_low"], told["ci_high"]]).astype(float)[ours] - res.coef[ours, None]
    np.testing.assert_allclose(half, expected, rtol=1e-8)
    compared("estimatr", 3 * len(ours))


@pytest.mark.parametrize("told", oracles.data_files(), ids=lambda told: told["file"])
def test_data_are_the_bytes_the_packages_saw(told):
    assert oracles.sha256(told["file"]) == told["sha256"]


def test_every_usable_entry_is_compared_or_named_as_elsewhere():
    """No entry is lost silently: weighted cases and second cluster dimensions are the only others."""
    here = COVARIANCES.keys() | SATTERTHWAITE.keys() | {HTZ}
    seen: Counter[str] = Counter()
    for name in oracles.case_names():
        for entry in oracles.case(name).entries:
            if not entry.usable:
                seen["not usable"] += 1
            elif oracles.case(name).weighted:
                seen["weighted"] += 1
            elif entry.equals in here:
                seen["compared"] += 1
            else:
                assert any(word in entry.equals for word in ELSEWHERE), entry
                seen["elsewhere"] += 1
    assert seen.total() == sum(len(oracles.case(name).entries) for name in oracles.case_names())
    assert seen["compared"] > 600
