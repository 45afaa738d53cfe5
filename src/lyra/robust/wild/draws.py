"""Numerators and denominators of bootstrap draws as forms in their weights: one matrix product for all draws.

For weights v a draw has T = Σ v_g s_g, the numerator Q T, and one vector a cluster p_g = v_g P_g s_g − h_g T; the
denominator is Σ p_g p_g'. So draws cost 2K numbers a cluster, and all patterns of few clusters cost one number a
pattern: a quadratic form of two halves is q(a) + q(c) + 2 a'Fc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.moments.partition import Partition
from lyra.robust.wild.multipliers import Enumerated, Sampled

__all__ = ["Forms", "Values", "t_statistics", "values", "values_at", "wald_statistics"]


VANISHING = 1e-12  # of its expectation over draws, what a denominator must exceed
PATTERNS_PER_BLOCK = 2**14


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Forms:
    """Numerators and denominators of a draw, for one or more score vectors, as forms in its weights v (H,).

    Axes (...) between the first and the clusters hold replicates; all share the weights.

    Attributes
    ----------
    S : ndarray (m, ..., H, K)
        m sets of scores: one where the null is fixed, two where it moves along a line.
    Q : ndarray (q, K)
        The restrictions, orthonormal.
    P, h : ndarray (q, ..., G, K)
        What a cluster's score, and the total of scores, contribute to p_g.
    partition : Partition
        The cluster of each bootstrap cluster.
    """

    S: Array
    Q: Array
    P: Array
    h: Array
    partition: Partition

    @property
    def components(self) -> list[tuple[int, int]]:
        """Pairs (set of scores, restriction), in the order of the numerators."""
        return [(s, i) for s in range(self.S.shape[0]) for i in range(self.Q.shape[0])]

    @property
    def H(self) -> int:
        """The number of weights a draw has."""
        return int(self.S.shape[-2])

    def sums(self) -> list[Array]:
        """Return, for each component, the (..., H) vector that takes v to its numerator."""
        return [np.asarray(self.S[s] @ self.Q[i]) for s, i in self.components]

    def own(self) -> list[Array]:
        """Return P_g s_h (..., H) for each component: what bootstrap cluster h adds to p_g."""
        P = self.partition.spread(self.P, axis=-2)
        return [np.einsum("...hk,...hk->...h", P[i], self.S[s]) for s, i in self.components]

    def crossed(self) -> dict[tuple[int, int], Array]:
        """Return Y (..., H, K) for each ordered pair of components: Σ p p' = own part + ½ [(v'Y)·T' + (v'Y')·T]."""
        own, h = self.own(), self.partition.spread(self.h, axis=-2)
        return {
            (x, y): self.S[s] @ (self.h[i].swapaxes(-1, -2) @ self.h[j]) - 2.0 * own[x][..., None] * h[j]
            for x, (s, i) in enumerate(self.components)
            for y, (_, j) in enumerate(self.components)
        }

    def matrices(self) -> dict[tuple[int, int], Array]:
        """Return the symmetric (..., H, H) matrix of each denominator entry as a quadratic form in v."""
        own, crossed, same = self.own(), self.crossed(), self.partition.same()
        found = {}
        for x, (s, _) in enumerate(self.components):
            for y, (t, _) in enumerate(self.components[x:], start=x):
                half = crossed[x, y] @ self.S[t].swapaxes(-1, -2) + crossed[y, x] @ self.S[s].swapaxes(-1, -2)
                full = same * (own[x][..., :, None] * own[y][..., None, :]) + half / 2.0
                found[x, y] = (full + full.swapaxes(-1, -2)) / 2.0
        return found

    def expected(self) -> Array:
        """Return the expectation (c, c, ...) of the denominators over weights of mean 0 and variance 1."""
        own, crossed = self.own(), self.crossed()
        E = np.empty((len(own), len(own), *own[0].shape[:-1]))
        for x, (s, _) in enumerate(self.components):
            for y, (t, _) in enumerate(self.components):
                half = _dot(crossed[x, y], self.S[t]) + _dot(crossed[y, x], self.S[s])
                E[x, y] = np.einsum("...h,...h->...", own[x], own[y]) + half / 2.0
        return E


def _dot(Y: Array, S: Array) -> Array:
    return np.asarray(np.einsum("...hk,...hk->...", Y, S))


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """The numerators and denominators' entries of b draws, (..., b) each; whoever reads them may write over them."""

    numerators: list[Array]
    denominators: dict[tuple[int, int], Array]


def values(forms: Forms, draws: Sampled | Enumerated) -> Iterator[Values]:
    """Yield the values of all draws, block by block."""
    if isinstance(draws, Sampled):
        return values_at(forms, draws.blocks(), unit=draws.law.unit)
    return _values_of_patterns(forms, draws)


