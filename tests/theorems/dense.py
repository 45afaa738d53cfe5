"""The textbook formulas, row by row and with every N×N matrix in full: slow, plain, and not lyra's algebra."""

from __future__ import annotations

import numpy as np

from strategies import Regression


def coefficients(y: np.ndarray, X: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(X, y, rcond=None)[0]


def power(M: np.ndarray, exponent: float) -> np.ndarray:
    """Return the symmetric power of a positive definite matrix."""
    values, vectors = np.linalg.eigh(M)
    return (vectors * values**exponent) @ vectors.T


def annihilator(X: np.ndarray) -> np.ndarray:
    return np.eye(len(X)) - X @ np.linalg.inv(X.T @ X) @ X.T


def score_maps(r: Regression, exponent: float) -> np.ndarray:
    """Return (G, K, N): the map from u to (X'X)⁻¹X_g' M_gg^exponent û_g."""
    M, bread = annihilator(r.X), np.linalg.inv(r.X.T @ r.X)
    maps = []
    for g in np.unique(r.clusters):
        rows = r.clusters == g
        maps.append(bread @ r.X[rows].T @ power(M[np.ix_(rows, rows)], exponent) @ M[rows])
    return np.array(maps)


def covariance(r: Regression, exponent: float) -> np.ndarray:
    """Return CV0, CV2 or CR3 for the exponents 0, −1/2, −1."""
    moved = score_maps(r, exponent) @ r.y
    return moved.T @ moved


def satterthwaite(r: Regression, contrast: np.ndarray, exponent: float) -> float:
    """Return (tr P)²/tr P² with P (G, G) formed in full."""
    p = contrast @ score_maps(r, exponent)
    P = p @ p.T
    return float(np.trace(P) ** 2 / np.sum(P * P))


def refits(r: Regression) -> np.ndarray:
    """Return the estimates without each cluster, (G, K)."""
    return np.array([coefficients(r.y[r.clusters != g], r.X[r.clusters != g]) for g in np.unique(r.clusters)])
