"""Front door for arrays: cluster-robust inference from y, X and cluster labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lyra.moments import Moments
from lyra.ols import least_squares
from lyra.sandwich import LEAVE_OUT
from lyra.wald import Inference, infer

__all__ = ["cluster_robust"]


def cluster_robust(
    y: Any,
    X: Any,
    *,
    clusters: Any,
    variant: str = "CV1",
    dof: str | None = None,
    names: Sequence[str] | None = None,
) -> Inference:
    """Return least squares of y on X with cluster-robust standard errors, tests and intervals.

    The null of each `pvalue` is coef = 0; the law of t = coef/se is t(dof).

    Parameters
    ----------
    y : array (N,)
        The outcome.
    X : array or frame (N, K)
        The columns, a constant among them if one is wanted; a frame's column names are kept.
    clusters : array (N,)
        Labels of any type; rows that share a label may be correlated in any way.
    variant : {"CV1", "CV2", "CV3", "CV3J", "CV0", "iid", "HC0", "HC1", "HC2", "HC3"}
        CV1 is Stata's [1]_; CV2 Bell and McCaffrey's [2]_, unbiased for Var(u) = σ²I; CV3 the jackknife around the
        estimate with the factor (G − 1)/G [3]_, and CV3J around the mean of the leave-one-out estimates.
    dof : {"satterthwaite", "G-1", "N-K", "normal"}, optional
        Left out: Satterthwaite for CV2, G − 1 for the other cluster variants, N − K for iid and HC0-HC3.
    names : sequence of str, optional
        Names of the K columns.

    Returns
    -------
    Inference
        `.coef`, `.vcov`, `.se`, `.statistic`, `.pvalue`, `.dof`, `.conf_int(level)`, `.wald(R, r)`, `.explain()`.

    Raises
    ------
    InputError
        Lengths differ, values that are infinite or no numbers, unknown variant or dof.
    NotIdentifiedError
        One cluster, K ≥ N, a constant y, or no column left.

    Warns
    -----
    DroppedRowsWarning, DroppedColumnsWarning, UnidentifiedWarning

    References
    ----------
    .. [1] K.-Y. Liang and S. L. Zeger (1986), Longitudinal data analysis using generalized linear models.
       Biometrika 73, 13-22.
    .. [2] R. M. Bell and D. F. McCaffrey (2002), Survey Methodology 28, 169-181.
    .. [3] J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb (2023), Fast and reliable jackknife and bootstrap methods for
       cluster-robust inference. Journal of Applied Econometrics 38, 671-694.

    Examples
    --------
    Two arms, every row its own cluster: CV2 is Welch's standard error √(s₀²/n₀ + s₁²/n₁) = √(1/3 + (10/3)/4), with
    the degrees of freedom his formula gives for equal variances, (1/3 + 1/4)²/(1/(9·2) + 1/(16·3)).

    >>> import numpy as np
    >>> from lyra.se import cluster_robust
    >>> treat = np.array([0, 0, 0, 1, 1, 1, 1])
    >>> y = np.array([3.0, 4.0, 5.0, 5.0, 9.0, 6.0, 8.0])
    >>> res = cluster_robust(y, np.column_stack([np.ones(7), treat]), clusters=np.arange(7), variant="CV2")
    >>> print(f"{res.se[1]:.6f} {res.dof[1]:.4f}")
    1.080123 4.4545
    """
    moments = Moments.from_arrays(y, X, clusters, names=names)
    if variant in LEAVE_OUT or dof == "satterthwaite":
        moments = moments.with_tensor()
    return infer(least_squares(moments), variant=variant, dof=dof)
