"""The columns of a design, each a product of atoms: what they are, and their values in a block of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Bools
from lyra.data.terms import TRANSFORMS, Level

__all__ = ["Column", "Indicator", "Numeric", "evaluate"]


@dataclass(frozen=True, slots=True)
class Numeric:
    """A column of numbers, transformed or not: one atom of a `Column`."""

    column: str
    transform: str | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """1 where the column is at the level, else 0: one atom of a `Column`."""

    column: str
    level: Level


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the design: the product of its atoms, the constant 1 when there are none."""

    name: str
    atoms: tuple[Numeric | Indicator, ...]


def evaluate(columns: Sequence[Column], lookup: Callable[[str], NDArray[np.generic]], *, n_rows: int) -> Array:
    """Return the design matrix of a block of rows, shape (n_rows, len(columns)).

    Parameters
    ----------
    columns : sequence of Column
        What `design` returned.
    lookup : callable
        Maps the name of a data column to its values in the block, shape (n_rows,).
    n_rows : int
        Rows in the block.

    Returns
    -------
    ndarray, shape (n_rows, len(columns))
        A transform outside its domain gives NaN or an infinity, and no warning.

    Examples
    --------
    >>> from lyra.data.coding import design
    >>> from lyra.data.formula import parse
    >>> data = {"x": np.array([1.0, 4.0]), "d": np.array(["a", "b"])}
    >>> columns = design(parse("y ~ sqrt(x) + C(d)"), {"d": ["a", "b"]})
    >>> evaluate(columns, data.__getitem__, n_rows=2)
    array([[1., 1., 0.],
           [1., 2., 1.]])
    """
    atoms = {atom for column in columns for atom in column.atoms}
    values = {atom: _values(atom, lookup) for atom in atoms}
    matrix = np.ones((n_rows, len(columns)))
    for k, column in enumerate(columns):
        for atom in column.atoms:
            matrix[:, k] *= values[atom]
    return matrix


def _values(atom: Numeric | Indicator, lookup: Callable[[str], NDArray[np.generic]]) -> Array | Bools:
    values = np.asarray(lookup(atom.column))
    if isinstance(atom, Indicator):
        return np.asarray(values == atom.level, dtype=np.bool_)
    numbers = values.astype(np.float64, copy=False)
    if atom.transform is None:
        return numbers
    with np.errstate(all="ignore"):
        return np.asarray(TRANSFORMS[atom.transform](numbers), dtype=np.float64)
