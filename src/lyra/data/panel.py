"""The user's own table and a formula -> Panel: a treatment that will be drawn again, and all else that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Codes
from lyra.base.identity import fingerprint
from lyra.base.text import listed, option
from lyra.base.warn import warn
from lyra.data.census import take_census
from lyra.data.formula import Formula, parse
from lyra.data.history import evaluated, with_labels
from lyra.data.labels import encode
from lyra.data.projection import Variables
from lyra.data.query import ordered, plain, resolve
from lyra.data.scan import HeldRows, held
from lyra.data.tables import as_table, reading_of
from lyra.data.terms import Factor, Term
from lyra.data.units import History, Units
from lyra.errors import DroppedRowsWarning, InputError

__all__ = ["Panel", "read_panel"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Panel(History):
    """An outcome, the columns W (N, p) that stay, who sits where and was treated; the effects apart.

    Attributes
    ----------
    treatment : str
        The column that is drawn again; its values are those of `units`.
    effects : mapping of str to (N,) codes
        The levels of every categorical column that stands by itself in the formula.
    """

    treatment: str
    effects: Mapping[str, Codes] = field(default_factory=dict)

    def identity(self) -> dict[str, str]:
        """Return a hash of every array and of every column of labels, by what it is."""
        return History.identity(self) | {"effects": fingerprint(*self.effects.values())}


def read_panel(
    data: Any,
    *,
    formula: str,
    cluster: str,
    term: Any = None,
    window: str | None = None,
    stratum: str | None = None,
    decimal: str = ".",
    delimiter: str | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] | None = None,
) -> Panel:
    """Return what a placebo certificate needs of past data: the rows `lyra.fit` would use, the treatment apart.

    Parameters
    ----------
    data : frame, relation or path
        Whatever `lyra.fit` takes.
    formula : str
        In the grammar of `lyra.fit`, such as "y ~ treat + C(unit) + C(time)".
    cluster : str
        The column of what is drawn whole.
    term : str, optional
        The treatment, a column of 0 and 1 that stands by itself; left out, the first term.
    window, stratum : str, optional
        Columns of the dates and the stratum, as in `lyra.data.history.read_history`.
    decimal, delimiter, encoding, missing
        How csv files are written; see `lyra.data.tables.Reading`.

    Raises
    ------
    DataError, InputError, FormulaError
        As `lyra.fit`; a treatment that is no column of 0 and 1, or is in a second term.

    Warns
    -----
    DroppedRowsWarning

    Examples
    --------
    >>> import pandas as pd
    >>> laws = pd.DataFrame({"y": [1, 2, 4, 3], "law": [0, 1, 0, 0], "state": list("aabb"), "year": [0, 1, 0, 1]})
    >>> panel = read_panel(laws, formula="y ~ law + C(state) + C(year)", cluster="state", window="year")
    >>> panel.treatment, panel.units.treatment, list(panel.effects)
    ('law', array([0., 1., 0., 0.]), ['state', 'year'])
    """
    labels = {name: column for name, column in (("window", window), ("stratum", stratum)) if column}
    table = as_table(data, reading_of(decimal, delimiter, encoding, missing))
    with table.opened() as frame:
        asked = Variables.of(parse(formula), cluster, table, frame)
        treatment = _treatment(asked.formula, term)
        stays, effects = _parted(asked.formula, treatment)
        wanted = with_labels(asked, labels.values(), table, frame)
        census = take_census(frame, wanted)
        coded = {name: alias for name, alias in asked.categories.items() if name in stays.categorical}
        rows, clusters = held(
            wanted.complete(frame), query := resolve(frame, replace(asked, formula=stays, categories=coded))
        )
    if census.dropped:
        warn(f"{census} and were left out.", DroppedRowsWarning)
    told = {alias: _told(rows, alias, query.levels, wanted.orders) for alias in wanted.categories.values()}
    placed = {name: _label(*told[wanted.categories[column]][:2]) for name, column in labels.items()}
    treated = rows.values[wanted.numbers[treatment]]
    _refuse_no_treatment(treatment, treated)
    return Panel(
        y=evaluated(rows, (rows.response,))[:, 0],
        W=evaluated(rows, rows.columns),
        units=Units(_label(rows.codes, clusters), treatment=treated, **placed),
        dropped_rows=census.dropped,
        window_order=told[wanted.categories[window]][2] if window else None,
        treatment=treatment,
        effects={name: told[wanted.categories[name]][0] for name in effects},
    )


# --- the formula --------------------------------------------------------------------------------


def _treatment(formula: Formula, term: Any) -> str:
    """Return the column that is drawn again: of the term meant, or of the first there is."""
    alone = {one[0].label: one[0] for one in formula.terms if len(one) == 1}
    if not alone:
        raise InputError(
            f"the formula {formula.text!r} has no treatment: write it as y ~ treat + ..., a column of 0s and 1s."
        )
    name = next(iter(alone)) if term is None else term
    if name not in alone:
        raise InputError(f"{option('term', name)} is no term of the formula by itself: there is {listed(alone)}.")
    factor = alone[name]
    if factor.categorical or factor.function is not None:
        raise InputError(
            f"{name} cannot be drawn again: the treatment is a column of 0s and 1s by itself, the first term or "
            f"the one named with {option('term')}."
        )
    _refuse_twice(formula, factor)
    return factor.column


def _refuse_twice(formula: Formula, treatment: Factor) -> None:
    for term in formula.terms:
        if term != (treatment,) and any(factor.column == treatment.column for factor in term):
            label = ":".join(factor.label for factor in term)
            raise InputError(f"{label} would change with {treatment.label}, which is drawn again: leave it out.")


def _parted(formula: Formula, treatment: str) -> tuple[Formula, tuple[str, ...]]:
    """Return the formula of the columns that stay, without the effects; and the columns of those."""

    def is_effect(term: Term) -> bool:
        return len(term) == 1 and term[0].categorical

    def is_drawn(term: Term) -> bool:
        return len(term) == 1 and term[0].column == treatment

    stays = tuple(term for term in formula.terms if not is_effect(term) and not is_drawn(term))
    effects = dict.fromkeys(term[0].column for term in formula.terms if is_effect(term))
    return replace(formula, terms=stays), tuple(effects)


# --- the rows -----------------------------------------------------------------------------------


def _told(
    rows: HeldRows, alias: str, levels: Mapping[str, tuple[Any, ...]], orders: Mapping[str, tuple[str, ...]]
) -> tuple[Codes, NDArray[Any], str]:
    """Return the codes of a categorical column (N,), its labels in their order, and the words for that order."""
    values = rows.values[alias]
    if alias in levels:  # coded already
        values = np.asarray(levels[alias])[values]
    codes, seen = encode(plain(values))
    order, words = ordered(seen.tolist(), orders.get(alias, ()))
    place = {label: i for i, label in enumerate(order)}
    return np.array([place[label] for label in seen.tolist()], dtype=np.int32)[codes], np.asarray(order), words


def _label(codes: Codes, labels: NDArray[Any]) -> NDArray[Any]:
    """Return the labels of rows, where sorting keeps them in their order; else their codes."""
    try:
        in_order = np.array_equal(np.unique(labels), labels)
    except TypeError:  # labels of several kinds
        in_order = False
    return labels[codes] if in_order else codes


def _refuse_no_treatment(name: str, values: NDArray[Any]) -> None:
    odd = values[~np.isin(values, (0, 1))]
    if odd.size:
        raise InputError(
            f"column {name!r} holds {odd[0]:g} and would be drawn again as 0s and 1s: name the treatment with "
            f"{option('term')}, or code it so."
        )
