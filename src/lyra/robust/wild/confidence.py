"""Intervals of a wild bootstrap: every null value its own test does not reject, exactly.

With τ = t(r) before the small-sample factor, a draw's t* is N(τ)/√q(τ), N affine and q quadratic in τ, so it changes
sides of ±τ only at real roots of the quartic F(τ) = τ²q(τ) − N(τ)². The roots of all draws are the steps of the
p-value as a function of r; sorted, they give the whole set, its unbounded sides and its gaps, with no search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.robust.wild.draws import t_statistics, values
from lyra.robust.wild.multipliers import Enumerated, Sampled
from lyra.robust.wild.quartic import real_roots
from lyra.robust.wild.statistic import Pivot

__all__ = ["Curves", "Levels", "Steps", "accepted"]


TIED = 1e-7  # of its terms' size, below which a quartic is zero: the draw repeats the sample at every null


def accepted(
    pivot: Pivot, draws: Sampled | Enumerated, alpha: float, *, alternative: str, ties: bool, restricted: bool
) -> Array:
    """Return the intervals (m, 2) of x = τ/(1 + |τ|) whose p-value exceeds alpha."""
    along = partial(_along_the_null, pivot, draws, restricted=restricted)
    tail = partial(_tail, ties=ties, mirrored=draws.mirrored)
    match alternative:
        case "two-sided":  # a pattern and its negative are on the same side: one of them is enough
            steps = Steps.joined(each.two_sided(ties=ties) for each in along())
            return steps.at_least(_least(alpha, draws.total / (1 + draws.mirrored)))
        case "equal-tailed":
            least = _least(alpha / 2.0, draws.total)
            return _intersection(*(tail(along(), side).at_least(least) for side in ("less", "greater")))
    return tail(along(), alternative).at_least(_least(alpha, draws.total))


def _along_the_null(pivot: Pivot, draws: Sampled | Enumerated, *, restricted: bool) -> Iterator[Curves | Levels]:
    """Yield the draws' statistics along the null, in units of the observed denominator."""
    if not restricted:
        yield from map(Levels, t_statistics(pivot.at_null, values(pivot.at_null, draws)))
        return
    D = float(pivot.D[0, 0])
    for block in values(pivot.moving, draws):
        n, c = block.numerators, block.denominators
        yield Curves(
            N0=n[0] / np.sqrt(D),
            N1=n[1],
            q0=np.maximum(c[0, 0], 0.0) / D,
            q1=2.0 * c[0, 1] / np.sqrt(D),
            q2=np.maximum(c[1, 1], 0.0),
        )


def _tail(along: Iterable[Curves | Levels], side: str, *, ties: bool, mirrored: bool) -> Steps:
    """Return the number of draws at least as far in one tail as a null value, as a function of x."""
    if side == "greater":
        return Steps.joined(each.upper(ties=ties, mirrored=mirrored) for each in along)
    return Steps.joined(each.reflected().upper(ties=ties, mirrored=mirrored) for each in along).reflected()


def _least(alpha: float, total: float) -> int:
    """Return the smallest count whose share of `total` exceeds alpha, rounding of alpha aside."""
    return int(np.floor(alpha * total * (1.0 + 1e-12))) + 1


def _intersection(first: Array, second: Array) -> Array:
    low = np.maximum(first[:, None, 0], second[None, :, 0])
    high = np.minimum(first[:, None, 1], second[None, :, 1])
    return np.sort(np.stack([low, high], axis=-1)[low <= high], axis=0)


# --- a count as a step function -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A count of draws as a function of x = τ/(1 + |τ|): its value at −1, where it rises and where it falls."""

    base: int
    rises: Array
    falls: Array

    @classmethod
    def joined(cls, parts: Iterable[Steps]) -> Steps:
        """Return the count over several blocks of draws, its steps sorted."""
        held = list(parts)
        rises, falls = (np.concatenate([getattr(part, side) for part in held]) for side in ("rises", "falls"))
        rises.sort()
        falls.sort()
        return cls(sum(part.base for part in held), rises, falls)

    def reflected(self) -> Steps:
        """Return the same count as a function of −x."""
        end = self.base + self.rises.size - self.falls.size
        return Steps(end, -self.falls[::-1], -self.rises[::-1])

    def at_least(self, least: int) -> Array:
        """Return the closed intervals (m, 2) of x on which the count is at least `least`."""
        after = self.base + 1 + np.arange(self.rises.size) - np.searchsorted(self.falls, self.rises, side="left")
        before = self.base - np.arange(self.falls.size) + np.searchsorted(self.rises, self.falls, side="right")
        starts, ends = self.rises[after == least], self.falls[before == least]
        if self.base >= least:
            starts = np.concatenate([[-1.0], starts])
        if starts.size > ends.size:
            ends = np.concatenate([ends, [1.0]])
        return np.column_stack([starts, ends])


