"""What a wild cluster bootstrap says: the p-value, as a number, its interval, and everything that stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.result import Contract
from lyra.base.warn import warn
from lyra.data import check
from lyra.errors import DisjointSetWarning, InputError
from lyra.robust.null import Null
from lyra.robust.wild.confidence import accepted
from lyra.robust.wild.draws import t_statistics, values, wald_statistics
from lyra.robust.wild.multipliers import Enumerated, Sampled
from lyra.robust.wild.statistic import Pivot
from lyra.robust.wild.tally import Tally

__all__ = ["WildBootstrap"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class WildBootstrap(Contract, float):
    """A wild cluster bootstrap test: the p-value, as a number, with everything that stands behind it.

    Attributes
    ----------
    pvalue : float
        The share of draws at least as extreme as the sample; the object itself equals it.
    estimate : float or ndarray (q,)
        R β̂: the coefficient tested, or the q of them.
    h0 : float or ndarray (q,)
        Its value under the null.
    statistic : float
        t with the factor of its variance; for q > 1 restrictions the Wald form (Rβ̂ − r)'(R V R')⁻¹(Rβ̂ − r).
    weights, kind, alternative, ties : str
        The law of the weights ("auto" resolved), and what was asked.
    restricted : bool
        Whether the null is imposed on the draws.
    n_draws : int
        Weight vectors behind the p-value: B, or all patterns (2^G for Rademacher weights), negatives counted.
    enumerated : bool
        Whether all patterns were visited: the p-value then has no Monte-Carlo error and no seed.
    n_greater, n_ties, n_vanishing : int
        Draws strictly more extreme, equal to the sample up to rounding, and without a denominator. The last have an
        infinite t* and count as extreme, so that they can never make a p-value smaller.
    """

    pvalue: float
    tally: Tally
    pivot: Pivot = field(repr=False)
    draws: Sampled | Enumerated
    null: Null
    estimates: Array
    kind: str
    restricted: bool
    alternative: str
    ties: str
    chosen: bool
    n_clusters: int
    n_rows: int

    def __new__(cls, pvalue: float, *_: Any, **__: Any) -> WildBootstrap:
        """Return the number itself."""
        return float.__new__(cls, pvalue)

    @property
    def term(self) -> str | tuple[str, ...]:
        """The coefficient, or the left-hand sides of a joint null."""
        return self.null.words[0] if self.null.q == 1 else self.null.words

    @property
    def std_error(self) -> float:
        """(estimate − h0) / statistic, that of its t; NaN for a joint null, and where the estimate is the null's."""
        t = self.pivot.statistic
        return abs(float(self.estimates[0] - self.null.r[0]) / t) if self.null.q == 1 and t else np.nan

    @property
    def estimate(self) -> float | Array:
        """R β̂."""
        return float(self.estimates[0]) if self.null.q == 1 else self.estimates

    @property
    def h0(self) -> float | Array:
        """R β under the null."""
        return float(self.null.r[0]) if self.null.q == 1 else self.null.r

    @property
    def statistic(self) -> float:
        """The observed statistic."""
        return self.pivot.statistic

    @property
    def weights(self) -> str:
        """The law of the weights."""
        return self.draws.law.name

    @property
    def n_draws(self) -> int:
        """Weight vectors behind the p-value."""
        return self.draws.total

    @property
    def enumerated(self) -> bool:
        """Whether these are all there are."""
        return self.draws.mirrored

    @property
    def n_greater(self) -> int:
        """Draws strictly more extreme."""
        return self.tally.greater

    @property
    def n_ties(self) -> int:
        """Draws equal to the sample up to rounding."""
        return self.tally.ties

    @property
    def n_vanishing(self) -> int:
        """Draws without a denominator."""
        return self.tally.vanishing

    @property
    def smallest_pvalue(self) -> float:
        """The smallest p-value this test could give any outcome on this design.

        All patterns hold the sample itself and its mirror image when the null is imposed on unchanged scores (kinds
        "11" and "13"); counted as ties they are the floor. Otherwise the floor is 0.
        """
        sample_is_a_draw = self.enumerated and self.restricted and self.kind[0] == "1"
        if not sample_is_a_draw or self.ties == "exclude":
            return 0.0
        return (1.0 if self.alternative in ("less", "greater") else 2.0) / self.n_draws

    @property
    def t_star(self) -> Array:
        """The statistic of every draw (n_draws,), computed anew on each call; infinite without a denominator."""
        stars = np.concatenate(list(self._stars()))
        stars = self.pivot.scaled(np.where(np.isnan(stars), np.inf, stars))
        if not self.enumerated:
            return stars
        return np.concatenate([stars, -stars if self.null.q == 1 else stars])

    def confidence_set(self, level: float = 0.95) -> Array:
        """Return every null value this test does not reject at 1 − level, as intervals (m, 2) in order.

        A value is rejected when its p-value is ≤ 1 − level. The set is exact for the draws at hand; sides may be
        infinite.

        Raises
        ------
        InputError
            The level is no coverage, or the null holds several restrictions.
        """
        level = check.coverage(level)
        if self.null.q > 1:
            raise InputError(
                f"A joint null of {self.null.q} restrictions has no interval: test one coefficient at a time."
            )
        x = accepted(
            self.pivot,
            self.draws,
            1.0 - level,
            alternative=self.alternative,
            ties=self.ties == "include",
            restricted=self.restricted,
        )
        with np.errstate(divide="ignore"):
            tau = x / (1.0 - np.abs(x))
        one_se = float(self.pivot.M[0, 0] * np.sqrt(self.pivot.D[0, 0]))
        return np.asarray((self.estimates[0] - one_se * tau)[::-1, ::-1])

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the interval (2,) of null values this test does not reject; sides may be infinite.

        Raises
        ------
        InputError
            The level is no coverage, or the null holds several restrictions.

        Warns
        -----
        DisjointSetWarning
            The set has gaps; its hull is returned, and `confidence_set` has the parts.
        """
        parts = self.confidence_set(level)
        if len(parts) == 0:
            return np.full(2, np.nan)
        if len(parts) > 1:
            warn(
                f"The values not rejected are {len(parts)} separate intervals, and their hull is returned: "
                "confidence_set(level) has each.",
                DisjointSetWarning,
            )
        return np.array([parts[0, 0], parts[-1, 1]])

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the draws as plain Python values, ready for JSON."""
        return {
            "null": str(self.null),
            "term": self.term if self.null.q == 1 else list(self.term),
            "estimate": self.estimates.tolist() if self.null.q > 1 else self.estimate,
            "std_error": self.std_error,
            "statistic": self.statistic,
            "p_value": self.pvalue,
            "alternative": self.alternative,
            "kind": self.kind,
            "restricted": self.restricted,
            "weights": self.weights,
            "ties": self.ties,
            "enumerated": self.enumerated,
            "n_draws": self.n_draws,
            "n_greater": self.n_greater,
            "n_ties": self.n_ties,
            "n_vanishing": self.n_vanishing,
            "smallest_pvalue": self.smallest_pvalue,
            "n_clusters": self.n_clusters,
            "n_rows": self.n_rows,
        }

    def explain(self) -> str:
        """Return in words the test, its draws, its counts and every choice made along the way."""
        return "\n".join(_explained(self))

    def __str__(self) -> str:
        how = f"all {self.n_draws:,} patterns" if self.enumerated else f"{self.n_draws:,} draws"
        words = [
            f"{self.null}: p = {self.pvalue:.4g}",
            f"{self._name()}, {self.weights} weights, {how}, {self.n_clusters} clusters",
        ]
        if self.smallest_pvalue > 0.05:
            words.append(f"cannot reject at 5 %: the smallest attainable p-value is {self.smallest_pvalue:.4g}")
        return "; ".join(words)

    def _answer(self) -> str:
        return str(self)

    def _name(self) -> str:
        return f"{'WCR' if self.restricted else 'WCU'} {self.kind}"

    def _stars(self) -> Iterator[Array]:
        forms = self.pivot.at_null
        return (t_statistics if self.null.q == 1 else wald_statistics)(forms, values(forms, self.draws))


