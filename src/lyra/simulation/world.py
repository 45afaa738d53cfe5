"""Worlds: agents who choose, in clusters that share a shock, under an effect that only the world knows.

An agent i of cluster g in window t has the utility

    U = μ + τT + a_g + c_gt + b_t + γS_g,t−1 − κS_gt + ε,

against an outside option worth 0. T is the agent's own treatment and S_gt the share treated in its cluster
and window; a is the cluster effect, c the AR(1) effect of cluster and window, b a shock common to all
clusters. The outcome is U itself (linear), 1{U > 0} (conversion), or that times a lognormal basket of mean
1 (spend).

References
----------
.. [1] Moulton (1990), "An illustration of a pitfall in estimating the effects of aggregate variables on micro
   units", Review of Economics and Statistics 72.
.. [2] Cameron, Gelbach & Miller (2008), "Bootstrap-based improvements for inference with clustered errors",
   Review of Economics and Statistics 90.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from numbers import Real
from typing import Literal, NamedTuple

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array, Bools, Codes
from lyra.base.text import did_you_mean
from lyra.data.units import Seed, Units
from lyra.errors import InputError
from lyra.simulation.planting import Planted, Shared, plant
from lyra.simulation.samples import Assigns, CellCovariance, Grams, Sample, Truth, draw_grams

__all__ = ["RegressorWorld", "World"]

OUTCOMES = ("linear", "conversion", "spend")
SCALES = ("outcome", "latent")

MOST_AGENTS = 10_000_000  # of one world, over its windows
MOST_CELLS = 1_000_000  # clusters times windows
MOST_SPREAD = 100.0  # coefficient of variation of cluster sizes


@dataclass(frozen=True, slots=True)
class World:
    """Agents in clusters, with a planted intraclass correlation and a known effect.

    Parameters
    ----------
    n_clusters : int
        Number of clusters G, at least 2.
    cluster_size : int, sequence of G ints, or str
        Agents in each cluster and window. "35 lognormal:0.8" spreads the sizes like a lognormal with mean 35
        and coefficient of variation 0.8: its G mid-quantiles in rising order, the same in every sample.
    outcome : "linear", "conversion" or "spend"
        Utility; whether it is positive; or that times a basket of mean 1.
    base_rate : float
        Share who convert when no one is treated; the mean of a linear outcome.
    icc : float
        Share of variance that agents of one cluster share in all windows.
    icc_scale : "outcome" or "latent"
        Where `icc` and `icc_window` hold: for the outcome an analyst sees, or for utility (and the log
        basket). A latent ICC of .02 is an outcome ICC of .0033 at a base rate of .05. The same for linear
        outcomes.
    effect : float
        τ, on the scale of utility, which is the outcome when linear; `truth().effect` is on the outcome's
        scale.
    windows : int
        Number of time windows W. Every window brings fresh agents.
    icc_window : float
        Share of variance that agents of one cluster and window share beyond `icc`.
    ar1 : float
        Correlation φ of that effect from one window to the next, 0 up to 1.
    period_shock : float
        Standard deviation, on utility, of b_t. Base rate and ICC are planted at b_t = 0.
    carryover : float
        γ, the effect on utility of the share treated in the cluster one window before (none before the
        first).
    interference : float
        κ, how much utility falls when all of the cluster and window, the agent included, is treated.
    strata : int
        Number of equal strata, of consecutive clusters; half as many strata as clusters makes matched pairs.
    stratum_share : float
        Share of the variance of a_g common to the clusters of a stratum.
    pre_correlation : float
        Correlation of the agent's own part of utility with its own part of the covariate `pre`; the
        cluster part a_g of the two is the same. Treatment does not touch `pre`.
    basket_sd : float
        Standard deviation of the log basket inside a cluster (spend).

    Raises
    ------
    InputError
        When a value is out of its range, or the ICC cannot be had at that base rate; the sentence gives
        the range.

    Notes
    -----
    Linear outcomes have variance 1 around treatment and common shocks: `icc` + `icc_window` + the agent's
    own.

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
    interference: float = 0.0
    strata: int = 1
    stratum_share: float = 0.0
    pre_correlation: float = 0.5
    basket_sd: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.cluster_size, str):
            sizes = np.asarray(self.cluster_size)
            object.__setattr__(self, "cluster_size", tuple(sizes.tolist()) if sizes.ndim else sizes.item())
        _check_counts(self)
        _check_shares(self)
        _check_choice(self)
        _check_most(int(_sizes(self).sum()) * self.windows, MOST_AGENTS, "agents")
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
            moulton=_moulton(_sizes(self), correlation),
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
        _check_design(design)
        rng = np.random.default_rng(rng)
        crowd, plan = _crowd(self), _planted(self)
        treat = design.draw(crowd.units, rng)
        share = np.add.reduceat(treat, crowd.start, dtype=float) / crowd.size
        a, shared = _shocks(self, plan.utility, 1, rng)
        noise = _noise(self, len(treat), rng)
        own = self.pre_correlation * noise + _rest(self.pre_correlation) * rng.standard_normal(len(noise))
        common = plan.mu + _spill(self, share[None]) + shared + _common_shock(self, 1, rng)
        utility = common.ravel()[crowd.cell] + self.effect * treat + plan.noise * noise
        columns = {
            "user": crowd.units.labels("user"),
            "cluster": crowd.units.cluster,
            "window": crowd.units.labels("window"),
            "stratum": crowd.units.labels("stratum"),
            "treat": treat.astype(np.int64),
            "outcome": _OUTCOME[self.outcome](self, utility, rng),
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
        _check_design(design)
        _check_linear(self, "sums of products")
        rng = np.random.default_rng(rng)
        crowd, plan = _crowd(self), _planted(self)
        n, treat = _arms(crowd, design, R, rng)
        a, shared = _shocks(self, plan.utility, R, rng)
        common = plan.mu + _spill(self, (n * treat).sum(axis=-1) / crowd.size) + shared + _common_shock(self, R, rng)
        own = plan.noise * np.array([[self.pre_correlation, _rest(self.pre_correlation)], [1.0, 0.0]])
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
        G, W, stratum = self.n_clusters, self.windows, _strata(self)
        clusters = self.stratum_share * (stratum[:, None] == stratum) + (1 - self.stratum_share) * np.eye(G)
        between = self.icc * np.kron(clusters, np.ones((W, W)))
        between += self.icc_window * np.kron(np.eye(G), self.ar1 ** _lags(W))
        between += self.period_shock**2 * np.kron(np.ones((G, G)), np.eye(W))
        return CellCovariance(between, _planted(self).noise ** 2, _crowd(self).cell)


@dataclass(frozen=True, slots=True)
class RegressorWorld:
    """A regression with a continuous regressor, the design of Cameron, Gelbach & Miller (2008) [2]_.

    y = effect·x + u, where x and u are each a cluster's N(0, 1) plus an individual's N(0, 1). There is
    nothing to assign, so the design is None.

    Parameters
    ----------
    n_clusters : int
        Number of clusters, at least 2.
    cluster_size : int
        Rows in each cluster.
    effect : float
        The slope of x.

    Raises
    ------
    InputError
        When there are fewer than 2 clusters or less than 1 row in each.

    Examples
    --------
    >>> RegressorWorld(10).truth().moulton ** 2  # 1 + 29 / 4
    8.25
    """

    n_clusters: int
    _: KW_ONLY
    cluster_size: int = 30
    effect: float = 0.0

    def __post_init__(self) -> None:
        _check_whole("n_clusters", self.n_clusters, 2)
        _check_whole("cluster_size", self.cluster_size, 1)
        _check_most(self.n_clusters, MOST_CELLS, "clusters")
        _check_most(self.n_clusters * self.cluster_size, MOST_AGENTS, "rows")
        _check_between("effect", self.effect, -math.inf, math.inf)

    def truth(self) -> Truth:
        """Return the slope; the ICC of u; and the Moulton factor √(1 + (m − 1)ρ_xρ_u) of the slope."""
        return Truth(self.effect, self.effect, (0.5,), math.sqrt(1 + (self.cluster_size - 1) / 4))

    def sample(self, design: None, rng: Seed) -> Sample:
        """Return one fresh data set with columns cluster, x and outcome; `design` is None."""
        _check_no_design(design)
        rng = np.random.default_rng(rng)
        cluster = np.repeat(np.arange(self.n_clusters), self.cluster_size)
        x, u = rng.standard_normal((2, self.n_clusters))[:, cluster] + rng.standard_normal((2, len(cluster)))
        columns = {"cluster": cluster, "x": x, "outcome": self.effect * x + u}
        return Sample(columns, "x", np.ones(len(cluster), dtype=np.bool_))

    def sample_grams(self, design: None, R: int, rng: Seed) -> Grams:
        """Return R fresh data sets as sums of products of "1", "x", "outcome"; `design` is None."""
        _check_no_design(design)
        rng = np.random.default_rng(rng)
        n = np.full((R, self.n_clusters), self.cluster_size)
        slope = np.array([[1.0, 0.0], [self.effect, 1.0]])
        means = np.ones((*n.shape, 3))
        means[..., 1:] = rng.standard_normal((*n.shape, 2)) @ slope.T
        gram = draw_grams(n, means, slope, rng)
        return Grams(("1", "x", "outcome"), gram, Units(np.arange(self.n_clusters)))


class _Crowd(NamedTuple):
    """The agents of a world, sorted by cell: cell of each, first row and size of each cell."""

    units: Units
    cell: Codes
    start: Codes
    size: Codes


@lru_cache(maxsize=8)
def _crowd(world: World) -> _Crowd:
    size = np.repeat(_sizes(world), world.windows)
    cell = np.repeat(np.arange(len(size)), size)
    cluster, window = np.divmod(cell, world.windows)
    units = Units(cluster, window=window, user=np.arange(len(cell)), stratum=_strata(world)[cluster])
    return _Crowd(units, cell, np.cumsum(size) - size, size)


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


def _strata(world: World) -> Codes:
    return np.arange(world.n_clusters) // (world.n_clusters // world.strata)


def _lags(W: int) -> Codes:
    lag: Codes = np.abs(np.arange(W)[:, None] - np.arange(W))
    return lag


def _sizes(world: World) -> Codes:
    if isinstance(world.cluster_size, str):
        return _lognormal_sizes(world.cluster_size, world.n_clusters)
    sizes = np.broadcast_to(world.cluster_size, world.n_clusters)
    return sizes.astype(np.intp)


def _lognormal_sizes(spelling: str, G: int) -> Codes:
    from scipy.special import ndtri

    found = re.fullmatch(r"(\d+\.?\d*) lognormal:(\d*\.?\d+)", spelling)
    if found is None:
        raise InputError(
            f"cluster_size={spelling!r} is not understood; "
            "write a number, one for each cluster, or '<mean> lognormal:<cv>' such as '35 lognormal:0.8'."
        )
    mean, cv = map(float, found.groups())
    if not (mean <= MOST_AGENTS and cv <= MOST_SPREAD):
        raise InputError(
            f"cluster_size={spelling!r} is out of range; the mean is at most {MOST_AGENTS:,} and the coefficient of "
            f"variation at most {MOST_SPREAD:g}."
        )
    spread = np.exp(math.sqrt(math.log1p(cv**2)) * ndtri((np.arange(G) + 0.5) / G))
    sizes: Codes = np.maximum(1, np.rint(mean * spread / spread.mean())).astype(np.intp)
    return sizes


def _moulton(sizes: Codes, correlation: Array) -> float:
    W = len(correlation)
    pairs_of_windows = np.r_[W, 2 * np.arange(W - 1, 0, -1)]
    pairs = float(pairs_of_windows @ correlation) * float(sizes @ sizes)
    return math.sqrt(1 + pairs / (W * float(sizes.sum())) - correlation[0])


def _shocks(world: World, shared: Shared, R: int, rng: Generator) -> tuple[Array, Array]:
    """Return the lasting effect of each cluster (R, G) and all that a cell shares (R, G·W)."""
    G, W = world.n_clusters, world.windows
    common = rng.standard_normal((R, world.strata))[:, _strata(world)]
    own = rng.standard_normal((R, G))
    a = math.sqrt(world.stratum_share) * common + math.sqrt(1 - world.stratum_share) * own
    a *= shared.sd * math.sqrt(shared.lasting)
    c = shared.sd * math.sqrt(1 - shared.lasting) * _autoregression(world.ar1, (R, G, W), rng)
    return a, (a[..., None] + c).reshape(R, G * W)


def _autoregression(ar1: float, shape: tuple[int, int, int], rng: Generator) -> Array:
    c = rng.standard_normal(shape)
    for t in range(1, shape[-1]):
        c[..., t] = ar1 * c[..., t - 1] + _rest(ar1) * c[..., t]
    return c


def _common_shock(world: World, R: int, rng: Generator) -> Array:
    b = world.period_shock * rng.standard_normal((R, world.windows))
    return np.tile(b, world.n_clusters)


def _spill(world: World, share: Array) -> Array:
    """Return what others' treatment does to each cell (R, G·W), from the shares treated there."""
    before = np.zeros((len(share), world.n_clusters, world.windows))
    before[..., 1:] = share.reshape(before.shape)[..., :-1]
    return world.carryover * before.reshape(share.shape) - world.interference * share


def _noise(world: World, n: int, rng: Generator) -> Array:
    """Return an agent's own part of utility, with variance 1."""
    if world.outcome == "linear":
        return rng.standard_normal(n)
    return rng.logistic(scale=math.sqrt(3) / math.pi, size=n)


def _converted(world: World, utility: Array, rng: Generator) -> Array:
    return (utility > 0).astype(float)


def _spent(world: World, utility: Array, rng: Generator) -> Array:
    plan = _planted(world)
    _, shared = _shocks(world, plan.basket, 1, rng)
    log_basket = shared.ravel()[_crowd(world).cell] + plan.basket_noise * rng.standard_normal(len(utility))
    return _converted(world, utility, rng) * np.exp(log_basket - (plan.basket.sd**2 + plan.basket_noise**2) / 2)


_OUTCOME: Mapping[str, Callable[[World, Array, Generator], Array]] = {
    "linear": lambda world, utility, rng: utility,
    "conversion": _converted,
    "spend": _spent,
}


def _arms(crowd: _Crowd, design: Assigns, R: int, rng: Generator) -> tuple[Codes, Bools]:
    """Return the size and treatment of the arms of each cell, (R, cells, arms); one arm if treated whole."""
    drawn, item = design.draw_many(crowd.units, R, rng), design.items(crowd.units)
    if np.array_equal(item, item[crowd.start][crowd.cell]):
        whole = drawn[:, item[crowd.start], None]
        return np.broadcast_to(crowd.size[:, None], whole.shape), whole
    treated = np.add.reduceat(drawn[:, item], crowd.start, axis=1, dtype=np.intp)
    n = np.stack([crowd.size - treated, treated], axis=-1)
    return n, np.broadcast_to([False, True], n.shape)


def _rest(correlation: float) -> float:
    return math.sqrt(1 - correlation**2)


def _check_counts(world: World) -> None:
    _check_whole("n_clusters", world.n_clusters, 2)
    _check_whole("windows", world.windows, 1)
    _check_whole("strata", world.strata, 1)
    _check_most(world.n_clusters * world.windows, MOST_CELLS, "clusters times windows")
    if world.n_clusters % world.strata:
        raise InputError(
            f"{world.n_clusters} clusters are not divisible by strata={world.strata}; "
            "choose a number of strata that divides them."
        )
    if world.carryover and world.windows == 1:
        raise InputError("carryover needs a window before; set windows to 2 or more, or carryover to 0.")
    if not isinstance(world.cluster_size, str):
        _check_sizes(world.cluster_size, world.n_clusters)


def _check_sizes(size: int | Sequence[int], G: int) -> None:
    sizes = size if isinstance(size, Sequence) else [size] * G
    if len(sizes) != G:
        raise InputError(f"cluster_size has {len(sizes)} sizes for {G} clusters; give one for each.")
    for each in sizes:
        _check_whole("cluster_size", each, 1)
    _check_most(sum(sizes), MOST_AGENTS, "agents")


def _check_shares(world: World) -> None:
    _check_word("outcome", world.outcome, OUTCOMES)
    _check_word("icc_scale", world.icc_scale, SCALES)
    for name in ("icc", "icc_window", "stratum_share", "ar1"):
        _check_between(name, getattr(world, name), 0, 1)
    _check_between("pre_correlation", world.pre_correlation, -1, 1)
    for name in ("period_shock", "basket_sd"):
        _check_between(name, getattr(world, name), 0, math.inf)
    for name in ("base_rate", "effect", "carryover", "interference"):
        _check_between(name, getattr(world, name), -math.inf, math.inf)


def _check_choice(world: World) -> None:
    """Refuse what leaves no room for an agent's own choice."""
    total, linear = world.icc + world.icc_window, world.outcome == "linear"
    if not (linear or 0 < world.base_rate < 1):
        raise InputError(f"base_rate={world.base_rate} is not a share of agents who convert; give one in 0 to 1.")
    latent = world.icc_scale == "latent" and not linear
    if total > 1 or (total == 1 and latent):
        most = "just under 1" if latent else "1"
        raise InputError(
            f"icc + icc_window is {total:g}; the attainable range for a {world.outcome} outcome "
            f"is 0 to {most}, so lower one of them."
        )


def _check_most(many: int, most: int, what: str) -> None:
    if many > most:
        raise InputError(f"this world has {many:,} {what}, and {most:,} is the most; make it smaller.")


def _check_between(name: str, value: float, low: float, high: float) -> None:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise InputError(f"{name}={value!r} is not a number; give one.")
    if not (low <= value <= high and math.isfinite(value)):
        lower = "finite" if low == -math.inf else f"{low} or more"
        allowed = f"between {low} and {high}" if math.isfinite(high) else lower
        raise InputError(f"{name}={value} is out of range; it must be {allowed}.")


def _check_whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{name}={value} is out of range; it must be a whole number, {least} or more.")


def _check_word(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"unknown {name} {value!r}; {did_you_mean(value, known)}.")


def _check_linear(world: World, what: str) -> None:
    if world.outcome != "linear":
        raise InputError(f"{what} exist for linear outcomes and this one is a {world.outcome}; use sample.")


def _check_design(design: object) -> None:
    if design is None:
        raise InputError("a World treats no one by itself; give it a design, such as ByCluster().")


def _check_no_design(design: object) -> None:
    if design is not None:
        raise InputError("a RegressorWorld draws its regressor itself and nothing is assigned; pass design=None.")
