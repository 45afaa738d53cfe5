"""What every result answers in one set of words: a line in the prompt, the answer in print, plain values for JSON."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from lyra.base.arrays import Array

__all__ = ["HEADS", "Coefficient", "Contract", "Estimated", "Result", "Statistic", "Told", "one_line", "plain"]

WIDTH = 120  # characters of a line
HEADS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")
"""The columns of a table of coefficients, in print and in plain values."""

T_co = TypeVar("T_co", covariant=True)


@runtime_checkable
class Result(Protocol):
    """What is returned to be read. Its `repr` is one line, its `str` the answer: a table or a sentence."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""

    def explain(self) -> str:
        """Return in words what was done and what it says."""


@runtime_checkable
class Statistic(Result, Protocol):
    """A statistic with its p-value: the test of a null."""

    @property
    def statistic(self) -> float | Array:
        """What its law is of."""

    @property
    def p_value(self) -> float | Array:
        """The probability, under the null, of a statistic at least as extreme."""


@runtime_checkable
class Coefficient(Statistic, Protocol):
    """One coefficient, or the K of a fit at once."""

    @property
    def term(self) -> str | tuple[str, ...]:
        """Its name."""

    @property
    def estimate(self) -> float | Array:
        """Its estimate."""

    @property
    def std_error(self) -> float | Array:
        """The standard error of the estimate."""

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the interval (..., 2) of the values that are not rejected."""


class Told(ABC):
    """A result that says its answer in a line of the prompt, and all of it in print."""

    __slots__ = ()

    def __repr__(self) -> str:
        return one_line(type(self).__name__, self._answer())

    def __str__(self) -> str:
        return self.explain()

    @abstractmethod
    def _answer(self) -> str:
        """Return the answer, the most important first: a line has no room for all."""

    @abstractmethod
    def explain(self) -> str:
        """Return in words what was done and what it says."""


class _HasPvalue(Protocol[T_co]):
    @property
    def pvalue(self) -> T_co: ...


class Contract(Told):
    """A result under the names of the array door, told in the words of all others too: the same number."""

    __slots__ = ()

    @property
    def p_value(self: _HasPvalue[T_co]) -> T_co:
        """The same as `pvalue`."""
        return self.pvalue


class _HasCoef(Protocol[T_co]):
    @property
    def coef(self) -> T_co: ...

    @property
    def se(self) -> T_co: ...


class Estimated(Contract):
    """The same of a result that has a coefficient, or the K of a fit."""

    __slots__ = ()

    @property
    def estimate(self: _HasCoef[T_co]) -> T_co:
        """The same as `coef`."""
        return self.coef

    @property
    def std_error(self: _HasCoef[T_co]) -> T_co:
        """The same as `se`."""
        return self.se


def one_line(name: str, answer: str) -> str:
    """Return a class and its answer in one line, cut between words where it is too long.

    Examples
    --------
    >>> one_line("WaldTest", "F = 2.31 on 3 and 17 degrees of freedom, p = 0.113")
    '<WaldTest: F = 2.31 on 3 and 17 degrees of freedom, p = 0.113>'
    >>> len(one_line("Inference", "x 1.25; " * 40)) <= 120
    True
    """
    words = f"{name}: {' '.join(answer.split())}"
    if len(words) > WIDTH - 2:
        words = f"{words[: WIDTH - 4].rpartition(' ')[0].rstrip(';,')} …"
    return f"<{words}>"


def plain(columns: Mapping[str, Array | list[str]]) -> dict[str, list[Any]]:
    """Return the columns of a table as lists of plain Python values.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"term": ["x"], "estimate": np.ones(1)})
    {'term': ['x'], 'estimate': [1.0]}
    """
    return {name: list(column) if isinstance(column, list) else column.tolist() for name, column in columns.items()}
