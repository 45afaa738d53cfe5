"""A fit whose clusters are windows -> what to know of their level: sentences that stand beside the lines of a ladder.

A switchback's arm is drawn for a block of windows. Clusters that are single windows of a region take the windows of one
block as independent; where shocks last they are not, and nothing in the fit itself says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lyra.base.arrays import Codes
from lyra.base.text import listed, option
from lyra.data.units import Units
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.arms import arms, cluster_values, column_sums
from lyra.robust.diagnosis.cluster_level import level_test
from lyra.robust.diagnosis.switches import NEVER, Drawn, drawn
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.windows import LastingShocks, size_clustered_by
from lyra.verdict.ladder import Ladder

__all__ = ["Named", "WindowLevel", "level_of"]

MOST_CELLS = 1_500  # whose covariance is one matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the columns are called: of clusters, of windows, and of what holds clusters, if any."""

    cluster: str
    window: str
    coarse: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLevel:
    """What windows say of the level of a fit's clusters: `dangers`, and `notes` beside them, in sentences."""

    dangers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def beside(self, ladder: Ladder) -> Ladder:
        """Return the ladder with these."""
        return replace(
            ladder,
            diagnosis=replace(ladder.diagnosis, foreseen=self.dangers),
            judged_notes=(*ladder.judged_notes, *self.notes),
        )


def level_of(fit: Fit, j: int, units: Units, named: Named) -> WindowLevel:
    """Return what to know of the level of the clusters.

    Parameters
    ----------
    fit : Fit
    j : int
        The coefficient.
    units : Units
        Of the rows of the fit: `cluster`, codes in the order of `fit.labels`; `window`, codes in the order of time; and
        `stratum`, the coarser column, where it was named.
    named : Named

    Raises
    ------
    InputError
        The rows are not those of the fit, or a cluster lies in several coarser ones.
    """
    if not np.array_equal(np.bincount(units.cluster, minlength=fit.G), fit.moments.sizes):
        raise InputError(f"Some rows of the fit have no {named.window}: leave them out of the fit, or fill it in.")
    alone = units.codes("cluster", "window")[1].size == fit.G
    if units.stratum is None:
        return WindowLevel(notes=(_unknown(named),) if alone else ())
    cells = _cells(fit, units, named)
    drawn = _drawn(fit, j, cells, named) if alone else WindowLevel()
    return replace(drawn, notes=(*drawn.notes, *_tested(fit, j, cells.region, named)))


def _unknown(named: Named) -> str:
    return (
        f"Every cluster lies in one {named.window}: where the treatment was drawn for longer, these clusters are too "
        f"fine; name the column of what switches with {option('coarse')}."
    )


def _cells(fit: Fit, units: Units, named: Named) -> LastingShocks:
    """Return region and window of each cluster, in the order of the fit, or refuse a cluster in several regions."""
    region, _ = units.codes("stratum")
    _, first = units.codes("cluster")
    strays = np.flatnonzero(region != region[first][units.cluster])
    if strays.size:
        label = fit.labels[units.cluster[strays[0]]]
        raise InputError(
            f"Cluster {label!s} of {named.cluster} lies in several {named.coarse}: name a column that holds whole "
            "clusters."
        )
    return LastingShocks(region=region[first], window=np.asarray(units.labels("window")[first], dtype=np.intp))


def _tested(fit: Fit, j: int, region: Codes, named: Named) -> tuple[str, ...]:
    if not 1 < np.unique(region).size < fit.G:
        return ()
    return (f"Level of {named.cluster} in {named.coarse}: {level_test(fit, region, param=j).explain()}",)


def _drawn(fit: Fit, j: int, cells: LastingShocks, named: Named) -> WindowLevel:
    """Return what the changes of the arm say of how it was drawn, with exact sizes where that is coarser."""
    upper = arms(cluster_values(column_sums(fit), fit.moments.sizes)[:, j])
    if upper is None:
        return WindowLevel()
    found = drawn(upper, cells.region, cells.window)
    seen = f"{fit.names[j]} {_changes(found, named)}"
    if found.block == 1 and not found.in_turn:
        return WindowLevel(notes=(f"{seen}, as a coin for each of these clusters makes it.",))
    unit = f"those blocks, or by {named.coarse}" if found.block != NEVER and not found.in_turn else named.coarse
    sizes = _sizes(fit, j, cells, named=named, block=found.block)
    finer = f"{seen}, so clusters by {named.cluster} are finer than what was drawn. {sizes}Cluster by {unit}."
    return WindowLevel(dangers=(finer,))


def _changes(found: Drawn, named: Named) -> str:
    if found.block == NEVER:
        return f"never changes in a {named.coarse}"
    each = named.window if found.block == 1 else f"block of {found.block} by {named.window}"
    if found.in_turn:
        return f"changes in a {named.coarse} from every {each} to the next, in turn"
    return f"changes in a {named.coarse} {'' if found.block == 1 else 'only '}from one {each} to the next"


def _sizes(fit: Fit, j: int, cells: LastingShocks, *, named: Named, block: int) -> str:
    """Say the exact size of CV1 by these clusters, and by the coarser ones, where shocks of a window last."""
    if fit.G > MOST_CELLS:
        return ""
    levels = {named.cluster: np.arange(fit.G)}
    if block > 1:
        levels[f"blocks of {block}"] = cells.region * fit.G + cells.window // block
    levels[str(named.coarse)] = cells.region
    about = Coefficient.of(fit, j)
    found = [f"{size_clustered_by(about, _numbered(codes), cells):.3f} by {name}" for name, codes in levels.items()]
    return (
        f"Were {100 * cells.share:g} % of the variance a shock of its {named.window} that keeps a correlation of "
        f"{cells.phi:g} with the next, CV1 would flag {listed(found)} of true nulls at .05, exactly. "
    )


def _numbered(codes: Codes) -> Codes:
    return np.asarray(np.unique(codes, return_inverse=True)[1])
