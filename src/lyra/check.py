"""Whatever the user passed -> numeric columns and cluster codes 0..G-1, or a refusal."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.errors import InputError, did_you_mean, option

__all__ = ["as_matrix", "as_numbers", "as_vector", "encode", "position", "refuse_infinite", "same_length"]

Array = NDArray[np.float64]


def as_vector(values: Any, *, what: str) -> NDArray[Any]:
    """Return `values` as one numeric column (N,), or refuse with the first value that is no number."""
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"{what} has shape {array.shape}: pass one column of numbers.")
    return _numeric(array, what=what)


def as_matrix(X: Any, *, names: Sequence[str] | None = None) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return `X` as a numeric matrix (N, K) and its K names; the columns of a frame keep theirs."""
    labels = _frame_columns(X)
    if labels is None:
        array = np.asarray(X)
        array = array[:, None] if array.ndim == 1 else array
        if array.ndim != 2:
            raise InputError(f"X has shape {array.shape}: pass a table of N rows and K columns.")
        found = tuple(f"x{j}" for j in range(array.shape[1]))
        array = _numeric(array, what="X")
    else:
        found = tuple(str(label) for label in labels)
        _refuse_repeated(found, what="X")
        columns = [_numeric(np.asarray(X[label]), what=f"column {str(label)!r}") for label in labels]
        array = np.column_stack(columns) if columns else np.empty((0, 0))
    if names is not None and len(names) != array.shape[1]:
        raise InputError(f"names has {len(names)} entries and X has {array.shape[1]} columns: pass one a column.")
    if names is not None:
        _refuse_repeated(tuple(names), what="names")
    if array.shape[1] == 0:
        raise InputError("X has no columns: pass at least one, such as a column of ones.")
    return array, tuple(names) if names is not None else found


def as_numbers(values: Any, *, what: str) -> NDArray[np.float64]:
    """Return an array of numbers of any shape as float64, or refuse with the first value that is no number."""
    return np.asarray(_numeric(np.asarray(values), what=what), dtype=np.float64)


def _refuse_repeated(names: Sequence[str], *, what: str) -> None:
    repeated = [name for j, name in enumerate(names) if name in names[:j]]
    if repeated:
        raise InputError(f"{what} holds {repeated[0]!r} more than once: give every column its own name.")


def _frame_columns(X: Any) -> list[Any] | None:
    columns = getattr(X, "column_names", None) or getattr(X, "columns", None)
    return None if columns is None or isinstance(X, np.ndarray) or callable(columns) else list(columns)


def _numeric(array: NDArray[Any], *, what: str) -> NDArray[Any]:
    if array.dtype.kind in "fiu":
        return array
    if array.dtype.kind == "b":
        return array.astype(np.float64)
    values = array.ravel()
    if array.dtype.kind == "O":
        values = values[~_is_null(values)]
        if not any(isinstance(value, (str, bytes)) for value in values.tolist()):
            try:
                return np.where(_is_null(array), np.nan, array).astype(np.float64)
            except (TypeError, ValueError):
                pass
    first = next((value for value in values if not isinstance(value, (int, float))), "nothing")
    raise InputError(f"{what} is not numeric (it holds {first!s}): turn it into numbers, or into 0/1 columns.")


def same_length(**lengths: int) -> int:
    """Return the common number of rows, or refuse with every length given."""
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InputError(f"The lengths differ: {told} rows; pass arrays of the same rows.")
    N = next(iter(lengths.values()))
    if N == 0:
        raise InputError("The data are empty: there are no rows to fit; pass at least one row a coefficient.")
    return N


def refuse_infinite(values: NDArray[Any], *, what: str) -> None:
    """Refuse a column that holds an infinite value, with their number and the first row."""
    rows = np.flatnonzero(np.isinf(values))
    if rows.size:
        raise InputError(
            f"{what} has {rows.size} infinite value(s), the first in row {rows[0]}: "
            "replace them, or leave those rows out."
        )


