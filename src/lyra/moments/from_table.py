"""Any table + a formula -> Moments: summed by the engine that holds the table, or from its rows.

A table in memory is read into arrays and summed there. One that stays where it is (a file, a lazy frame, a relation)
is summed by its own engine, one row a cluster coming back, whenever that keeps every digit; otherwise its rows are
read in ranges of clusters.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw

from lyra.base.warn import warn
from lyra.data.census import Census, refuse_empty, take_census
from lyra.data.formula import Formula
from lyra.data.projection import Variables
from lyra.data.query import Query, resolve
from lyra.data.scan import BYTES_AT_ONCE, ScannedRows, held, scanned
from lyra.data.tables import Frame, Reading, Table, as_table
from lyra.errors import DroppedRowsWarning
from lyra.moments.moments import Moments
from lyra.moments.pushdown import can_push_down, push_down

__all__ = ["moments"]


def moments(formula: Formula, data: Any, *, clusters: str, reading: Reading | None = None) -> Moments:
    """Return the moments of a regression on a table.

    Columns of text and categorical columns enter by their levels, the first the reference: in the order of an ordered
    categorical, else numbers by size and text by the numbers in it (W2 before W10). Bool columns are the numbers 0
    and 1 unless written C(column).

    Parameters
    ----------
    formula : Formula
        From `lyra.data.formula.parse`.
    data : frame, relation or path
        A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, or a path: one csv or parquet
        file, a glob of them, or a folder of them; see `lyra.data.tables.as_table`.
    clusters : str
        The column of cluster labels, of any type.
    reading : Reading, optional
        How csv files are written.

    Raises
    ------
    DataError
        The table or file cannot be read, is empty, or holds no complete row.
    InputError
        A column is not there, holds no numbers where numbers are needed, or infinite values.
    FormulaError
        Text is the response or the argument of a transform.

    Warns
    -----
    DroppedRowsWarning
        Rows with a missing value or cluster label were left out.

    Examples
    --------
    >>> import pandas as pd
    >>> from lyra.data.formula import parse
    >>> table = pd.DataFrame({"y": [1, 2, 4, 3], "arm": list("abba"), "city": [1, 1, 2, 2]})
    >>> m = moments(parse("y ~ arm"), table, clusters="city")
    >>> m.names, m.sizes
    (('Intercept', 'arm[T.b]'), array([2, 2]))
    """
    table = as_table(data, reading)
    with table.opened() as frame:
        refuse_empty(frame)
        variables = Variables.of(formula, clusters, table, frame)
        census = take_census(frame, variables)
        if census.dropped:
            warn(f"{census} and were left out.", DroppedRowsWarning)
        query = resolve(frame, variables)
        return _summed(table, frame, query, census)


def _summed(table: Table, frame: Frame, query: Query, census: Census) -> Moments:
    complete = query.variables.complete(frame)
    told: dict[str, Any] = {"names": query.names, "dropped_rows": census.dropped}
    if isinstance(frame, nw.DataFrame):
        kept, labels = held(complete, query)
        return Moments.from_rows(kept, labels, **told)
    if not (can_push_down(query) and _fits(census, len(query.columns))):
        rows = scanned(table, query)
        return Moments.from_rows(rows, rows.labels, **told)
    sums = push_down(complete, query)
    rows = ScannedRows(table=table, query=query, labels=sums.labels, sizes=sums.sizes)
    return sums.moments(rows, **told) if sums.keep_every_digit else Moments.from_rows(rows, rows.labels, **told)


def _fits(census: Census, K: int) -> bool:
    """Whether the sums of all clusters are fewer than the rows, or few."""
    return 8 * census.n_labels * (K + 1) ** 2 <= max(8 * census.n_complete * (K + 1), BYTES_AT_ONCE)
