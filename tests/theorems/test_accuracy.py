"""Every digit that the data hold: designs that cost digits, against 150 of them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sixty_digits import POWERS, truth
from stress import stresses

from lyra.errors import ConditionWarning, DroppedColumnsWarning, InputError, UnidentifiedWarning
from lyra.se import cluster_robust

CASES = {stress.name: stress for stress in stresses(5)}
RARE = ("1e-3", "1e-5", "1e-7", "1e-9", "1e-11", "1e1", "1e3", "1e6", "1e10", "1e-8", "1e30")  # left to the benchmark
BOUNDED = [name for name in CASES if not name.endswith(RARE) or "leverage" in name]


def gap(ours: np.ndarray, theirs: np.ndarray, least: np.ndarray | float = 0.0) -> float:
    """Return the largest relative error; that of an estimate near zero is relative to its standard error."""
    return float(np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), least)))


@pytest.mark.parametrize("name", BOUNDED)
def test_every_number_is_within_the_bound_or_the_loss_is_told(name):
    stress = CASES[name]
    columns = stress.X if stress.kept is None else stress.X[:, list(stress.kept)]
    right = truth(stress.y, columns, stress.clusters)
    for variant in POWERS:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            res = cluster_robust(stress.y, stress.X, clusters=stress.clusters, variant=variant, dof="satterthwaite")
        told = {warning.category for warning in caught}
        assert told <= {ConditionWarning, DroppedColumnsWarning}  # numpy never speaks
        if ConditionWarning in told or res.coef.size < columns.shape[1]:
            continue
        bound = 1e-15 * stress.condition + 1e-13
        assert gap(res.coef, right.coef, right.se["CV1"]) < bound
        assert gap(res.se, right.se[variant]) < bound, variant
        assert gap(res.dof, right.dof[variant]) < bound, variant


@pytest.mark.parametrize("unit", [1e-300, 1e-162, 1e-60, 1e60, 1e155, 1e300])
@pytest.mark.parametrize("which", ["y", "x"])
def test_a_unit_of_any_size_changes_nothing_but_the_unit(unit, which):
    stress = CASES["near-collinear 1e-2"]
    y, X = stress.y * (unit if which == "y" else 1.0), stress.X * ([1, 1, unit, 1] if which == "x" else 1.0)
    for variant in ("iid", "HC1", "HC3", "CV1", "CV2", "CV3J"):
        plain = cluster_robust(stress.y, stress.X, clusters=stress.clusters, variant=variant)
        res = cluster_robust(y, X, clusters=stress.clusters, variant=variant)
        powers = np.full(4, unit) if which == "y" else np.array([1, 1, 1 / unit, 1])
        assert gap(res.coef, plain.coef * powers, plain.se * powers) < 1e-12
        np.testing.assert_allclose(res.se, plain.se * powers, rtol=1e-12)
        np.testing.assert_allclose(res.dof, plain.dof, rtol=1e-12)
        np.testing.assert_allclose(res.wald(["x1", "x2"]).statistic, plain.wald(["x1", "x2"]).statistic, rtol=1e-10)


def test_a_coefficient_that_no_double_holds_is_refused_by_name():
    stress = CASES["near-collinear 1e-2"]
    X = stress.X * [1, 1, 1e-200, 1]
    with pytest.raises(InputError) as caught:
        cluster_robust(1e200 * stress.y, X, clusters=stress.clusters, names=["one", "d", "x", "z"])
    assert str(caught.value) == (
        "The coefficient of x, or its standard error, exceeds 1e308: multiply the column by a power of ten, or divide "
        "y by one."
    )


def nearly_collinear(apart: float, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X whose last column is a combination of the others but for so much, noise, and clusters."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(60), rng.normal(size=(60, 2))])
    X = np.column_stack([X, X @ [0.5, -1.2, 0.7] + apart * rng.normal(size=60), rng.normal(size=60)])
    return X, rng.normal(size=60), np.arange(60) % 9


@pytest.mark.parametrize("apart", [1e-5, 1e-7, 3e-9])
def test_nearly_collinear_columns_lose_no_digit_of_a_row(apart):
    """Working columns made of terms 1/apart as large are as good as columns that were given."""
    X, y, g = nearly_collinear(apart)
    right = truth(y, X, g)
    for variant in POWERS:
        res = cluster_robust(y, X, clusters=g, variant=variant)
        assert gap(res.coef, right.coef, right.se["CV1"]) < 1e-11
        assert gap(res.se, right.se[variant]) < 1e-11, variant


@pytest.mark.parametrize("apart", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("slopes", [[1.3, 0.0, 0.0, 4.0, 0.0], [0.3, 0.2, -1.1, 0.9, 0.4]])
@pytest.mark.parametrize("variant", ["iid", "HC1", "HC3", "CV1", "CV3"])
def test_a_y_made_of_nearly_collinear_columns_is_told(apart, slopes, variant):
    """Their rounding is no residual: the coefficients are those y was made of, and no standard error is a number."""
    X, _, g = nearly_collinear(apart)
    y = X @ slopes
    with pytest.warns(UnidentifiedWarning, match="the columns fit y exactly"):
        res = cluster_robust(y, X, clusters=g, variant=variant)
    np.testing.assert_allclose(res.coef, truth(y, X, g).coef, rtol=0, atol=1e-15 / apart)
    assert np.isnan(res.se).all()


@pytest.mark.parametrize("apart", [1e-2, 1e-4, 1e-7])
def test_a_y_along_what_nearly_collinear_columns_leave_is_told(apart):
    """y = x₁ − x₀ of whole numbers, exactly, where both are large beside it."""
    rng = np.random.default_rng(3)
    left, x = rng.integers(-3, 4, 60), np.round(rng.normal(size=60) * 3.0 / apart)
    X = np.column_stack([np.ones(60), x, x + left])
    with pytest.warns(UnidentifiedWarning, match="the columns fit y exactly"):
        res = cluster_robust(left, X, clusters=np.arange(60) % 9)
    np.testing.assert_allclose(res.coef, [0.0, -1.0, 1.0], atol=1e-13 / apart)
    assert np.isnan(res.se).all()
