"""A method on the rows of one replicate: what it says, or the message of why it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator

from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.inference import infer
from lyra.robust.methods import METHODS, Method
from lyra.simulation.cells import Table

__all__ = ["Candidate", "one_row"]

Candidate: TypeAlias = str | Callable[..., Any]
"""The name of a method, or a function (y, X, clusters, rng) whose result has `.pvalue`, `.se` and `.estimate`."""


def one_row(method: Candidate, rows: Table, rng: Generator) -> tuple[tuple[float, float, float, float], str]:
    """Return (estimate, se, pvalue, half width) of a method on rows, and why not when it fails."""
    y, X, clusters = rows
    try:
        if isinstance(method, str):
            return _inferred(METHODS[method], rows), ""
        result = method(y, X, clusters, rng)
        return (float(result.estimate), float(result.se), float(result.pvalue), np.nan), ""
    except Exception as error:  # noqa: BLE001  a user's function may raise anything; the row keeps the run alive
        return (np.nan, np.nan, np.nan, np.nan), f"{type(error).__name__}: {error}"


def _inferred(method: Method, rows: Table) -> tuple[float, float, float, float]:
    """Return what a method of the register says of the last column."""
    y, X, clusters = rows
    res = infer(least_squares(Moments.to_fit(y, X, clusters)), variant=str(method.variant), dof=method.law)
    low, high = res.conf_int()[-1]
    return float(res.coef[-1]), float(res.se[-1]), float(res.pvalue[-1]), float(high - low) / 2.0
