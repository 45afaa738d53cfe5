"""Cluster labels of any kind -> codes 0..G-1 and the G labels, in an order people would put them in.

Two labels are one cluster only when the user wrote them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Bools, Codes
from lyra.base.text import did_you_mean
from lyra.data.order import in_order
from lyra.data.values import absent, home, values_of
from lyra.errors import InputError

__all__ = ["encode", "finder", "united"]

MOST_NAMED = 1000  # labels searched for one that is meant
ASK = "pass one label a row"
JOIN = "two columns make one label when they are joined into one text, such as [f'{a}|{b}' for a, b in zip(A, B)]"


def encode(labels: Any, *, what: str = "clusters") -> tuple[Codes, NDArray[Any]]:
    """Return codes (N,) and the G distinct labels in order; a missing label has the code -1.

    Integers of any width, booleans, floats, text, bytes, dates, decimals, categoricals and other hashable objects are
    taken from whatever holds them. NaN, None, NaT, pandas.NA, a null and a masked value are missing.

    In a list or an array of objects two labels are one when they are equal *and* of one kind: 1 and "1" are two, and
    so are 1, 1.0 and True; 1 and numpy.int64(1) are one. Text is compared to its last character.

    Ordered categoricals and enums keep their order; numbers are sorted as numbers, text by `natural_key`.

    Raises
    ------
    InputError
        Not one label a row; labels that are lists, arrays or tuples; floats too large to hold labels apart.
    """
    dictionary = _dictionary(labels)
    if dictionary is not None:
        codes, categories, ordered = dictionary
        return _of_categories(codes, encode(categories, what=what), ordered=ordered)
    _refuse_several(labels, what)
    held = values_of(labels, what=what, ask=f"{ASK}; {JOIN}")
    missing = _missing(held.array, held.missing)
    if missing is None:
        return _coded(held.array, what)
    codes = np.full(held.array.size, -1, dtype=np.int32)
    codes[~missing], seen = _coded(held.array[~missing], what)
    return codes, seen


def united(first: NDArray[Any], second: NDArray[Any]) -> tuple[Codes, NDArray[Any]]:
    """Return the labels of two shards as one column's: codes of both, one after the other, and the labels.

    Whole numbers that are floats in one shard, as integers are beside a missing value, are the integers of the other.
    """
    kinds = first.dtype.kind + second.dtype.kind
    if kinds in {"fi", "fu", "if", "uf"}:
        first, second = _whole(first), _whole(second)
    if first.dtype.kind == second.dtype.kind:
        return encode(np.concatenate([first, second]))
    return encode([*first.tolist(), *second.tolist()])


def finder(labels: NDArray[Any]) -> Callable[[Any], int]:
    """Return what finds the place of a label among distinct ones, written as Python or as numpy has it, or refuses."""
    places = {label: g for g, label in enumerate(labels)} | {label: g for g, label in enumerate(labels.tolist())}

    def place(label: Any) -> int:
        try:
            return places[label]
        except (KeyError, TypeError):
            known = map(str, places) if labels.size <= MOST_NAMED else map(str, labels[:MOST_NAMED])
            raise InputError(f"{label!s} is not a cluster: {did_you_mean(str(label), known)}.") from None

    return place


# --- columns that come with their categories ----------------------------------------------------


def _dictionary(labels: Any) -> tuple[NDArray[Any], Any, bool] | None:
    """Return (codes, categories, whether their order is the user's) of a column that has them."""
    origin = home(labels)
    if origin == "pandas":
        categorical = getattr(labels, "array", labels) if not hasattr(labels, "levels") else labels
        if hasattr(categorical, "categories"):
            return np.asarray(categorical.codes), categorical.categories, bool(categorical.ordered)
    if origin == "polars" and getattr(labels, "dtype", None) is not None and _base(labels.dtype) == "Enum":
        codes = labels.to_physical().cast(int).fill_null(-1)
        return codes.to_numpy(), labels.dtype.categories, True
    if origin == "pyarrow" and str(getattr(labels, "type", "")).startswith("dictionary") and len(labels):
        whole = labels.unify_dictionaries().combine_chunks() if hasattr(labels, "unify_dictionaries") else labels
        codes = whole.indices.cast("int64").fill_null(-1)
        return np.asarray(codes), whole.dictionary, bool(labels.type.ordered)
    return None


def _base(dtype: Any) -> str:
    return str(dtype.base_type().__name__) if hasattr(dtype, "base_type") else ""


def _of_categories(
    codes: NDArray[Any], categories: tuple[Codes, NDArray[Any]], *, ordered: bool
) -> tuple[Codes, NDArray[Any]]:
    ranks, names = categories
    if ordered:
        return _used(codes, names[ranks])
    codes, seen = _used(np.append(ranks, np.int32(-1))[codes], None)
    return codes, names[seen]


# --- refusals -----------------------------------------------------------------------------------


def _refuse_several(labels: Any, what: str) -> None:
    if hasattr(labels, "levels") and hasattr(labels, "codes"):
        raise InputError(f"{what} is a MultiIndex of {len(labels.levels)} levels: {ASK}; {JOIN}.")


def _refuse_rounded(array: NDArray[Any], what: str) -> None:
    """Refuse floats so large that neighbouring whole numbers are one float."""
    bits = np.finfo(array.dtype).nmant + 1
    largest = float(np.abs(array).max(initial=0.0))
    if largest >= 2.0**bits:
        raise InputError(
            f"{what} is of type {array.dtype} and holds {largest:.17g}: beyond 2**{bits} floats have lost digits and "
            "different labels become one; pass integers or text."
        )


def _refuse_kind(kind: type, row: int, what: str) -> None:
    if issubclass(kind, (tuple, list, dict, set, frozenset, np.ndarray)):
        raise InputError(f"{what} holds a {kind.__name__} in row {row}: {ASK}; {JOIN}.")
    if issubclass(kind, complex):
        raise InputError(f"{what} holds a complex number in row {row}: pass integers or text.")


# --- coding -------------------------------------------------------------------------------------


def _missing(array: NDArray[Any], masked: Bools | None) -> Bools | None:
    """Return which rows have no label, or None when all have one."""
    match array.dtype.kind:
        case "f":
            own = np.isnan(array)
        case "m" | "M":
            own = np.isnat(array)
        case "O":
            own = absent(array.tolist())
        case _:
            own = np.zeros(0, dtype=np.bool_)
    missing = own if masked is None else masked | own if own.size else masked
    return missing if missing.any() else None


def _coded(array: NDArray[Any], what: str) -> tuple[Codes, NDArray[Any]]:
    match array.dtype.kind:
        case "b":
            codes, seen = _used(array.astype(np.int32), None)
            return codes, seen.astype(bool)
        case "i" | "u":
            low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
            return _table(array, low) if high - low <= 4 * array.size + 1024 else _sorted(array)
        case "f":
            _refuse_rounded(array, what)
            return _sorted(array)
        case "M" | "m":
            return _sorted(array)
        case "U" | "S":
            return in_order(*_sorted(array))
        case "O" | "T":
            return _hashed(array.astype(object), what)
    raise InputError(f"{what} is of type {array.dtype}: {ASK}; {JOIN}.")


def _table(array: NDArray[Any], low: int) -> tuple[Codes, NDArray[Any]]:
    """Code integers of a narrow range by looking them up."""
    wide = array if array.dtype.itemsize == 8 else array.astype(np.int64)
    codes, seen = _used((wide - wide.dtype.type(low)).astype(np.int32), None)
    return codes, seen.astype(array.dtype) + array.dtype.type(low)


def _used(codes: NDArray[Any], categories: NDArray[Any] | None) -> tuple[Codes, NDArray[Any]]:
    """Keep the categories that occur; -1 stays missing."""
    width = int(codes.max(initial=-1)) + 1
    present = np.zeros(width + 1, dtype=bool)
    present[codes] = True
    present[width] = False  # where the code -1 landed
    renumber = np.cumsum(present, dtype=np.int32) - 1
    renumber[width] = -1
    seen: NDArray[Any] = np.flatnonzero(present)
    kept: Codes = renumber[codes].astype(np.int32, copy=False)
    return kept, seen if categories is None else categories[seen]


def _sorted(array: NDArray[Any]) -> tuple[Codes, NDArray[Any]]:
    seen, inverse = np.unique(array, return_inverse=True)
    return inverse.astype(np.int32), seen


def _hashed(array: NDArray[Any], what: str) -> tuple[Codes, NDArray[Any]]:
    """Code Python values by their kind and value."""
    values = array.tolist()
    kinds = _families(values, what)
    number: dict[Any, int] = {}
    try:
        if len(set(kinds.values())) > 1:
            keys: Iterable[Any] = ((kinds[type(value)], value) for value in values)
        else:
            keys = values
        first = np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int32)
    except TypeError:
        unusable = next((value for value in values if not _is_hashable(value)), values[0])
        raise InputError(
            f"{what} holds {unusable!s}, which cannot be told from other labels: pass integers or text."
        ) from None
    found = _of_one_type([values[row] for row in np.unique(first, return_index=True)[1].tolist()])
    if float in kinds.values():
        floats = [label for label in found.tolist() if isinstance(label, (float, np.floating))]
        _refuse_rounded(np.array(floats, dtype=float), what)
    return in_order(first, found)


