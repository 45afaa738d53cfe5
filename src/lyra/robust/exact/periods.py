"""A fit whose columns hold a factor of periods -> the sums by cluster and period that correlation in time needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from lyra.base.arrays import Array
from lyra.errors import InputError, RowsNeededError
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.exact.coefficient import RowSums

__all__ = ["factors_of_periods", "period_factor", "sums_by_period"]

LEVEL = re.compile(
    r"^(?:C\((?P<coded>[^,()]+)(?P<reference>,[^()]*)?\)|(?P<text>[^\[\]():]+))\[(?:T\.)?(?P<level>[^\]]+)\]$"
)
REFERENCE = re.compile(r"ref=[\"']?(?P<level>[^\"']+)[\"']?")
FEWEST = 2  # levels beside the reference


def factors_of_periods(fit: Fit) -> dict[str, dict[int, float]]:
    """Return every factor whose levels are numbers: of each dummy's place among the columns, its level."""
    found: dict[str, dict[int, float]] = {}
    for place, name in enumerate(fit.moments.names):
        told = LEVEL.match(name)
        if told is not None:
            number = _number(told["level"])
            found.setdefault(told["coded"] or told["text"], {})[place] = number
    numbered = {factor: levels for factor, levels in found.items() if not np.isnan(list(levels.values())).any()}
    return {factor: levels for factor, levels in numbered.items() if len(levels) >= FEWEST}


def period_factor(fit: Fit, term: str) -> str | None:
    """Return the one factor of numbers that crosses the clusters, where an effect of every cluster is swept out."""
    if fit.moments.rows is None or not diagnose(fit).free_of_shocks(term):
        return None
    crossing = [factor for factor, levels in factors_of_periods(fit).items() if _crosses(fit, levels)]
    return crossing[0] if len(crossing) == 1 else None


def sums_by_period(fit: Fit, factor: str) -> RowSums:
    """Return the sums of the rows by cluster and period of a factor in the formula.

    Raises
    ------
    InputError
        There is no such factor, or its levels are not numbers.
    RowsNeededError
        The fit holds only sums.
    """
    factors = factors_of_periods(fit)
    if factor not in factors:
        raise InputError(f"time={factor!r} is no factor of numbers in the formula: add C({factor}) to it.")
    if fit.moments.rows is None:
        raise RowsNeededError(
            "Sums by period need the rows, and this fit holds only per-cluster sums: fit from the table or the arrays."
        )
    times = _times(fit, factors[factor])
    places, labels = list(factors[factor]), np.unique([*times.values()])
    at = {place: int(np.searchsorted(labels, times[place])) for place in times}
    codes_of = np.array([at[-1], *(at[place] for place in places)])
    paths = np.zeros((fit.G * labels.size, fit.K))
    for (codes, Z, _), (_, X, _) in zip(fit.moments.rows_by_cluster(), fit.moments.rows.blocks(), strict=True):
        dummies = np.asarray(X)[:, places] > 0.5
        period = codes_of[np.where(dummies.any(axis=1), dummies.argmax(axis=1) + 1, 0)]
        np.add.at(paths, codes * labels.size + period, fit.orthonormal(Z))
    return RowSums(paths=paths.reshape(fit.G, labels.size, fit.K), periods=labels)


def _times(fit: Fit, levels: Mapping[int, float]) -> dict[int, float]:
    """Return the period of every dummy by its place, and under −1 that of the reference, which has none.

    Not named in the formula, the reference is the first level: one step before the others.
    """
    told = LEVEL.match(fit.moments.names[next(iter(levels))])
    named = REFERENCE.search((told and told["reference"]) or "")
    values = np.unique(list(levels.values()))
    first = float(values[0] - np.diff(values).min()) if values.size > 1 else float(values[0] - 1.0)
    return {**levels, -1: first if named is None else _number(named["level"])}


def _crosses(fit: Fit, levels: Mapping[int, float]) -> bool:
    """Whether some dummy of a factor is one in more than one cluster and not all of any of them."""
    ones = _ones(fit)[:, list(levels)]
    inside = (ones > 0.5) & (ones < fit.moments.sizes[:, None] - 0.5)
    return bool((inside.sum(axis=0) > 1).all())


def _ones(fit: Fit) -> Array:
    """Return X_g'1 (G, columns) in the units of the table."""
    total = np.zeros((fit.G, len(fit.moments.names)))
    assert fit.moments.rows is not None
    for codes, X, _ in fit.moments.rows.blocks():
        np.add.at(total, codes, np.asarray(X))
    return total


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
