"""Front door for tables: lyra.fit(formula, data, clusters=...) -> Regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lyra.base.text import option
from lyra.data.formula import parse
from lyra.errors import InputError
from lyra.fitted import Regression
from lyra.moments.moments import Moments
from lyra.moments.partition import Partition
from lyra.regression.least_squares import Fit, least_squares
from lyra.robust.placed import Drawn, Placed

if TYPE_CHECKING:
    from lyra.moments.windows import ByWindow

__all__ = ["fit", "fit_moments"]


def fit(
    formula: str,
    data: Any,
    *,
    clusters: str,
    stratum: str | None = None,
    window: str | None = None,
    decimal: str = ".",
    delimiter: str | None = None,
    encoding: str = "utf-8",
    missing: Sequence[str] | None = None,
) -> Regression:
    """Return the least-squares regression of `formula` on a table, ready for cluster-robust inference.

    Parameters
    ----------
    formula : str
        For example ``"y ~ treat + x"``; see `lyra.data.grammar`. Text and categorical columns enter by their levels,
        bool columns as 0 and 1.
    data : frame, relation or path
        A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, or a path: one csv or parquet
        file, a glob of them, or a folder of them; see `lyra.data.tables.as_table`.
    clusters : str
        The column of cluster labels; rows that share one may be correlated in any way.
    stratum : str, optional
        The column of strata, or of pairs, in which clusters were drawn to be treated; it holds whole clusters, and is
        read for randomisation inference alone.
    window : str, optional
        The column of time windows, in whose order a switchback goes; read for randomisation inference alone, its rows
        in memory.
    decimal : {".", ","}
        The decimal sign in csv files.
    delimiter : str, optional
        Between the cells of csv files; left out, the one that parts the header.
    encoding : {"utf-8", "utf-16", "latin-1"}
        Of csv files.
    missing : sequence of str, optional
        The words that stand for a missing value in csv files, beside the empty cell; left out, NA, NaN, NULL, None
        and the like, see `lyra.data.tables.as_table`.

    Returns
    -------
    Regression
        `.ladder(term)`, `.robust(variant)`, `.moments`, `.names`, `.n_rows`, `.n_clusters`, `.dropped_rows`.

    Raises
    ------
    FormulaError
        The formula is not in the grammar; its message shows the position.
    DataError
        The table or file cannot be read, is empty, or holds no complete row.
    InputError
        A column is not there, holds no numbers where numbers are needed, or infinite values; a cluster in two strata.
    NotIdentifiedError
        One cluster, K ≥ N, a constant y, or no column left.

    Warns
    -----
    DroppedRowsWarning, DroppedColumnsWarning

    Examples
    --------
    Insurance offered in 166 villages, some with the default to buy [1]_: villages, not farmers, were drawn.

    >>> import lyra
    >>> from lyra.datasets import social_insure
    >>> reg = lyra.fit("takeup_survey ~ default", social_insure(), clusters="address")
    >>> reg.n_rows, reg.n_clusters
    (1410, 166)

    References
    ----------
    .. [1] J. Cai, A. de Janvry and E. Sadoulet (2015), Social networks and the decision to insure. American Economic
       Journal: Applied Economics 7(2), 81-108.
    """
    from lyra.data.tables import reading_of
    from lyra.moments.from_table import moments

    parsed = parse(formula)
    if isinstance(clusters, str) and clusters == parsed.response.column:
        raise InputError(f"{option('clusters', clusters)} is the outcome: name the column of cluster labels.")
    reading = reading_of(decimal, delimiter, encoding, missing)
    fitted = least_squares(moments(parsed, data, clusters=clusters, reading=reading))
    if stratum is None and window is None:
        return Regression(fitted, parsed)
    from lyra.data.strata import strata
    from lyra.moments.windows import by_window

    read: dict[str, Any] = {"clusters": clusters, "reading": reading}
    labels = None if stratum is None else strata(parsed, data, stratum=stratum, **read)
    cells = None if window is None else by_window(parsed, data, window=window, **read)
    return Regression(fitted, parsed, Placed(stratum=labels, cells=None if cells is None else _drawn(cells, fitted)))


def _drawn(cells: ByWindow, fitted: Fit) -> Drawn:
    """Return the regression by cells, or refuse windows that are missing in rows that were fitted."""
    missing = fitted.N - int(cells.moments.sizes.sum())
    if missing:
        raise InputError(
            f"{option('window', cells.window)} is missing in {missing} of the rows that are fitted: fill it in, or "
            "leave those rows out."
        )
    return Drawn(least_squares(cells.moments), Partition(cells.units.codes("cluster")[0]), cells.units)


def fit_moments(moments: Moments) -> Regression:
    """Return the least-squares regression of moments made elsewhere: shards added, clusters cut, sums loaded.

    Raises
    ------
    NotIdentifiedError
        One cluster, K ≥ N, or no column left.

    Warns
    -----
    DroppedColumnsWarning, ConditionWarning

    Examples
    --------
    >>> import numpy as np
    >>> import lyra
    >>> X = np.column_stack([np.ones(6), [0, 0, 1, 1, 0, 1]])
    >>> m = lyra.Moments.from_arrays(np.arange(6.0), X, ["a", "a", "b", "b", "c", "c"], names=["one", "treat"])
    >>> lyra.fit_moments(m.drop("c")).n_clusters
    2
    """
    return Regression(least_squares(moments))
