"""The user's own table -> History: an outcome, its covariates, and who sits in which cluster, window and stratum."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra import check
from lyra.errors import DroppedRowsWarning
from lyra.formula import evaluate, parse
from lyra.query import Variables, plain, resolve, take_census
from lyra.scan import HeldRows, held
from lyra.sources import History
from lyra.tables import as_table
from lyra.units import Units

__all__ = ["read_history"]


def read_history(
    data: Any,
    *,
    outcome: str,
    cluster: str,
    covariates: Sequence[str] = (),
    window: str | None = None,
    stratum: str | None = None,
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
        Columns of the time window and the stratum (a matched pair is a stratum of two clusters).

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
    with as_table(data).opened() as frame:
        schema = frame.collect_schema()
        asked = Variables.of(formula, cluster, schema)
        wanted = _with_labels(asked, labels.values(), schema)
        census = take_census(frame, wanted)
        rows, _ = held(wanted.complete(frame), resolve(frame, asked))
    if census.dropped:
        warnings.warn(f"{census} and were left out.", DroppedRowsWarning, stacklevel=2)
    return History(
        y=_evaluated(rows, (rows.response,))[:, 0],
        W=_evaluated(rows, rows.columns),
        units=Units(rows.codes, **{name: _codes(rows, wanted.categories[column]) for name, column in labels.items()}),
        dropped_rows=census.dropped,
    )


def _with_labels(asked: Variables, columns: Iterable[str], schema: Mapping[str, Any]) -> Variables:
    """Return the variables with columns of labels, of which a row must miss none, beside those of the formula."""
    categories, as_text = dict(asked.categories), set(asked.as_text)
    for column in columns:
        labels = Variables.of(parse(f"{asked.formula.response.column} ~ C({_quoted(column)})"), asked.key, schema)
        alias = categories.setdefault(column, f"label {column}")
        as_text |= {alias} if labels.categories[column] in labels.as_text else set()
    return replace(asked, categories=categories, as_text=frozenset(as_text))


def _codes(rows: HeldRows, alias: str) -> NDArray[Any]:
    """Return the labels of a column as codes in the labels' order."""
    return check.encode(plain(rows.values[alias]))[0]


def _evaluated(rows: HeldRows, columns: tuple[Any, ...]) -> NDArray[np.float64]:
    return np.asarray(evaluate(columns, rows.values.__getitem__, n_rows=rows.codes.size), dtype=np.float64)


def _quoted(column: str) -> str:
    return column if column.isidentifier() else f"`{column}`"
