"""Formula text to response and terms: a closed Wilkinson grammar that evaluates no Python.

::

    formula  = response "~" sum
    response = column | transform "(" column ")"
    sum      = ["+" | "-"] product (("+" | "-") product)*     - takes out; + 0 is - 1: no intercept
    product  = cross ("*" cross)*                             a*b is a + b + a:b
    cross    = atom (":" atom)*
    atom     = column | transform "(" column ")" | "C" "(" column ["," "ref" "=" level] ")"
             | "(" sum ")" | "1"
    column   = a name, or anything between backticks
    level    = "text" | 'text' | number | True | False

The transforms are the keys of `TRANSFORMS`. There is no power operator, so that ``*`` and ``:`` mean one
thing each: the square of a column is ``square(x)``. Taking out a term that is not there is refused, because
it is a misspelt term more often than a wish.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np

from lyra.errors import FormulaError, did_you_mean

__all__ = ["TRANSFORMS", "Factor", "Level", "Term", "literal", "read", "refusal"]

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

_FUNCTIONS = ("C", *TRANSFORMS)
_FOREIGN = {
    "|": "fixed effects are not part of this grammar, write them as dummies with C(column)",
    "**": "there is no power operator, write square(x) for a power or a*b to cross",
    "^": "there is no power operator, write square(x) for a power or a*b to cross",
    "/": "there is no nesting operator, write a + a:b",
}
_MOST_TERMS = 10_000
_MOST_CHARACTERS = 100_000
_SHOWN = 60  # characters on either side of the place that a refusal shows
_DEEPEST = 50
_NAME = r"[^\W\d][\w.]*"
_TOKEN = re.compile(
    rf"""(?P<name>{_NAME}) | `(?P<quoted>[^`]+)` | (?P<string>"[^"]*"|'[^']*')
       | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?) | (?P<symbol>\*\*|[-~+*:(),=|^/])""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
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
        column = self.column if re.fullmatch(_NAME, self.column) else f"`{self.column}`"
        reference = "" if self.reference is None else f", ref={literal(self.reference)}"
        return f"{self.function}({column}{reference})"


Term: TypeAlias = tuple[Factor, ...]
"""A product of factors; the empty product is the intercept."""

_Terms: TypeAlias = dict[frozenset[Factor], Term]
_ONE: frozenset[Factor] = frozenset()


def read(text: str) -> tuple[Factor, tuple[Term, ...]]:
    """Return the response and the terms that `text` spells.

    Parameters
    ----------
    text : str
        For example ``y ~ a + b*c + C(d, ref="x") + log(z) - 1``.

    Returns
    -------
    response : Factor
        The left-hand side.
    terms : tuple of Term
        The right-hand side, by number of factors and then by appearance; ``()`` is the intercept.

    Raises
    ------
    FormulaError
        If the text is not in the grammar.

    Examples
    --------
    >>> response, terms = read("log(y) ~ a*b - a")
    >>> response.label
    'log(y)'
    >>> [[factor.label for factor in term] for term in terms]
    [[], ['b'], ['a', 'b']]
    """
    reader = _Reader(text, _tokens(text))
    tilde = _tilde(reader)
    response = _response(reader)
    terms = _sum(reader, {_ONE: ()})
    if reader.here.kind != "end":
        raise _stray(reader)
    if not terms:
        raise reader.refusal(tilde, "no term is left after {}: name a column, or write 1 for the intercept alone")
    _response_stays_left(text, response, terms)
    return response, tuple(sorted(terms.values(), key=len))


def refusal(text: str, position: int, sentence: str) -> FormulaError:
    """Return the error that says the sentence and shows the position below it.

    Examples
    --------
    >>> print(refusal("y ~ +", 5, "this sum ends too early."))
    this sum ends too early.
      y ~ +
          ^
    """
    start, end = max(position - 1 - _SHOWN, 0), position - 1 + _SHOWN
    before, after = "..." * (start > 0), "..." * (end < len(text))
    shown = re.sub(r"\s", " ", text[start:end])
    return FormulaError(f"{sentence}\n  {before}{shown}{after}\n  {'^':>{position - start + len(before)}}")


def literal(level: Level) -> str:
    """Return the level as a formula spells it.

    Examples
    --------
    >>> print(literal("b"), literal(2))
    "b" 2
    """
    return f'"{level}"' if isinstance(level, str) else str(level)


class _Token(NamedTuple):
    kind: str
    text: str
    position: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


def _tokens(text: str) -> list[_Token]:
    if len(text) > _MOST_CHARACTERS:
        raise FormulaError(f"the formula has {len(text):,} characters: write at most {_MOST_CHARACTERS:,}")
    tokens = []
    start = 0
    while (start := _SPACE.match(text, start).end()) < len(text):  # type: ignore[union-attr]  # it matches nothing too
        token, start = _token(text, start)
        tokens.append(token)
    return [*tokens, _Token("end", "", len(text) + 1)]


def _token(text: str, start: int) -> tuple[_Token, int]:
    """Return the token that begins at `start`, and where the next may begin."""
    found = _TOKEN.match(text, start)
    place = f"{(found.group() if found else text[start])!r} at position {start + 1}"
    if found is None and text[start] in "`'\"":
        raise refusal(text, start + 1, f"{place} is not closed: add the second one")
    if found is None:
        raise refusal(text, start + 1, f"{place} is not part of this grammar: put odd column names in backticks")
    if found.group() in _FOREIGN:
        raise refusal(text, start + 1, f"{place}: {_FOREIGN[found.group()]}")
    kind = str(found.lastgroup)
    return _Token(kind, found[kind], start + 1), found.end()


