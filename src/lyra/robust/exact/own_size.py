"""The exact size of a line under its own law, in one world that is stated in numbers."""

from __future__ import annotations

import numpy as np

from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.regression.of_fit import OfFit
from lyra.regression.term import coefficient
from lyra.robust.dof import degrees_of_freedom
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.forms import forms
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import statistic
from lyra.robust.exact.worlds import Arms, Intercept, Slope, World
from lyra.robust.laws import t_quantile

__all__ = ["ExactSizes", "own_size", "stated_world"]


def own_size(fit: Fit, j: int, variant: str, world: World, *, critical_value: float | None = None) -> float:
    """Return P(|t| > c) of a true null in a world, c the 97.5 % point of the variance's own law where none is given.

    Raises
    ------
    InputError
        The variance has no exact law, or no law of its own (R1) and no critical value was given.
    NotIdentifiedError
        The coefficient is lost without one of the clusters, and the variance leaves each out.
    """
    about = Coefficient.of(fit, j)
    test = statistic(fit, about, variant)
    c = _own_critical_value(fit, j, variant) if critical_value is None else float(critical_value)
    return float(rejection(forms(test, about, [world]), c)[0])


def _own_critical_value(fit: Fit, j: int, variant: str) -> float:
    if variant == "R1":
        raise InputError("R1 has no law of its own: pass critical_value, such as that of its calibrated line.")
    nu, _ = degrees_of_freedom(fit, variant, None)
    return float(t_quantile(nu[j], 0.975))


def stated_world(fit: Fit, j: int, *, icc: float, arms: float, effects_sd: float) -> World:
    """Return the world of an intraclass correlation, effects that differ by cluster and unequal arms.

    Raises
    ------
    InputError
        A number out of range, or unequal arms of a term that does not split the clusters in two.
    """
    world: World = Intercept(icc)
    if effects_sd:
        world = Slope(effects_sd, world)
    if arms == 1.0:
        return world
    if np.isfinite(arms) and Coefficient.of(fit, j).larger is None:
        raise InputError(f"{fit.names[j]} does not split the clusters into two arms: leave arms at 1.")
    return Arms(arms, world)


class ExactSizes(OfFit):
    """What a fit tells of its own lines, before any outcome is looked at."""

    __slots__ = ()

    def size(
        self,
        term: str | int | None = None,
        variant: str = "CV2",
        *,
        icc: float = 0.05,
        arms: float = 1.0,
        effects_sd: float = 0.0,
        critical_value: float | None = None,
    ) -> float:
        """Return the probability that this design flags a true null of a coefficient, exactly [1]_ [2]_.

        The null is β_j = 0, and |t| the estimate over the standard error of the variant, its factor included; the
        errors are Gaussian and independent between clusters. Nothing is simulated, and no outcome is read.

        Parameters
        ----------
        term : str, optional
            The coefficient; left out, the first that is not the intercept.
        variant : {"CV0", "CV1", "CV2", "CV3", "CV3J", "R1"}
            The variance in t; R1 is CV0 with the scores of the fit without this column.
        icc : float
            Intraclass correlation of the errors.
        arms : float
            Variance of the clusters with the larger value of the term over that of the others.
        effects_sd : float
            Standard deviation of the term's effect between clusters, in units of that of a row's error.
        critical_value : float, optional
            Left out, the 97.5 % point of the variant's own law: t(G − 1), for CV2 Satterthwaite's.

        Raises
        ------
        InputError
            A number out of range, arms of a term that does not split the clusters, R1 without a critical value.
        NotIdentifiedError
            Without one cluster there is no estimate, and the variant leaves each out.

        References
        ----------
        .. [1] J. P. Imhof (1961), Computing the distribution of quadratic forms in normal variables. Biometrika 48,
           419-426.
        .. [2] J. W. Craig (1991), A new, simple and exact result for calculating the probability of error for
           two-dimensional signal constellations. MILCOM 91, 571-575.

        Examples
        --------
        The means of ten equal clusters are ten draws of one normal: t(9), and its 97.5 % point is 2.262157.

        >>> import numpy as np
        >>> import lyra
        >>> one = lyra.Moments.from_arrays(np.arange(30.0) % 7, np.ones((30, 1)), np.repeat(np.arange(10), 3))
        >>> print(f"{lyra.fit_moments(one).size(0, 'CV3', icc=0.3, critical_value=2.262157):.4f}")
        0.0500
        """
        j = coefficient(self.fit, term)
        world = stated_world(self.fit, j, icc=icc, arms=arms, effects_sd=effects_sd)
        return own_size(self.fit, j, variant, world, critical_value=critical_value)
