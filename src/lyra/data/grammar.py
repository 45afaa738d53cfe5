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

from lyra.base.text import did_you_mean
from lyra.data.terms import ONE, TRANSFORMS, Factor, Level, Term, Terms, crossed, one, put_in, take_out, united
from lyra.data.tokens import Reader, Token, refusal, tokens_of
from lyra.errors import FormulaError

__all__ = ["read"]


FUNCTIONS = ("C", *TRANSFORMS)
DEEPEST = 50


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
    reader = Reader(text, tokens_of(text))
    tilde = _tilde(reader)
    response = _response(reader)
    terms = _sum(reader, {ONE: ()})
    if reader.here.kind != "end":
        raise _stray(reader)
    if not terms:
        raise reader.refusal(tilde, "no term is left after {}: name a column, or write 1 for the intercept alone")
    _response_stays_left(text, response, terms)
    return response, tuple(sorted(terms.values(), key=len))


def _tilde(reader: Reader) -> Token:
    tildes = [token for token in reader.tokens if token.kind == "symbol" and token.text == "~"]
    if not tildes:
        raise reader.refusal(reader.tokens[-1], "no '~' up to {}: write response ~ terms")
    if len(tildes) > 1:
        raise reader.refusal(tildes[1], "{} is the second: keep one '~', between response and terms")
    return tildes[0]


def _response(reader: Reader) -> Factor:
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


def _response_stays_left(text: str, response: Factor, terms: Terms) -> None:
    for factor in (factor for term in terms.values() for factor in term):
        if factor.column == response.column:
            place = f"the response {factor.column!r} is also a term, at position {factor.position}"
            raise refusal(text, factor.position, f"{place}: take it out of the right-hand side")


def _sum(reader: Reader, terms: Terms) -> Terms:
    """Return `terms` with the summands put in and taken out."""
    summed = dict(terms)
    sign = reader.accept("+", "-")
    while True:
        start = sign or reader.here
        zero = reader.accept("0")
        operand = one() if zero else _product(reader)
        if (start.text == "-") == bool(zero):
            put_in(reader, start, summed, operand)
        else:
            take_out(reader, start, summed, operand)
        sign = reader.accept("+", "-")
        if sign is None:
            return summed


def _product(reader: Reader) -> Terms:
    terms = _cross(reader)
    while star := reader.accept("*"):
        right = _cross(reader)
        terms = united(united(terms, right), crossed(reader, star, terms, right))
    return terms


def _cross(reader: Reader) -> Terms:
    terms = _atom(reader)
    while colon := reader.accept(":"):
        terms = crossed(reader, colon, terms, _atom(reader))
    return terms


def _atom(reader: Reader) -> Terms:
    if opened := reader.accept("("):
        return _group(reader, opened)
    if reader.accept("1"):
        return one()
    if not reader.at_column:
        raise _not_a_term(reader)
    factor = _factor(reader)
    return {frozenset({factor}): (factor,)}


def _group(reader: Reader, opened: Token) -> Terms:
    reader.depth += 1
    if reader.depth > DEEPEST:
        raise reader.refusal(opened, "{} is more than {} parentheses deep: take some out", DEEPEST)
    terms = _sum(reader, {})
    reader.depth -= 1
    if not reader.accept(")"):
        raise _stray(reader, opened)
    return terms


def _factor(reader: Reader) -> Factor:
    first = reader.take()
    opened = reader.accept("(") if first.kind == "name" else None
    if opened is None:
        return Factor(column=first.text, position=first.position)
    name = first.text
    if name not in FUNCTIONS:
        raise reader.refusal(first, "unknown function {}: {}", did_you_mean(name, FUNCTIONS))
    if not reader.at_column:
        raise reader.refusal(first, "{} is called on no column: write {}(column)", name)
    column = reader.take().text
    reference = _reference(reader) if name == "C" and reader.accept(",") else None
    if not reader.accept(")"):
        raise _stray(reader, opened, inside=name)
    return Factor(column=column, function=name, categorical=name == "C", reference=reference, position=first.position)


def _reference(reader: Reader) -> Level:
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


def _not_a_term(reader: Reader) -> FormulaError:
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


def _stray(reader: Reader, opened: Token | None = None, *, inside: str | None = None) -> FormulaError:
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
