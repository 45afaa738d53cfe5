"""Own data is one outcome of many: what its lines are worth on others like it, exactly, in Gaussian worlds.

The size over all assignments, or over many, is that of this outcome, and with few clusters another outcome of the same
kind has quite another. Beside it stands the exact size of every analytic line where errors are Gaussian with a random
effect of the cluster: the mean over assignments, at the worst of four intraclass correlations. A line is read when both
are tolerated.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lyra.base.arrays import Array
from lyra.base.text import listed
from lyra.errors import LyraWarning, NotIdentifiedError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import Fit, least_squares
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.forms import forms
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import STATISTICS, statistic
from lyra.robust.exact.worlds import Intercept
from lyra.robust.laws import t_quantile
from lyra.robust.methods import METHODS
from lyra.simulation.cells import Table
from lyra.simulation.from_history import HistorySource
from lyra.trials.trial import Candidate, Scenario, stream
from lyra.verdict.performance import Row
from lyra.verdict.rule import Rule

__all__ = ["beside_the_model", "model_sizes"]

FEW = 50  # clusters, below which one outcome tells little
ICC = (0.0, 0.02, 0.1, 0.3)
ASSIGNMENTS = 20  # that the size is the mean over


def beside_the_model(rows: Sequence[Row], scenario: Scenario, rule: Rule) -> tuple[list[Row], tuple[str, ...]]:
    """Return the rows of one cell with their exact sizes in Gaussian worlds, and what the reader must know of both."""
    source = scenario.trial.source
    exact = all(row.exact for row in rows)
    if not isinstance(source, HistorySource) or not (exact or scenario.n_clusters < FEW):
        return list(rows), ()
    tried = f"all {rows[0].replicates:,} assignments were tried on it" if exact else "its treatment is drawn again"
    note = f"These sizes are for this outcome alone: {tried}, and another of the same kind has others."
    sizes = {} if source.takes_up_shocks else model_sizes(source, scenario.trial.methods, rule.alpha)
    if not sizes:
        return list(rows), (note,)
    beside = [_with_model(row, sizes.get(row.method), rule.tolerated) for row in rows]
    told = listed(f"{name} {size:.3f}" for name, size in sizes.items())
    return beside, (f"{note} On Gaussian outcomes, at the worst ICC from 0 to {ICC[-1]:g}, exactly: {told}.",)


def _with_model(row: Row, size: float | None, tolerated: float) -> Row:
    if size is None:
        return row
    sound = size <= tolerated
    flags = row.flags if sound else (*row.flags, f"{size:.3f} on Gaussian outcomes")
    return replace(row, model_size=size, sound_in_model=sound, flags=flags)


def model_sizes(source: HistorySource, methods: Sequence[Candidate], alpha: float) -> dict[str, float]:
    """Return the exact size of every analytic clustered line under Gaussian errors, by its name.

    It is the mean over assignments, drawn by one stream whatever the seed, at the worst of four intraclass correlations
    of the clusters of the analysis. An assignment in which a line is not computable counts as rejected.
    """
    lines = [name for name in methods if isinstance(name, str) and METHODS[name].variant in STATISTICS]
    if not lines:
        return {}
    rng = stream(0, 0)
    found = np.array([_sizes(source.table(rng), lines, alpha) for _ in range(ASSIGNMENTS)])
    return dict(zip(lines, found.mean(axis=0).max(axis=1).tolist(), strict=True))


def _sizes(table: Table, lines: Sequence[str], alpha: float) -> Array:
    """Return the size of each line at each correlation, (lines, 4), under one assignment."""
    y, X, clusters = table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LyraWarning)  # of columns that are combinations of others
        fit = least_squares(Moments.to_fit(y, X, clusters))
    if fit.kept[-1] != X.shape[1] - 1:
        return np.ones((len(lines), len(ICC)))
    about = Coefficient.of(fit, fit.K - 1)
    return np.array([_of_line(fit, about, line, alpha) for line in lines])


def _of_line(fit: Fit, about: Coefficient, line: str, alpha: float) -> Array:
    method = METHODS[line]
    try:
        made = forms(statistic(fit, about, str(method.variant)), about, [Intercept(icc) for icc in ICC])
    except NotIdentifiedError:
        return np.ones(len(ICC))
    dof = degrees_of_freedom(fit, str(method.variant), method.law)[0][-1]
    return rejection(made, float(t_quantile(dof, 1.0 - alpha / 2.0)))
