"""The laws of the errors that a design is tried under: rows in which the treatment does nothing on average."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import Arms, Intercept, Slope, World
from lyra.robust.exact.worlds_of_rows import Autoregressive, InnerArms
from lyra.simulation.planting import plant_basket, plant_conversion
from lyra.verdict.atlas.blueprint import Rows

__all__ = ["LAWS", "Law"]

APART = 4.0  # ratio of the arms' variances
EFFECTS_SD = 0.3  # of effects that differ by cluster, in units of a row's error
PHI = 0.8  # of window shocks, from one window to the next
CONVERTING, BUYING = 0.02, 0.1
BASKET_SD = 1.5  # of a log basket inside a cluster

Draw = Callable[[Rows, float, int, Generator], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A law of the errors.

    Attributes
    ----------
    words : str
        On the page.
    draw : callable (rows, icc, R, rng) -> ndarray (R, N)
        R outcomes.
    world : callable (about, icc) -> World, optional
        The same errors as exact sizes know them; left out where they are not Gaussian.
    in_time : bool
        Whether it needs windows.
    """

    words: str
    draw: Draw
    world: Callable[[Coefficient, float], World] | None = None
    in_time: bool = False


# --- effects of clusters, with mean 0 and variance 1 ---------------------------------------------

Effects = Callable[[Generator, tuple[int, int]], Array]


def _normal(rng: Generator, shape: tuple[int, int]) -> Array:
    return rng.standard_normal(shape)


def _t3(rng: Generator, shape: tuple[int, int]) -> Array:
    return np.asarray(rng.standard_t(3, shape) / np.sqrt(3.0))


def _lognormal(rng: Generator, shape: tuple[int, int]) -> Array:
    e = np.exp(rng.standard_normal(shape))
    return np.asarray((e - np.exp(0.5)) / np.sqrt(np.exp(2.0) - np.exp(1.0)))


def _exponential(rng: Generator, shape: tuple[int, int]) -> Array:
    return rng.standard_exponential(shape) - 1.0


# --- outcomes ------------------------------------------------------------------------------------


def _intercepts(rows: Rows, icc: float, R: int, rng: Generator, *, effects: Effects = _normal) -> Array:
    """Return a cluster's effect with the share `icc` of the variance, and normal rows."""
    shared = np.sqrt(icc) * effects(rng, (R, rows.G))
    return np.asarray(shared[:, rows.cluster] + np.sqrt(1.0 - icc) * rng.standard_normal((R, rows.N)))


def _unlike_arms(rows: Rows, icc: float, R: int, rng: Generator, *, ratio: float) -> Array:
    """Return normal errors, those of the treated with so many times the variance."""
    return np.asarray(_intercepts(rows, icc, R, rng) * np.where(rows.treated, np.sqrt(ratio), 1.0))


def _differing_effects(rows: Rows, icc: float, R: int, rng: Generator) -> Array:
    """Return normal errors, and effects of the treatment that differ by cluster with mean zero."""
    y = _intercepts(rows, icc, R, rng)
    effects = EFFECTS_SD * rng.standard_normal((R, rows.G))
    return np.asarray(y + effects[:, rows.cluster] * (rows.treated - rows.treated.mean()))


def _window_shocks(rows: Rows, icc: float, R: int, rng: Generator) -> Array:
    """Return shocks of cluster and window with the share `icc` of the variance, AR(1) in time, and normal rows."""
    windows = rows.window if rows.window is not None else np.zeros_like(rows.cluster)
    e = rng.standard_normal((R, rows.G, int(windows.max()) + 1))
    for w in range(1, e.shape[2]):
        e[..., w] = PHI * e[..., w - 1] + np.sqrt(1.0 - PHI**2) * e[..., w]
    shared = np.sqrt(icc) * e[:, rows.cluster, windows]
    return np.asarray(shared + np.sqrt(1.0 - icc) * rng.standard_normal((R, rows.N)))


def _converted(rows: Rows, icc: float, R: int, rng: Generator, *, base_rate: float) -> Array:
    """Return who converts, the rate of a cluster a logistic normal with the outcome's correlation planted."""
    from scipy.special import expit

    mu, sd = plant_conversion(base_rate, icc)
    rate = expit(mu + sd * rng.standard_normal((R, rows.G)))
    return np.asarray(rng.random((R, rows.N)) < rate[:, rows.cluster], dtype=np.float64)


def _spent(rows: Rows, icc: float, R: int, rng: Generator) -> Array:
    """Return what is spent: one in ten buys, for a lognormal basket whose cluster effect is planted."""
    buys = _converted(rows, icc, R, rng, base_rate=BUYING)
    between = np.sqrt(plant_basket(BUYING, icc, BASKET_SD**2)) * rng.standard_normal((R, rows.G))
    return np.asarray(buys * np.exp(between[:, rows.cluster] + BASKET_SD * rng.standard_normal((R, rows.N))))


# --- the same as worlds --------------------------------------------------------------------------


def _gaussian(_: Coefficient, icc: float) -> World:
    return Intercept(icc)


def _arms(ratio: float, about: Coefficient, icc: float) -> World:
    return InnerArms(ratio, icc) if about.larger is None else Arms(ratio, Intercept(icc))


def _slopes(_: Coefficient, icc: float) -> World:
    return Slope(EFFECTS_SD, Intercept(icc))


def _serial(_: Coefficient, icc: float) -> World:
    return Autoregressive(PHI, icc)


LAWS: Mapping[str, Law] = MappingProxyType(
    {
        "normal": Law(words="normal", draw=_intercepts, world=_gaussian),
        "t3": Law(words="t(3) cluster effects", draw=partial(_intercepts, effects=_t3)),
        "exponential": Law(words="exponential cluster effects", draw=partial(_intercepts, effects=_exponential)),
        "lognormal": Law(words="lognormal cluster effects", draw=partial(_intercepts, effects=_lognormal)),
        "treated-noisier": Law(
            words="treated 4 times as variable",
            draw=partial(_unlike_arms, ratio=APART),
            world=partial(_arms, APART),
        ),
        "others-noisier": Law(
            words="untreated 4 times as variable",
            draw=partial(_unlike_arms, ratio=1.0 / APART),
            world=partial(_arms, 1.0 / APART),
        ),
        "effects": Law(words="effects differ by cluster, sd .3", draw=_differing_effects, world=_slopes),
        "serial": Law(words="window shocks, AR(1) .8", draw=_window_shocks, world=_serial, in_time=True),
        "conversion": Law(words="2 % convert", draw=partial(_converted, base_rate=CONVERTING)),
        "spend": Law(words="1 in 10 spend, lognormal", draw=_spent),
    }
)
"""Every law by its name in a grid."""
