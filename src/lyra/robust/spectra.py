"""A fit -> 1 − λ of its clusters and 1 − h of its rows, accurate also where one carries nearly all of a direction.

1 − λ is lost by subtraction when λ is near 1. Only clusters with tr E_g near 1 or above can come near, at most about K
of them: for these what the *other* clusters say is factored with pivoting, A_(−g) = R'R, in which a column that lives
in g is merely small, and with F = R L⁻ᵀ, F'F = I − E_g: the eigenvalues 1 − λ are squares of the singular values of F,
found by Jacobi's method to their last digits [1]_. The score is that of the others with its
sign changed, X_g'û_g = −R't, so that V's_g = −σ U't divides by nothing.

References
----------
.. [1] Z. Drmač and K. Veselić (2008), New fast and accurate Jacobi SVD algorithm. SIAM Journal on Matrix Analysis and
   Applications 29, 1322-1362.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from lyra.base.arrays import Array, Codes
from lyra.base.triangles import backward, forward
from lyra.regression.least_squares import Fit
from lyra.robust.leave_out import NIL, SINGULAR, Spectrum, adjustment, spectrum
from lyra.robust.others import Others, by_rows, from_sums, lengths

__all__ = ["ClusterSpectra", "HeavyRow", "heavy", "heavy_rows", "heavy_spectra", "spectra"]


KEPT_BYTES = 2**26  # of spectra kept for the next caller
NEARLY = 0.05  # the part of a direction that the others must hold for a difference to keep its digits
ROW_NEARLY = 1e-2  # the same as NEARLY for a row's 1 − h


Found = TypeVar("Found")


def kept(of: Callable[[Fit], Found]) -> Callable[[Fit], Found]:
    """Keep a function's value as long as the fit lives: a fit does not change, so neither does what follows from it."""
    held: WeakKeyDictionary[Fit, Found] = WeakKeyDictionary()

    @wraps(of)
    def found(fit: Fit) -> Found:
        if fit not in held:
            held[fit] = of(fit)
        return held[fit]

    return found


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClusterSpectra(Spectrum):
    """The spectra of some clusters of a fit, with 1 − λ and V's_g/√(1 − λ) as they are and not as differences.

    Attributes
    ----------
    clusters : slice
        Which clusters.
    halves : ndarray (g, K)
        V's_g/√(1 − λ), zero where 1 − λ is.
    moved : ndarray (g, K) or None
        A_(−g)⁻¹ Σ_{h≠g} s_h, the move of the working coefficients, where it was found beside them; zero for those
        whose columns the others do not tell from the rest, which changes no coefficient that has an estimate.
    loss : float
        The relative error in what follows from these numbers: ε over the share of a column, among the other clusters,
        that is its own, or over its root where their rows were looked at.
    nil : float
        1 − λ that is rounding; 0 where the rows said what is.
    """

    clusters: slice
    halves: Array
    moved: Array | None = None
    loss: float = 0.0
    nil: float = NIL

    @property
    def first(self) -> int:
        """The cluster, of one."""
        return int(np.arange(self.clusters.stop)[self.clusters][0])

    @property
    def least(self) -> float:
        """The smallest 1 − λ that is not zero."""
        return float(np.min(self.left, where=self.left > SINGULAR, initial=1.0))

    def adjusted(self, power: float) -> Array:
        """Return V (1 − λ)^power V's_g, (g, K); for powers below zero nothing where 1 − λ is zero."""
        inner = self.halves * adjustment(self.left, power) * np.sqrt(self.left)
        return np.asarray(np.einsum("gkl,gl->gk", self.vectors, inner))


def spectra(fit: Fit) -> Iterator[ClusterSpectra]:
    """Yield the spectra of all clusters in blocks; kept for the next caller when small."""
    held = _held(fit)
    if held is not None:
        yield held
        return
    for clusters, E in fit.grams():
        yield _block(fit, clusters, E)


@kept
def _held(fit: Fit) -> ClusterSpectra | None:
    """Return the spectra of all clusters at once, or None where they are many."""
    small = fit.moments.in_one_block and 8 * fit.G * fit.K**2 <= KEPT_BYTES
    return _block(fit, *next(fit.grams())) if small else None


