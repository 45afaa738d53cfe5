"""A t statistic with a clustered standard error as a map from cluster sums.

With e the tested coefficient, β̂_j − β_j = z₀ and SE² = factor · Σ z_g², where in orthonormal coordinates

    z₀ = Σ_k a₀'c_k,   z_g = Σ_k (1[g = k] ω_g − a_g)'c_k,   c_k = X_k'u_k with covariance W_k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.base.text import did_you_mean
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.leave_out import adjustment
from lyra.robust.sandwich import VARIANTS, small_sample
from lyra.robust.spectra import spectra
from lyra.robust.unidentified import unidentified

__all__ = ["STATISTICS", "Statistic", "statistic"]

STATISTICS = ("CV0", "CV1", "CV2", "CV3", "CV3J", "R1")
"""The variances whose t statistic has an exact law; R1 is CV0 with the scores of the restricted fit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statistic:
    """A t statistic as a map from cluster sums: z₀ and the z_g of SE² = factor · Σ z_g².

    Attributes
    ----------
    name : str
        The variance.
    omega, a : ndarray (G, K)
        z_g = ω_g'c_g − a_g'Σ c_k.
    a0 : ndarray (K,)
        z₀ = a₀'Σ c_k: the direction of the tested coefficient.
    factor : float
        The variance's factor.
    centred : bool
        Whether the z_g are taken around their mean (CV3J).
    shift : ndarray (G,)
        What a unit of β_j adds to z_g: zero unless scores are taken under the null.
    """

    name: str
    omega: Array
    a: Array
    a0: Array
    factor: float = 1.0
    centred: bool = False
    shift: Array

    @property
    def G(self) -> int:
        """Clusters."""
        return len(self.omega)

    @property
    def bounded(self) -> bool:
        """Whether |t| has a largest value: the scores are taken under the null."""
        return bool(self.shift.any())


def statistic(fit: Fit, about: Coefficient, name: str) -> Statistic:
    """Return the t statistic of a coefficient with the variance `name`.

    Raises
    ------
    InputError
        The variance has no exact law.
    NotIdentifiedError
        The coefficient is lost without one of the clusters, and the variance leaves each out.
    """
    if name not in STATISTICS:
        raise InputError(f"variant={name!r} has no exact size: {did_you_mean(name, STATISTICS)}.")
    if name == "R1":
        return _restricted(about)
    power = -1.0 if name == "CV3J" else VARIANTS[name].power or 0.0
    _refuse_lost(fit, about, name, power)
    omega = _adjusted_direction(fit, about.direction, power)
    return Statistic(
        name=name,
        omega=omega,
        a=np.einsum("gkl,gl->gk", about.shares, omega),
        a0=about.direction,
        factor=small_sample(fit, name),
        centred=name == "CV3J",
        shift=np.zeros(fit.G),
    )


def _restricted(about: Coefficient) -> Statistic:
    """Return R1: z_g = x̃_g'ũ_g, with ũ the residuals on the other columns."""
    others = about.slopes - about.leverage[:, None] * about.direction
    omega = np.broadcast_to(about.direction, others.shape)
    return Statistic(name="R1", omega=omega, a=others, a0=about.direction, shift=about.leverage)


def _adjusted_direction(fit: Fit, direction: Array, power: float) -> Array:
    omega = np.empty((fit.G, fit.K))
    for each in spectra(fit):
        inner = (direction @ each.vectors) * adjustment(each.left, power)
        omega[each.clusters] = np.einsum("gkl,gl->gk", each.vectors, inner)
    return omega


def _refuse_lost(fit: Fit, about: Coefficient, name: str, power: float) -> None:
    coefficient = fit.names.index(about.term)
    lost = [case.cluster for case in unidentified(fit) if coefficient in case.coefficients] if power else []
    if lost:
        raise NotIdentifiedError(
            f"{name} of {about.term} leaves out one cluster at a time, and without cluster {lost[0]!s} there is no "
            "estimate: read R1, or randomisation inference."
        )
