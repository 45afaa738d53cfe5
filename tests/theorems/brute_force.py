"""The wild cluster bootstrap as it is defined: rows resampled, the model refitted, the sandwich recomputed."""

import numpy as np


def least_squares(y, X):
    return np.linalg.lstsq(X, y, rcond=None)[0]


def under_null(y, X, R, r):
    """Return least squares subject to R β = r: β = β₀ + N γ, N spanning what R leaves free."""
    start = np.linalg.lstsq(R, r, rcond=None)[0]
    free = np.linalg.svd(R)[2][len(R) :].T
    return start + free @ least_squares(y - X @ start, X @ free)


def covariance(y, X, clusters, variance):
    """Return CV1 from cluster scores, or CV3 from a refit without each cluster."""
    N, K = X.shape
    labels = np.unique(clusters)
    G = len(labels)
    b = least_squares(y, X)
    if variance == "3":
        moved = np.array([least_squares(y[clusters != g], X[clusters != g]) - b for g in labels])
        return (G - 1) / G * moved.T @ moved
    bread, u = np.linalg.inv(X.T @ X), y - X @ b
    scores = np.array([X[clusters == g].T @ u[clusters == g] for g in labels])
    return G / (G - 1) * (N - 1) / (N - K) * bread @ scores.T @ scores @ bread


def statistic(y, X, clusters, R, value, variance):
    """Return t for one restriction, the Wald form for several."""
    gap = R @ least_squares(y, X) - value
    V = R @ covariance(y, X, clusters, variance) @ R.T
    return gap[0] / np.sqrt(V[0, 0]) if len(R) == 1 else gap @ np.linalg.solve(V, gap)


def t_star(y, X, clusters, R, r, V, *, kind, restricted, groups=None):
    """Return the statistic of each draw; V (b, H) holds weights of the sorted labels of `groups` (or clusters)."""
    groups = clusters if groups is None else groups
    fitted = (lambda y, X: under_null(y, X, R, r)) if restricted else least_squares
    b = fitted(y, X)
    u = y - X @ b
    if kind[0] == "3":
        for g in np.unique(clusters):
            inside = clusters == g
            u[inside] = y[inside] - X[inside] @ fitted(y[~inside], X[~inside])
    codes = np.searchsorted(np.unique(groups), groups)
    value = r if restricted else R @ b
    return np.array([statistic(X @ b + v[codes] * u, X, clusters, R, value, kind[1]) for v in V])