def _block(fit: Fit, clusters: slice, E: Array) -> ClusterSpectra:
    plain = _cluster_spectra(clusters, E, fit.scores[clusters])
    heavy = [each for each in heavy_spectra(fit) if each.first in range(clusters.start, clusters.start + len(E))]
    if not heavy:
        return plain
    places = [each.first - clusters.start for each in heavy]
    put = {name: getattr(plain, name).copy() for name in ("values", "left", "vectors", "halves")}
    for name, column in put.items():
        column[places] = np.concatenate([getattr(each, name) for each in heavy])
    return replace(plain, **put)


def _cluster_spectra(clusters: slice, E: Array, scores: Array) -> ClusterSpectra:
    plain = spectrum(E)
    turned = np.einsum("gkl,gk->gl", plain.vectors, scores)
    halves = np.where(plain.left > SINGULAR, turned / np.sqrt(np.maximum(plain.left, SINGULAR)), 0.0)
    return ClusterSpectra(values=plain.values, left=plain.left, vectors=plain.vectors, clusters=clusters, halves=halves)


# --- clusters that may carry nearly all of a direction ---------------------------------------------


def heavy(E: Array) -> Codes:
    """Return which clusters of a block (g, K, K) might: λ ≤ tr E_g."""
    return np.flatnonzero(np.trace(E, axis1=1, axis2=2) > 1.0 - NEARLY)


@kept
def heavy_spectra(fit: Fit) -> list[ClusterSpectra]:
    """Return the spectra of those clusters, one each: from all others where 1 − λ is small.

    From their sums, and from their rows where these are at hand and sums cannot tell what is small from what is zero.
    """
    alone = [each for clusters, E in fit.grams() for each in _one_by_one(fit, clusters, E)]
    small = np.array([each.first for each in alone if each.left.min() < NEARLY], dtype=np.intp)
    others = {g: from_sums(fit, A, scores) for g, A, scores in _without(fit, small)} if small.size else {}
    graded = {g: _graded(fit, g, each) for g, each in others.items()}
    unclear = [g for g, each in graded.items() if np.sum(each.left <= SINGULAR) > others[g].columns_of_zeros]
    if unclear and _were_read_here(fit):
        graded |= {g: _graded(fit, g, each) for g, each in by_rows(fit, _apart(fit, unclear), unclear)}
    return [graded.get(each.first, each) for each in alone]


def _were_read_here(fit: Fit) -> bool:
    """Return whether the sums were made of rows read here: an engine that made them is not asked for all it holds."""
    return fit.moments.rows is not None and fit.moments.basis is not None


def _apart(fit: Fit, which: list[int]) -> Iterator[tuple[Codes, Array]]:
    """Yield the rows [Z û] with which of these clusters each is in, the first past them for none."""
    piece = np.full(fit.G, len(which))
    piece[which] = np.arange(len(which))
    for codes, Z, work in fit.moments.rows_by_cluster():
        yield piece[codes], _with_residuals(fit, Z, work)


def _one_by_one(fit: Fit, clusters: slice, E: Array) -> Iterator[ClusterSpectra]:
    for g in heavy(E).tolist():
        here = slice(clusters.start + g, clusters.start + g + 1)
        yield _cluster_spectra(here, E[g : g + 1], fit.scores[here])


def _without(fit: Fit, which: Codes) -> Iterator[tuple[int, Array, Array]]:
    """Yield (g, Σ_{h≠g} A_h, Σ_{h≠g} s_h) in the kept working columns for the clusters `which`, in order."""
    cuts = np.unique(np.concatenate([[0], which, which + 1]))
    cuts = cuts[cuts < fit.G]
    piece = np.repeat(np.arange(cuts.size), np.diff(np.append(cuts, fit.G)))
    sums = np.zeros((cuts.size, fit.K, fit.K))
    for clusters, A in fit.moments.blocks():
        kept = A[:, fit.kept][:, :, fit.kept]
        starts = np.flatnonzero(np.diff(piece[clusters], prepend=-1))
        sums[piece[clusters][starts]] += np.add.reduceat(kept, starts, axis=0)
    scores = np.add.reduceat(fit.moments.scores(fit.theta)[:, fit.kept], cuts, axis=0)
    for g in which.tolist():
        others = np.arange(cuts.size) != piece[g]
        yield g, sums[others].sum(axis=0), scores[others].sum(axis=0)


