"""Front door for arrays: cluster-robust inference from y, X and cluster labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import ArrayLike

from lyra.data import check
from lyra.data.units import Seed
from lyra.designs import Design
from lyra.moments.moments import Moments
from lyra.moments.window_sums import window_sums
from lyra.regression.least_squares import least_squares
from lyra.regression.nested import Nested, nested_fit
from lyra.robust.dof import RULES, reads_grams
from lyra.robust.inference import Inference, infer
from lyra.robust.sandwich import variant_named
from lyra.robust.switchback import SwitchbackEffect, total_effect
from lyra.robust.wild.bootstrap import WildBootstrap, wild_bootstrap
from lyra.robust.wild.statistic import OF_SCORES

__all__ = ["cluster_robust", "switchback_total_effect", "wild_cluster_bootstrap"]


def cluster_robust(
    y: Any,
    X: Any,
    *,
    clusters: Any,
    variant: str = "CV1",
    dof: str | None = None,
    names: Iterable[str] | None = None,
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
        Labels of any type; rows that share a label may be correlated in any way. Two labels are one cluster when
        they were written alike.
    variant : {"CV1", "CV2", "CV3", "CV3J", "CV0", "iid", "HC0", "HC1", "HC2", "HC3"}
        CV1 is Stata's [1]_; CV2 Bell and McCaffrey's [2]_, unbiased for Var(u) = σ²I; CV3 the jackknife around the
        estimate with the factor (G − 1)/G [3]_, and CV3J around the mean of the leave-one-out estimates. Case does
        not matter, and CR or CRV is read as CV.
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
    variant = variant_named(variant)
    dof = None if dof is None else check.one_of(dof, RULES, what="dof")
    moments = Moments.to_fit(y, X, clusters, names=names)
    fit = least_squares(moments.with_tensor() if reads_grams(variant, dof) else moments)
    return infer(fit, variant=variant, dof=dof)


def switchback_total_effect(
    y: Any,
    treatment: Any,
    *,
    window: Any,
    design: Design,
    carryover: int,
    clusters: Any = None,
    baseline: ArrayLike = 0.0,
    R: int = 9_999,
    rng: Seed = None,
) -> SwitchbackEffect:
    """Return the total effect of a switchback whose treatment carries over for `carryover` windows [1]_.

    The estimate is Horvitz and Thompson's: rows treated in this window and the m before it, less those control in all
    of them, each over the probability of that. It is unbiased over the draws of the design for the mean effect, after
    the first m windows, of treating always against never, if what happened earlier or in another cluster does not
    matter. `pvalue` and intervals take it as normal, with a variance too large on average, for many blocks;
    `exact_pvalue`, of the null that treatment does nothing to anyone, holds its level with few.

    Parameters
    ----------
    y, treatment, window : array (N,)
        The outcome; 1 or 0, the same for all rows of a cluster's window; and the time, whose labels follow one another.
    design : Switchback or MinimaxSwitchback
        The one that was drawn: a fair coin for each block and cluster. No washout is needed, nor looked at.
    carryover : int
        m.
    clusters : array (N,), optional
        What switches on its own; left out, all rows are one.
    baseline : float or array (N,)
        Subtracted from y: what was known before the draw, as an earlier mean; it keeps the mean and takes the spread.
    R, rng : int, and anything numpy.random.default_rng takes
        Assignments to draw, where there are more than 20,000.

    Returns
    -------
    SwitchbackEffect
        `.estimate`, `.std_error`, `.conf_int(level)`, `.pvalue`, `.exact_pvalue`, `.distribution` (R,), `.explain()`.

    Raises
    ------
    InputError, NotIdentifiedError
        Lengths differ, a treatment not 0 or 1 or mixed in a block, a block without rows or coin, m < 0 or ≥ windows.

    Warns
    -----
    DroppedRowsWarning, UnidentifiedWarning

    References
    ----------
    .. [1] I. Bojinov, D. Simchi-Levi and J. Zhao (2023), Design and analysis of switchback experiments. Management
       Science 69, 3759-3777.

    Examples
    --------
    Blocks of two, the last two treated. Windows 4, 5 and 6 were treated with the one before: 4 and 6 inside a block,
    with probability 1/2, and 5 over two, with 1/4. Window 2 was control as long. (2·5 + 4·6 + 2·5 − 2·1)/5 = 8.4.

    >>> import numpy as np
    >>> from lyra.designs import Switchback
    >>> y, treatment = np.array([2.0, 1.0, 3.0, 5.0, 6.0, 5.0]), np.array([0, 0, 1, 1, 1, 1])
    >>> found = switchback_total_effect(y, treatment, window=np.arange(6), design=Switchback(2), carryover=1)
    >>> print(f"{found.estimate:.4f}, exact p = {found.exact_pvalue:g} of {found.n_assignments} assignments")
    8.4000, exact p = 0.5 of 8 assignments
    """
    sums = window_sums(y, treatment, window=window, clusters=clusters, baseline=baseline)
    return total_effect(sums, design, carryover=carryover, R=R, rng=rng)


def wild_cluster_bootstrap(  # noqa: PLR0913  one keyword a choice the literature leaves open
    y: Any,
    X: Any,
    *,
    clusters: Any,
    param: str | int | Sequence[str | int] | None = None,
    R: ArrayLike | None = None,
    h0: ArrayLike = 0.0,
    weights: str = "auto",
    B: int = 9999,
    kind: str = "11",
    restricted: bool = True,
    ties: str = "include",
    alternative: str = "two-sided",
    exact: bool | None = None,
    bootstrap_clusters: Any = None,
    names: Iterable[str] | None = None,
    rng: Seed = None,
) -> WildBootstrap:
    """Return the wild cluster bootstrap test of a coefficient: a p-value, usable as a number, and what is behind it.

    The null is β_k = h0, or R β = h0. The law of t is that of its bootstrap: residuals of the fit under the null,
    multiplied by one random weight a cluster [1]_. With few clusters all weight patterns are visited instead of
    drawn, and the p-value is exact, with no seed. Its cost does not depend on the number of rows.

    Parameters
    ----------
    y : array (N,)
        The outcome.
    X : array or frame (N, K)
        The columns, a constant among them if one is wanted; a frame's column names are kept.
    clusters : array (N,)
        Labels of any type.
    param : str, int, or a sequence of them, optional
        The coefficient tested, by name or position; several make a joint null. Left out: the only column of X that
        is not constant.
    R : array (K,) or (q, K), optional
        Restrictions R β = h0 instead of `param`, over the columns of X.
    h0 : float or array (q,)
        The value under the null.
    weights : {"auto", "rademacher", "webb", "mammen", "normal", "gamma"}
        Laws of mean 0 and variance 1. "auto" is Webb's six points [2]_ for fewer than 10 clusters, else Rademacher's
        ±1.
    B : int
        Draws, where the patterns are not enumerated.
    kind : {"11", "31", "13", "33"}
        First digit: the scores that are resampled are the fit's (1) or jackknifed (3); second: t is studentised by
        CV1 or CV3. The names of [3]_ are C, S, V and B.
    restricted : bool
        Whether the null is imposed on the residuals resampled (WCR) or not (WCU).
    ties : {"include", "exclude"}
        Whether draws equal to the sample, up to a relative 1.5e-8, count as extreme. Other packages count |t*| > |t|
        in floating point, which "exclude" makes well defined.
    alternative : {"two-sided", "equal-tailed", "less", "greater"}
        Share of |t*| ≥ |t|; twice the smaller tail; share of t* ≤ t; share of t* ≥ t.
    exact : bool, optional
        True visits all patterns, up to 2^25 of them; False draws B. Left out: all patterns of Rademacher weights up
        to 20 clusters, and of Webb weights up to 9.
    bootstrap_clusters : array (N,), optional
        Labels of a finer partition that the weights are drawn for; nested in `clusters`.
    names : sequence of str, optional
        Names of the K columns.
    rng : anything numpy.random.default_rng takes
        Seed of the draws.

    Returns
    -------
    WildBootstrap
        A float, the p-value; `.statistic`, `.conf_int(level)`, `.confidence_set(level)`, `.t_star`, `.n_draws`,
        `.enumerated`, `.n_greater`, `.n_ties`, `.smallest_pvalue`, `.explain()`.

    Raises
    ------
    InputError
        Lengths differ, values that are infinite or no numbers, unknown names or options, no param among several, a
        null on a dropped column, bootstrap clusters that are not nested, more than 2^25 patterns asked.
    NotIdentifiedError
        One cluster, K ≥ N, a constant y; kind "13" or "33" where a leave-one-cluster-out estimate does not exist.

    Warns
    -----
    DroppedRowsWarning, DroppedColumnsWarning

    References
    ----------
    .. [1] A. C. Cameron, J. B. Gelbach and D. L. Miller (2008), Bootstrap-based improvements for inference with
       clustered errors. Review of Economics and Statistics 90, 414-427.
    .. [2] M. D. Webb (2023), Reworking wild bootstrap-based inference for clustered errors. Canadian Journal of
       Economics 56, 839-858.
    .. [3] J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb (2023), Fast and reliable jackknife and bootstrap methods for
       cluster-robust inference. Journal of Applied Econometrics 38, 671-694.

    Examples
    --------
    Five clusters have 2^5 sign patterns, two of which repeat the sample: no p-value can be below 2/32.

    >>> import numpy as np
    >>> from lyra.se import wild_cluster_bootstrap
    >>> x = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
    >>> y = x + np.array([0.3, -0.1, 0.2, 0.1, -0.4, 0.2, -0.3, -0.1, 0.2, 0.1])
    >>> g = np.repeat(["a", "b", "c", "d", "e"], 2)
    >>> p = wild_cluster_bootstrap(y, np.column_stack([np.ones(10), x]), clusters=g, weights="rademacher")
    >>> print(p)
    x1 = 0: p = 0.0625; WCR 11, rademacher weights, all 32 patterns, 5 clusters; cannot reject at 5 %: the smallest
    attainable p-value is 0.0625
    >>> p < 0.05
    False
    """
    if bootstrap_clusters is None:
        moments = Moments.to_fit(y, X, clusters, names=names)
        nested = Nested.itself(least_squares(moments if kind in OF_SCORES else moments.with_tensor()))
    else:
        nested = nested_fit(y, X, clusters, bootstrap_clusters, names=names)
    return wild_bootstrap(
        nested.fit,
        param=param,
        R=R,
        h0=h0,
        weights=weights,
        B=B,
        kind=kind,
        restricted=restricted,
        ties=ties,
        alternative=alternative,
        exact=exact,
        nested=nested,
        rng=rng,
    )
