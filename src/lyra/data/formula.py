"""Formula to design columns: terms, expanded over the levels of the categorical columns.

Text becomes columns in two steps. `parse` reads the text alone, in the grammar of `lyra.data.grammar`. `design`
expands the terms once the table has told which columns are categorical (`Formula.with_categorical`) and
which levels they have. `evaluate` computes the columns for a block of rows; a table engine computes the
same from their atoms.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lyra.data.grammar import TRANSFORMS, Factor, Level, Term, literal, read, refusal
from lyra.errors import FormulaError, did_you_mean, listed

__all__ = [
    "TRANSFORMS",
    "Column",
    "Factor",
    "Formula",
    "Indicator",
    "Level",
    "Numeric",
    "Term",
    "design",
    "evaluate",
    "parse",
    "widths",
]


_MOST_CROSSED = 7  # categorical columns in a term, whose parts are two to the power of them
_MOST_PARTS = 5_000


@dataclass(frozen=True, slots=True)
class Numeric:
    """A column of numbers, transformed or not: one atom of a `Column`."""

    column: str
    transform: str | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """1 where the column is at the level, else 0: one atom of a `Column`."""

    column: str
    level: Level


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the design: the product of its atoms, the constant 1 when there are none."""

    name: str
    atoms: tuple[Numeric | Indicator, ...]


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
        raise FormulaError(f"the formula is a {type(text).__name__}: give text such as 'y ~ x'")
    return Formula(text, *read(text))


def design(formula: Formula, levels: Mapping[str, Sequence[Level]]) -> tuple[Column, ...]:
    """Return the columns of the design, none of which repeats what those before it span.

    A categorical factor enters with all of its levels or without the reference, whichever the terms before
    it and the margins of its own term require. The columns then span what the terms span, and are linearly
    independent unless the data make them dependent [1]_.

    Parameters
    ----------
    formula : Formula
        A formula that knows its categorical columns, see `Formula.with_categorical`.
    levels : mapping of str to sequence of Level
        The distinct levels of each column in ``formula.categorical``, in the order the columns shall have.
        The first is the reference unless the formula names another.

    Returns
    -------
    tuple of Column
        By number of factors, then by appearance; within a term the first factor runs fastest.

    Raises
    ------
    FormulaError
        If a named reference is not among the levels, or two columns would carry one name.

    References
    ----------
    .. [1] N. J. Smith et al., patsy documentation, "From terms to matrices: technical details".

    Examples
    --------
    >>> formula = parse("y ~ x + C(d) + log(x):C(d)")
    >>> for column in design(formula, {"d": ["a", "b"]}):
    ...     print(column.name)
    Intercept
    x
    C(d)[T.b]
    log(x):C(d)[a]
    log(x):C(d)[b]
    """
    columns: dict[str, Column] = {}
    for part in _independent_parts(formula.terms):
        for column in _columns(part, formula.text, levels):
            if columns.setdefault(column.name, column) is not column:
                raise FormulaError(f"two columns are named {column.name!r}: rename one of them in the data")
    return tuple(columns.values())


def widths(formula: Formula, counts: Mapping[str, int]) -> dict[str, int]:
    """Return how many columns `design` makes for each product of factors, without making them.

    Parameters
    ----------
    formula : Formula
        A formula that knows its categorical columns.
    counts : mapping of str to int
        How many levels each of them has.

    Examples
    --------
    >>> widths(parse("y ~ C(a):C(b)"), {"a": 3000, "b": 3000})
    {'Intercept': 1, 'C(b)': 2999, 'C(a):C(b)': 8997000}
    """
    made: dict[str, int] = {}
    _refuse_tangled(formula)
    for part in _independent_parts(formula.terms):
        name = ":".join(coded.factor.label for coded in part) or "Intercept"
        made[name] = made.get(name, 0) + prod(_width(coded, counts) for coded in part)
    return made


def _refuse_tangled(formula: Formula) -> None:
    """Refuse products of so many categorical columns that their parts, two to the power of them, are too many."""
    crossed = {term: sum(factor.categorical for factor in term) for term in formula.terms}
    parts = sum(2**n for n in crossed.values() if n)
    if max(crossed.values(), default=0) > _MOST_CROSSED or parts > _MOST_PARTS:
        term = max(crossed, key=crossed.__getitem__)
        raise FormulaError(
            f"the formula crosses up to {crossed[term]} categorical columns at a time, "
            f"as in {':'.join(factor.label for factor in term)}: cross fewer"
        )


def _width(coded: "_Coded", counts: Mapping[str, int]) -> int:
    return counts[coded.factor.column] - (not coded.full) if coded.factor.categorical else 1


