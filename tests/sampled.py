"""What is read off samples of a world: sums of products, estimates, the intraclass correlation."""

import numpy as np


def gram_of(sample, names):
    """Sums of products by cell over the rows kept, row by row."""
    window = sample.columns.get("window", np.zeros(len(sample), dtype=int))
    cell = sample["cluster"] * (window.max() + 1) + window
    gram = np.zeros((cell.max() + 1, len(names), len(names)))
    for i in np.flatnonzero(sample.kept):
        row = np.array([1 if name == "1" else sample[name][i] for name in names])
        gram[cell[i]] += np.outer(row, row)
    return gram


def statistics_of(gram):
    """Two coefficients of y on the other columns, the residual sum of squares, CV0 of the second."""
    A, b = gram[..., :-1, :-1].sum(axis=1), gram[..., :-1, -1].sum(axis=1)
    beta = np.linalg.solve(A, b[..., None])[..., 0]
    rss = gram[..., -1, -1].sum(axis=1) - (beta * b).sum(axis=1)
    score = gram[..., :-1, -1] - np.einsum("rgij,rj->rgi", gram[..., :-1, :-1], beta)
    row = np.linalg.inv(A)[:, 1]
    cv0 = (np.einsum("rgi,ri->rg", score, row) ** 2).sum(axis=1)
    return {"coefficient": beta[:, 1], "intercept": beta[:, 0], "rss": rss, "cv0": cv0}


def anova_icc(y):
    """One-way ANOVA estimate of the ICC from (clusters, m) outcomes."""
    m = y.shape[1]
    between = m * y.mean(axis=1).var(ddof=1)
    within = y.var(axis=1, ddof=1).mean()
    return (between - within) / (between + (m - 1) * within)
