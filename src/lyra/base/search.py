"""Where something first holds: on the line by halving, among whole numbers by strides and halving."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

__all__ = ["fewest", "rises_to", "root"]

DOUBLINGS = 24
HALVINGS = 60


def rises_to(target: float, curve: Callable[[float], float], *, scale: float, precision: float = 1e-9) -> float:
    """Return where above 0 a rising curve reaches the target, to a relative precision; inf where it does not.

    Examples
    --------
    >>> print(rises_to(9.0, lambda x: x**2, scale=1.0))
    3.0
    """
    low, high = 0.0, scale
    for _ in range(DOUBLINGS):
        if curve(high) >= target:
            break
        low, high = high, 2.0 * high
    else:
        return np.inf
    halved = _halved(lambda x: curve(x) >= target, low, high)
    return next(high for low, high in halved if high - low <= precision * high)


def root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function of an interval is 0, to the last digit of its ends."""
    low, high = next(islice(_halved(lambda x: rising(x) >= 0, low, high), HALVINGS, None))
    return (low + high) / 2


def _halved(reached: Callable[[float], bool], low: float, high: float) -> Iterator[tuple[float, float]]:
    """Yield ever shorter intervals, each half the one before, at whose upper end it is reached and not at the lower."""
    while True:
        yield low, high
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)


def fewest(enough: Callable[[int], bool], step: int, guess: int, most: int = 8) -> int | None:
    """Return the fewest multiple of `step` that is enough, searched around a guess; None beyond `most` times it."""
    start = max(-(-guess // step), 1)
    low, high = _bracket(lambda n: enough(n * step), start, most * start)
    if high > most * start:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle * step) else (middle, high)
    return high * step


def _bracket(enough: Callable[[int], bool], start: int, end: int) -> tuple[int, int]:
    """Return a number too few (or 0) and one that is enough (or end + 1), by strides that double."""
    stride, at = max(start // 16, 1), start
    if enough(at):
        while at - stride > 0 and enough(at - stride):
            at, stride = at - stride, 2 * stride
        return max(at - stride, 0), at
    while at < end:
        tried = min(at + stride, end)
        if enough(tried):
            return at, tried
        at, stride = tried, 2 * stride
    return end, end + 1
