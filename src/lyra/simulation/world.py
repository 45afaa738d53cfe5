"""Worlds: agents who choose, in clusters that share a shock, under an effect that only the world knows.

An agent i of cluster g in window t has the utility

    U = μ + τT + a_g + c_gt + b_t + γH_gt − κS_gt + ε,

against an outside option worth 0. T is the agent's own treatment, S_gt the share treated in its cluster and window,
H_gt = φH_g,t−1 + (1 − φ)S_g,t−1 what of it is carried over; a is the cluster effect, c the AR(1) effect of cluster and
window, b a shock common to all clusters. The outcome is U (linear), 1{U > 0} (conversion), or that times a lognormal
basket of mean 1 (spend).
"""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache, partial
from typing import Literal

import numpy as np

from lyra.base.arrays import Codes
from lyra.data.units import Seed, Units
from lyra.errors import InputError
from lyra.simulation.crowd import Crowd, arms, check_layout, crowd, moulton, shares, sizes
from lyra.simulation.planting import Planted, plant
from lyra.simulation.ranges import MOST_AGENTS, check_between, check_choice, check_design, check_most, check_word
from lyra.simulation.samples import Assigns, CellCovariance, Grams, Sample, Truth, draw_grams
from lyra.simulation.utility import OUTCOMES, Effects, basket, noise, rest

__all__ = ["World"]

SCALES = ("outcome", "latent")


