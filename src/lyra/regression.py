"""Front door for tables: lyra.fit(formula, data, clusters=...) -> Regression, and its ladder of standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra import check
from lyra.formula import Formula, parse
from lyra.ladder import LADDER, Ladder, climb
from lyra.moments import Moments
from lyra.ols import Fit, least_squares
from lyra.wald import Inference, infer

__all__ = ["Regression", "fit", "fit_moments"]


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A fitted regression, to be asked for inference of any kind.

    Attributes
    ----------
    fit : Fit
        The least-squares fit.
    formula : Formula or None
        What was fitted; None when it came as moments.
    """

    fit: Fit = field(repr=False)
    formula: Formula | None = None

    @property
    def moments(self) -> Moments:
        """The per-cluster sums everything is computed from."""
        return self.fit.moments

    @property
    def names(self) -> tuple[str, ...]:
        """The K coefficients."""
        return self.fit.names

    @property
    def coef(self) -> NDArray[np.float64]:
        """The estimates (K,)."""
        return self.fit.coef

    @property
    def n_rows(self) -> int:
        """Rows used."""
        return self.fit.N

    @property
    def n_clusters(self) -> int:
        """Clusters used."""
        return self.fit.G

    @property
    def dropped_rows(self) -> int:
        """Rows left out for a missing value or label."""
        return self.moments.dropped_rows

    def robust(self, variant: str = "CV1", *, dof: str | None = None) -> Inference:
        """Return every coefficient with this covariance and law; see `lyra.se.cluster_robust`.

        Raises
        ------
        InputError
            Unknown variant or dof.
        RowsNeededError
            HC0-HC3 from moments that no longer reach their rows.

        Warns
        -----
        UnidentifiedWarning
        """
        return infer(self.fit, variant=variant, dof=dof)

    def ladder(self, term: str | None = None, *, methods: Sequence[str] = LADDER, level: float = 0.95) -> Ladder:
        """Return one coefficient under one method after another, and which line to read.

        Parameters
        ----------
        term : str, optional
            The coefficient; left out, the first that is not the intercept.
        methods : sequence of str
            Variants, each with its own law.
        level : float
            Coverage of the intervals.

        Raises
        ------
        InputError
            Unknown term, method or level.

        Warns
        -----
        UnidentifiedWarning
        """
        return climb(self.fit, self._position(term), methods=methods, level=level)

    def _position(self, term: str | None) -> int:
        if term is not None:
            return check.position(term, self.names, what="term")
        return next((j for j, name in enumerate(self.names) if name != "Intercept"), 0)

    def __str__(self) -> str:
        return str(self.ladder())


def fit(formula: str, data: Any, *, clusters: str) -> Regression:
    """Return the least-squares regression of `formula` on a table, ready for cluster-robust inference.

    Parameters
    ----------
    formula : str
        For example ``"y ~ treat + x"``; see `lyra.grammar`. Text and categorical columns enter by their levels, bool
        columns as 0 and 1.
    data : frame, relation or path
        A pandas or polars frame (eager or lazy), a pyarrow table, a DuckDB relation, or a path: one csv or parquet
        file, a glob of them, or a directory of parquet files.
    clusters : str
        The column of cluster labels; rows that share one may be correlated in any way.

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
        A column is not there, holds no numbers where numbers are needed, or infinite values.
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
    from lyra.data import moments

    parsed = parse(formula)
    return Regression(least_squares(moments(parsed, data, clusters=clusters)), parsed)


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
