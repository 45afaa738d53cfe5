"""Moments -> estimate: least squares in orthonormal coordinates.

With A = Z'Z = LL' and W = T⁻¹L⁻ᵀ, a coefficient is β = β̂ + W η and the bread of every sandwich is the identity:
cluster Grams become E_g = L⁻¹A_gL⁻ᵀ with Σ E_g = I, scores become L⁻¹s_g. W carries a result back to X, and to the
unit of y where its squares would leave a double.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.text import listed
from lyra.base.triangles import backward, forward, inverse
from lyra.base.warn import warn
from lyra.errors import ConditionWarning, DroppedColumnsWarning, InputError, NotIdentifiedError
from lyra.moments.basis import independent_columns
from lyra.moments.moments import Moments

__all__ = ["Fit", "least_squares"]


DIGITS_LOST = 1e-8


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, weakref_slot=True)
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
        Residual sum of squares, like the scores in units of `moments.y_unit`.
    W : ndarray (K, K)
        Carries orthonormal coordinates to coefficients: W W' = (X'X)⁻¹ y_unit².
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
    back: Array = field(repr=False)  # (K, K): carries working coordinates to coefficients, W = back L⁻ᵀ

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
    def units(self) -> Array:
        """Powers of two near the rows of W (K,): in these standard errors are computed, for W² may leave a double."""
        return np.asarray(np.ldexp(1.0, np.frexp(np.abs(self.W).max(axis=1))[1]))

    @property
    def directions(self) -> Array:
        """W in those units (K, K)."""
        return np.asarray(self.W / self.units[:, None])

    @property
    def labels(self) -> NDArray[Any]:
        """Cluster labels (G,)."""
        return self.moments.labels

    def orthonormal(self, working: Array) -> Array:
        """Return working vectors (..., K of the moments) in orthonormal coordinates (..., K)."""
        kept = working[..., self.kept]
        return np.asarray(forward(self.L, kept.reshape(-1, self.K)).reshape(kept.shape))

    def grams(self) -> Iterator[tuple[slice, Array]]:
        """Yield (clusters, E_g (g, K, K)) in blocks that fit in memory; 0 ≤ E_g ≤ I and Σ E_g = I."""
        inverse = forward(self.L, np.eye(self.K)).T
        for clusters, A in self.moments.blocks():
            yield clusters, inverse @ A[:, self.kept][:, :, self.kept] @ inverse.T


def least_squares(moments: Moments) -> Fit:
    """Return the least-squares fit of `moments`.

    Raises
    ------
    InputError
        A coefficient or its standard error exceeds what a double holds.
    NotIdentifiedError
        One cluster, a constant y, no column left, or as many coefficients as rows.

    Warns
    -----
    DroppedColumnsWarning
        Columns that are combinations of earlier ones, by name.
    ConditionWarning
        Digits were lost in the sums and the rows are not there to win them back.
    """
    A, b = moments.total[:-1, :-1], moments.total[:-1, -1]
    _refuse_clusters(moments)
    kept, share = independent_columns(A, moments.unit)
    _refuse(moments, len(kept))
    dropped = tuple(name for j, name in enumerate(moments.names) if j not in kept)
    if dropped:
        warn(
            f"Left out, as constant or as combinations of earlier columns: {listed(dropped)}; "
            f"{len(kept)} coefficients remain.",
            DroppedColumnsWarning,
        )
    elif share < DIGITS_LOST and moments.rows is None:
        warn(
            f"The columns are nearly collinear (a share of {share:.1g} of one is its own) and only sums are at hand, "
            "so about half the digits are lost: fit from the rows.",
            ConditionWarning,
        )
    L = np.asarray(np.linalg.cholesky(A[np.ix_(kept, kept)]), dtype=np.float64)
    eta = forward(L, b[kept][None])[0]
    theta = np.zeros(moments.K)
    theta[kept] = backward(L, eta[None])[0]
    back, a = _back(moments, kept)
    raw = moments.scores(theta)
    with np.errstate(over="ignore", invalid="ignore"):
        coef = moments.y_unit * (back @ theta[kept] + a)
        W = moments.y_unit * forward(L, back)
    names = tuple(moments.names[j] for j in kept)
    _refuse_overflow(names, coef, W)
    return Fit(
        moments=moments.witnessed(theta, raw),
        names=names,
        dropped=dropped,
        kept=tuple(kept),
        coef=coef,
        scores=forward(L, raw[:, kept]),
        rss=max(float(moments.total[-1, -1] - eta @ eta), 0.0),
        W=W,
        theta=theta,
        L=L,
        back=moments.y_unit * back,
    )


def _back(moments: Moments, kept: list[int]) -> tuple[Array, Array]:
    """Return what carries a coefficient on the kept working columns to the kept columns of X, and what adds to it.

    A column left out that the basis left alone has no part in the others. One that it mixed with them equals Z_kept P,
    so what the basis says of it is said of the kept columns: Z = Z_kept P, X_kept = Z_kept S with S = (P T)_kept, and
    y = ỹ + Z_kept P T a.
    """
    if len(kept) == moments.K:
        return moments.T_inverse, moments.a
    left = np.setdiff1d(np.arange(moments.K), kept)
    if not (moments.T_inverse[left][:, kept].any() or moments.a[left].any()):
        return moments.T_inverse[kept][:, kept], moments.a[kept]
    A = moments.total[:-1, :-1]
    L = np.asarray(np.linalg.cholesky(A[kept][:, kept]), dtype=np.float64)
    P = backward(L, forward(L, A[:, kept])).T
    P[:, kept] = np.eye(len(kept))
    PT = P @ inverse(moments.T_inverse)
    back = inverse(PT[:, kept])
    return back, back @ PT @ moments.a


def _refuse_overflow(names: tuple[str, ...], coef: Array, W: Array) -> None:
    lost = np.flatnonzero(~(np.isfinite(coef) & np.isfinite(W).all(axis=1)))
    if lost.size:
        raise InputError(
            f"The coefficient of {names[lost[0]]}, or its standard error, exceeds 1e308: multiply the column by a "
            "power of ten, or divide y by one."
        )


def _refuse_clusters(moments: Moments) -> None:
    if moments.G == 0:
        raise NotIdentifiedError("There are no clusters left: keep at least two.")
    if moments.G == 1:
        raise NotIdentifiedError(
            f"There is one cluster ({moments.labels[0]!s}): no variance between clusters can be seen; "
            "cluster at a finer level."
        )


def _refuse(moments: Moments, K: int) -> None:
    if moments.constant_y is not None:
        raise NotIdentifiedError(
            f"y is constant (every value is {moments.constant_y:g}): there is nothing to explain; "
            "pass an outcome that varies."
        )
    if K == 0:
        raise NotIdentifiedError("Every column was dropped: X holds nothing but zeros; pass a column that varies.")
    if moments.N <= K:
        raise NotIdentifiedError(
            f"There are {K} coefficients and {moments.N} rows: leave out columns or add rows, so that N exceeds K."
        )
