"""A null hypothesis as the user says it -> R β = r over the coefficients kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lyra.base.arrays import Array
from lyra.base.text import listed
from lyra.data import check
from lyra.errors import InputError
from lyra.regression.least_squares import Fit

__all__ = ["Null", "make_null"]


@dataclass(frozen=True, slots=True, eq=False)
class Null:
    """R β = r: R (q, K) over the coefficients kept, r (q,), and the left-hand sides in words."""

    R: Array
    r: Array
    words: tuple[str, ...]

    @property
    def q(self) -> int:
        """The number of restrictions."""
        return self.r.size

    def __str__(self) -> str:
        return ", ".join(f"{word} = {value:g}" for word, value in zip(self.words, self.r, strict=True))


def make_null(fit: Fit, param: str | int | Sequence[str | int] | None, R: ArrayLike | None, h0: ArrayLike) -> Null:
    """Return R β = h0 over the coefficients kept, from names, positions or a matrix over the columns of X."""
    names = fit.moments.names
    if R is None:
        positions = _positions(fit, param)
        matrix, words = np.eye(len(names))[positions], tuple(names[j] for j in positions)
    elif param is not None:
        raise InputError("param and R both state the null: pass one of them.")
    else:
        matrix = np.atleast_2d(check.as_numbers(R, what="R"))
        if matrix.ndim != 2 or matrix.shape[1] != len(names):
            raise InputError(f"R has {matrix.shape[1]} columns and X has {len(names)}: pass one a column of X.")
        words = tuple(_in_words(row, names) for row in matrix)
    _refuse_null(fit, matrix)
    return Null(matrix[:, fit.kept], _values_under_null(h0, len(matrix)), words)


def _positions(fit: Fit, param: str | int | Sequence[str | int] | None) -> list[int]:
    names = fit.moments.names
    if param is None:
        candidates = [j for j, name in enumerate(names) if j != fit.moments.unit and name in fit.names]
        if len(candidates) != 1:
            raise InputError(
                f"param is missing and there are {len(candidates)} coefficients to choose from"
                f"{': ' if candidates else ''}{listed((repr(names[j]) for j in candidates), 12)}; say which one to "
                "test."
            )
        return candidates
    several = list(param) if isinstance(param, Iterable) and not isinstance(param, str) else [param]
    if not several:
        raise InputError("param is empty: name at least one coefficient to test.")
    return [check.position(one, names) for one in several]


def _refuse_null(fit: Fit, matrix: Array) -> None:
    lost = [name for j, name in enumerate(fit.moments.names) if name in fit.dropped and matrix[:, j].any()]
    if lost:
        raise InputError(
            f"{listed(map(repr, lost))} was dropped as collinear with earlier columns, so there is no coefficient to "
            "test: leave out the columns it repeats, or test another."
        )
    q = len(matrix)
    if np.linalg.matrix_rank(matrix[:, fit.kept]) < q:
        raise InputError(f"The {q} restrictions are not independent: leave out the one that repeats.")
    if q > fit.G - 1:
        raise InputError(
            f"{q} restrictions cannot be tested with {fit.G} clusters: the rank of the covariance is at most "
            f"G-1 = {fit.G - 1}; test fewer at once."
        )


def _values_under_null(h0: ArrayLike, q: int) -> Array:
    values = np.atleast_1d(check.as_numbers(h0, what="h0"))
    if values.shape not in {(1,), (q,)}:
        raise InputError(f"h0 has {values.size} values and the null {q} restriction(s): pass one value, or one each.")
    if not np.isfinite(values).all():
        raise InputError(f"h0={h0!r} is not a finite number: pass the value of the coefficient under the null.")
    return np.ascontiguousarray(np.broadcast_to(values, (q,)))


def _in_words(row: Array, names: Sequence[str]) -> str:
    """Return a restriction's left-hand side, such as x1 -2 x2."""
    terms = [
        f"{'-' if value < 0 else '+'}{'' if abs(value) == 1 else f'{abs(value):g} '}{name}"
        for value, name in zip(row.tolist(), names, strict=True)
        if value
    ]
    return " ".join(terms).removeprefix("+")
