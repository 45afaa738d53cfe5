"""Do these data look like the worlds a size was computed in? Sentences where they do not; nothing is chosen by them.

A choice that depended on these would be a pre-test. Each check has about one false alarm in a hundred where the worlds
hold: the ratio of two standard errors, the ratio of the arms' variances, the skewness of cluster sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import Diagnosis
from lyra.robust.diagnosis.events import expected_events
from lyra.robust.exact.lines import ExactLines

__all__ = ["infidelities"]

NORMAL = 2.576  # two-sided at 1 %
ONE_SIDED = 0.01
LEAST_CLUSTERS = 8  # below which skewness says nothing
LEAST_IN_ARM = 4
FEW_EVENTS = 10.0


def infidelities(fit: Fit, exact: ExactLines, diagnosis: Diagnosis, moulton: float) -> tuple[str, ...]:
    """Return a sentence for each way in which the cluster sums of a fit are not those of the family's worlds."""
    about = exact.about
    spread = np.where(about.leverage > 0.0, about.leverage, np.inf)
    scores = (fit.scores @ about.direction) / np.sqrt(spread)  # of one variance where rows are independent
    return (
        *_more_alike(fit, exact, diagnosis, moulton),
        *_arms_apart(scores, about.larger, exact),
        *_skewed(scores, about.leverage),
        *_few_events(fit, about.term),
    )


def _more_alike(fit: Fit, exact: ExactLines, diagnosis: Diagnosis, moulton: float) -> Iterator[str]:
    """Yield where SE(CV1)/SE(iid) is larger than the family can make it."""
    if fit.N == fit.G or np.isnan(moulton):
        return
    term, most = exact.about.term, exact.family.icc_max
    absorbed = diagnosis.free_of_shocks(term)
    at_most = 1.0 if absorbed else float(diagnosis.moulton_at(most)[diagnosis.names.index(term)])
    expected = max(1.0, at_most)  # one where rows are independent, which is less for a term that varies inside clusters
    slopes = max(exact.family.slopes, default=0.0) if exact.about.larger is None else 0.0
    expected *= sqrt(max(exact.family.arms, 1.0 / (1.0 - slopes)))
    if moulton > expected * (1.0 + NORMAL * sqrt(0.5 / (fit.G - 1))):
        yield (
            f"SE(CV1)/SE(iid) is {moulton:.2f}, and the listed worlds make it {expected:.2f} at most: what makes it so "
            "is not among them."
        )


def _arms_apart(scores: Array, larger: Bools | None, exact: ExactLines) -> Iterator[str]:
    """Yield where one arm's cluster sums are surely more than κ times as variable as the other's."""
    from scipy.special import fdtrc

    if larger is None or min(larger.sum(), (~larger).sum()) < LEAST_IN_ARM:
        return
    one, other = (float(np.mean(scores[arm] ** 2)) for arm in (larger, ~larger))
    if min(one, other) == 0.0:
        return
    ratio = max(one, other) / min(one, other)
    more, less = (larger, ~larger) if one >= other else (~larger, larger)
    if float(fdtrc(float(more.sum() - 1), float(less.sum() - 1), ratio / exact.family.arms)) < ONE_SIDED / 2:
        which = "larger" if one >= other else "smaller"
        yield (
            f"Clusters with the {which} {exact.about.term} are {ratio:.1f} times as variable as the others here, and "
            f"the listed worlds go to {exact.family.arms:g} times: ask for arms={np.ceil(ratio):g}."
        )


def _skewed(scores: Array, leverage: Array) -> Iterator[str]:
    """Yield where the cluster sums are more skewed than Gaussian ones are once in a hundred."""
    known = scores[leverage > 0.0]
    if known.size < LEAST_CLUSTERS or not known.any():
        return
    centred = known - known.mean()
    n = known.size
    skewness = float(np.mean(centred**3) / np.mean(centred**2) ** 1.5)
    if abs(skewness) > NORMAL * sqrt(6.0 * (n - 2) / ((n + 1) * (n + 3))):
        yield (
            f"The cluster sums are skewed ({skewness:.1f}), and the listed worlds are not: where few clusters carry "
            "the effect, a line may flag more true nulls than is said."
        )


def _few_events(fit: Fit, term: str) -> Iterator[str]:
    """Yield how few events are expected in the smaller arm, by the pooled rate."""
    expected = expected_events(fit, fit.names.index(term))
    if expected is not None and expected < FEW_EVENTS:
        yield (
            f"About {expected:.2g} events are expected in the smaller arm of {term!r}: so few are far from Gaussian, "
            "and a line may flag more true nulls than is said; use an exact or a randomisation test."
        )
