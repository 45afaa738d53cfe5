"""One design under one law of the errors -> a row a line: how often each flags a true null, and finds an effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array, Bools
from lyra.robust.methods import METHODS, run_method
from lyra.robust.replicates import Replicates
from lyra.robust.wild.multipliers import choose_law
from lyra.trials.chunks import Table
from lyra.verdict.atlas.laws import Law
from lyra.verdict.atlas.study import ALPHA, Line, Study

__all__ = ["EFFECT", "Budget", "cell_of", "replicates_of"]

EFFECT = 2.8  # standard deviations of the estimate: power .80 when their size is known
NUMBERS_AT_ONCE = 2**21  # of outcomes
SHARING = 25  # replicates of a bootstrap that share its weights
DECIMALS = 6  # of an exact size: what an integral leaves over must not enter the digest
EDGE = 1.0 + 1e-12  # a p-value of 5 % but for rounding rejects

COLUMNS = [
    *(("line", "U10"), ("reads", "U10"), ("arms", "f8"), ("tolerance", "f8"), ("size", "f8"), ("error", "f8")),
    *(("power", "f8"), ("exact", "f8"), ("silent", "f8"), ("replicates", "i8")),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How often a cell is drawn: replicates, those of them that bootstraps see, and the draws of each."""

    replicates: int
    bootstraps: int
    draws: int


def cell_of(study: Study, law: Law, icc: float, *, budget: Budget, rng: Generator) -> Table:
    """Return a row a line: its size with its Monte-Carlo error, its power, its exact size, and where it is silent.

    Power is the share found of an effect of 2.8 standard deviations of the estimate over the replicates. A replicate
    in which a line has no answer counts as not flagged, and in `silent`.
    """
    null = replicates_of(study, law, icc, R=budget.replicates, rng=rng)
    moved = null.shifted(EFFECT * float(null.estimate.std()))
    drawn = _Drawn(null, moved, _Weights(study.rows.G, budget, rng))
    asked = [line for line in study.lines if budget.bootstraps or not _draws(line.reads)]
    rows = [_row(study, line, drawn, study.exact_size(line, law, icc)) for line in asked]
    return np.array(rows, dtype=COLUMNS)


def replicates_of(study: Study, law: Law, icc: float, *, R: int, rng: Generator) -> Replicates:
    """Return the sums of R outcomes, drawn by rows, a block of rows at a time."""
    step = max(1, NUMBERS_AT_ONCE // study.rows.N)
    parts = [study.replicates(law.draw(study.rows, icc, min(step, R - at), rng)) for at in range(0, R, step)]
    c, yy = (np.concatenate([getattr(part, name) for part in parts]) for name in ("c", "yy"))
    return Replicates(E=parts[0].E, c=c, s=parts[0].s, yy=yy, N=parts[0].N)


class _Weights:
    """The weights of the bootstraps of one cell: fresh ones for every few replicates, the same for every line."""

    def __init__(self, G: int, budget: Budget, rng: Generator) -> None:
        law, blocks = choose_law("auto", G), -(-budget.bootstraps // SHARING)
        self.replicates = budget.bootstraps
        self.drawn = [law.draw(rng, budget.draws, G) for _ in range(blocks)]

    def over(self, reps: Replicates) -> Iterator[tuple[Replicates, Array]]:
        """Yield the replicates that bootstraps see, with their weights."""
        for k, V in enumerate(self.drawn):
            rows = slice(SHARING * k, min(SHARING * (k + 1), self.replicates))
            yield Replicates(E=reps.E, c=reps.c[rows], s=reps.s, yy=reps.yy[rows], N=reps.N), V


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """The replicates of a cell, the same with an effect in them, and the weights of their bootstraps."""

    null: Replicates
    moved: Replicates
    weights: _Weights


def _row(study: Study, line: Line, drawn: _Drawn, exact: float) -> tuple[str | float, ...]:
    flagged, silent = _flagged(study, line, drawn.null, drawn.weights)
    known, R = (line.name, line.reads, line.arms, line.tolerance), len(flagged)
    if not line.reads:
        return (*known, nan, nan, nan, nan, 1.0, R)
    found, _ = _flagged(study, line, drawn.moved, drawn.weights)
    size, near = float(flagged.mean()), (float(flagged.sum()) + 1.0) / (R + 2.0)
    error = float(np.sqrt(near * (1.0 - near) / R))
    return (*known, size, error, float(found.mean()), round(exact, DECIMALS), float(silent.mean()), R)


def _flagged(study: Study, line: Line, reps: Replicates, weights: _Weights) -> tuple[Bools, Bools]:
    """Return in which replicates a line rejects, and in which it has no answer."""
    if not line.reads:
        return np.zeros(len(reps.c), dtype=np.bool_), np.ones(len(reps.c), dtype=np.bool_)
    if line.reads.endswith("*"):
        t = _statistic(study, line, reps)
        return np.asarray(t > study.critical_value(line)), np.isnan(t)
    p = _p_values(line.reads, reps, weights)
    return np.asarray(p <= ALPHA * EDGE), np.isnan(p)


def _draws(name: str) -> bool:
    return name in METHODS and METHODS[name].draws is not None


def _p_values(name: str, reps: Replicates, weights: _Weights) -> Array:
    if not _draws(name):
        return run_method(reps, name, np.empty((0, reps.G))).pvalue
    return np.concatenate([run_method(some, name, V).pvalue for some, V in weights.over(reps)])


def _statistic(study: Study, line: Line, reps: Replicates) -> Array:
    """Return |t| of a calibrated line (R,)."""
    name = line.reads.removesuffix("*")
    if name == "R1":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.abs(reps.eta[:, -1]) / np.sqrt(np.sum(_restricted_scores(reps) ** 2, axis=1)))
    outcome = run_method(reps, name, np.empty((0, reps.G)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.abs(outcome.estimate / outcome.se))


def _restricted_scores(reps: Replicates) -> Array:
    """Return the scores of the tested coordinate with the residuals of the fit without it, (R, G)."""
    return np.asarray(reps.c[..., -1] - np.einsum("agk,rk->rg", reps.E.last[..., :-1], reps.eta[:, :-1]))
