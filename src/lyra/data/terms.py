"""What a formula is made of: factors, their products the terms, and the algebra of sums of terms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from lyra.data.tokens import NAME, Reader, Token

__all__ = [
    "ONE",
    "TRANSFORMS",
    "Factor",
    "Level",
    "Term",
    "Terms",
    "crossed",
    "literal",
    "one",
    "put_in",
    "take_out",
    "united",
]

TRANSFORMS: Mapping[str, np.ufunc] = MappingProxyType(
    {
        "abs": np.absolute,
        "exp": np.exp,
        "log": np.log,
        "log1p": np.log1p,
        "sqrt": np.sqrt,
        "square": np.square,
    }
)
Level: TypeAlias = str | int | float | bool
MOST_TERMS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One column as the formula uses it.

    Attributes
    ----------
    column : str
        Name of the column in the data.
    function : str or None
        What is written around the column: a key of `TRANSFORMS`, ``"C"`` or nothing.
    categorical : bool
        Whether the column enters as indicators of its levels.
    reference : Level or None
        The level left out where one must be; None stands for the first.
    position : int
        Where it was read in the text, counted from 1; two factors are equal wherever they were read.
    """

    column: str
    function: str | None = None
    categorical: bool = False
    reference: Level | None = None
    position: int = field(default=0, compare=False, repr=False)

    @property
    def label(self) -> str:
        """The factor as the design names it: ``x``, ``log(x)``, ``C(d)``, ``C(d, ref="b")``."""
        if self.function is None:
            return self.column
        column = self.column if re.fullmatch(NAME, self.column) else f"`{self.column}`"
        reference = "" if self.reference is None else f", ref={literal(self.reference)}"
        return f"{self.function}({column}{reference})"


Term: TypeAlias = tuple[Factor, ...]
"""A product of factors; the empty product is the intercept."""
Terms: TypeAlias = dict[frozenset[Factor], Term]
ONE: frozenset[Factor] = frozenset()


def literal(level: Level) -> str:
    """Return the level as a formula spells it.

    Examples
    --------
    >>> print(literal("b"), literal(2))
    "b" 2
    """
    return f'"{level}"' if isinstance(level, str) else str(level)


def one() -> Terms:
    """Return the intercept alone."""
    return {ONE: ()}


def united(terms: Terms, more: Terms) -> Terms:
    """Return both sums as one, every term once."""
    return terms | {key: term for key, term in more.items() if key not in terms}


def put_in(reader: Reader, sign: Token, terms: Terms, more: Terms) -> None:
    """Add terms to a sum."""
    for key, term in more.items():
        terms.setdefault(key, term)
    if len(terms) > MOST_TERMS:
        raise reader.refusal(sign, "{} makes more than {:,} terms: leave columns out", MOST_TERMS)


def take_out(reader: Reader, sign: Token, terms: Terms, less: Terms) -> None:
    """Take terms out of a sum, or refuse one that is not there."""
    for key, term in less.items():
        if terms.pop(key, None) is None:
            name = ":".join(factor.label for factor in term) or "the intercept"
            raise reader.refusal(sign, "{} takes out {}, which is not there: correct it or leave it out", name)


def crossed(reader: Reader, operator: Token, left: Terms, right: Terms) -> Terms:
    """Return every term of one sum times every term of the other."""
    if len(left) * len(right) > MOST_TERMS:
        raise reader.refusal(operator, "{} makes more than {:,} terms: cross fewer columns", MOST_TERMS)
    terms: Terms = {}
    for a, b in product(left.values(), right.values()):
        terms.setdefault(frozenset(a + b), tuple(dict.fromkeys(a + b)))
    return terms
