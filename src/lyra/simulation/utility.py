"""The parts of an agent's utility: what its cluster shares, what others' treatment does, and what is its own."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array, Codes
from lyra.simulation.planting import Planted, Shared

__all__ = ["OUTCOMES", "Effects", "basket", "noise", "rest"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effects:
    """What the agents of a cluster share in utility, and what others' treatment does to it.

    Attributes
    ----------
    stratum : (G,) int array
        The stratum of each cluster, from 0 up.
    windows : int
        Number of time windows W.
    stratum_share : float
        Share of the variance of a_g common to the clusters of a stratum.
    ar1 : float
        Correlation of c_gt from one window to the next.
    period_shock : float
        Standard deviation of b_t.
    carryover, carryover_decay, interference : float
        γ, what of it lasts from one window to the next, and κ.
    """

    stratum: Codes
    windows: int
    stratum_share: float
    ar1: float
    period_shock: float
    carryover: float
    carryover_decay: float
    interference: float

    def shocks(self, shared: Shared, R: int, rng: Generator) -> tuple[Array, Array]:
        """Return the lasting effect of each cluster (R, G) and all that a cell shares (R, G·W)."""
        G = len(self.stratum)
        common = rng.standard_normal((R, int(self.stratum[-1]) + 1))[:, self.stratum]
        own = rng.standard_normal((R, G))
        a = math.sqrt(self.stratum_share) * common + math.sqrt(1 - self.stratum_share) * own
        a *= shared.sd * math.sqrt(shared.lasting)
        c = shared.sd * math.sqrt(1 - shared.lasting) * self._autoregression((R, G, self.windows), rng)
        return a, (a[..., None] + c).reshape(R, G * self.windows)

    def _autoregression(self, shape: tuple[int, int, int], rng: Generator) -> Array:
        c = rng.standard_normal(shape)
        for t in range(1, shape[-1]):
            c[..., t] = self.ar1 * c[..., t - 1] + rest(self.ar1) * c[..., t]
        return c

    def common(self, R: int, rng: Generator) -> Array:
        """Return what all clusters share in each window, for each cell (R, G·W)."""
        return np.tile(self.period_shock * rng.standard_normal((R, self.windows)), len(self.stratum))

    def spill(self, share: Array) -> Array:
        """Return what others' treatment does to each cell (R, G·W), from the shares treated there."""
        cells = share.reshape(len(share), len(self.stratum), self.windows)
        before = np.zeros(cells.shape)
        for t in range(1, self.windows):
            before[..., t] = self.carryover_decay * before[..., t - 1] + (1 - self.carryover_decay) * cells[..., t - 1]
        return np.asarray(self.carryover * before.reshape(share.shape) - self.interference * share)

    def covariance(self, icc: float, icc_window: float) -> Array:
        """Return the covariance (G·W, G·W) of what the agents of a cell share, treatment aside."""
        G, W, lag = len(self.stratum), self.windows, np.arange(self.windows)
        alike = self.stratum[:, None] == self.stratum
        between = icc * np.kron(
            self.stratum_share * alike + (1 - self.stratum_share) * np.eye(G),
            np.ones((W, W)),
        )
        between += icc_window * np.kron(np.eye(G), self.ar1 ** np.abs(lag[:, None] - lag))
        between += self.period_shock**2 * np.kron(np.ones((G, G)), np.eye(W))
        return np.asarray(between)


def noise(kind: str, n: int, rng: Generator) -> Array:
    """Return an agent's own part of utility, with variance 1: normal where utility is seen, else logistic."""
    if kind == "linear":
        return rng.standard_normal(n)
    return rng.logistic(scale=math.sqrt(3) / math.pi, size=n)


def rest(correlation: float) -> float:
    """Return √(1 − ρ²), what is left of a unit variance beside a correlation."""
    return math.sqrt(1 - correlation**2)


def basket(plan: Planted, effects: Effects, cell: Codes, rng: Generator) -> Array:
    """Return the lognormal baskets (N,) of mean 1 of agents of these cells."""
    _, shared = effects.shocks(plan.basket, 1, rng)
    log_basket = shared.ravel()[cell] + plan.basket_noise * rng.standard_normal(len(cell))
    return np.asarray(np.exp(log_basket - (plan.basket.sd**2 + plan.basket_noise**2) / 2))


OUTCOMES: Mapping[str, Callable[[Array, Callable[[], Array]], Array]] = {
    "linear": lambda utility, _: utility,
    "conversion": lambda utility, _: (utility > 0).astype(float),
    "spend": lambda utility, baskets: (utility > 0) * baskets(),
}
"""What is seen of utilities (N,), baskets drawn only where they are."""