@dataclass(slots=True)
class _Reader:
    """The tokens of a formula and how far they have been read."""

    text: str
    tokens: list[_Token]
    read: int = 0
    depth: int = 0

    @property
    def here(self) -> _Token:
        return self.tokens[self.read]

    @property
    def before(self) -> _Token:
        return self.tokens[self.read - 1]

    @property
    def at_column(self) -> bool:
        return self.here.kind in {"name", "quoted"}

    def take(self) -> _Token:
        self.read += 1
        return self.before

    def accept(self, *words: str) -> _Token | None:
        """Take the token if it is one of the words; a column in backticks is none."""
        return self.take() if self.here.kind != "quoted" and self.here.text in words else None

    def refusal(self, token: _Token, sentence: str, *rest: object) -> FormulaError:
        """Return the error whose first braces hold the token and its position."""
        place = f"{token} at position {token.position}"
        return refusal(self.text, token.position, sentence.format(place, *rest))


def _tilde(reader: _Reader) -> _Token:
    tildes = [token for token in reader.tokens if token.kind == "symbol" and token.text == "~"]
    if not tildes:
        raise reader.refusal(reader.tokens[-1], "no '~' up to {}: write response ~ terms")
    if len(tildes) > 1:
        raise reader.refusal(tildes[1], "{} is the second: keep one '~', between response and terms")
    return tildes[0]


def _response(reader: _Reader) -> Factor:
    first = reader.here
    if reader.accept("~"):
        raise reader.refusal(first, "no response stands before {}: name one column there")
    if not reader.at_column:
        raise reader.refusal(first, "{} cannot be the response: name one column or a transform of one")
    response = _factor(reader)
    if response.categorical:
        raise reader.refusal(first, "{} makes the response categorical: recode it as numbers in the data")
    if not reader.accept("~"):
        raise reader.refusal(reader.here, "{} follows the response: name one column or a transform of one")
    return response


def _response_stays_left(text: str, response: Factor, terms: _Terms) -> None:
    for factor in (factor for term in terms.values() for factor in term):
        if factor.column == response.column:
            place = f"the response {factor.column!r} is also a term, at position {factor.position}"
            raise refusal(text, factor.position, f"{place}: take it out of the right-hand side")


def _sum(reader: _Reader, terms: _Terms) -> _Terms:
    """Return `terms` with the summands put in and taken out."""
    summed = dict(terms)
    sign = reader.accept("+", "-")
    while True:
        start = sign or reader.here
        zero = reader.accept("0")
        operand = _one() if zero else _product(reader)
        if (start.text == "-") == bool(zero):
            _put_in(reader, start, summed, operand)
        else:
            _take_out(reader, start, summed, operand)
        sign = reader.accept("+", "-")
        if sign is None:
            return summed


def _product(reader: _Reader) -> _Terms:
    terms = _cross(reader)
    while star := reader.accept("*"):
        right = _cross(reader)
        terms = _united(_united(terms, right), _crossed(reader, star, terms, right))
    return terms


def _cross(reader: _Reader) -> _Terms:
    terms = _atom(reader)
    while colon := reader.accept(":"):
        terms = _crossed(reader, colon, terms, _atom(reader))
    return terms


def _atom(reader: _Reader) -> _Terms:
    if opened := reader.accept("("):
        return _group(reader, opened)
    if reader.accept("1"):
        return _one()
    if not reader.at_column:
        raise _not_a_term(reader)
    factor = _factor(reader)
    return {frozenset({factor}): (factor,)}


