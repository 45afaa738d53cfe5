"""A formula, parsed from text alone, before any data is seen: its response, its terms, the columns they use.

Text becomes columns in two steps. `parse` reads the text in the grammar of `lyra.data.grammar`; `lyra.data.coding`
expands the terms once the table has told which columns are categorical (`Formula.with_categorical`) and which levels
they have.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from lyra.data.columns import Column, Numeric
from lyra.data.grammar import read
from lyra.data.terms import TRANSFORMS, Factor, Term
from lyra.data.tokens import refusal
from lyra.errors import FormulaError

__all__ = ["Formula", "parse"]


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula, before any data is seen.

    Attributes
    ----------
    text : str
        What was parsed.
    response : Factor
        The left-hand side.
    terms : tuple of Term
        The right-hand side, by number of factors and then by appearance; ``()`` is the intercept.
    """

    text: str
    response: Factor
    terms: tuple[Term, ...]

    @property
    def intercept(self) -> bool:
        """Whether the constant is a term of its own."""
        return () in self.terms

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The response and every factor of a term, in order of first appearance in the text."""
        used = (self.response, *(factor for term in self.terms for factor in term))
        return tuple(dict.fromkeys(sorted(used, key=lambda factor: factor.position)))

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns of the data that are used, in order of first appearance in the text."""
        return tuple(dict.fromkeys(factor.column for factor in self.factors))

    @property
    def categorical(self) -> tuple[str, ...]:
        """The columns whose levels `design` needs, in order of first appearance in the text."""
        return tuple(dict.fromkeys(factor.column for factor in self.factors if factor.categorical))

    @property
    def response_column(self) -> Column:
        """The response in the form of a design column, to be computed as those are."""
        return Column(self.response.label, (Numeric(self.response.column, self.response.function),))

    def with_categorical(self, columns: Collection[str]) -> "Formula":
        """Return the formula with `columns` categorical also where they stand without C().

        Parameters
        ----------
        columns : collection of str
            Columns of text or of a categorical type; names the formula does not use are ignored.

        Returns
        -------
        Formula

        Raises
        ------
        FormulaError
            If one of the columns is the response or the argument of a transform.

        Examples
        --------
        >>> parse("y ~ x + d").with_categorical({"d"}).categorical
        ('d',)
        """
        for factor in self.factors:
            if factor.column in columns and (factor == self.response or factor.function in TRANSFORMS):
                raise refusal(self.text, factor.position, _needs_numbers(factor))
        terms = (tuple(_marked(factor, columns) for factor in term) for term in self.terms)
        return replace(self, terms=tuple(terms))


def _marked(factor: Factor, columns: Collection[str]) -> Factor:
    return replace(factor, categorical=factor.categorical or factor.column in columns)


def _needs_numbers(factor: Factor) -> str:
    return (
        f"{factor.label} at position {factor.position} needs numbers, "
        f"and the column {factor.column!r} is categorical: recode it in the data"
    )


def parse(text: str) -> Formula:
    """Return the formula that `text` spells.

    Parameters
    ----------
    text : str
        For example ``y ~ a + b*c + C(d, ref="x") + log(z) - 1``.

    Returns
    -------
    Formula

    Raises
    ------
    FormulaError
        If the text is not in the grammar of `lyra.data.grammar`. The first line of the message says what is
        wrong, at which position (counted from 1) and what to do; the other lines show the place.

    Examples
    --------
    >>> formula = parse("log(y) ~ a*b - a + C(d)")
    >>> formula.variables
    ('y', 'a', 'b', 'd')
    >>> [":".join(factor.label for factor in term) or "1" for term in formula.terms]
    ['1', 'b', 'C(d)', 'a:b']
    """
    if not isinstance(text, str):
        raise FormulaError(f"the formula is a {type(text).__name__}: give text such as 'y ~ x'.")
    return Formula(text, *read(text))
