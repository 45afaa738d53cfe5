"""Which dangers the measures of the clusters mean, a sentence each with its numbers; no word of which line to read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lyra.base.text import listed
from lyra.robust.diagnosis.measures import Measures

__all__ = ["TINY_ARM", "all_clear", "arms_of_interest", "dangers"]


# Where a danger is said to begin. The guide [MacKinnon, Nielsen and Webb 2023] gives no cut-offs: these are lyra's.
FEW_CLUSTERS = 20  # CV1 with t(G − 1) rejects about .075 at a nominal .05 there, and more below
FEW_EFFECTIVE = 10  # G*
FEW_ARM = 6  # CV1 with t(G − 1) rejects .120 with five treated of 50
TINY_ARM = 4  # below which the bootstrap fails as well, and randomisation inference belongs beside any line
DOMINANT_SHARE, DOMINANT_TIMES, DOMINANT_LEAST = 0.5, 5.0, 0.1  # more than half; or 5 times its part and a tenth
DOMINANT_OF_TWO = 1.5  # times its part: of two clusters each holds half
UNEQUAL = 1.0  # coefficient of variation of the sizes


def dangers(d: Measures) -> tuple[str, ...]:
    """Return a sentence for every danger present; none when there is none."""
    readings = (_few_clusters, _few_treated, _dominant, _unequal, _cannot_leave_out)
    return tuple(sentence for reading in readings for sentence in reading(d))


def _of_interest(d: Measures) -> list[int]:
    """Return the coefficients asked for: left open, neither the constant nor the dummies of (nearly) every cluster."""
    if d.focus is not None:
        return [d.names.index(d.focus)]
    alone = {name for name, counts in d.treated_clusters.items() if min(counts) == 1}
    dummies = alone if len(alone) >= max(2, d.G - 1) else set()
    return [j for j, name in enumerate(d.names) if j != d.unit and name not in dummies]


def _fewest_effective(d: Measures) -> tuple[float, int, int] | None:
    """Return the smallest G* of a coefficient of interest, its ρ (0 or 1) and its position."""
    stars = [(float(d.effective_clusters[rho][j]), rho, j) for j in _of_interest(d) for rho in (0, 1)]
    return min((star for star in stars if not np.isnan(star[0])), default=None)


def _few_clusters(d: Measures) -> Iterator[str]:
    star = _fewest_effective(d)
    worth = (
        ""
        if star is None
        else f"; for {d.names[star[2]]!r} they are worth {star[0]:.1f} equal ones (G* at ρ = {star[1]})"
    )
    if d.G < FEW_CLUSTERS:
        yield f"Few clusters: there are {d.G}{worth}."
    elif star is not None and star[0] < FEW_EFFECTIVE:
        yield f"Few effective clusters: there are {d.G}{worth}."


def _few_treated(d: Measures) -> Iterator[str]:
    for name, (treated, control) in arms_of_interest(d):
        if min(treated, control) < FEW_ARM:
            side = "treated" if treated <= control else "control"
            yield f"Few {side} clusters: {name!r} has {treated} treated and {control} control."


def arms_of_interest(d: Measures) -> list[tuple[str, tuple[int, int]]]:
    """Return the columns of interest that split the clusters into arms, with the clusters in each."""
    wanted = [d.names[j] for j in _of_interest(d)]
    return [(name, counts) for name, counts in d.treated_clusters.items() if name in wanted]


def _dominant(d: Measures) -> Iterator[str]:
    wanted = _of_interest(d)
    if not wanted:
        return
    shares = d.partial_leverage[:, wanted]
    g, column = np.unravel_index(int(shares.argmax()), shares.shape)
    share, j, label = float(shares[g, column]), wanted[column], d.cluster_labels[g]
    if share > max(DOMINANT_SHARE, DOMINANT_OF_TWO / d.G) or share > max(DOMINANT_LEAST, DOMINANT_TIMES / d.G):
        without = d.influence[g, j]
        moved = "there is no estimate" if np.isnan(without) else f"the estimate is {without:.4g}"
        yield (
            f"One dominant cluster: {label} holds {share:.0%} of what identifies {d.names[j]!r} (an equal part is "
            f"{1 / d.G:.1%}); without it {moved}, with it {d.coef[j]:.4g}."
        )


def _unequal(d: Measures) -> Iterator[str]:
    if d.cv_sizes > UNEQUAL:
        g = int(d.sizes.argmax())
        yield (
            f"Unequal sizes: from {d.sizes.min()} to {d.sizes.max()} rows (coefficient of variation {d.cv_sizes:.2f}; "
            f"{d.cluster_labels[g]} holds {d.sizes[g] / d.sizes.sum():.0%})."
        )


def _cannot_leave_out(d: Measures) -> Iterator[str]:
    wanted = _of_interest(d)
    cases = [(case.cluster, [d.names[j] for j in case.coefficients if j in wanted]) for case in d.unidentified]
    told = [f"{listed(map(repr, names))} without cluster {cluster!s}" for cluster, names in cases if names]
    if told:
        yield f"No estimate when a cluster is left out: {listed(told, 4)}."


def all_clear(d: Measures) -> str:
    """Return the sentence that says no danger was found."""
    star = _fewest_effective(d)
    worth = "" if star is None else f", for {d.names[star[2]]!r} worth {star[0]:.1f} equal ones or more"
    return (
        f"No danger found: {d.G} clusters{worth}, sizes with a coefficient of variation of {d.cv_sizes:.2f}, no "
        "cluster that dominates, no arm with few clusters, and every cluster can be left out."
    )
