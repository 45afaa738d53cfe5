"""Which coefficient is meant: by its name, spelled with its C(...) or without, by its place, or the first there is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lyra.base.text import listed, option
from lyra.data import check
from lyra.errors import InputError
from lyra.regression.least_squares import Fit

__all__ = ["coefficient", "named"]


def coefficient(fit: Fit, term: Any = None) -> int:
    """Return the place of the coefficient meant; left out, the first that is not constant.

    Raises
    ------
    InputError
        No such coefficient, several of a column's, or what names none.
    """
    if term is not None:
        return check.position(_meant(term, fit.names), fit.names, what="term")
    return next((j for j in range(fit.K) if fit.kept[j] != fit.moments.unit and fit.names[j] != "Intercept"), 0)


def named(fit: Fit, terms: Any) -> list[str]:
    """Return the names of one or several columns, of those left out as collinear too: a null may be stated on them.

    Raises
    ------
    InputError
        No such column, or none at all.
    """
    names = fit.moments.names
    several = list(terms) if isinstance(terms, Iterable) and not isinstance(terms, str) else [terms]
    if not several:
        raise InputError(f"{option('term').removesuffix('=')} is empty: name at least one coefficient to test.")
    return [names[check.position(_meant(term, names), names, what="term")] for term in several]


def _meant(term: Any, names: tuple[str, ...]) -> Any:
    """Return the coefficient's name that a term means: ``arm[T.b]`` may be spelled with its C(...) or without."""
    if term in (names if isinstance(term, str) else range(-len(names), len(names))):
        return term
    if not isinstance(term, (str, int)):
        raise InputError(f"{option('term')} names one coefficient, and {term!r} is none: ask for one at a time.")
    alike = [name for name in names if _short(name) == _short(str(term))]
    if len(alike) == 1:
        return alike[0]
    of_column = [name for name in names if _short(name).split("[")[0] == _short(str(term))]
    if of_column:
        raise InputError(f"{option('term', term)} has {len(of_column)} coefficients: name one of {listed(of_column)}.")
    return term


def _short(name: str) -> str:
    """Return a coefficient's name with each C(column, ...) shortened to the column."""
    return re.sub(r"C\(\s*([^,()]+?)\s*(?:,[^()]*)?\)", r"\1", name)
