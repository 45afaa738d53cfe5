"""A table → the stratum of each of its clusters: the labels of one more column, one a cluster."""

from __future__ import annotations

from typing import Any

from lyra.base.text import option
from lyra.data.formula import Formula
from lyra.data.history import with_labels
from lyra.data.projection import KEY, Variables
from lyra.data.query import plain
from lyra.data.tables import Reading, as_table, fetch
from lyra.errors import InputError

__all__ = ["strata"]


def strata(
    formula: Formula, data: Any, *, clusters: str, stratum: str, reading: Reading | None = None
) -> dict[Any, Any]:
    """Return the stratum of each cluster by its label, read from the rows that a regression uses.

    Raises
    ------
    DataError, InputError, FormulaError
        As `lyra.fit`; and a cluster that lies in two strata.

    Examples
    --------
    >>> import pandas as pd
    >>> from lyra.data.formula import parse
    >>> shops = pd.DataFrame({"y": [1, 2, 4, 3], "shop": list("aabc"), "pair": [1, 1, 2, 2]})
    >>> strata(parse("y ~ 1"), shops, clusters="shop", stratum="pair")
    {'a': 1, 'b': 2, 'c': 2}
    """
    table = as_table(data, reading)
    with table.opened() as frame:
        asked = with_labels(Variables.of(formula, clusters, table, frame), [stratum], table, frame)
        alias = asked.categories[stratum]
        pairs = fetch(asked.complete(frame).select(KEY, alias).unique())
    found: dict[Any, Any] = {}
    told = zip(plain(pairs[KEY]).tolist(), plain(pairs[alias]).tolist(), strict=True)
    for cluster, label in sorted(told, key=str):
        if found.setdefault(cluster, label) != label:
            raise InputError(
                f"{option('stratum', stratum)}: cluster {cluster} lies in strata {found[cluster]} and {label}; a "
                "stratum holds whole clusters."
            )
    return found
