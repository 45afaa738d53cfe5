"""Terms -> the columns of the design: which levels of a categorical factor enter, so that no column repeats others.

A factor enters with all of its levels or without its reference, whichever the terms before it leave to be spanned.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import NamedTuple, TypeAlias

from lyra.base.text import did_you_mean, listed
from lyra.data.columns import Column, Indicator, Numeric
from lyra.data.formula import Formula
from lyra.data.terms import Factor, Level, Term, literal
from lyra.data.tokens import refusal
from lyra.errors import FormulaError

__all__ = ["design", "widths"]

MOST_CROSSED = 7  # categorical columns in a term, whose parts are two to the power of them
MOST_PARTS = 5_000


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
    >>> from lyra.data.formula import parse
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
                raise FormulaError(f"two columns are named {column.name!r}: rename one of them in the data.")
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
    >>> from lyra.data.formula import parse
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
    if max(crossed.values(), default=0) > MOST_CROSSED or parts > MOST_PARTS:
        term = max(crossed, key=crossed.__getitem__)
        raise FormulaError(
            f"the formula crosses up to {crossed[term]} categorical columns at a time, "
            f"as in {':'.join(factor.label for factor in term)}: cross fewer."
        )


def _width(coded: "_Coded", counts: Mapping[str, int]) -> int:
    return counts[coded.factor.column] - (not coded.full) if coded.factor.categorical else 1


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