def evaluate(
    columns: Sequence[Column], lookup: Callable[[str], NDArray[np.generic]], *, n_rows: int
) -> NDArray[np.float64]:
    """Return the design matrix of a block of rows, shape (n_rows, len(columns)).

    Parameters
    ----------
    columns : sequence of Column
        What `design` returned.
    lookup : callable
        Maps the name of a data column to its values in the block, shape (n_rows,).
    n_rows : int
        Rows in the block.

    Returns
    -------
    ndarray, shape (n_rows, len(columns))
        A transform outside its domain gives NaN or an infinity, and no warning.

    Examples
    --------
    >>> data = {"x": np.array([1.0, 4.0]), "d": np.array(["a", "b"])}
    >>> columns = design(parse("y ~ sqrt(x) + C(d)"), {"d": ["a", "b"]})
    >>> evaluate(columns, data.__getitem__, n_rows=2)
    array([[1., 1., 0.],
           [1., 2., 1.]])
    """
    atoms = {atom for column in columns for atom in column.atoms}
    values = {atom: _values(atom, lookup) for atom in atoms}
    matrix = np.ones((n_rows, len(columns)))
    for k, column in enumerate(columns):
        for atom in column.atoms:
            matrix[:, k] *= values[atom]
    return matrix


def _values(
    atom: Numeric | Indicator, lookup: Callable[[str], NDArray[np.generic]]
) -> NDArray[np.float64] | NDArray[np.bool_]:
    values = np.asarray(lookup(atom.column))
    if isinstance(atom, Indicator):
        return np.asarray(values == atom.level, dtype=np.bool_)
    numbers = values.astype(np.float64, copy=False)
    if atom.transform is None:
        return numbers
    with np.errstate(all="ignore"):
        return np.asarray(TRANSFORMS[atom.transform](numbers), dtype=np.float64)


class _Coded(NamedTuple):
    """A factor in a part of a term; numbers are full, a categorical factor with its reference is too."""

    factor: Factor
    full: bool


_Part: TypeAlias = tuple[_Coded, ...]


def _independent_parts(terms: Iterable[Term]) -> list[_Part]:
    """Return the parts that each term adds to what those before it span."""
    added: list[_Part] = []
    spanned: set[frozenset[_Coded]] = set()
    for term in terms:
        parts = {frozenset(part): part for part in _parts(term)}
        added += _merged(part for key, part in parts.items() if key not in spanned)
        spanned |= parts.keys()
    return added


def _parts(term: Term) -> list[_Part]:
    """Return what a term spans: the products with and without each of its categorical factors, reduced."""
    choices = [(_Coded(f, full=not f.categorical), *([None] if f.categorical else [])) for f in term]
    return [tuple(coded for coded in chosen if coded is not None) for chosen in product(*choices)]


def _merged(parts: Iterable[_Part]) -> list[_Part]:
    """Return the fewest parts that span the same."""
    kept: list[_Part] = []
    for part in sorted(parts, key=len):
        kept = _joined(kept, part)
    return kept


def _joined(kept: list[_Part], part: _Part) -> list[_Part]:
    """Return `kept` with `part`: a margin and its product with a reduced factor are the full product.

    The factor that `part` has beyond the margin is reduced, for were it full the two would overlap.
    """
    for margin in kept:
        extra = set(part) - set(margin)
        if len(part) == len(margin) + 1 and len(extra) == 1:
            whole = tuple(coded._replace(full=True) if coded in extra else coded for coded in part)
            return _merged([*(other for other in kept if other != margin), whole])
    return [*kept, part]


def _columns(part: _Part, text: str, levels: Mapping[str, Sequence[Level]]) -> list[Column]:
    """Return the products of the columns of the part's factors, the first running fastest."""
    choices = [_single_columns(coded, text, levels) for coded in reversed(part)]
    return [_multiplied(chosen[::-1]) for chosen in product(*choices)]


def _multiplied(columns: Sequence[Column]) -> Column:
    name = ":".join(column.name for column in columns) or "Intercept"
    return Column(name, tuple(atom for column in columns for atom in column.atoms))


def _single_columns(coded: _Coded, text: str, levels: Mapping[str, Sequence[Level]]) -> list[Column]:
    factor = coded.factor
    if not factor.categorical:
        return [Column(factor.label, (Numeric(factor.column, factor.function),))]
    present = levels[factor.column]
    reference = _reference(factor, text, present)
    tag = "" if coded.full else "T."
    return [
        Column(f"{factor.label}[{tag}{level}]", (Indicator(factor.column, level),))
        for level in present
        if coded.full or level != reference
    ]


def _reference(factor: Factor, text: str, present: Sequence[Level]) -> Level | None:
    if factor.reference is None:
        return present[0] if len(present) else None
    meant = [level for level in present if _is(level, factor.reference)]
    alike = meant or [level for level in present if _spelt(level) == _spelt(factor.reference)]
    if len(alike) != 1:
        sentence = f"{factor.label} at position {factor.position} has a reference that is no level of it"
        raise refusal(text, factor.position, f"{sentence}: {_known(factor.reference, present)}")
    return alike[0]


def _is(level: Level, reference: Level) -> bool:
    return type(level) is type(reference) and level == reference


def _spelt(level: Level) -> str:
    """Return what stands for a level whether it is text or not: a number as the number, everything else as written."""
    try:
        return str(level) if isinstance(level, bool) else str(float(level))
    except ValueError:
        return str(level)


def _known(reference: Level, present: Sequence[Level]) -> str:
    if isinstance(reference, str) and all(isinstance(level, str) for level in present):
        return did_you_mean(reference, map(str, present))
    return f"there is {listed(map(literal, present), 12)}"