def _graded(fit: Fit, g: int, others: Others) -> ClusterSpectra:
    """Return the spectrum of cluster g from what the others say."""
    from scipy.linalg.lapack import dgejsv

    rank, order = others.rank, others.order
    values, left, half = np.ones(fit.K), np.zeros(fit.K), np.zeros(fit.K)
    vectors, moved, loss, nil = np.eye(fit.K), None, 0.0, 0.0 if others.are_rows else NIL
    if rank:
        S = lengths(fit)
        whole = forward(fit.L, np.diag(S))[order]  # (S L⁻ᵀ), its rows in the order of the pivots
        sigma, vectors, right, work, _, _ = dgejsv(whole.T @ others.lower, joba=0, jobu=1, jobv=0)
        sigma = sigma * (work[0] / work[1])
        left[:rank], half[:rank] = np.minimum(sigma**2, 1.0), -right.T @ others.t
        values = 1.0 - left
        half[left <= SINGULAR] = 0.0
        if left[:rank].min() > nil:
            moved = np.zeros((1, fit.K))
            moved[0, order[:rank]] = backward(others.lower[:rank], others.t[None])[0] / S[order[:rank]]
            loss = others.loss
    return ClusterSpectra(
        clusters=slice(g, g + 1),
        values=values[None],
        left=left[None],
        vectors=vectors[None],
        halves=half[None],
        moved=moved,
        loss=loss,
        nil=nil,
    )


# --- rows that may carry nearly all of a direction -------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HeavyRow:
    """A row with h near 1: without it the others say little of one direction.

    Attributes
    ----------
    row : int
        Its position among the complete rows.
    direction : ndarray (K,)
        q, the row in orthonormal coordinates.
    left : float
        1 − h, not as a difference; zero where the others say nothing of q.
    moved : ndarray (K,)
        The move of the working coefficients without it, q û/(1 − h) with its sign changed.
    loss : float
        As of a `ClusterSpectra`.
    """

    row: int
    direction: Array
    left: float
    moved: Array
    loss: float = 0.0


@kept
def heavy_rows(fit: Fit) -> list[HeavyRow]:
    """Return the rows with 1 − h so small that a difference loses its digits: 1 − h = 1/(1 + z'A_(−i)⁻¹z)."""
    places, rows = _near_one(fit)
    return list(_without_rows(fit, places, rows)) if places.size else []


def _near_one(fit: Fit) -> tuple[Codes, Array]:
    """Return where those rows stand, and their kept working columns with the residual, (n, K + 1)."""
    start, places, rows = 0, list[Codes](), list[Array]()
    for Z, work in fit.moments.working_rows():
        near = np.flatnonzero(1.0 - np.sum(fit.orthonormal(Z) ** 2, axis=1) < ROW_NEARLY)
        places.append(start + near)
        rows.append(_with_residuals(fit, Z[near], work[near]))
        start += len(Z)
    return np.concatenate(places), np.concatenate(rows)


def _with_residuals(fit: Fit, Z: Array, work: Array) -> Array:
    return np.column_stack([Z[:, fit.kept], work - Z @ fit.theta])


def _without_rows(fit: Fit, places: Codes, rows: Array) -> Iterator[HeavyRow]:
    each = by_rows(fit, _rows_apart(fit, places), list(range(places.size)))
    for (i, others), place in zip(each, places.tolist(), strict=True):
        yield _without_row(fit, place, rows[i], others)


def _rows_apart(fit: Fit, places: Codes) -> Iterator[tuple[Codes, Array]]:
    """Yield the rows [Z û] with which of these each is, the first past them for none."""
    start = 0
    for Z, work in fit.moments.working_rows():
        piece = np.full(len(Z), places.size)
        inside = np.flatnonzero((places >= start) & (places < start + len(Z)))
        piece[places[inside] - start] = inside
        yield piece, _with_residuals(fit, Z, work)
        start += len(Z)


def _without_row(fit: Fit, place: int, row: Array, others: Others) -> HeavyRow:
    direction = forward(fit.L, row[None, :-1])[0]
    if others.rank < fit.K:
        return HeavyRow(row=place, direction=direction, left=0.0, moved=np.zeros(fit.K))
    S, moved = lengths(fit), np.empty(fit.K)
    half = forward(others.lower, (row[:-1] / S)[None, others.order])[0]
    moved[others.order] = backward(others.lower, others.t[None])[0] / S[others.order]
    left = 1.0 / (1.0 + float(half @ half))
    return HeavyRow(row=place, direction=direction, left=left, moved=moved, loss=others.loss)
