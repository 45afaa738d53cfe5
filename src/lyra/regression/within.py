"""The regression of each cluster on its own: what it says of one coefficient, when it says anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Bools
from lyra.base.text import listed
from lyra.errors import NotIdentifiedError

__all__ = ["CARRIES", "OwnRegressions", "own_regressions", "refuse_unidentified"]


NO_VARIATION = 1e-10  # of the largest eigenvalue of a cluster's Gram matrix, the part that is none
CARRIES = 1e-7  # the share of a contrast that must lie in a direction that is not there for it to be lost with it


@dataclass(frozen=True, slots=True, eq=False)
class OwnRegressions:
    """Each cluster's least squares, in the orthonormal coordinates of the whole fit.

    Attributes
    ----------
    moved : ndarray (G, K)
        E_g⁺ s_g: what is added to the coefficients of the whole fit.
    identified : ndarray (G,) of bool
        Whether the contrast z lies in the range of E_g, so that moved @ z is meant.
    """

    moved: Array
    identified: Bools


def own_regressions(E: Array, scores: Array, z: Array) -> OwnRegressions:
    """Return the regressions within clusters with Grams E (G, K, K), scores (G, K), for the contrast z (K,)."""
    values, vectors = np.linalg.eigh(E)
    kept = values > NO_VARIATION * values[:, -1:]
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    along = np.einsum("gkl,k->gl", vectors, z)
    lost = np.linalg.norm(np.where(kept, 0.0, along), axis=1)
    moved = np.einsum("gkl,gl->gk", vectors, inverse * np.einsum("gkl,gk->gl", vectors, scores))
    return OwnRegressions(moved, lost <= CARRIES * np.linalg.norm(z))


def refuse_unidentified(identified: Bools, labels: NDArray[Any], name: str) -> None:
    """Refuse when some cluster alone says nothing of the coefficient, with those clusters' labels."""
    lost = labels[~identified].tolist()
    if lost:
        raise NotIdentifiedError(
            f"{name} has no estimate within {len(lost)} of {identified.size} clusters alone ({listed(lost)}): it does "
            "not vary there, or not apart from the other columns; leave those clusters out, or merge them."
        )
