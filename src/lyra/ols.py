"""Moments -> estimate: least squares in orthonormal coordinates.

With A = Z'Z = LL' and W = T⁻¹L⁻ᵀ, a coefficient is β = β̂ + W η and the bread of every sandwich is the identity:
cluster Grams become E_g = L⁻¹A_gL⁻ᵀ with Σ E_g = I, scores become L⁻¹s_g. W carries a result back to X.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.basis import independent_columns
from lyra.errors import ConditionWarning, DroppedColumnsWarning, NotIdentifiedError, listed
from lyra.moments import Moments

__all__ = ["Fit", "least_squares"]

Array = NDArray[np.float64]

DIGITS_LOST = 1e-8
CACHE_BYTES = 2**26


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A least-squares fit in orthonormal coordinates.

    Attributes
    ----------
    moments : Moments
        What was fitted.
    names : tuple of str
        The K coefficients kept.
    dropped : tuple of str
        The columns left out as combinations of earlier ones.
    coef : ndarray (K,)
        β̂.
    scores : ndarray (G, K)
        L⁻¹X_g'û_g: cluster scores in orthonormal coordinates.
    rss : float
        Residual sum of squares.
    W : ndarray (K, K)
        Carries orthonormal coordinates to coefficients: W W' = (X'X)⁻¹.
    """

    moments: Moments
    names: tuple[str, ...]
    dropped: tuple[str, ...]
    kept: tuple[int, ...]
    coef: Array
    scores: Array
    rss: float
    W: Array
    theta: Array = field(repr=False)
    L: Array = field(repr=False)
    _memo: dict[str, tuple[Array, Array]] = field(default_factory=dict, repr=False)

    @property
    def N(self) -> int:
        """Rows."""
        return self.moments.N

    @property
    def G(self) -> int:
        """Clusters."""
        return self.moments.G

    @property
    def K(self) -> int:
        """Coefficients kept."""
        return len(self.names)

    @property
    def labels(self) -> NDArray[Any]:
        """Cluster labels (G,)."""
        return self.moments.labels

    def orthonormal(self, working: Array) -> Array:
        """Return working vectors (..., K of the moments) in orthonormal coordinates (..., K)."""
        kept = working[..., self.kept]
        return np.asarray(_forward(self.L, kept.reshape(-1, self.K)).reshape(kept.shape))

    def grams(self) -> Iterator[tuple[slice, Array]]:
        """Yield (clusters, E_g (g, K, K)) in blocks that fit in memory; 0 ≤ E_g ≤ I and Σ E_g = I."""
        inverse = _forward(self.L, np.eye(self.K)).T
        for clusters, A in self.moments.blocks():
            yield clusters, inverse @ A[:, self.kept][:, :, self.kept] @ inverse.T

    def spectra(self) -> Iterator[tuple[slice, Array, Array]]:
        """Yield (clusters, λ (g, K), V (g, K, K)) with E_g = V diag(λ) V'; kept for the next caller when small."""
        if "values" in self._memo:
            yield slice(0, self.G), *self._memo["values"]
            return
        for clusters, E in self.grams():
            values, vectors = np.linalg.eigh(E)
            values = np.clip(values, 0.0, 1.0)
            if values.shape[0] == self.G and vectors.nbytes <= CACHE_BYTES:
                self._memo["values"] = (values, vectors)
            yield clusters, values, vectors


def least_squares(moments: Moments) -> Fit:
    """Return the least-squares fit of `moments`.

    Raises
    ------
    NotIdentifiedError
        One cluster, no column left, or as many coefficients as rows.

    Warns
    -----
    DroppedColumnsWarning
        Columns that are combinations of earlier ones, by name.
    ConditionWarning
        Digits were lost in the sums and the rows are not there to win them back.
    """
    A, b = moments.total[:-1, :-1], moments.total[:-1, -1]
    kept, share = independent_columns(A, moments.unit)
    _refuse(moments, len(kept))
    dropped = tuple(name for j, name in enumerate(moments.names) if j not in kept)
    if dropped:
        warnings.warn(
            f"Left out, as constant or as combinations of earlier columns: {listed(dropped)}; "
            f"{len(kept)} coefficients remain.",
            DroppedColumnsWarning,
            stacklevel=3,
        )
    elif share < DIGITS_LOST and moments.rows is None:
        warnings.warn(
            f"The columns are nearly collinear (a share of {share:.1g} of one is its own) and only sums are at hand, "
            "so about half the digits are lost: fit from the rows.",
            ConditionWarning,
            stacklevel=3,
        )
    L = np.asarray(np.linalg.cholesky(A[np.ix_(kept, kept)]), dtype=np.float64)
    eta = _forward(L, b[kept][None])[0]
    theta = np.zeros(moments.K)
    theta[kept] = np.linalg.solve(L.T, eta)
    W = moments.T_inverse[np.ix_(kept, kept)] @ np.linalg.inv(L).T
    raw = moments.scores(theta)
    return Fit(
        moments=moments,
        names=tuple(moments.names[j] for j in kept),
        dropped=dropped,
        kept=tuple(kept),
        coef=(moments.T_inverse @ theta + moments.a)[kept],
        scores=_forward(L, raw[:, kept]),
        rss=float(moments.total[-1, -1] - eta @ eta),
        W=W,
        theta=theta,
        L=L,
    )


def _forward(L: Array, rows: Array) -> Array:
    """Return L⁻¹ applied to each row, (n, K)."""
    from scipy.linalg import solve_triangular

    return np.asarray(solve_triangular(L, rows.T, lower=True, check_finite=False).T)


def _refuse(moments: Moments, K: int) -> None:
    if moments.G < 2:
        raise NotIdentifiedError(
            f"There is one cluster ({moments.labels[0]!r}): no variance between clusters can be seen; "
            "cluster at a finer level."
        )
    if K == 0:
        raise NotIdentifiedError("Every column was dropped: X holds nothing but zeros; pass a column that varies.")
    if moments.N <= K:
        raise NotIdentifiedError(
            f"There are {K} coefficients and {moments.N} rows: leave out columns or add rows, so that N exceeds K."
        )
