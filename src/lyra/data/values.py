"""One value a row, in whatever holds it -> an array of the values as they were given, and where they are missing.

Nothing goes through float or text on the way: integers of any width, decimals and text come back as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Bools
from lyra.errors import InputError

__all__ = ["EXACT", "Values", "absent", "home", "only_column", "values_of"]

EXACT = 2**53  # whole numbers up to here are floats; beyond it a float64 has not every one
NEVER_MISSING = frozenset({str, bytes, int, bool})
ARROW_EXACT = ("int", "uint", "float", "double", "halffloat", "bool", "timestamp", "date", "duration")
POLARS_EXACT = frozenset(
    {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
    | {"Float32", "Float64", "Boolean", "Date", "Datetime", "Duration"}
)
"""Types of a frame's columns that numpy holds without loss; the others are held as Python values."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """The values (N,) of a column; where `missing` (N,) says so the array holds nothing of the user's.

    A NaN, NaT or None in the array is missing too, whatever `missing` says.
    """

    array: NDArray[Any]
    missing: Bools | None = None


def values_of(column: Any, *, what: str, ask: str) -> Values:
    """Return the values of a column, or refuse what is none; `ask` says in the refusal what to pass.

    Lists, tuples and iterators, arrays and masked arrays, and the columns of pandas, polars and Arrow are taken.
    """
    column = only_column(column, what=what, ask=ask)
    match home(column):
        case "polars" if hasattr(column, "is_null"):
            return _of_polars(column)
        case "pyarrow" if hasattr(column, "is_null"):
            return _of_arrow(column)
        case "pandas" if hasattr(column, "isna"):
            return _of_pandas(column)
    if isinstance(column, np.ma.MaskedArray):
        return Values(_flat(np.asarray(column.data), what, ask), _flat(np.ma.getmaskarray(column), what, ask))
    if hasattr(column, "__array__"):
        return Values(_flat(np.asarray(column), what, ask))
    if isinstance(column, (str, bytes, Mapping, Set)) or not isinstance(column, Iterable):
        raise InputError(f"{what} is a {type(column).__name__}: {ask}.")
    return Values(_of_list(_listed(column, what, ask)))


def home(column: Any) -> str:
    """Return the package a column or frame comes from, of those that hold values in their own way, or ""."""
    roots = (kind.__module__.partition(".")[0] for kind in type(column).__mro__)
    return next((root for root in roots if root in {"pandas", "polars", "pyarrow", "narwhals"}), "")


def absent(values: Iterable[Any]) -> Bools:
    """Return which of these Python values stand for no value: None, NaN, NaT, pandas.NA, a masked one."""
    held = list(values)
    if NEVER_MISSING.issuperset(map(type, held)):
        return np.zeros(len(held), dtype=np.bool_)
    return np.array([type(value) not in NEVER_MISSING and _is_absent(value) for value in held], dtype=np.bool_)


def _is_absent(value: Any) -> bool:
    if value is None or value is np.ma.masked:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124  a missing value alone differs from itself
    except TypeError:
        return type(value).__name__ == "NAType"  # which is neither equal to anything nor different
    except (ValueError, ArithmeticError):  # an array, a signalling NaN: no value, but not a missing one
        return False


# --- one column ---------------------------------------------------------------------------------


def only_column(column: Any, *, what: str, ask: str) -> Any:
    """Return the column of a frame that has one, and anything but a frame as it is."""
    if home(column) == "narwhals":
        column = column.to_native()
    if isinstance(column, np.ndarray) or not hasattr(column, "shape") or not hasattr(column, "columns"):
        return column
    if len(column.columns) != 1:
        raise InputError(f"{what} has shape {tuple(column.shape)}: {ask}.")
    if home(column) == "pyarrow":
        return column.column(0)
    return column[column.columns[0]]


def _flat(array: NDArray[Any], what: str, ask: str) -> NDArray[Any]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"{what} has shape {array.shape}: {ask}.")
    return array


def _listed(column: Iterable[Any], what: str, ask: str) -> list[Any]:
    try:
        return list(column)
    except TypeError:
        raise InputError(f"{what} is a {type(column).__name__}: {ask}.") from None


def _of_list(values: list[Any]) -> NDArray[Any]:
    """Return a list as the array that holds its values as they are: of their type if they have one, else of objects."""
    kinds = set(map(type, values))
    if any(hasattr(kind, "as_py") for kind in kinds):  # what iterating over an Arrow array gives
        return _of_list([value.as_py() if hasattr(value, "as_py") else value for value in values])
    if len(kinds) == 1:
        kind = next(iter(kinds))
        if kind in {bool, float} or (issubclass(kind, np.generic) and not issubclass(kind, (np.flexible, np.object_))):
            return np.array(values)
        if kind is int and min(values) >= -(2**63) and max(values) < 2**63:
            return np.array(values, dtype=np.int64)
        if kind is int and min(values) >= 0 and max(values) < 2**64:
            return np.array(values, dtype=np.uint64)
    if NEVER_MISSING.union({float, type(None)}).issuperset(kinds):
        return np.array(values, dtype=object)
    held = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):  # one by one: numpy would look inside lists and arrays
        held[i] = value
    return held


# --- the columns of frames ----------------------------------------------------------------------


def _spread(present: NDArray[Any], missing: Bools) -> Values:
    """Return the values that are there in their rows."""
    if not missing.any():
        return Values(present)
    array = np.zeros(missing.size, dtype=present.dtype)
    array[~missing] = present
    return Values(array, missing)


def _of_polars(series: Any) -> Values:
    present = series.drop_nulls()
    exact = series.dtype.base_type().__name__ in POLARS_EXACT
    return _spread(present.to_numpy() if exact else _of_list(present.to_list()), np.asarray(series.is_null()))


def _of_arrow(array: Any) -> Values:
    if hasattr(array.type, "value_type") and str(array.type).startswith("dictionary"):
        array = array.cast(array.type.value_type)
    present = array.drop_null()
    exact = str(array.type).startswith(ARROW_EXACT)
    return _spread(
        np.asarray(present) if exact else _of_list(present.to_pylist()), np.asarray(array.is_null(), dtype=np.bool_)
    )


def _of_pandas(column: Any) -> Values:
    if isinstance(column.dtype, np.dtype):
        return Values(np.asarray(column))
    array = getattr(column, "array", column)
    if hasattr(array, "__arrow_array__") and type(array).__name__.startswith("Arrow"):
        return _of_arrow(array.__arrow_array__())
    missing = np.asarray(array.isna(), dtype=np.bool_)
    present = array[~missing]
    exact = getattr(array.dtype, "numpy_dtype", None)
    if isinstance(exact, np.dtype) and exact.kind in "iufb":
        return _spread(present.to_numpy(dtype=exact), missing)
    return _spread(np.asarray(present), missing)
