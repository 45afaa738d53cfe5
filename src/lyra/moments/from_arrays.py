"""y, X and clusters as arrays -> complete rows, with what the first pass over them told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.warn import warn
from lyra.data import check
from lyra.data.labels import encode
from lyra.data.rows import ArrayRows, Rows, complete, owned
from lyra.errors import DroppedRowsWarning
from lyra.moments.sums import FirstPass, first_pass

__all__ = ["Read", "read_arrays"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Read:
    """Complete rows whose codes index `labels` (G,), the names of their K columns, and what a first pass told."""

    rows: Rows
    labels: NDArray[Any]
    names: tuple[str, ...]
    look: FirstPass
    dropped_rows: int = 0


def read_arrays(y: Any, X: Any, clusters: Any, *, names: Iterable[str] | None = None) -> Read:
    """Return what can be used of y (N,), X (N, K) and cluster labels (N,), or refuse; see `Moments.from_arrays`.

    Rows are searched for missing values only where the sums say that there are some.
    """
    columns, found = check.as_matrix(X, names=names)
    outcome = check.as_vector(y, what="y")
    codes, labels = encode(clusters)
    check.same_length(y=outcome.size, X=columns.shape[0], clusters=codes.size)
    check.same_index(y=y, X=X, clusters=clusters)
    arrays, are_own = owned({"X": columns, "y": outcome})
    rows = ArrayRows(codes, arrays["X"], arrays["y"], are_own)
    if codes.min() >= 0:
        look = first_pass(rows, labels.size)
        if np.isfinite(look.total).all():
            return Read(rows=rows, labels=labels, names=found, look=look)
    return _without_missing(rows, labels, found)


def _without_missing(rows: ArrayRows, labels: NDArray[Any], names: tuple[str, ...]) -> Read:
    kept = complete(rows, names)
    codes, present = encode(kept.codes)
    N, left = rows.codes.size, codes.size
    if left < N:
        sentence = f"{N - left} of {N} rows have a missing value or cluster label and were left out."
        warn(sentence, DroppedRowsWarning)
    kept = replace(kept, codes=codes)
    look = first_pass(kept, present.size)
    return Read(rows=kept, labels=labels[present], names=names, look=look, dropped_rows=N - left)