def _families(values: Sequence[Any], what: str) -> dict[type, type]:
    """Return of every type met the kind of label it is; equal labels of different kinds are different."""
    met = dict(zip(reversed(list(map(type, values))), range(len(values) - 1, -1, -1), strict=True))
    for kind, row in met.items():
        _refuse_kind(kind, row, what)
    return {kind: _family(kind) for kind in met}


def _family(kind: type) -> type:
    for family in (bool, np.bool_, Integral, float, np.floating, str, bytes):
        if issubclass(kind, family):
            return {np.bool_: bool, np.floating: float}.get(family, family)
    return kind


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _of_one_type(labels: list[Any]) -> NDArray[Any]:
    """Return distinct labels as integers, floats or booleans when all are, else as objects."""
    families = set(map(_family, set(map(type, labels))))
    if families == {Integral} and min(labels) >= -(2**63) and max(labels) < 2**63:
        return np.array([int(label) for label in labels], dtype=np.int64)
    if families == {Integral} and min(labels) >= 0 and max(labels) < 2**64:
        return np.array([int(label) for label in labels], dtype=np.uint64)
    if families in ({float}, {bool}):
        return np.array(labels)
    held = np.empty(len(labels), dtype=object)
    held[:] = labels
    return held


def _whole(labels: NDArray[Any]) -> NDArray[Any]:
    is_whole = labels.dtype.kind == "f" and bool((labels == np.floor(labels)).all())
    return labels.astype(np.int64) if is_whole else labels