@dataclass(frozen=True, slots=True)
class World:
    """Agents in clusters, with a planted intraclass correlation and a known effect.

    Parameters
    ----------
    n_clusters : int
        Number of clusters G, at least 2.
    cluster_size : int, sequence of G ints, or str
        Agents in each cluster and window. "35 lognormal:0.8" spreads the sizes like a lognormal with mean 35 and
        coefficient of variation 0.8: its G mid-quantiles in rising order, the same in every sample.
    outcome : "linear", "conversion" or "spend"
        Utility; whether it is positive; or that times a basket of mean 1.
    base_rate : float
        Share who convert when no one is treated; the mean of a linear outcome.
    icc : float
        Share of variance that agents of one cluster share in all windows.
    icc_scale : "outcome" or "latent"
        Where `icc` and `icc_window` hold: for the outcome an analyst sees, or for utility (and the log basket). A
        latent ICC of .02 is an outcome ICC of .0033 at a base rate of .05. The same for linear outcomes.
    effect : float
        τ, on the scale of utility, which is the outcome when linear; `truth().effect` is on the outcome's scale.
    windows : int
        Number of time windows W. Every window brings fresh agents.
    icc_window : float
        Share of variance that agents of one cluster and window share beyond `icc`.
    ar1 : float
        Correlation φ of that effect from one window to the next, 0 up to 1.
    period_shock : float
        Standard deviation, on utility, of b_t. Base rate and ICC are planted at b_t = 0.
    carryover : float
        γ, the effect on utility of the share treated in the cluster in windows before (none before the first).
    carryover_decay : float
        φ, what of that is left one window later, 0 up to 1: at 0 the one window before is all that counts.
    interference : float
        κ, how much utility falls when all of the cluster and window, the agent included, is treated.
    strata : int
        Number of equal strata, of consecutive clusters; half as many strata as clusters makes matched pairs.
    stratum_share : float
        Share of the variance of a_g common to the clusters of a stratum.
    pre_correlation : float
        Correlation of the agent's own part of utility with its own part of the covariate `pre`; the cluster part a_g of
        the two is the same. Treatment does not touch `pre`.
    basket_sd : float
        Standard deviation of the log basket inside a cluster (spend).

    Raises
    ------
    InputError
        When a value is out of its range, or the ICC cannot be had at that base rate; the sentence gives the range.

    Notes
    -----
    Linear outcomes have variance 1 around treatment and common shocks: `icc` + `icc_window` + the agent's own.

    Examples
    --------
    >>> World(50).truth().moulton
    1.2961
    >>> rare = World(50, outcome="conversion", base_rate=0.05, effect=0.2)
    >>> rare.truth().icc, rare.truth().effect
    (0.02, 0.0102)
    """

    n_clusters: int
    _: KW_ONLY
    cluster_size: int | Sequence[int] | str = 35
    outcome: Literal["linear", "conversion", "spend"] = "linear"
    base_rate: float = 0.1
    icc: float = 0.02
    icc_scale: Literal["outcome", "latent"] = "outcome"
    effect: float = 0.0
    windows: int = 1
    icc_window: float = 0.0
    ar1: float = 0.0
    period_shock: float = 0.0
    carryover: float = 0.0
    carryover_decay: float = 0.0
    interference: float = 0.0
    strata: int = 1
    stratum_share: float = 0.0
    pre_correlation: float = 0.5
    basket_sd: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.cluster_size, str):
            sizes = np.asarray(self.cluster_size)
            object.__setattr__(self, "cluster_size", tuple(sizes.tolist()) if sizes.ndim else sizes.item())
        check_layout(self.n_clusters, self.cluster_size, self.windows, self.strata)
        if self.carryover and self.windows == 1:
            raise InputError("carryover needs a window before; set windows to 2 or more, or carryover to 0.")
        _check_shares(self)
        check_choice(self.outcome, self.base_rate, self.icc + self.icc_window, latent=self.icc_scale == "latent")
        check_most(int(_sizes(self).sum()) * self.windows, MOST_AGENTS, "agents")
        _planted(self)

    @property
    def units(self) -> Units:
        """User, cluster, window and stratum of each of the N agents, sorted by cluster, then window."""
        return _crowd(self).units

    def truth(self) -> Truth:
        """Return the effect, the correlations and the Moulton factor, on the scale of the outcome."""
        total = self.effect - self.interference + self.carryover
        plan, shock = _planted(self), self.period_shock
        correlation = np.array([plan.correlation(self.ar1**lag) for lag in range(self.windows)])
        return Truth(
            effect=plan.mean(self.effect, shock) - plan.mean(0.0, shock),
            total_effect=plan.mean(total, shock) - plan.mean(0.0, shock),
            correlation=tuple(correlation.tolist()),
            moulton=moulton(_sizes(self), correlation),
        )

    def sample(self, design: Assigns, rng: Seed) -> Sample:
        """Return one fresh data set under the design.

        Parameters
        ----------
        design : Design
            Who is treated; one of `lyra.designs`, or anything that draws.
        rng : anything `numpy.random.default_rng` takes

        Returns
        -------
        Sample
            Columns user, cluster, window, stratum, treat, outcome and pre, sorted by cluster, then window.

        Raises
        ------
        InputError
            When there is no design.
        """
        check_design(design)
        rng = np.random.default_rng(rng)
        crowd, plan, effects = _crowd(self), _planted(self), _effects(self)
        treat = design.draw(crowd.units, rng)
        share = shares(crowd, treat)
        a, shared = effects.shocks(plan.utility, 1, rng)
        epsilon = noise(self.outcome, len(treat), rng)
        own = self.pre_correlation * epsilon + rest(self.pre_correlation) * rng.standard_normal(len(treat))
        common = plan.mu + effects.spill(share[None]) + shared + effects.common(1, rng)
        utility = common.ravel()[crowd.cell] + self.effect * treat + plan.noise * epsilon
        columns = {
            "user": crowd.units.labels("user"),
            "cluster": crowd.units.cluster,
            "window": crowd.units.labels("window"),
            "stratum": crowd.units.labels("stratum"),
            "treat": treat.astype(np.int64),
            "outcome": OUTCOMES[self.outcome](utility, partial(basket, plan, effects, crowd.cell, rng)),
            "pre": np.repeat(a.ravel(), self.windows)[crowd.cell] + plan.noise * own,
        }
        return Sample(columns, "treat", design.kept(crowd.units))

    def sample_grams(self, design: Assigns, R: int, rng: Seed) -> Grams:
        """Return R fresh data sets as sums of products, drawn without drawing a row (linear outcomes).

        Given who is treated, the means and the scatter of normal outcomes in a cell and arm are exactly
        normal and Wishart, so the cost is that of the cells, not of the agents.

        Parameters
        ----------
        design : Design
        R : int
            Number of worlds.
        rng : anything `numpy.random.default_rng` takes

        Returns
        -------
        Grams
            With names "1", "treat", "pre", "outcome".

        Raises
        ------
        InputError
            When there is no design, or the outcome is not linear.
        """
        check_design(design)
        _check_linear(self, "sums of products")
        rng = np.random.default_rng(rng)
        crowd, plan, effects = _crowd(self), _planted(self), _effects(self)
        n, treat = arms(crowd, design, R, rng)
        a, shared = effects.shocks(plan.utility, R, rng)
        common = plan.mu + effects.spill((n * treat).sum(axis=-1) / crowd.size) + shared + effects.common(R, rng)
        own = plan.noise * np.array([[self.pre_correlation, rest(self.pre_correlation)], [1.0, 0.0]])
        means = np.ones((*n.shape, 4))
        means[..., 1] = treat
        means[..., 2] = np.repeat(a, self.windows, axis=1)[..., None]
        means[..., 3] = common[..., None] + self.effect * treat
        gram = draw_grams(n, means, own, rng).sum(axis=2)
        gram[:, ~design.kept(crowd.units)[crowd.start]] = 0
        return Grams(("1", "treat", "pre", "outcome"), gram, crowd.units.take(crowd.start))

    def covariance(self) -> CellCovariance:
        """Return the covariance of linear outcomes, from which every linear estimator has an exact variance.

        Raises
        ------
        InputError
            When the outcome is not linear.

        Examples
        --------
        >>> World(2, windows=2, icc_window=0.1, ar1=0.5).covariance().between
        array([[0.12, 0.07, 0.  , 0.  ],
               [0.07, 0.12, 0.  , 0.  ],
               [0.  , 0.  , 0.12, 0.07],
               [0.  , 0.  , 0.07, 0.12]])
        """
        _check_linear(self, "cell covariances")
        between = _effects(self).covariance(self.icc, self.icc_window)
        return CellCovariance(between, _planted(self).noise ** 2, _crowd(self).cell)


