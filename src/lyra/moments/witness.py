"""Rows that are looked at a second time, and must be the rows of the first look.

What a fit holds of its rows are sums. Arrays may be edited, frames sorted in place and files rewritten before a later
question reads the rows again, and an answer from both would be of neither. So the first look leaves one number a
cluster behind, and every later one gives it again: w_g = Σ_{i in g} (ỹ_i − z_i'θ)(z_i'r), with r the same for all
columns. With θ = θ̂ it is the score of the fit times r, which costs nothing. Row order does not matter, and which
cluster a row is in does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.data.rows import ROWS_PER_BLOCK, Block, Rows, changed
from lyra.moments.basis import Basis

__all__ = ["Watched", "Witness", "first_look"]


EPS = float(np.finfo(float).eps)
GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """What the first look left behind.

    Attributes
    ----------
    theta, r : ndarray (K,)
        A coefficient on the working columns, and the direction the scores are taken in.
    sums : ndarray (G,)
        w_g.
    sizes : ndarray (G,)
        Rows a cluster.
    """

    theta: Array
    r: Array
    sums: Array
    sizes: NDArray[np.int64]

    @classmethod
    def of_scores(cls, theta: Array, scores: Array, total: Array, sizes: NDArray[np.int64]) -> Witness:
        """Return the witness that scores (G, K) at θ are, with the Gram matrix of the working columns."""
        r = _direction(total)
        return cls(theta, r, scores @ r, sizes)


def first_look(rows: Rows, basis: Basis, total: Array, sizes: NDArray[np.int64]) -> Witness:
    """Return the witness at θ = 0 by a look of its own."""
    r = _direction(total)
    sums = np.zeros(sizes.size)
    for codes, X, y in rows.blocks():
        Z, work = basis.forward(X, y)
        sums += np.bincount(codes, work * (Z @ r), minlength=sizes.size)
    return Witness(np.zeros(r.size), r, sums, sizes)


def _direction(total: Array) -> Array:
    """Return r (K,): every working column counted about alike, no two with the same weight."""
    lengths = np.sqrt(np.diagonal(total)[:-1])
    places = np.arange(1, lengths.size + 1)
    weights = 1.0 + (places * GOLDEN) % 1.0
    return np.asarray(np.divide(weights, lengths, out=np.zeros(lengths.size), where=lengths > 0))


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Rows that prove at the end of every pass that they are those the witness saw."""

    rows: Rows
    basis: Basis
    witness: Witness

    @property
    def n_columns(self) -> int:
        """K, the number of columns of X."""
        return self.rows.n_columns

    @property
    def are_own(self) -> bool:
        """Whether nobody else can change them."""
        return self.rows.are_own

    def blocks(self, at_least: int = ROWS_PER_BLOCK) -> Iterator[Block]:
        """Yield every row once.

        Raises
        ------
        DataError
            They are not the rows of the first look.
        """
        G = self.witness.sizes.size
        look = np.zeros((3, G))
        for codes, X, y in self.rows.blocks(at_least):
            if codes.max(initial=0) >= G or codes.min(initial=0) < 0:
                raise changed()
            look += self._looked(codes, X, y)
            yield codes, X, y
        sums, scale, sizes = look
        same = np.abs(sums - self.witness.sums) <= _rounding(sizes, self.n_columns) * scale
        if not (same.all() and np.array_equal(sizes, self.witness.sizes)):
            raise changed()

    def _looked(self, codes: Codes, X: Array, y: Array) -> Array:
        """Return of a block w_g, its scale before any cancellation, and the rows (3, G)."""
        basis, witness = self.basis, self.witness
        Z, work = basis.forward(X, y)
        residual, along = work - Z @ witness.theta, Z @ witness.r
        moved, outcome = replace(basis, U=np.eye(Z.shape[1]), b=np.zeros(Z.shape[1])).forward(X, y)
        back = np.abs(basis.U)
        size = np.abs(outcome) + np.abs(moved) @ (np.abs(basis.b) + back @ np.abs(witness.theta))
        weights = (residual * along, size * (np.abs(moved) @ (back @ np.abs(witness.r))), None)
        return np.array([np.bincount(codes, weight, minlength=witness.sizes.size) for weight in weights])


def _rounding(sizes: Array, K: int) -> Array:
    """Return the share of Σ |ỹ_i − z_i'θ| |z_i'r| that another order of summation may change, a cluster (G,)."""
    return EPS * (64.0 + 4.0 * K + 8.0 * np.sqrt(sizes))
