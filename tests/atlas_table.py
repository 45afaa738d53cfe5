"""A table of an atlas that can be worked through by hand."""

from __future__ import annotations

import numpy as np

R = 2_000
LINES = [("CV1", 0.0, 0.0), ("CV2", 0.0, 0.0), ("CV3*", 2.0, 0.0), ("advice", 2.0, 1.0)]
CELLS = [
    # clusters, treated, law, icc, then size and power of every line
    (20, 10, "normal", 0.05, (0.06, 0.80), (0.05, 0.80), (0.04, 0.64), (0.04, 0.64)),
    (20, 4, "normal", 0.05, (0.20, 0.95), (0.05, 0.50), (0.04, 0.45), (0.04, 0.45)),
    (20, 4, "t3", 0.1, (0.30, 0.95), (0.10, 0.90), (0.05, 0.45), (0.05, 0.45)),
    (50, 25, "normal", 0.05, (0.05, 0.80), (0.05, 0.80), (0.05, 0.78), (np.nan, np.nan)),
]


def table_of(cells):
    rows = []
    for k, (clusters, treated, law, icc, *said) in enumerate(cells):
        for (line, arms, tolerance), (size, power) in zip(LINES, said, strict=True):
            reads = line if line != "advice" else "CV3*" if not np.isnan(size) else ""
            rows.append(
                {
                    "by": "cluster",
                    "clusters": clusters,
                    "treated": treated,
                    "sizes": "equal",
                    "law": law,
                    "icc": icc,
                    "digest": f"cell {k}",
                    "line": line,
                    "reads": reads,
                    "arms": arms or np.nan,
                    "tolerance": tolerance or np.nan,
                    "size": size,
                    "error": 0.005,
                    "power": power,
                    "exact": 0.05 if line == "CV2" and law == "normal" else np.nan,
                    "silent": 0.0 if reads else 1.0,
                    "replicates": R,
                }
            )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
