"""Planting an intraclass correlation: the spread of a cluster effect that gives an outcome the ICC asked for.

A conversion is a choice with logistic noise: a cluster with effect z ~ N(0, 1) converts at expit(mu + sd·z).
A spend is a conversion times a lognormal basket of mean 1, whose cluster effect lives on the log scale.

All integrals over z use the trapezoidal rule, which for functions analytic near the real line converges
faster than any power of the step [1]_, also where the rate is too steep in z for Gauss-Hermite nodes.

References
----------
.. [1] Trefethen & Weideman (2014), "The exponentially convergent trapezoidal rule", SIAM Review 56.
.. [2] Eldridge, Ukoumunne & Carlin (2009), "The intra-cluster correlation coefficient in cluster randomized
   trials: a review of definitions", International Statistical Review 77.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lyra.base.arrays import Array
from lyra.base.search import root
from lyra.errors import InputError

__all__ = [
    "Planted",
    "Shared",
    "conversion_covariance",
    "conversion_rate",
    "plant",
    "plant_basket",
    "plant_conversion",
    "plant_latent",
]

LOGISTIC_VARIANCE = math.pi**2 / 3
LARGEST_SD = 30.0
NODES = 721
NODES_SQUARED = 361


class Shared(NamedTuple):
    """Effects shared in a cell: their standard deviation and the share of their variance that never fades."""

    sd: float
    lasting: float

    def covariance(self, fading: float) -> float:
        """Return the covariance of two cells of a cluster whose fading parts have correlation `fading`."""
        return self.sd**2 * (self.lasting + (1 - self.lasting) * fading)


NOTHING_SHARED = Shared(0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Utility, and the log basket behind a spend, whose outcome has the moments asked for.

    Attributes
    ----------
    outcome : str
        "linear", "conversion" or "spend".
    mu, noise : float
        Mean of utility, and the standard deviation of an agent's own part of it.
    utility : Shared
        What the agents of a cell share of utility.
    basket, basket_noise : Shared, float
        The same of the log basket, and the standard deviation of an agent's own part.
    """

    outcome: str
    mu: float
    utility: Shared
    noise: float
    basket: Shared = NOTHING_SHARED
    basket_noise: float = 0.0

    def mean(self, shift: float, shock: float = 0.0) -> float:
        """Return the mean outcome when utility is shifted, and N(0, `shock`²) is added to whole windows."""
        if self.outcome == "linear":
            return self.mu + shift
        return conversion_rate(self.mu + shift, math.hypot(self.utility.sd, shock))

    def correlation(self, fading: float) -> float:
        """Return the correlation of two agents' outcomes, of one cluster.

        `fading` is that of the effects of their windows: 1 in the same window.
        """
        if self.outcome == "linear":
            return self.utility.covariance(fading) / (self.utility.sd**2 + self.noise**2)
        P, sd = self.mean(0.0), self.utility.sd
        share = self.utility.covariance(fading) / sd**2 if sd else 1.0
        conversion = conversion_covariance(self.mu, sd, share)
        if self.outcome == "conversion":
            return conversion / (P * (1 - P))
        joint = (P**2 + conversion) * math.exp(self.basket.covariance(fading))
        return (joint - P**2) / _spend_variance(P, self.basket.sd**2, self.basket_noise**2)


def plant(outcome: str, *, base_rate: float, icc: float, icc_window: float, latent: bool, basket_sd: float) -> Planted:
    """Return the utility whose outcome has mean `base_rate` and the two intraclass correlations.

    Two agents of one cluster have correlation `icc` in windows far apart and `icc` + `icc_window` in one,
    on the scale of the outcome or, with `latent`, of utility and the log basket. Linear outcomes have
    variance 1.

    Raises
    ------
    InputError
        When the outcome cannot have that ICC; the sentence gives the attainable range.
    """
    total = icc + icc_window
    same = Shared(math.sqrt(total), icc / total if total else 1.0)
    if outcome == "linear":
        return Planted(outcome=outcome, mu=base_rate, utility=same, noise=math.sqrt(max(0.0, 1 - total)))
    mu, sd = (plant_latent if latent else plant_conversion)(base_rate, total)
    utility, basket = Shared(sd, same.lasting), NOTHING_SHARED
    if icc_window and not latent:
        utility = Shared(sd, _conversion_share(mu, sd, icc * base_rate * (1 - base_rate)))
    if outcome == "spend":
        plan = _latent_basket if latent else _outcome_basket
        basket = plan(base_rate, icc, icc_window, basket_sd)
    return Planted(
        outcome=outcome,
        mu=mu,
        utility=utility,
        noise=math.sqrt(LOGISTIC_VARIANCE),
        basket=basket,
        basket_noise=basket_sd,
    )


def conversion_rate(mu: float, sd: float) -> float:
    """Return E[expit(mu + sd·z)] for z ~ N(0, 1), the share of agents who convert."""
    z, weight = _nodes(NODES)
    return float(weight @ _expit(mu + sd * z))