@lru_cache(maxsize=8)
def _crowd(world: World) -> Crowd:
    return crowd(_sizes(world), world.windows, _strata(world))


def _sizes(world: World) -> Codes:
    return sizes(world.cluster_size, world.n_clusters)


@lru_cache(maxsize=64)
def _planted(world: World) -> Planted:
    return plant(
        world.outcome,
        base_rate=world.base_rate,
        icc=world.icc,
        icc_window=world.icc_window,
        latent=world.icc_scale == "latent",
        basket_sd=world.basket_sd,
    )


def _effects(world: World) -> Effects:
    return Effects(
        stratum=_strata(world),
        windows=world.windows,
        stratum_share=world.stratum_share,
        ar1=world.ar1,
        period_shock=world.period_shock,
        carryover=world.carryover,
        carryover_decay=world.carryover_decay,
        interference=world.interference,
    )


def _strata(world: World) -> Codes:
    return np.arange(world.n_clusters) // (world.n_clusters // world.strata)


def _check_shares(world: World) -> None:
    check_word("outcome", world.outcome, tuple(OUTCOMES))
    check_word("icc_scale", world.icc_scale, SCALES)
    for name in ("icc", "icc_window", "stratum_share", "ar1", "carryover_decay"):
        check_between(name, getattr(world, name), 0, 1)
    check_between("pre_correlation", world.pre_correlation, -1, 1)
    for name in ("period_shock", "basket_sd"):
        check_between(name, getattr(world, name), 0, math.inf)
    for name in ("base_rate", "effect", "carryover", "interference"):
        check_between(name, getattr(world, name), -math.inf, math.inf)


def _check_linear(world: World, what: str) -> None:
    if world.outcome != "linear":
        raise InputError(f"{what} exist for linear outcomes and this one is a {world.outcome}; use sample.")
