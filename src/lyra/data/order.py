"""The order in which people would put labels: numbers by size, text by the numbers in it, the rest by kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Codes

__all__ = ["in_order", "natural_key"]

NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
DIGITS = re.compile(r"([0-9]+)")


def natural_key(text: str) -> tuple[Any, ...]:
    """Return what sorts text as people do: plain numbers first, as numbers, then text by its words and numbers.

    Examples
    --------
    >>> sorted(["W10", "W2", "10", "9.5", "-1"], key=natural_key)
    ['-1', '9.5', '10', 'W2', 'W10']
    """
    if NUMBER.fullmatch(text):
        return (0, Decimal(text), text)
    words = DIGITS.split(text)
    words[1::2] = [(len(digits.lstrip("0")), digits.lstrip("0")) for digits in words[1::2]]
    return (1, words, text)


def in_order(codes: Codes, labels: NDArray[Any]) -> tuple[Codes, NDArray[Any]]:
    """Return the codes and distinct labels with the labels in order."""
    listed = labels.tolist()
    keys = list(map(_key_of(listed), listed))
    try:
        order = sorted(range(len(listed)), key=keys.__getitem__)
    except (TypeError, ValueError, ArithmeticError):  # objects that have no order of their own
        order = sorted(range(len(listed)), key=lambda i: (type(listed[i]).__name__, str(listed[i])))
    rank = np.empty(len(listed), dtype=np.int32)
    rank[order] = np.arange(len(listed), dtype=np.int32)
    return rank[codes], labels[order]


def _key_of(labels: list[Any]) -> Callable[[Any], Any]:
    if all(isinstance(label, str) for label in labels):
        return natural_key
    if all(isinstance(label, bytes) for label in labels):
        return lambda label: natural_key(label.decode("latin-1"))
    if len({type(label) for label in labels}) == 1:
        return lambda label: label
    return _key_among_others


def _key_among_others(label: Any) -> tuple[Any, ...]:
    """Return what sorts labels of several kinds: numbers, then text, then the others by the name of their type."""
    if isinstance(label, (Real, Decimal, np.bool_)):
        return (0, label, type(label).__name__)
    if isinstance(label, str):
        return (1, natural_key(label), "")
    return (2, type(label).__name__, label)
