"""A null and a kind of wild bootstrap -> the observed statistic, and the forms its draws are.

Everything is in the fit's orthonormal coordinates. With C = R W = M Q, the rows of Q orthonormal, the null R β = r
is Q η = −d with d = M⁻¹(R β̂ − r), and the restricted scores are s̃_g = s_g + E_g Q'd: affine in d, hence in r.
The jackknife enters through P_g = Q (CV1) or Q (I − E_g)⁻¹ (CV3), h_g = P_g E_g, and the scores that are resampled.
No row is touched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.triangles import backward
from lyra.errors import NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.regression.nested import Nested
from lyra.robust.leave_out import all_regular, inverse_times, spectrum, times
from lyra.robust.null import Null
from lyra.robust.rounding import carried
from lyra.robust.sandwich import small_sample
from lyra.robust.wild.draws import Forms

__all__ = ["KINDS", "OF_SCORES", "Pivot", "make_pivot"]


KINDS = ("11", "31", "13", "33")
OF_SCORES = ("11",)  # those that read no cross-products by cluster


# --- the observed fit ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pivot:
    """The observed statistic and what its bootstrap needs.

    Attributes
    ----------
    M : ndarray (q, q)
        Carries d to R β̂ − r.
    d : ndarray (q,)
        M⁻¹(R β̂ − r): the numerator observed.
    D : ndarray (q, q)
        The denominator observed, without the factor.
    factor : float
        G/(G−1)·(N−1)/(N−K) for CV1, (G−1)/G for CV3; the same in t and t*.
    moving : Forms
        The forms along the line r = R β̂ − M d: the scores at d = 0, then their slopes in d; those alone that are
        free of the null when it is not imposed.
    """

    M: Array
    d: Array
    D: Array
    factor: float
    moving: Forms

    @property
    def t(self) -> float:
        """d/√D of one restriction, without the factor."""
        return float(self.d[0] / np.sqrt(self.D[0, 0]))

    @property
    def wald(self) -> float:
        """d'D⁻¹d, without the factor."""
        return float(self.d @ np.linalg.solve(self.D, self.d))

    @property
    def statistic(self) -> float:
        """t = d/√(factor·D), or for q > 1 the Wald form d'(factor·D)⁻¹d."""
        return float(self.scaled(np.array(self.t if self.d.size == 1 else self.wald)))

    @property
    def at_null(self) -> Forms:
        """The forms with the null fixed at r."""
        at = np.concatenate([[1.0], self.d])[: len(self.moving.S)]
        return replace(self.moving, S=np.tensordot(at, self.moving.S, axes=1)[None])

    def scaled(self, statistic: Array) -> Array:
        """Return statistics with the small-sample factor."""
        return np.asarray(statistic / (np.sqrt(self.factor) if self.d.size == 1 else self.factor))


def make_pivot(nested: Nested, null: Null, *, kind: str, restricted: bool) -> Pivot:
    """Return the pivot of a null for one kind of bootstrap.

    Raises
    ------
    NotIdentifiedError
        A CV3 that leaves out a cluster without which the restriction has no estimate; a standard error of zero.
    """
    fit = nested.fit
    M, d, Q, free = _rotated(fit, null)
    EQ = _gram_times(fit, Q)
    P, h = np.broadcast_to(Q[:, None], (null.q, fit.G, fit.K)), EQ
    if kind[1] == "3":
        P, h = _without_each(fit, Q, null, kind)
    scores = _scores(nested, Q, EQ, restricted=restricted)
    if kind[0] == "3":
        scores = _jackknifed(nested, scores, free if restricted else np.eye(fit.K))
    p = np.einsum("qgk,gk->qg", P, fit.scores)
    factor = small_sample(fit, "CV3" if kind[1] == "3" else "CV1")
    moving = Forms(S=scores, Q=Q, P=P, h=h, partition=nested.partition)
    pivot = Pivot(M=M, d=d, D=p @ p.T, factor=factor, moving=moving)
    _refuse_zero(fit, null, pivot, Q=Q, kind=kind)
    return pivot


