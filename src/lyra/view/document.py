"""Results -> what a JSON document holds."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from lyra.robust.diagnosis.diagnosis import Diagnosis
from lyra.verdict.ladder import Ladder

__all__ = ["document", "ladder_document"]


def ladder_document(ladder: Ladder, warnings: Sequence[str]) -> dict[str, Any]:
    """Return a ladder, its diagnostics and the warnings as plain values."""
    plain = ladder.to_dict()
    plain["diagnostics"] |= _diagnostics(ladder.diagnosis, ladder.term)
    return plain | {"warnings": list(warnings)}


def _diagnostics(diagnosis: Diagnosis, term: str) -> dict[str, Any]:
    j = diagnosis.names.index(term)
    low, high = diagnosis.icc.conf_int(0.95)
    largest = int(diagnosis.partial_leverage[:, j].argmax())
    stars = diagnosis.effective_clusters
    label = diagnosis.most_influential[j]
    return {
        "effective_clusters": {
            "rho_0": float(stars[0][j]),
            "rho_1": float(stars[1][j]),
            "rho_icc": float(stars["icc"][j]),
        },
        "icc": {"estimate": diagnosis.icc.estimate, "low": float(low), "high": float(high)},
        "moulton": float(diagnosis.moulton[j]),
        "cv_sizes": diagnosis.cv_sizes,
        "largest_partial_leverage": float(diagnosis.partial_leverage[largest, j]),
        "largest_partial_leverage_cluster": str(diagnosis.cluster_labels[largest]),
        "most_influential_cluster": None if label is None else str(label),
    }


def document(values: Any, *, ascii_only: bool = False) -> str:
    """Return one JSON document; a number that JSON lacks (NaN, infinite) is null."""
    return json.dumps(_finite(values), ensure_ascii=ascii_only, allow_nan=False, indent=2)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
