"""What a run is made of, as plain values: equal content is told in equal words, whatever holds it.

Numbers and labels are told by a hash of all of them, a design or a world by every field it has, left out or not. Code
of the user's cannot be told at all: it may say something else at the next run, so it has no identity and is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.errors import InputError

__all__ = ["HASH", "described", "fingerprint"]

HASH = "sha256:"


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Return a hash of kind, shape and content of arrays of numbers or labels, in this order.

    Numbers are hashed as 8 bytes each, little-endian; text, dates and objects as the JSON text of the labels.

    Examples
    --------
    >>> import numpy as np
    >>> fingerprint(np.array([1, 2], dtype="int32")) == fingerprint(np.array([1, 2], dtype=">i8"))
    True
    >>> len({fingerprint(np.array(a)) for a in ([1, 2], [1.0, 2.0], [[1, 2]], [2, 1], ["1", "2"], ["12", ""])})
    6
    """
    content = sha256()
    for array in map(np.asarray, arrays):
        kind = array.dtype.kind
        number = kind in "iuf" and array.dtype.itemsize <= 8
        content.update(f"{kind if number else 'label'} {array.shape}\n".encode())
        content.update(np.ascontiguousarray(array, dtype=f"<{kind}8").tobytes() if number else _text(array))
    return HASH + content.hexdigest()


def _text(labels: NDArray[Any]) -> bytes:
    return json.dumps(labels.tolist(), default=repr).encode()


def described(value: Any) -> Any:
    """Return a world, a design or an option as dicts, lists and scalars that JSON can write.

    Raises
    ------
    InputError
        It is, or holds, a function or an object that is not lyra's.

    Examples
    --------
    >>> from lyra.designs import ByCluster
    >>> described({"design": ByCluster(), "levels": ("unit",)})
    {'design': {'kind': 'ByCluster', 'treated': 'half'}, 'levels': ['unit']}
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.generic, np.ndarray)):
        return _number_described(value)
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type) and type(value).__module__.startswith("lyra."):
        return {"kind": type(value).__name__} | {f.name: described(getattr(value, f.name)) for f in fields(value)}
    raise InputError(_no_identity(value))


def _number_described(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return fingerprint(value)
    if isinstance(value, float):  # as np.float64 is
        return float(value) if np.isfinite(value) else str(value)
    return described(value.item())


def _no_identity(value: Any) -> str:
    name = getattr(value, "__name__", None) or type(value).__name__
    return (
        f"store= knows a run by what it is made of, and {name!r} is code of your own, which may say something else at "
        "the next run: leave store= out, or use the methods, designs and worlds of lyra's own."
    )