# --- words --------------------------------------------------------------------------------------


def _explained(boot: WildBootstrap) -> Iterator[str]:
    yield f"null: {boot.null}, {boot.alternative}"
    imposed = "imposed on the draws (restricted)" if boot.restricted else "not imposed (unrestricted)"
    scores = "jackknifed" if boot.kind[0] == "3" else "unchanged"
    variance = "CV3" if boot.kind[1] == "3" else "CV1"
    yield f"kind {boot.kind}: the null {imposed}, scores {scores}, t studentised by {variance}"
    yield f"statistic: {boot.statistic:.6g}"
    yield f"weights: {boot.weights} ({'as asked' if boot.chosen else 'auto: webb below 10 clusters, else rademacher'})"
    if boot.n_clusters != boot.draws.H:
        yield f"weights are drawn for {boot.draws.H} bootstrap clusters nested in the {boot.n_clusters} clusters"
    if boot.enumerated:
        yield f"all {boot.n_draws:,} patterns were visited: the p-value is exact for these weights and has no seed"
    else:
        yield f"{boot.n_draws:,} draws: Monte-Carlo error of the p-value {_mc_error(boot):.2g}"
    rule = "counted" if boot.ties == "include" else "not counted"
    yield f"{boot.n_greater:,} draws are strictly more extreme; {boot.n_ties:,} tie with the sample and are {rule}"
    if boot.n_vanishing:
        yield f"{boot.n_vanishing:,} draws have a denominator of zero: an infinite t*, counted as extreme"
    yield f"smallest attainable p-value: {boot.smallest_pvalue:.4g}"
    if boot.smallest_pvalue > 0.05:
        yield "cannot reject at 5 %, whatever the outcome: choose webb weights, or more clusters"


def _mc_error(boot: WildBootstrap) -> float:
    return float(np.sqrt(boot.pvalue * (1.0 - boot.pvalue) / boot.n_draws))
