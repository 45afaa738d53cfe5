"""Whatever the user passed -> numeric columns, one value of an option, or a refusal."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Rational, Real
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Bools
from lyra.base.text import did_you_mean, listed, option
from lyra.data.values import EXACT, absent, home, values_of
from lyra.errors import InputError

__all__ = [
    "as_matrix",
    "as_numbers",
    "as_vector",
    "coverage",
    "one_of",
    "position",
    "refuse_infinite",
    "same_index",
    "same_length",
    "yes_or_no",
]


ROUNDED = 1e-14  # of the spread of a column


def as_vector(values: Any, *, what: str) -> NDArray[Any]:
    """Return `values` as one numeric column (N,), or refuse with the first value that is no number.

    A missing or masked value is NaN.
    """
    held = values_of(values, what=what, ask="pass one column of numbers")
    return _numeric(held.array, held.missing, what=what)


def as_matrix(X: Any, *, names: Iterable[str] | None = None) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return `X` as a numeric matrix (N, K) and its K names; the columns of a frame keep theirs."""
    X = _frame(X)
    labels = _frame_columns(X)
    if labels is None:
        array = _table_of_rows(X)
        found = tuple(f"x{j}" for j in range(array.shape[1]))
    else:
        found = tuple(str(label) for label in labels)
        _refuse_repeated(found, what="X")
        columns = [as_vector(X[label], what=f"column {str(label)!r}") for label in labels]
        array = np.column_stack(columns) if columns else np.empty((0, 0))
    named = found if names is None else _named(names, array.shape[1])
    if array.shape[1] == 0:
        raise InputError("X has no columns: pass at least one, such as a column of ones.")
    return array, named


def as_numbers(values: Any, *, what: str) -> Array:
    """Return an array of numbers of any shape as float64, or refuse with the first value that is no number."""
    return np.asarray(_numeric(_as_array(values, what=what), None, what=what), dtype=np.float64)


def _named(names: Iterable[str], K: int) -> tuple[str, ...]:
    if isinstance(names, (str, bytes)) or not isinstance(names, Iterable):
        raise InputError(f"names={names!r} is no list of names: pass one a column.")
    named = tuple(str(name) for name in names)
    if len(named) != K:
        raise InputError(f"names has {len(named)} entries and X has {K} columns: pass one a column.")
    _refuse_repeated(named, what="names")
    return named


def _refuse_repeated(names: Sequence[str], *, what: str) -> None:
    repeated = [name for j, name in enumerate(names) if name in names[:j]] if len(set(names)) < len(names) else []
    if repeated:
        raise InputError(f"{what} holds {repeated[0]!r} more than once: give every column its own name.")


# --- tables -------------------------------------------------------------------------------------


def _frame(X: Any) -> Any:
    """Return a lazy frame collected and an iterator listed, or refuse a relation, whose rows have no order."""
    if home(X) == "narwhals":
        X = X.to_native()
    if hasattr(X, "fetchnumpy"):
        raise InputError(
            "X is a relation, whose rows have no order of their own to stand beside y in: fetch y, X and clusters "
            "together and pass the columns, or use lyra.fit."
        )
    if home(X) == "polars" and hasattr(X, "collect"):
        return X.collect()
    return list(X) if isinstance(X, Iterator) else X


def _frame_columns(X: Any) -> list[Any] | None:
    columns = getattr(X, "column_names", None) or getattr(X, "columns", None)
    return None if columns is None or isinstance(X, np.ndarray) or callable(columns) else list(columns)


def _table_of_rows(X: Any) -> NDArray[Any]:
    if home(X):  # one column of a frame
        return as_vector(X, what="X")[:, None]
    array = _as_given(X, _as_array(X, what="X"))
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2:
        raise InputError(f"X has shape {array.shape}: pass a table of N rows and K columns.")
    masked = np.ma.getmaskarray(X) if isinstance(X, np.ma.MaskedArray) else None
    return _numeric(array, None if masked is None else masked.reshape(array.shape), what="X")


