"""Formula text -> tokens, a reader that takes them one by one, and the refusal that shows the place in the text."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from lyra.errors import FormulaError

__all__ = ["NAME", "Reader", "Token", "refusal", "tokens_of"]

NAME = r"[^\W\d][\w.]*"
FOREIGN = {
    "|": "fixed effects are not part of this grammar, write them as dummies with C(column)",
    "**": "there is no power operator, write square(x) for a power or a*b to cross",
    "^": "there is no power operator, write square(x) for a power or a*b to cross",
    "/": "there is no nesting operator, write a + a:b",
}
MOST_CHARACTERS = 100_000
SHOWN = 60  # characters on either side of the place that a refusal shows
TOKEN = re.compile(
    rf"""(?P<name>{NAME}) | `(?P<quoted>[^`]+)` | (?P<string>"[^"]*"|'[^']*')
       | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?) | (?P<symbol>\*\*|[-~+*:(),=|^/])""",
    re.VERBOSE,
)
SPACE = re.compile(r"\s*")


def refusal(text: str, position: int, sentence: str) -> FormulaError:
    """Return the error that says the sentence and shows the position below it.

    Examples
    --------
    >>> print(refusal("y ~ +", 5, "this sum ends too early"))
    this sum ends too early.
      y ~ +
          ^
    """
    start, end = max(position - 1 - SHOWN, 0), position - 1 + SHOWN
    before, after = "..." * (start > 0), "..." * (end < len(text))
    shown = re.sub(r"\s", " ", text[start:end])
    return FormulaError(f"{sentence}.\n  {before}{shown}{after}\n  {'^':>{position - start + len(before)}}")


class Token(NamedTuple):
    """A piece of the text, what it is, and where it begins, counted from 1."""

    kind: str
    text: str
    position: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of the text and one for its end, or refuse what is none."""
    if len(text) > MOST_CHARACTERS:
        raise FormulaError(f"the formula has {len(text):,} characters: write at most {MOST_CHARACTERS:,}.")
    tokens = []
    start = 0
    while (start := SPACE.match(text, start).end()) < len(text):  # type: ignore[union-attr]  # it matches nothing too
        token, start = _token(text, start)
        tokens.append(token)
    return [*tokens, Token("end", "", len(text) + 1)]


def _token(text: str, start: int) -> tuple[Token, int]:
    """Return the token that begins at `start`, and where the next may begin."""
    found = TOKEN.match(text, start)
    place = f"{(found.group() if found else text[start])!r} at position {start + 1}"
    if found is None and text[start] in "`'\"":
        raise refusal(text, start + 1, f"{place} is not closed: add the second one")
    if found is None:
        raise refusal(text, start + 1, f"{place} is not part of this grammar: put odd column names in backticks")
    if found.group() in FOREIGN:
        raise refusal(text, start + 1, f"{place}: {FOREIGN[found.group()]}")
    kind = str(found.lastgroup)
    return Token(kind, found[kind], start + 1), found.end()


@dataclass(slots=True)
class Reader:
    """The tokens of a formula and how far they have been read."""

    text: str
    tokens: list[Token]
    read: int = 0
    depth: int = 0

    @property
    def here(self) -> Token:
        """The token to be read next."""
        return self.tokens[self.read]

    @property
    def before(self) -> Token:
        """The token read last."""
        return self.tokens[self.read - 1]

    @property
    def at_column(self) -> bool:
        """Whether a name is next."""
        return self.here.kind in {"name", "quoted"}

    def take(self) -> Token:
        """Read a token."""
        self.read += 1
        return self.before

    def accept(self, *words: str) -> Token | None:
        """Take the token if it is one of the words; a column in backticks is none."""
        return self.take() if self.here.kind != "quoted" and self.here.text in words else None

    def refusal(self, token: Token, sentence: str, *rest: object) -> FormulaError:
        """Return the error whose first braces hold the token and its position."""
        place = f"{token} at position {token.position}"
        return refusal(self.text, token.position, sentence.format(place, *rest))
