"""Clustered least squares row by row in 150 digits, of the doubles as they are: the oracle of accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import numpy as np
from mpmath import mp

DIGITS = 150


@dataclass(frozen=True)
class Truth:
    """coef (K,), and by variant se (K,) and Satterthwaite's dof (K,), rounded to doubles."""

    coef: np.ndarray
    se: dict[str, np.ndarray]
    dof: dict[str, np.ndarray]


POWERS = {"CV0": 0.0, "CV1": 0.0, "CV2": -0.5, "CV3": -1.0}


def truth(y: np.ndarray, X: np.ndarray, clusters: np.ndarray) -> Truth:
    """Return the textbook's numbers, every product, inverse and root in 150 digits."""
    column, outcome = -np.frexp(np.abs(X).max(axis=0))[1], -int(np.frexp(np.abs(y).max())[1])
    with mp.workdps(DIGITS):
        found = _truth(np.ldexp(y, outcome), np.ldexp(X, column), clusters)
    powers = column - outcome  # powers of two are exact
    se = {variant: np.ldexp(each, powers) for variant, each in found.se.items()}
    return Truth(np.ldexp(found.coef, powers), se, found.dof)


def _truth(y: np.ndarray, X: np.ndarray, clusters: np.ndarray) -> Truth:
    N, K = X.shape
    rows = [np.flatnonzero(clusters == g) for g in np.unique(clusters)]
    G = len(rows)
    M = mpmath.matrix(X.tolist())
    bread = (M.T * M) ** -1
    beta = bread * (M.T * mpmath.matrix(y.tolist()))
    residual = mpmath.matrix(y.tolist()) - M * beta
    factors = {"CV0": mp.one, "CV1": mp.mpf(G) / (G - 1) * (N - 1) / (N - K), "CV2": mp.one, "CV3": mp.mpf(G - 1) / G}
    blocks = [mpmath.matrix(X[g].tolist()) for g in rows]
    roots = [mpmath.eigsy(mpmath.eye(g.size) - X_g * bread * X_g.T) for g, X_g in zip(rows, blocks, strict=True)]
    se, dof = {}, {}
    for variant, power in POWERS.items():
        maps = [_power(root, power) * X_g * bread for root, X_g in zip(roots, blocks, strict=True)]
        moved = [B.T * mpmath.matrix([residual[int(i)] for i in g]) for B, g in zip(maps, rows, strict=True)]
        se[variant] = np.array([float(mp.sqrt(factors[variant] * sum(m[j] ** 2 for m in moved))) for j in range(K)])
        dof[variant] = np.array([_satterthwaite(maps, blocks, bread, j) for j in range(K)])
    return Truth(np.array([float(b) for b in beta]), se, dof)


def _power(root: tuple[mpmath.matrix, mpmath.matrix], power: float) -> mpmath.matrix:
    values, vectors = root
    return vectors * mpmath.diag([value ** mp.mpf(power) for value in values]) * vectors.T


def _satterthwaite(maps: list[mpmath.matrix], blocks: list[mpmath.matrix], bread: mpmath.matrix, j: int) -> float:
    """Return (tr P)²/tr P² with P (G, G) = B'(I − H)B in full."""
    columns = [B[:, j] for B in maps]
    turned = [X_g.T * b for X_g, b in zip(blocks, columns, strict=True)]
    spread = [list(bread * t) for t in turned]
    trace, squares = mp.zero, mp.zero
    for g, b in enumerate(columns):
        own = mp.fdot(b, b) - mp.fdot(turned[g], spread[g])
        trace += own
        squares += own**2 + 2 * sum(mp.fdot(turned[g], s) ** 2 for s in spread[:g])
    return float(trace**2 / squares) if trace else float("nan")