def _as_array(values: Any, *, what: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:
        raise InputError(f"{what} has rows of different lengths: pass as many values in every row.") from None
    except TypeError:
        raise InputError(f"{what} is a {type(values).__name__}: pass an array of numbers.") from None


def _as_given(X: Any, array: NDArray[Any]) -> NDArray[Any]:
    """Return rows of a list as objects where whole numbers beside floats may have been rounded to make an array."""
    if array.dtype.kind != "f" or hasattr(X, "__array__") or not _largest(array) >= EXACT:
        return array
    return np.array(X, dtype=object)


# --- numbers ------------------------------------------------------------------------------------


def _numeric(array: NDArray[Any], missing: Bools | None, *, what: str) -> NDArray[Any]:
    """Return an array of numbers as one of floats or integers, NaN where a value is missing, or refuse."""
    kind = array.dtype.kind
    if kind == "O":
        numbers = _of_objects(array, what=what)
    elif kind == "b":
        numbers = array.astype(np.float64)
    elif kind in "fiu":
        numbers = array
    else:
        _refuse_no_number(array.ravel().tolist() if kind in "UST" else array.ravel(), what=what)
    if kind in "iu" and array.dtype.itemsize == 8 and _is_large(array):
        floats = array.astype(np.float64)
        _refuse_lost_digits(array, floats if missing is None else np.where(missing, np.nan, floats), what=what)
    return numbers if missing is None else np.where(missing, np.nan, numbers)


def _of_objects(array: NDArray[Any], *, what: str) -> Array:
    flat = array.ravel().tolist()
    gone = absent(flat)
    kinds = {type(value) for value, no in zip(flat, gone.tolist(), strict=True) if not no}
    if not all(issubclass(kind, (Real, Decimal, np.bool_)) for kind in kinds):
        _refuse_no_number([value for value, no in zip(flat, gone.tolist(), strict=True) if not no], what=what)
    there = np.empty(gone.size - int(gone.sum()), dtype=object)
    there[:] = [value for value, no in zip(flat, gone.tolist(), strict=True) if not no]
    numbers = np.full(gone.size, np.nan)
    try:
        numbers[~gone] = there.astype(np.float64)
    except (ValueError, ArithmeticError):
        raise InputError(
            f"{what} holds a number that a 64-bit float does not: scale it, or leave that row out."
        ) from None
    if _largest(numbers) >= EXACT:
        _refuse_lost_digits(array, numbers.reshape(array.shape), what=what)
    return numbers.reshape(array.shape)


def _refuse_no_number(values: Iterable[Any], *, what: str) -> None:
    first = next((value for value in values if not isinstance(value, (Real, Decimal, np.bool_))), "nothing")
    raise InputError(f"{what} is not numeric (it holds {first!s}): turn it into numbers, or into 0/1 columns.")


def _is_large(integers: NDArray[Any]) -> bool:
    return bool(integers.size) and (int(integers.max()) > EXACT or int(integers.min()) < -EXACT)


def _largest(floats: Array) -> float:
    """Return the largest |value|, 0 where none is there."""
    return float(np.fmax.reduce(np.abs(floats), axis=None, initial=0.0))


def _refuse_lost_digits(exact: NDArray[Any], floats: Array, *, what: str) -> None:
    """Refuse columns (N,) or (N, K) that 64-bit floats hold too coarsely; NaN in the floats is missing."""
    table, columns = exact.reshape(len(exact), -1), floats.reshape(len(exact), -1).T
    for j in (j for j, column in enumerate(columns) if _largest(column) >= EXACT):
        present = ~np.isnan(columns[j])
        where = what if len(columns) == 1 else f"column {j} of {what}"
        _refuse_coarse(table[present, j].tolist(), columns[j, present], what=where)


def _refuse_coarse(exact: list[Any], floats: Array, *, what: str) -> None:
    """Refuse numbers of which two that differ are one as 64-bit floats, or whose differences lose their digits."""
    lost = len(set(exact)) - np.unique(floats).size
    if lost:
        raise InputError(
            f"{what} lost its digits: its numbers exceed 2**53, where {lost} of its distinct values are no longer "
            "apart as 64-bit floats; subtract its smallest value first."
        )
    if max(map(_rounding, exact, floats.tolist())) > ROUNDED * float(np.ptp(floats)) > 0.0:
        raise InputError(
            f"{what} lost its digits: its numbers exceed 2**53, and as 64-bit floats they are rounded by more than "
            "1e-14 of their spread; subtract its smallest value first."
        )


def _rounding(exact: Any, rounded: float) -> float:
    """Return by how much a number changed on its way to a float."""
    return float(abs(Fraction(exact) - Fraction(rounded))) if isinstance(exact, (Rational, Decimal)) else 0.0


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


def same_index(**given: Any) -> None:
    """Refuse pandas objects whose indexes differ: rows are paired by position, and that is not what was meant."""
    found = {name: getattr(values, "index", None) for name, values in given.items()}
    indexes: dict[str, Any] = {name: own for name, own in found.items() if hasattr(own, "equals")}
    names = list(indexes)
    for name in names[1:]:
        left, right = indexes[names[0]], indexes[name]
        if left is right or left.equals(right):
            continue
        row = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 0)
        raise InputError(
            f"{names[0]} and {name} have different indexes (row {row} is {left[row]!s} in {names[0]} and "
            f"{right[row]!s} in {name}): align them, such as {name}.loc[{names[0]}.index], or pass arrays, which are "
            "paired by position."
        )


# --- options ------------------------------------------------------------------------------------


def position(param: Any, names: Sequence[str], *, what: str = "param") -> int:
    """Return the column meant by a name or a position, or refuse with the names there are."""
    if isinstance(param, str):
        if param in names:
            return list(names).index(param)
        raise InputError(f"{option(what, param)} is not a coefficient: {did_you_mean(param, names)}.")
    try:
        place = index(param) if not isinstance(param, (bool, np.bool_)) else None
    except TypeError:
        place = None
    if place is None:
        raise InputError(
            f"{what}={param!r} is neither a name nor a position: pass one of {listed(map(repr, names), 12)}."
        )
    if not -len(names) <= place < len(names):
        raise InputError(f"{what}={param} is out of range: there are {len(names)} coefficients.")
    return place % len(names)


def coverage(level: Any) -> float:
    """Return the coverage of an interval, a number between 0 and 1, or refuse."""
    if not isinstance(level, Real) or isinstance(level, bool) or not 0.0 < float(level) < 1.0:
        raise InputError(f"{option('level', level)} is not a coverage: pass a number between 0 and 1, such as 0.95.")
    return float(level)


def one_of(value: Any, known: Sequence[str], *, what: str) -> str:
    """Return a value that is one of those known, or refuse with them."""
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{option(what, value)} is unknown: {did_you_mean(str(value), known)}.")
    return value


def yes_or_no(value: Any, *, what: str) -> bool:
    """Return True or False, or refuse what is neither."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{what}={value!r} is neither True nor False: pass one of them.")
    return bool(value)
