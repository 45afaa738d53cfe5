"""Front door for tables: lyra.fit(formula, data, clusters=...) -> Regression, and its ladder of standard errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.text import listed, option
from lyra.certifying import certify
from lyra.data.formula import Formula, parse
from lyra.errors import InputError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import Fit, least_squares
from lyra.robust.diagnosis.cluster_level import LevelTest, level_test
from lyra.robust.diagnosis.diagnosis import Diagnosis, diagnose
from lyra.robust.inference import Inference, infer
from lyra.robust.per_cluster import PerClusterTest, per_cluster_test
from lyra.robust.randomisation import RandomisationTest, randomisation_test
from lyra.robust.wild.bootstrap import WildBootstrap, wild_bootstrap
from lyra.simulation.subjects import coefficient
from lyra.trials.trial import BLOCK
from lyra.verdict.certificate import Certificate
from lyra.verdict.ladder import LADDER, Ladder, climb

__all__ = ["Regression", "fit", "fit_moments"]

QUICK_NUMBERS = 2**29  # entries of cluster Grams simulated in a few seconds, when no line settles sooner
MOST_DOUBLINGS = 6


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
            The coefficient; left out, the first that is not the intercept. ``C(arm, ref="a")[T.b]`` is found as
            ``arm[T.b]`` too.
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

    def bootstrap(self, param: str | int | Sequence[str | int] | None = None, **options: Any) -> WildBootstrap:
        """Return the wild cluster bootstrap test of a coefficient; see `lyra.se.wild_cluster_bootstrap`.

        Parameters
        ----------
        param : str, int, or a sequence of them, optional
            Left out, the first coefficient that is not the intercept.
        **options
            h0, R, weights, B, kind, restricted, ties, alternative, exact, rng.

        Raises
        ------
        InputError, NotIdentifiedError
        """
        chosen = self._position(None) if param is None and "R" not in options else param
        return wild_bootstrap(self.fit, param=chosen, **options)

    def diagnose(self) -> Diagnosis:
        """Return what the clusters can bear: leverage, influence, effective and treated clusters, and the dangers."""
        return diagnose(self.fit)

    def certify(self, term: str | None = None, *, quick: bool = False, **options: Any) -> Certificate:
        """Return how often each method would flag a true null on this fitted design; see `lyra.certify`.

        Parameters
        ----------
        term : str, optional
            Left out, the first coefficient that is not the intercept.
        quick : bool
            As `lyra fit` does: the replicates that about two seconds allow, at the estimated intraclass correlation
            and the upper end of its interval.
        **options
            methods, alpha, tolerance, seed, icc, weights, store, workers, progress, first, maximum.

        Raises
        ------
        InputError
        """
        asked = self._quick() | options if quick else options
        return certify(self.fit, term=self.names[self._position(term)], **asked)

    def _quick(self) -> dict[str, Any]:
        """Return the intraclass correlations and the most replicates of a quick certificate."""
        icc = self.diagnose().icc
        known = [float(rho) for rho in (icc.estimate, icc.conf_int(0.95)[1]) if not np.isnan(rho)]
        shares = sorted({min(max(rho, 0.0), 0.999) for rho in known}) or None
        cost = self.n_clusters * (len(self.names) + 1) ** 2 * BLOCK
        doublings = (QUICK_NUMBERS // cost).bit_length() - 1
        return {"icc": shares, "maximum": BLOCK * 2 ** min(max(doublings, 0), MOST_DOUBLINGS)}

    def randomisation_test(self, param: str | int, **options: Any) -> RandomisationTest:
        """Return randomisation inference for a cluster-assigned treatment; see `randomisation.randomisation_test`."""
        return randomisation_test(self.fit, param=param, **options)

    def per_cluster_test(self, param: str | int, *, h0: float = 0.0) -> PerClusterTest:
        """Return the t-test on each cluster's own estimate; see `per_cluster.per_cluster_test`."""
        return per_cluster_test(self.fit, param=param, h0=h0)

    def level_test(self, coarse: Any, *, param: str | int, **options: Any) -> LevelTest:
        """Return the test of these clusters against coarser ones; see `levels.level_test`."""
        return level_test(self.fit, coarse, param=param, **options)

    def _position(self, term: str | None) -> int:
        return coefficient(self.fit, _meant(term, self.names))

    def __str__(self) -> str:
        return str(self.ladder())

    __repr__ = __str__


def _meant(term: Any, names: Sequence[str]) -> Any:
    """Return the coefficient's name that a term means: ``arm[T.b]`` may be spelled with its C(...) or without."""
    if term is None or term in (names if isinstance(term, str) else range(-len(names), len(names))):
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


def fit(
    formula: str,
    data: Any,
    *,
    clusters: str,
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
    from lyra.data.tables import reading_of
    from lyra.moments.from_table import moments

    parsed = parse(formula)
    if isinstance(clusters, str) and clusters == parsed.response.column:
        raise InputError(f"{option('clusters', clusters)} is the outcome: name the column of cluster labels.")
    reading = reading_of(decimal, delimiter, encoding, missing)
    return Regression(least_squares(moments(parsed, data, clusters=clusters, reading=reading)), parsed)


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