def values_at(forms: Forms, weights: Iterable[Array], *, unit: bool) -> Iterator[Values]:
    """Yield the values at blocks of weights (b, H), one matrix product a block; `unit` if every squared weight is 1."""
    own, crossed = forms.own(), forms.crossed()
    needed = sorted(crossed)
    columns = np.concatenate([*forms.S, *(crossed[pair] for pair in needed)], axis=-1)
    for V in weights:
        pieces = np.split(V @ columns, len(forms.S) + len(needed), axis=-1)
        T = [pieces[s] for s, _ in forms.components]
        Y = dict(zip(needed, pieces[len(forms.S) :], strict=True))
        squares = None if unit else V * V
        yield Values(
            [T[x] @ forms.Q[i] for x, (_, i) in enumerate(forms.components)],
            {
                (x, y): _own_part(forms.partition, V, (own[x], own[y]), squares) + _cross_part(Y, T, x, y)
                for x, y in needed
                if x <= y
            },
        )


def _own_part(partition: Partition, V: Array, own: tuple[Array, Array], squares: Array | None) -> Array:
    """Return Σ_g α_g β_g (..., b), or (..., 1) where it is one for all draws, with α_g = Σ_{h in g} v_h a_h."""
    a, b = own
    if not partition.is_trivial:
        alpha = partition.total(V * a[..., None, :], axis=-1)
        beta = alpha if a is b else partition.total(V * b[..., None, :], axis=-1)
        return np.asarray(np.einsum("...g,...g->...", alpha, beta))
    if squares is None:
        return np.asarray(np.einsum("...h,...h->...", a, b)[..., None])
    return np.asarray((a * b) @ squares.T)


def _cross_part(Y: dict[tuple[int, int], Array], T: list[Array], x: int, y: int) -> Array:
    part = np.einsum("...k,...k->...", Y[x, y], T[y])
    return np.asarray(part if x == y else (part + np.einsum("...k,...k->...", Y[y, x], T[x])) / 2.0)


def _values_of_patterns(forms: Forms, patterns: Enumerated) -> Iterator[Values]:
    """Yield the values of all patterns, block by block: form(a, c) = q(a) + q(c) + 2 a'Fc from two half tables."""
    A, C = patterns.halves()
    n = A.shape[1]
    sums = [(A @ b[:n], C @ b[n:]) for b in forms.sums()]
    tables = {pair: _tables(F, A, C) for pair, F in forms.matrices().items()}
    step = max(1, PATTERNS_PER_BLOCK // len(C))
    for start in range(0, len(A), step):
        rows = slice(start, start + step)
        yield Values(
            [(a[rows, None] + c).ravel() for a, c in sums],
            {pair: (left[rows] @ right).ravel() for pair, (left, right) in tables.items()},
        )


def _tables(F: Array, A: Array, C: Array) -> tuple[Array, Array]:
    n = A.shape[1]
    q_A = np.einsum("pi,pi->p", A @ F[:n, :n], A)
    q_C = np.einsum("pi,pi->p", C @ F[n:, n:], C)
    left = np.column_stack([2.0 * A @ F[:n, n:], q_A, np.ones(len(A))])
    return left, np.ascontiguousarray(np.column_stack([C, np.ones(len(C)), q_C]).T)


# --- the statistic ------------------------------------------------------------------------------


def t_statistics(forms: Forms, blocks: Iterable[Values], least: Array | float = 0.0) -> Iterator[Array]:
    """Yield t* (..., b) of one restriction before its small-sample factor; NaN where the denominator vanishes.

    It does where it is a nil share of its expectation, or does not exceed `least` (...), the rounding it can carry.
    """
    floor = np.maximum(VANISHING * forms.expected()[0, 0], least)[..., None]
    for block in blocks:
        root = np.sqrt(_kept(block.denominators[0, 0], floor))
        yield np.divide(block.numerators[0], root, out=root)


def wald_statistics(forms: Forms, blocks: Iterable[Values]) -> Iterator[Array]:
    """Yield n'D⁻¹n before its small-sample factor, t*² for one restriction; NaN where the denominator vanishes."""
    expected = forms.expected()
    if len(forms.Q) == 1:
        floor = VANISHING * expected[0, 0][..., None]
        for block in blocks:
            square = np.square(block.numerators[0], out=block.numerators[0])
            yield np.divide(square, _kept(block.denominators[0, 0], floor), out=square)
        return
    whiten = np.linalg.inv(np.linalg.cholesky(expected))
    for block in blocks:
        yield _wald(whiten @ np.stack(block.numerators), block.denominators, whiten)


def _kept(denominator: Array, floor: Array) -> Array:
    return denominator if (denominator > floor).all() else np.where(denominator > floor, denominator, np.nan)


def _wald(numerators: Array, entries: dict[tuple[int, int], Array], whiten: Array) -> Array:
    q = len(numerators)
    D = np.empty((numerators.shape[1], q, q))
    for (i, j), entry in entries.items():
        D[:, i, j] = D[:, j, i] = entry
    lengths, axes = np.linalg.eigh(whiten @ D @ whiten.T)
    along = np.einsum("bij,ib->bj", axes, numerators)
    lengths = np.where(lengths > VANISHING, lengths, np.nan)
    return np.asarray(np.sum(along**2 / lengths, axis=1))
