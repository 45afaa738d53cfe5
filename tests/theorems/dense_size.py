"""Exact sizes the long way: every map from rows to statistics in full, and G×G eigenvalues. Not lyra's algebra."""

from __future__ import annotations

import numpy as np
from dense import power
from scipy.integrate import quad
from scipy.linalg import block_diag


def maps(X: np.ndarray, clusters: np.ndarray, j: int, name: str) -> np.ndarray:
    """Return P (N, G + 1): β̂_j − β_j = P_0'u and SE² = Σ_g (P_g'u)², factors included."""
    N, K = X.shape
    labels = np.unique(clusters)
    G, A = len(labels), np.linalg.inv(X.T @ X)
    exponent = {"CV0": 0.0, "CV1": 0.0, "CV2": -0.5, "CV3": -1.0, "CV3J": -1.0, "R1": 0.0}[name]
    others = np.delete(X, j, axis=1) if name == "R1" else X
    M = np.eye(N) - others @ np.linalg.pinv(others)
    P = np.zeros((N, G + 1))
    P[:, 0] = X @ A[j]
    for g, label in enumerate(labels):
        rows = clusters == label
        w = np.zeros(N)
        w[rows] = power(M[np.ix_(rows, rows)], exponent) @ P[rows, 0] if exponent else P[rows, 0]
        P[:, g + 1] = M @ w
    if name == "CV3J":
        P[:, 1:] -= P[:, 1:].mean(axis=1, keepdims=True)
    factor = {"CV1": G / (G - 1) * (N - 1) / (N - K), "CV3": (G - 1) / G, "CV3J": (G - 1) / G}.get(name, 1.0)
    P[:, 1:] *= np.sqrt(factor)
    return P


def size(P: np.ndarray, omega: np.ndarray, c: float) -> float:
    """Return P(z₀² > c² Σz_g²) from the eigenvalues of the whole quadratic form."""
    S = P.T @ omega @ P
    values, vectors = np.linalg.eigh(S)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    D = np.full(len(S), -(c**2))
    D[0] = 1.0
    eigenvalues = np.linalg.eigvalsh(root.T @ (D[:, None] * root))
    if eigenvalues[-1] <= 1e-12 * S[0, 0]:
        return 0.0
    ratios = -eigenvalues[eigenvalues < 0] / eigenvalues[-1]

    def height(w: float) -> float:
        return float(np.exp(-0.5 * np.log1p(ratios * np.cosh(w) ** 2).sum()) / np.cosh(w) * 2 / np.pi)

    return sum(quad(height, a, b, epsabs=1e-14, epsrel=1e-13, limit=200)[0] for a, b in ((0, 1), (1, 4), (4, 40)))


def blocks(clusters: np.ndarray, block: object) -> np.ndarray:
    """Return Ω (N, N) of rows sorted by cluster, from block(rows of a cluster)."""
    return block_diag(*[block(np.flatnonzero(clusters == label)) for label in np.unique(clusters)])
