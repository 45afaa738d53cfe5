"""A warning points at the user's line, whichever door it came through and however deep it arose."""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.base.warn import warn
from lyra.designs import ByCluster
from lyra.errors import LyraWarning
from lyra.se import cluster_robust, wild_cluster_bootstrap

rng = np.random.default_rng(20311)
CITY = np.arange(120) % 12
FRAME = pd.DataFrame({"y": rng.normal(size=120), "treat": CITY % 2, "one": (CITY == 3) * 1.0, "city": CITY})
FRAME["shop"] = np.arange(120) // 2
FRAME["twice"] = 2 * FRAME["treat"]
FRAME["gap"] = FRAME["y"].where(np.arange(120) > 1)
X = np.column_stack([np.ones(120), FRAME["treat"]])
ALONE = np.column_stack([np.ones(120), FRAME["one"]])
TWICE = np.column_stack([X, FRAME["twice"]])
FEW = {"seed": 1, "methods": ["CV1"], "first": 500, "maximum": 500}


@lru_cache
def fitted(formula: str) -> lyra.Regression:
    return lyra.fit(formula, FRAME, clusters="city")


# One door a line: the line is what a warning must name.
DOORS = {
    "fit, dropped rows": lambda: lyra.fit("gap ~ treat", FRAME, clusters="city"),
    "fit, dropped columns": lambda: lyra.fit("y ~ treat + twice", FRAME, clusters="city").coef,
    "fit of moments": lambda: lyra.fit_moments(lyra.Moments.from_arrays(FRAME["y"], TWICE, CITY)).coef,
    "moments": lambda: lyra.Moments.from_arrays(FRAME["gap"], X, CITY),
    "robust": lambda: fitted("y ~ one").robust("CV3"),
    "ladder": lambda: fitted("y ~ one").ladder("one"),
    "arrays, dropped rows": lambda: cluster_robust(FRAME["gap"], X, clusters=CITY),
    "arrays, no estimate": lambda: cluster_robust(FRAME["y"], ALONE, clusters=CITY, variant="CV3"),
    "bootstrap of arrays": lambda: wild_cluster_bootstrap(FRAME["gap"], X, clusters=CITY, B=99, rng=1),
    "certify, dropped rows": lambda: lyra.certify(FRAME, ByCluster(), outcome="gap", cluster="city", **FEW),
    "power, dropped rows": lambda: lyra.power(FRAME, ByCluster(), outcome="gap", cluster="city", seed=1, method="CV1"),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_warning_points_at_the_line_that_called(door):
    fitted("y ~ one")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        DOORS[door]()
    assert caught
    for warning in caught:
        assert issubclass(warning.category, LyraWarning)
        assert (warning.filename, warning.lineno) == (__file__, DOORS[door].__code__.co_firstlineno), warning.message


def test_frames_within_the_library_are_passed_over():
    inside = {"__name__": "lyra.deep", "warn": warn, "Kind": LyraWarning}
    exec("def deep():\n    warn('Told.', Kind)", inside)
    through = {"__name__": "contextlib", "deep": inside["deep"]}
    exec("def through():\n    deep()", through)
    with pytest.warns(LyraWarning) as caught:
        through["through"]()
    assert caught[0].lineno == test_frames_within_the_library_are_passed_over.__code__.co_firstlineno + 6


def test_a_line_is_told_once_and_another_again():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("Once a line.", LyraWarning)
        warn("Once a line.", LyraWarning)
    assert len(caught) == 2
