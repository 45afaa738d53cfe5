"""A fit and a null -> the wild cluster bootstrap test, from moments alone: every choice checked, then counted."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

import numpy as np
from numpy.typing import ArrayLike

from lyra.data import check
from lyra.data.units import Seed
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.regression.nested import Nested
from lyra.robust.null import make_null
from lyra.robust.wild.multipliers import choose_draws, choose_law
from lyra.robust.wild.result import WildBootstrap
from lyra.robust.wild.statistic import KINDS, make_pivot
from lyra.robust.wild.tally import tally

__all__ = ["WildBootstrap", "wild_bootstrap"]


MOST_DRAWS = 10_000_000
ALTERNATIVES = ("two-sided", "equal-tailed", "less", "greater")
TIES = ("include", "exclude")


def wild_bootstrap(  # noqa: PLR0913  one keyword a choice the literature leaves open
    fit: Fit,
    *,
    param: str | int | Sequence[str | int] | None = None,
    R: ArrayLike | None = None,
    h0: ArrayLike = 0.0,
    weights: str = "auto",
    B: int = 9999,
    kind: str = "11",
    restricted: bool = True,
    ties: str = "include",
    alternative: str = "two-sided",
    exact: bool | None = None,
    nested: Nested | None = None,
    rng: Seed = None,
) -> WildBootstrap:
    """Return the wild cluster bootstrap test of a fit: the step every front door ends in.

    The parameters are those of `lyra.se.wild_cluster_bootstrap`, where they are explained; `nested` holds the fit's
    bootstrap clusters, left out the clusters themselves.
    """
    kind = check.one_of(kind, KINDS, what="kind")
    ties = check.one_of(ties, TIES, what="ties")
    alternative = check.one_of(alternative, ALTERNATIVES, what="alternative")
    restricted = check.yes_or_no(restricted, what="restricted")
    exact = None if exact is None else check.yes_or_no(exact, what="exact")
    null = make_null(fit, param, R, h0)
    if null.q > 1 and alternative != "two-sided":
        raise InputError(f"alternative={alternative!r} has no meaning for a joint null: use 'two-sided'.")
    nested = Nested.itself(fit) if nested is None else nested
    H = nested.partition.H
    law = choose_law(weights, H)
    draws = choose_draws(law, H, _whole(B), exact=exact, seed=_seed(rng))
    pivot = make_pivot(nested, null, kind=kind, restricted=restricted)
    counts = tally(pivot, draws, alternative)
    tails = 2.0 if alternative == "equal-tailed" else 1.0
    pvalue = min(1.0, tails * counts.extreme(ties=ties == "include") / draws.total)
    return WildBootstrap(
        pvalue=pvalue,
        tally=counts,
        pivot=pivot,
        draws=draws,
        null=null,
        estimates=null.R @ fit.coef,
        kind=kind,
        restricted=restricted,
        alternative=alternative,
        ties=ties,
        chosen=weights != "auto",
        n_clusters=fit.G,
        n_rows=fit.N,
    )


def _seed(rng: Seed) -> tuple[int, ...]:
    """Return a seed drawn from whatever default_rng takes, so that the same draws can be visited again."""
    try:
        generator = np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise InputError(
            f"rng={rng!r} seeds no draws: pass a whole number of at least 0, or a numpy.random.Generator."
        ) from None
    return tuple(int(word) for word in generator.integers(0, 2**63, size=2))


def _whole(B: int) -> int:
    try:
        draws = 0 if isinstance(B, bool) else index(B)
    except TypeError:
        draws = 0
    if draws < 1:
        raise InputError(f"B={B!r} is not a number of draws: pass a whole number of at least 1, such as 9999.")
    if draws > MOST_DRAWS:
        raise InputError(f"B={B!r} is more draws than the bootstrap makes: pass {MOST_DRAWS:,} at most, such as 9999.")
    return draws
