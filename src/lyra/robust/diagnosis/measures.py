"""What each cluster weighs: leverage, influence, effective clusters, Moulton's factor, in one frozen set of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.data import check
from lyra.robust.diagnosis.icc import Icc
from lyra.robust.unidentified import Unidentified

__all__ = ["ROUNDING", "Measures"]


ROUNDING = 1e-18  # of a sum of squares, the share that is none


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Measures:
    """What each cluster of a fit weighs, and what the estimate is without it.

    Attributes
    ----------
    names : tuple of str
        The K coefficients.
    coef : ndarray (K,)
        β̂.
    cluster_labels, sizes : ndarray (G,)
        Clusters and their rows.
    leverage : ndarray (G,)
        tr X_g'X_g (X'X)⁻¹; they sum to K.
    partial_leverage : ndarray (G, K)
        (A⁻¹A_gA⁻¹)_jj / (A⁻¹)_jj: the share of what identifies coefficient j that cluster g holds; columns sum to 1.
    sum_leverage : ndarray (G, K)
        (e_j'A⁻¹X_g'1)² / (A⁻¹)_jj: the same for a shock common to the cluster's rows.
    influence : ndarray (G, K)
        The estimates without cluster g; NaN where there is none.
    icc : Icc
        Of the residuals: `.estimate` and `.conf_int(level)`; NaN when the columns absorb every cluster's mean.
    column_icc : ndarray (K,)
        Of the columns; 1 for one that is constant within clusters.
    treated_clusters : mapping of str to (int, int)
        For every column constant within clusters with two values: clusters with the larger, with the smaller.
    unidentified : tuple of Unidentified
        Clusters without which coefficients (positions) have no estimate.
    unit : int or None
        Position of the constant column.
    focus : str or None
        The coefficient whose dangers are told; None for all.
    foreseen : tuple of str
        Dangers that only columns outside the fit tell of, such as the windows its clusters lie in.
    """

    names: tuple[str, ...]
    coef: Array
    cluster_labels: NDArray[Any]
    sizes: NDArray[np.int64]
    leverage: Array = field(repr=False)
    partial_leverage: Array = field(repr=False)
    sum_leverage: Array = field(repr=False)
    influence: Array = field(repr=False)
    icc: Icc
    column_icc: Array
    treated_clusters: Mapping[str, tuple[int, int]]
    unidentified: tuple[Unidentified, ...]
    unit: int | None
    focus: str | None = None
    foreseen: tuple[str, ...] = ()

    @property
    def G(self) -> int:
        """The number of clusters."""
        return self.sizes.size

    @property
    def cv_sizes(self) -> float:
        """Standard deviation (G − 1) over mean of the cluster sizes."""
        return float(_variation(self.sizes))

    @property
    def cv_leverage(self) -> float:
        """Standard deviation over mean of the leverages."""
        return float(_variation(self.leverage))

    @property
    def cv_partial_leverage(self) -> Array:
        """Standard deviation over mean of the partial leverages of each coefficient (K,)."""
        return _variation(self.partial_leverage)

    @property
    def most_influential(self) -> tuple[Any, ...]:
        """The label, for each coefficient, of the cluster whose removal moves it most; None where it must stay."""
        moved = np.abs(self.influence - self.coef)
        worst = np.where(np.isnan(moved), -1.0, moved).argmax(axis=0)
        labels = self.cluster_labels.tolist()
        return tuple(None if np.isnan(moved[:, j]).all() else labels[g] for j, g in enumerate(worst))

    @property
    def absorbs_clusters(self) -> bool:
        """Whether the columns absorb every cluster's mean, as dummies of the clusters do."""
        return bool(np.isnan(self.icc.between))

    @property
    def effective_clusters(self) -> Mapping[float | str, Array]:
        """G* (K,) for ρ = 0, for ρ = 1 and, under "icc", for the estimated one (0 when that is negative)."""
        rho = min(max(self.icc.estimate, 0.0), 1.0)
        return {0: self.effective(0.0), 1: self.effective(1.0), "icc": self.effective(rho)}

    def effective(self, rho: float) -> Array:
        """Return the effective number of clusters G* (K,) under the intraclass correlation `rho` [1]_.

        G* = G/(1 + Γ), Γ the squared coefficient of variation of γ_g = e_j'A⁻¹[ρ m_g m_g' + (1 − ρ)A_g]A⁻¹e_j with
        m_g = X_g'1: it is G when every cluster tells as much of β_j as every other. NaN for ρ = 1 when no cluster's
        sum tells anything, as with cluster dummies among the columns.

        References
        ----------
        .. [1] A. V. Carter, K. T. Schnepel and D. G. Steigerwald (2017), Asymptotic behavior of a t-test robust to
           cluster heterogeneity. Review of Economics and Statistics 99, 698-709.
        """
        gamma = rho * self.sum_leverage + (1.0 - rho) * self.partial_leverage
        mean = gamma.mean(axis=0)
        mean = np.where(mean > ROUNDING * self.sizes.max(), mean, np.nan)
        return np.asarray(self.G / (1.0 + np.mean((gamma / mean - 1.0) ** 2, axis=0)))

    def free_of_shocks(self, name: str) -> bool:
        """Whether a shock common to a cluster's rows moves neither this coefficient nor the residuals.

        It is so where other columns take the shock up, as an effect for every cluster does; then the intraclass
        correlation changes no size. A coefficient that is told from clusters' means is moved even when none is left.
        """
        j = check.position(name, self.names)
        return self.absorbs_clusters and bool(np.isnan(self.effective(1.0)[j]))

    @property
    def moulton(self) -> Array:
        """√(1 + ρ_x ρ (Σ N_g²/N − 1)) (K,): how far the iid standard error falls short [1]_.

        An estimated ρ below 0 counts as 0.

        References
        ----------
        .. [1] B. R. Moulton (1986), Random group effects and the precision of regression estimates. Journal of
           Econometrics 32, 385-397.
        """
        return self.moulton_at(self.icc.estimate)

    def moulton_at(self, rho: float) -> Array:
        """Return the same (K,) under the intraclass correlation `rho`."""
        size = float(np.sum(self.sizes.astype(float) ** 2)) / float(self.sizes.sum())
        return np.sqrt(np.maximum(1.0 + self.column_icc * max(rho, 0.0) * (size - 1.0), 0.0))


def _variation(values: NDArray[Any]) -> Array:
    return np.asarray(values.std(axis=0, ddof=1) / values.mean(axis=0))
