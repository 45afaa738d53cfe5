"""Any table + a formula -> Moments: sums pushed down to the engine that holds the table, or made from its rows."""

from __future__ import annotations

import warnings
from typing import Any

import narwhals as nw

from lyra.errors import DroppedRowsWarning
from lyra.formula import Formula
from lyra.moments import Moments
from lyra.query import Variables, resolve, take_census
from lyra.scan import held, scanned
from lyra.source import source

__all__ = ["moments"]


def moments(formula: Formula, data: Any, *, clusters: str) -> Moments:
    table = source(data)
    with table.opened() as frame:
        variables = Variables.of(formula, clusters, frame.collect_schema())
        census = take_census(frame, variables)
        query = resolve(frame, variables)
        if isinstance(frame, nw.LazyFrame):
            rows, labels = scanned(table, query)
        else:
            rows, labels = held(variables.complete(frame), query)
        if census.dropped:
            warnings.warn(f"{census} and were left out.", DroppedRowsWarning, stacklevel=3)
        return Moments.from_rows(rows, labels, names=query.names, dropped_rows=census.dropped)