def _group(reader: _Reader, opened: _Token) -> _Terms:
    reader.depth += 1
    if reader.depth > _DEEPEST:
        raise reader.refusal(opened, "{} is more than {} parentheses deep: take some out", _DEEPEST)
    terms = _sum(reader, {})
    reader.depth -= 1
    if not reader.accept(")"):
        raise _stray(reader, opened)
    return terms


def _factor(reader: _Reader) -> Factor:
    first = reader.take()
    opened = reader.accept("(") if first.kind == "name" else None
    if opened is None:
        return Factor(first.text, position=first.position)
    name = first.text
    if name not in _FUNCTIONS:
        raise reader.refusal(first, "unknown function {}: {}", did_you_mean(name, _FUNCTIONS))
    if not reader.at_column:
        raise reader.refusal(first, "{} is called on no column: write {}(column)", name)
    column = reader.take().text
    reference = _reference(reader) if name == "C" and reader.accept(",") else None
    if not reader.accept(")"):
        raise _stray(reader, opened, inside=name)
    return Factor(column, name, name == "C", reference, first.position)


def _reference(reader: _Reader) -> Level:
    if not (reader.accept("ref") and reader.accept("=")):
        raise reader.refusal(reader.here, "{} cannot follow the column in C(...): write ref=level or nothing")
    negative = reader.accept("-")
    token = reader.take()
    if token.kind == "number":
        number = int(token.text) if token.text.isdigit() else float(token.text)
        return -number if negative else number
    if token.kind == "string" and not negative:
        return token.text[1:-1]
    if token.text in {"True", "False"} and not negative:
        return token.text == "True"
    raise reader.refusal(token, "{} is not a level: give ref= a quoted text, a number, True or False")


def _one() -> _Terms:
    return {_ONE: ()}


def _united(terms: _Terms, more: _Terms) -> _Terms:
    return terms | {key: term for key, term in more.items() if key not in terms}


def _put_in(reader: _Reader, sign: _Token, terms: _Terms, more: _Terms) -> None:
    for key, term in more.items():
        terms.setdefault(key, term)
    if len(terms) > _MOST_TERMS:
        raise reader.refusal(sign, "{} makes more than {:,} terms: leave columns out", _MOST_TERMS)


def _take_out(reader: _Reader, sign: _Token, terms: _Terms, less: _Terms) -> None:
    for key, term in less.items():
        if terms.pop(key, None) is None:
            name = ":".join(factor.label for factor in term) or "the intercept"
            raise reader.refusal(sign, "{} takes out {}, which is not there: correct it or leave it out", name)


def _crossed(reader: _Reader, operator: _Token, left: _Terms, right: _Terms) -> _Terms:
    if len(left) * len(right) > _MOST_TERMS:
        raise reader.refusal(operator, "{} makes more than {:,} terms: cross fewer columns", _MOST_TERMS)
    crossed: _Terms = {}
    for a, b in product(left.values(), right.values()):
        crossed.setdefault(frozenset(a + b), tuple(dict.fromkeys(a + b)))
    return crossed


def _not_a_term(reader: _Reader) -> FormulaError:
    """Return what to say where a term should begin and does not."""
    here, before = reader.here, reader.before
    if here.kind == "number":
        return reader.refusal(here, "{} is no term: the only numbers are 1 for the intercept and 0 for none")
    if before.text in {"+", "-", "*", ":"}:
        return reader.refusal(before, "{} is not followed by a term: name a column or take it out")
    if before.text == "~" and here.kind == "end":
        return reader.refusal(before, "nothing follows {}: name a column, or write 1 for the intercept alone")
    if before.text == "(" and here.kind == "end":
        return _stray(reader, before)
    return reader.refusal(here, "{} is where a term should be: name a column, in backticks if its name is odd")


def _stray(reader: _Reader, opened: _Token | None = None, *, inside: str | None = None) -> FormulaError:
    """Return what to say of a token that neither goes on nor closes what was opened."""
    here = reader.here
    if opened and here.kind == "end":
        return reader.refusal(opened, "{} is not closed: add ')'")
    if inside:
        takes = "one column and ref=level" if inside == "C" else "one column, others are made in the data"
        return reader.refusal(here, "{} has no place in {}(...): it takes {}", inside, takes)
    if here.text == ")":
        return reader.refusal(here, "{} closes nothing: take it out or open it with '('")
    if here.text in {"*", ":"}:
        return reader.refusal(here, "{} multiplies 0, which is no term: take it out")
    if here.text in {",", "="}:
        return reader.refusal(here, "{} belongs only in C(column, ref=level): take it out")
    return reader.refusal(here, "no operator stands before {}: write +, : or * there")