# --- what a draw does as the null moves ---------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Draws whose t* (b,) does not depend on the null; NaN where it is infinite."""

    stars: Array

    def reflected(self) -> Levels:
        """Return −t*(−τ): the lower tail as an upper one."""
        return Levels(-self.stars)

    def two_sided(self, *, ties: bool) -> Steps:
        """Return the number of draws with |t*| ≥ |τ|; nothing ties at every null."""
        infinite = np.isnan(self.stars)
        x = _compressed(np.abs(self.stars[~infinite]))
        return Steps(int(infinite.sum()), -x, x)

    def upper(self, *, ties: bool, mirrored: bool) -> Steps:
        """Return the number of draws with t* ≥ τ, of their negatives too if `mirrored`."""
        x = _compressed(self.stars[~np.isnan(self.stars)])
        return Steps((1 + mirrored) * self.stars.size, np.empty(0), np.concatenate([x, -x]) if mirrored else x)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curves:
    """Draws whose statistic moves with the null: t*(τ) = (N0 + N1 τ)/√(q0 + q1 τ + q2 τ²), (b,) each."""

    N0: Array
    N1: Array
    q0: Array
    q1: Array
    q2: Array

    def reflected(self) -> Curves:
        """Return −t*(−τ): the lower tail as an upper one."""
        return Curves(N0=-self.N0, N1=self.N1, q0=self.q0, q1=-self.q1, q2=self.q2)

    def two_sided(self, *, ties: bool) -> Steps:
        """Return the number of draws with |t*| ≥ |τ|; those that tie at every null count if `ties`."""
        F, tied = self._quartic()
        roots = real_roots(F[:, ~tied])
        rises, falls = (side[side < 1.0] for side in (roots[0::2], roots[1::2]))
        return Steps(int(tied.sum()) if ties else 0, rises, falls)

    def upper(self, *, ties: bool, mirrored: bool) -> Steps:
        """Return the number of draws with t* ≥ τ, of their negatives too if `mirrored`; `ties` as above."""
        F, tied = self._quartic()
        N0, N1, q0 = self.N0[~tied], self.N1[~tied], self.q0[~tied]
        roots = real_roots(F[:, ~tied])
        parts = [_tied_steps(self.N1[tied], ties=ties, mirrored=mirrored), _upper_steps(N0, N1, q0, roots)]
        if mirrored:
            parts.append(_upper_steps(-N0, -N1, q0, roots))
        return Steps.joined(parts)

    def _quartic(self) -> tuple[Array, Bools]:
        """Return F(τ) = τ²q(τ) − N(τ)², (5, b) with the constant first, and where it is zero: |t*| = |τ| always."""
        N0, N1 = self.N0, self.N1
        F = np.stack([-N0 * N0, -2.0 * N0 * N1, self.q0 - N1 * N1, self.q1, self.q2])
        return F, np.abs(F).max(axis=0) <= TIED * np.maximum(self.q0, N1 * N1)


def _compressed(tau: Array) -> Array:
    return np.asarray(tau / (1.0 + np.abs(tau)))


def _upper_steps(N0: Array, N1: Array, q0: Array, roots: Array) -> Steps:
    """Return where t* ≥ τ: it changes at the roots where N has the sign of τ, and at −∞ it holds unless N1 > √q0."""
    own = (N0 * (1.0 - np.abs(roots)) + N1 * roots) * roots >= 0.0
    crossings = np.sort(np.where(own & (np.abs(roots) < 1.0), roots, 1.0), axis=0)
    holds = (roots[0] > -1.0) | (N1 * np.abs(N1) <= q0)
    falls = np.where(holds, crossings[0::2], crossings[1::2])
    rises = np.where(holds, crossings[1::2], crossings[0::2])
    return Steps(int(holds.sum()), rises[rises < 1.0], falls[falls < 1.0])


def _tied_steps(N1: Array, *, ties: bool, mirrored: bool) -> Steps:
    """Return the steps of draws with t* = τ (ties, everywhere) or t* = −τ (in the tail up to 0)."""
    same, opposite = int((N1 > 0).sum()), int((N1 <= 0).sum())
    if mirrored:
        same = opposite = same + opposite
    return Steps(opposite + (same if ties else 0), np.empty(0), np.zeros(opposite))