def _rotated(fit: Fit, null: Null) -> tuple[Array, Array, Array, Array]:
    """Return M (q, q), d (q,) and Q (q, K) with R W = M Q d = M⁻¹(R β̂ − r), and what the null leaves free (K, ·)."""
    R = null.R * fit.units
    size = np.abs(R).max(axis=1)  # so that no square of a coefficient's unit leaves a double
    basis, upper = np.linalg.qr((R / size[:, None] @ fit.directions).T, mode="complete")
    signs = np.where(np.diagonal(upper) < 0, -1.0, 1.0)
    M = (upper[: null.q] * signs[:, None]).T
    d = np.linalg.solve(M, (null.R @ fit.coef - null.r) / size)
    return M * size[:, None], d, np.ascontiguousarray((basis[:, : null.q] * signs).T), basis[:, null.q :]


def _gram_times(fit: Fit, vectors: Array) -> Array:
    """Return E_g z for each vector z, (q, G, K): one pass over the rows each, or from the tensor at hand."""
    theta = np.zeros((len(vectors), fit.moments.K))
    theta[:, fit.kept] = backward(fit.L, vectors)
    return np.stack([fit.orthonormal(fit.moments.products(one)) for one in theta])


def _scores(nested: Nested, Q: Array, EQ: Array, *, restricted: bool) -> Array:
    """Return the scores at d = 0 and, where the null is imposed, their slopes in d, (1 or 1 + q, H, K)."""
    fine = nested.fine
    if not restricted:
        return fine.scores[None]
    return np.concatenate([fine.scores[None], EQ if fine is nested.fit else _gram_times(fine, Q)])


def _jackknifed(nested: Nested, scores: Array, free: Array) -> Array:
    """Return s̈_g = s_g + E_g N (N'(I − E_g)N)⁻¹ N's_g: of residuals at the estimate without cluster g.

    N (K, ·) spans what the null leaves free; a bootstrap cluster takes the estimate without the whole cluster.
    """
    totals = nested.partition.total(scores, axis=1)
    moved = np.zeros_like(totals)
    for clusters, E in nested.fit.grams():
        rhs = (totals[:, clusters] @ free).transpose(1, 2, 0)
        moved[:, clusters] = (free @ inverse_times(free.T @ E @ free, rhs)).transpose(2, 0, 1)
    moved = nested.partition.spread(moved, axis=1)
    found = np.empty_like(scores)
    for clusters, E in nested.fine.grams():
        found[:, clusters] = scores[:, clusters] + times(E, moved[:, clusters])
    return found


def _without_each(fit: Fit, Q: Array, null: Null, kind: str) -> tuple[Array, Array]:
    """Return Q (I − E_g)⁻¹ and Q (I − E_g)⁻¹E_g, (q, G, K) each."""
    P = np.empty((len(Q), fit.G, fit.K))
    h = np.empty_like(P)
    for clusters, E in fit.grams():
        _refuse_unidentified(fit.labels[clusters], E, Q, words=null.words, kind=kind)
        P[:, clusters] = inverse_times(E, np.broadcast_to(Q.T, (len(E), *Q.T.shape))).transpose(2, 0, 1)
        h[:, clusters] = times(E, P[:, clusters])
    return P, h


# --- refusals -----------------------------------------------------------------------------------


def _refuse_unidentified(labels: NDArray[Any], E: Array, Q: Array, *, words: tuple[str, ...], kind: str) -> None:
    """Refuse the first cluster that alone carries a direction on which a restriction has weight."""
    if all_regular(np.eye(E.shape[-1]) - E):
        return
    without = spectrum(E)
    for g in np.flatnonzero(np.any([without.loses(q) for q in Q], axis=0)):
        raise NotIdentifiedError(
            f"kind={kind!r} is not computable: without cluster {labels[g]!s} there is no estimate of "
            f"{' and '.join(words)}, so CV3 does not exist; use randomisation inference, or more clusters on each side."
        )


def _refuse_zero(fit: Fit, null: Null, pivot: Pivot, *, Q: Array, kind: str) -> None:
    values, axes = np.linalg.eigh(pivot.D)
    if not (values > carried(fit, -1.0 if kind[1] == "3" else 0.0, axes.T @ Q, values)).all():
        raise NotIdentifiedError(
            f"The standard error of {' and '.join(null.words)} is zero: no cluster's scores vary, so there is no "
            "statistic to bootstrap; add clusters, or test fewer coefficients at once."
        )
