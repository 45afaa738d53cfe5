"""The user's own table -> History: an outcome, its covariates, and who sits in which cluster, window and stratum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.warn import warn
from lyra.data.census import take_census
from lyra.data.columns import evaluate
from lyra.data.formula import Formula, parse
from lyra.data.labels import encode
from lyra.data.projection import Variables
from lyra.data.query import ordered, plain, resolve
from lyra.data.scan import HeldRows, held
from lyra.data.tables import Frame, Reading, Table, as_table, reading_of
from lyra.data.units import History, Units
from lyra.errors import DroppedRowsWarning

__all__ = ["evaluated", "read_design", "read_history", "with_labels"]


def read_history(
    data: Any,
    *,
    outcome: str,
    cluster: str,
    covariates: Sequence[str] = (),
    window: str | None = None,
    stratum: str | None = None,
    decimal: str = ".",
    delimiter: str | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] | None = None,
) -> History:
    """Return what a certificate or a power analysis needs of past data.

    Parameters
    ----------
    data : frame, relation or path
        Whatever `lyra.fit` takes.
    outcome, cluster : str
        Columns.
    covariates : sequence of str
        Terms to adjust for, in the grammar of `lyra.fit`: "x", "log(x)", "C(city)".
    window, stratum : str, optional
        Columns of the time window and the stratum (a matched pair is a stratum of two clusters). Windows follow one
        another in the order of an ordered categorical, else numbers by size, dates by time and text by the numbers in
        it (W2 before W10); `History.window_order` says which.
    decimal, delimiter, encoding, missing
        How csv files are written; see `lyra.data.tables.Reading`.

    Raises
    ------
    DataError, InputError, FormulaError
        As `lyra.fit`.

    Warns
    -----
    DroppedRowsWarning

    Examples
    --------
    >>> import pandas as pd
    >>> past = read_history(pd.DataFrame({"y": [1, 2, 4], "city": list("aab")}), outcome="y", cluster="city")
    >>> past.y, past.units.cluster
    (array([1., 2., 4.]), array([0, 0, 1], dtype=int32))
    """
    labels = {name: column for name, column in (("window", window), ("stratum", stratum)) if column}
    formula = parse(f"{_quoted(outcome)} ~ {' + '.join(covariates) or '1'}")
    table = as_table(data, reading_of(decimal, delimiter, encoding, missing))
    with table.opened() as frame:
        asked = Variables.of(formula, cluster, table, frame)
        wanted = with_labels(asked, labels.values(), table, frame)
        census = take_census(frame, wanted)
        rows, _ = held(wanted.complete(frame), resolve(frame, asked))
    if census.dropped:
        warn(f"{census} and were left out.", DroppedRowsWarning)
    placed = {name: _placed(rows, wanted, column) for name, column in labels.items()}
    return History(
        y=evaluated(rows, (rows.response,))[:, 0],
        W=evaluated(rows, rows.columns),
        units=Units(rows.codes, **{name: codes for name, (codes, _) in placed.items()}),
        dropped_rows=census.dropped,
        window_order=placed["window"][1] if window else None,
    )


def read_design(
    formula: Formula, data: Any, *, clusters: str, window: str, reading: Reading | None = None
) -> tuple[History, tuple[str, ...]]:
    """Return the outcome and all columns of a regression with each row's window, and the names of the columns."""
    table = as_table(data, reading)
    with table.opened() as frame:
        asked = Variables.of(formula, clusters, table, frame)
        wanted, query = with_labels(asked, [window], table, frame), resolve(frame, asked)
        rows, _ = held(wanted.complete(frame), query)
    units = Units(rows.codes, window=_placed(rows, wanted, window)[0])
    return History(y=evaluated(rows, (rows.response,))[:, 0], W=evaluated(rows, rows.columns), units=units), query.names


def with_labels(asked: Variables, columns: Iterable[str], table: Table, frame: Frame) -> Variables:
    """Return the variables with columns of labels, of which a row must miss none, beside those of the formula."""
    categories, as_text, orders = dict(asked.categories), set(asked.as_text), dict(asked.orders)
    for column in columns:
        levels = parse(f"{_quoted(asked.formula.response.column)} ~ C({_quoted(column)})")
        labels = Variables.of(levels, asked.key, table, frame)
        alias = categories.setdefault(column, f"label {column}")
        as_text |= {alias} if labels.categories[column] in labels.as_text else set()
        orders |= dict.fromkeys([alias], order) if (order := labels.orders.get(labels.categories[column])) else {}
    return replace(asked, categories=categories, as_text=frozenset(as_text), orders=orders)


def _placed(rows: HeldRows, variables: Variables, column: str) -> tuple[NDArray[Any], str]:
    """Return the labels of a column as codes in their order, and the words for that order."""
    alias = variables.categories[column]
    codes, seen = encode(plain(rows.values[alias]))
    order, words = ordered(seen.tolist(), variables.orders.get(alias, ()))
    place = {label: i for i, label in enumerate(order)}
    return np.array([place[label] for label in seen.tolist()], dtype=np.int32)[codes], words


def evaluated(rows: HeldRows, columns: tuple[Any, ...]) -> Array:
    """Return the values of columns in rows held in memory, (N, columns)."""
    return np.asarray(evaluate(columns, rows.values.__getitem__, n_rows=rows.codes.size), dtype=np.float64)


def _quoted(column: str) -> str:
    return column if column.isidentifier() else f"`{column}`"
