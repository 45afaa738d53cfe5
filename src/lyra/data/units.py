"""Who sits in which cluster, window and stratum, as randomisation and clustering read it; and with it an outcome."""

from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lyra.base.arrays import Array, Codes
from lyra.base.identity import fingerprint
from lyra.errors import InputError

__all__ = ["History", "Seed", "Units"]

Seed: TypeAlias = int | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator | None


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Labels of rows (or of cells, or of clusters), any dtype that sorts, all of one length.

    Parameters
    ----------
    cluster : (n,) array_like
        The cluster of each row.
    window : (n,) array_like, optional
        The time window of each row; sorted labels are in time order.
    user : (n,) array_like, optional
        The user of each row; without it every row is a user of its own.
    stratum : (n,) array_like, optional
        The stratum of each row, the same for all of a cluster. A matched pair is a stratum of two clusters.
    treatment : (n,) array_like, optional
        Whether each row was treated, 1 or 0, where a design draws again what was observed.

    Raises
    ------
    InputError
        When a column is not one-dimensional, has another length than `cluster`, or nothing is given.

    Examples
    --------
    >>> units = Units(["b", "a", "b"], window=[0, 0, 1])
    >>> code, first = units.codes("cluster")
    >>> code.tolist(), first.tolist()
    ([1, 0, 1], [1, 0])
    """

    cluster: NDArray[Any]
    _: KW_ONLY
    window: NDArray[Any] | None = None
    user: NDArray[Any] | None = None
    stratum: NDArray[Any] | None = None
    treatment: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _column(name, getattr(self, name)))
        for name in ("window", "user", "stratum", "treatment"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self):
                raise InputError(
                    f"{name} has {len(column)} labels and cluster has {len(self)}; give one of each per row."
                )

    def __len__(self) -> int:
        return len(self.cluster)

    def labels(self, name: str) -> NDArray[Any]:
        """Return one column by name, (n,); refused when it was not given."""
        column: NDArray[Any] | None = getattr(self, name)
        if column is not None:
            return column
        if name == "user":
            return np.arange(len(self))
        raise InputError(f"these units have no {name}; give Units a {name} label for every row.")

    def codes(self, *names: str) -> tuple[Codes, Codes]:
        """Return the distinct combinations of the named columns, numbered in sorted order.

        Returns
        -------
        code : (n,) int array
            The number of each row's combination, 0, 1, ...
        first : (number of combinations,) int array
            The first row of each combination.

        Raises
        ------
        InputError
            When a named column was not given.
        """
        code = np.zeros(len(self), dtype=np.intp)
        for name in names:
            level, index = np.unique(self.labels(name), return_inverse=True)
            code = code * len(level) + index
        _, first, code = np.unique(code, return_index=True, return_inverse=True)
        return code, first

    def take(self, rows: Codes) -> "Units":
        """Return the labels of the given rows only."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return Units(**{name: column[rows] for name, column in columns.items() if column is not None})


def _column(name: str, labels: ArrayLike) -> NDArray[Any]:
    column = np.asarray(labels)
    if column.ndim != 1 or not column.size:
        raise InputError(f"{name} has shape {column.shape}; give a one-dimensional array with a label for every row.")
    return column


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class History:
    """An outcome y (N,), a constant and covariates W (N, p), and who sits where; rows with a missing value left out."""

    y: Array
    W: Array
    units: Units
    dropped_rows: int = 0
    window_order: str | None = None
    """What the order of the windows is, in words."""

    def identity(self) -> dict[str, str]:
        """Return a hash of every array and of every column of labels, by what it is."""
        labels = {f.name: getattr(self.units, f.name) for f in fields(self.units)}
        named = {f"{name} labels": fingerprint(column) for name, column in labels.items() if column is not None}
        return {"outcome": fingerprint(self.y), "covariates": fingerprint(self.W)} | named
