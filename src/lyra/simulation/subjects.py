"""What the user hands to `certify` or `power` (a world, a table, a fit), and the keywords that belong to each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from numbers import Integral
from typing import Any

from lyra.base.text import option
from lyra.data import check
from lyra.data.units import History
from lyra.errors import InputError
from lyra.regression.least_squares import Fit

__all__ = ["COLUMNS", "TABLE", "coefficient", "fit_of", "past", "refuse_foreign", "whole_seed"]

COLUMNS = ("outcome", "cluster", "covariates", "window", "stratum")
"""The columns of a table, by what they are."""
TABLE = (*COLUMNS, "decimal", "delimiter", "encoding", "missing")
"""Everything that is said of a table: its columns, and how its csv files are written."""


def fit_of(subject: Any) -> Fit | None:
    """Return the fit that the subject is or holds, or None."""
    fit = getattr(subject, "fit", subject)
    return fit if isinstance(fit, Fit) else None


def coefficient(fit: Fit, term: str | None) -> int:
    """Return the position of the coefficient meant; left out, the first that is not constant."""
    if term is not None:
        return check.position(term, fit.names, what="term")
    return next((j for j in range(fit.K) if fit.kept[j] != fit.moments.unit and fit.names[j] != "Intercept"), 0)


def refuse_foreign(subject: str, given: Collection[str], known: Collection[str]) -> None:
    """Refuse a keyword that does not belong to the subject, with those that do."""
    extra = sorted(set(given) - set(known))
    if extra:
        takes = f"it takes {', '.join(sorted(known))}" if known else "leave it out"
        raise InputError(f"{subject} takes no {extra[0]}=: {takes}.")


def past(table: Any, given: Mapping[str, Any]) -> History:
    """Return the history of a table from the columns given, or refuse one that is needed and is not."""
    for needed in ("outcome", "cluster"):
        if not given.get(needed):
            raise InputError(f"A table needs {option(needed)}, the name of its column: pass it.")
    if given["outcome"] == given["cluster"]:
        raise InputError(f"{option('cluster', given['cluster'])} is the outcome: name the column of cluster labels.")
    from lyra.data.history import read_history

    return read_history(table, **{name: given[name] for name in TABLE if name in given})


def whole_seed(seed: Any) -> int:
    """Return the seed, or refuse what is not a whole number of 0 or more."""
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise InputError(f"{option('seed', seed)} is not a whole number: pass 0 or more.")
    if seed < 0:
        raise InputError(f"{option('seed', seed)} is negative: pass 0 or more.")
    return int(seed)