def position(param: str | int, names: Sequence[str], *, what: str = "param") -> int:
    """Return the column meant by a name or a position, or refuse with the names there are."""
    if isinstance(param, str):
        if param in names:
            return list(names).index(param)
        raise InputError(f"{option(what, param)} is not a coefficient: {did_you_mean(param, names)}.")
    if not -len(names) <= param < len(names):
        raise InputError(f"{what}={param} is out of range: there are {len(names)} coefficients.")
    return int(param) % len(names)


# --- cluster labels -----------------------------------------------------------------------------


def encode(labels: Any) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return codes (N,) and the G distinct labels in sorted order; a null label has the code -1.

    Integers, booleans, floats, strings, dates, categoricals and objects are taken; NaN, None and NaT are null.
    """
    categorical = getattr(labels, "cat", getattr(labels, "array", labels))
    if hasattr(categorical, "codes") and hasattr(categorical, "categories"):
        return _used(np.asarray(categorical.codes), np.asarray(categorical.categories))
    array = np.asarray(labels)
    if array.ndim != 1:
        raise InputError(f"clusters has shape {array.shape}: pass one label a row.")
    match array.dtype.kind:
        case "b":
            codes, seen = _used(array.astype(np.int32), None)
            return codes, seen.astype(bool)
        case "i" | "u":
            low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
            return _table(array, low) if high - low <= 4 * array.size + 1024 else _sorted(array)
        case "O":
            return _hashed(array)
        case _:
            return _sorted(array)


def _is_null(array: NDArray[Any]) -> NDArray[np.bool_]:
    if array.dtype.kind == "O":
        flat = [value is None or _differs_from_itself(value) for value in array.ravel().tolist()]
        return np.array(flat, dtype=bool).reshape(array.shape)
    return np.asarray(array != array)  # noqa: PLR0124  NaN and NaT alone differ from themselves


def _differs_from_itself(value: Any) -> bool:
    try:
        return bool(value != value)  # noqa: PLR0124
    except TypeError:  # a missing value that refuses to compare
        return True


def _table(array: NDArray[Any], low: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Code integers of a narrow range by looking them up."""
    wide = array if array.dtype.itemsize == 8 else array.astype(np.int64)
    codes, seen = _used((wide - wide.dtype.type(low)).astype(np.int32), None)
    return codes, seen.astype(array.dtype) + array.dtype.type(low)


def _used(codes: NDArray[Any], categories: NDArray[Any] | None) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Keep the categories that occur; -1 stays null."""
    width = int(codes.max(initial=-1)) + 1
    present = np.zeros(width + 1, dtype=bool)
    present[codes] = True
    present[width] = False  # where the null code -1 landed
    renumber = np.cumsum(present, dtype=np.int32) - 1
    renumber[width] = -1
    seen: NDArray[Any] = np.flatnonzero(present)
    kept: NDArray[np.int32] = renumber[codes].astype(np.int32, copy=False)
    return kept, seen if categories is None else categories[seen]


def _sorted(array: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    null = _is_null(array)
    if not null.any():
        seen, inverse = np.unique(array, return_inverse=True)
        return inverse.astype(np.int32), seen
    seen, kept = np.unique(array[~null], return_inverse=True)
    codes = np.full(array.size, -1, dtype=np.int32)
    codes[~null] = kept
    return codes, seen


def _hashed(array: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    null = _is_null(array)
    number: dict[Any, int] = {}
    first = [
        -1 if no else number.setdefault(value, len(number)) for value, no in zip(array.tolist(), null, strict=True)
    ]
    try:
        order = sorted(number)
    except TypeError:  # labels of several types have no order of their own
        order = sorted(number, key=lambda value: (type(value).__name__, str(value)))
    rank = np.full(len(number) + 1, -1, dtype=np.int32)
    rank[[number[value] for value in order]] = np.arange(len(order), dtype=np.int32)
    seen = np.empty(len(order), dtype=object)
    seen[:] = order
    return rank[np.array(first, dtype=np.intp)], seen