def conversion_covariance(mu: float, sd: float, share: float = 1.0) -> float:
    """Return Cov(p(z), p(z')), p(z) = expit(mu + sd·z), for N(0, 1) pairs z, z' of correlation `share` ≥ 0.

    It is the covariance of the conversions of two agents whose cluster effects are correlated so.
    """
    if share == 1.0:
        z, weight = _nodes(NODES)
        return float(weight @ _expit(mu + sd * z) ** 2) - conversion_rate(mu, sd) ** 2
    z, weight = _nodes(NODES_SQUARED)
    common, own = math.sqrt(share) * z, math.sqrt(1 - share) * z
    given_common = _expit(mu + sd * (common[:, None] + own)) @ weight
    return float(weight @ given_common**2 - (weight @ given_common) ** 2)


def plant_conversion(base_rate: float, icc: float) -> tuple[float, float]:
    """Return (mu, sd) such that conversions have mean `base_rate` and intraclass correlation `icc`.

    It solves E[p] = P and Var(p) = icc·P(1 − P) for p = expit(mu + sd·z): the ICC of the 0/1 outcome [2]_.

    Raises
    ------
    InputError
        When a spread of 30 on the logit scale is not enough; the sentence gives the attainable range.

    Examples
    --------
    >>> plant_conversion(0.05, 0.02)
    (-3.1124, 0.6168)
    """

    def excess(sd: float) -> float:
        return conversion_covariance(_location(base_rate, sd), sd) - icc * base_rate * (1 - base_rate)

    if icc == 0:
        return _location(base_rate, 0.0), 0.0
    if excess(LARGEST_SD) < 0:
        most = icc + excess(LARGEST_SD) / (base_rate * (1 - base_rate))
        raise _unattainable(icc, f"a conversion at base_rate={base_rate}", most, "lower it or plant it latent")
    sd = root(excess, 0.0, LARGEST_SD)
    return _location(base_rate, sd), sd


def plant_latent(base_rate: float, icc: float) -> tuple[float, float]:
    """Return (mu, sd) such that conversions have mean `base_rate` and the utility behind them the ICC `icc`.

    The latent ICC sd²/(sd² + π²/3) is many times that of the outcome when conversions are rare.

    Examples
    --------
    >>> mu, sd = plant_latent(0.05, 0.02)
    >>> conversion_covariance(mu, sd) / (0.05 * 0.95)
    0.0033
    """
    sd = math.sqrt(LOGISTIC_VARIANCE * icc / (1 - icc))
    return _location(base_rate, sd), sd


def plant_basket(base_rate: float, icc: float, within: float) -> float:
    """Return the variance of the cluster effect on log baskets that gives spend the ICC `icc`.

    `within` is the variance of log baskets inside a cluster; conversions have the same ICC already:
    e^{σ_b²} = P²(1 − ρ)/(P² + ρP(1 − P) − ρP·e^{σ_e²}).

    Raises
    ------
    InputError
        When baskets vary too much for so large an ICC (denominator not positive); the sentence gives the
        range.

    Examples
    --------
    >>> plant_basket(0.2, 0.02, 1.0) ** 0.5
    0.4391
    """
    P = base_rate
    most = P / (P + math.expm1(within))
    if icc >= most:
        where = f"a spend at base_rate={P} with basket_sd={math.sqrt(within):g}"
        raise _unattainable(icc, where, most, "lower it or basket_sd, or raise base_rate")
    return math.log(P * (1 - icc) / (P + icc * (1 - P) - icc * math.exp(within)))


def _latent_basket(base_rate: float, icc: float, icc_window: float, basket_sd: float) -> Shared:
    total = icc + icc_window
    return Shared(basket_sd * math.sqrt(total / (1 - total)), icc / total if total else 1.0)


def _outcome_basket(base_rate: float, icc: float, icc_window: float, basket_sd: float) -> Shared:
    between = plant_basket(base_rate, icc + icc_window, basket_sd**2)
    if not (icc_window and between):
        return Shared(math.sqrt(between), 1.0)
    far = base_rate**2 + icc * _spend_variance(base_rate, between, basket_sd**2)
    lasting = math.log(far / (base_rate**2 + icc * base_rate * (1 - base_rate)))
    return Shared(math.sqrt(between), lasting / between)


def _spend_variance(base_rate: float, between: float, within: float) -> float:
    return base_rate * math.exp(between + within) - base_rate**2


def _conversion_share(mu: float, sd: float, covariance: float) -> float:
    return root(lambda share: conversion_covariance(mu, sd, share) - covariance, 0.0, 1.0)


def _nodes(n: int) -> tuple[Array, Array]:
    z = np.linspace(-9, 9, n)
    weight = np.exp(-(z**2) / 2)
    return z, weight / weight.sum()


def _expit(x: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(x))


def _location(base_rate: float, sd: float) -> float:
    reach = 40 + 9 * sd
    return root(lambda mu: conversion_rate(mu, sd) - base_rate, -reach, reach)


def _unattainable(icc: float, where: str, most: float, remedy: str) -> InputError:
    digits = 2 - math.floor(math.log10(most))
    most = math.floor(most * 10**digits) / 10**digits
    return InputError(
        f"an ICC of {icc:g} cannot be planted in {where}; the attainable range is 0 to {most:g}, so {remedy}."
    )
