"""Fit at a fine level and a map to coarse clusters -> tests of whether the fine level is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.result import Contract
from lyra.base.text import did_you_mean, listed
from lyra.data import check
from lyra.data.labels import encode
from lyra.data.units import Seed
from lyra.errors import InputError, NotIdentifiedError
from lyra.moments.partition import Partition
from lyra.regression.least_squares import Fit
from lyra.regression.within import own_regressions, refuse_unidentified

__all__ = ["LevelTest", "level_test"]


BLOCK_BYTES = 2**25  # a block of draws


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class LevelTest(Contract):
    """A test of the null that clustering at the fine level is enough, against the coarse level.

    Attributes
    ----------
    param : str
        The coefficient whose scores or estimates were compared.
    method : str
        "score-variance", "score-bootstrap" or "ibragimov-mueller".
    statistic : float
        τ for the score tests; S² over its mean under the null for Ibragimov and Müller's.
    pvalue : float
        One-sided: small when fine clusters of one coarse cluster move together.
    n_fine, n_coarse : int
        Clusters of either kind.
    n_draws : int
        Draws the p-value rests on; 0 for the normal law.
    """

    param: str
    method: str
    statistic: float
    pvalue: float
    n_fine: int
    n_coarse: int
    n_draws: int

    @property
    def term(self) -> str:
        """The same as `param`."""
        return self.param

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        told = ("term", "method", "statistic", "p_value", "n_fine", "n_coarse", "n_draws")
        return {name: getattr(self, name) for name in told}

    def _answer(self) -> str:
        within = f"{self.n_fine} fine in {self.n_coarse} coarse clusters"
        return f"{self.method}, {self.param}: {self.statistic:.4g}, p = {self.pvalue:.4g}, {within}"

    def explain(self, level: float = 0.05) -> str:
        """Return in words what was tested and what follows at a level."""
        law = "the normal law" if self.n_draws == 0 else f"{self.n_draws} draws"
        verdict = (
            "the fine level is not enough: cluster at the coarse one"
            if self.pvalue <= level
            else "no evidence against the fine level; a test this size cannot show that it is enough"
        )
        return (
            f"{self.method} test for {self.param}, {self.n_fine} fine in {self.n_coarse} coarse clusters: statistic "
            f"{self.statistic:.4g}, p = {self.pvalue:.4g} by {law}: {verdict}."
        )


def level_test(
    fit: Fit, coarse: Any, *, param: str | int, method: str = "score-variance", B: int = 9_999, rng: Seed = None
) -> LevelTest:
    """Return a test of the null that errors are independent between the fine clusters of one coarse cluster.

    With ŝ_gh the score of coefficient j in fine cluster h of coarse cluster g, e_j'(X'X)⁻¹X_gh'û_gh:

    "score-variance" [1]_: τ = θ̂/√v, θ̂ = Σ_g Σ_{h≠k} ŝ_gh ŝ_gk and v = 2 Σ_g [(Σ_h ŝ_gh²)² − Σ_h ŝ_gh⁴], no
    small-sample factors, one-sided against N(0, 1). Conservative with few coarse clusters: at .05 it rejects .02 to .03
    of true nulls with 6 of them, .02 to .04 with 10, .04 to .05 with 20 to 40 (4,000 replicates each, Monte-Carlo error
    .003; equal and unequal sizes, varying and cluster-constant columns).

    "score-bootstrap" [1]_: the same τ against its wild bootstrap: unrestricted residuals times Rademacher signs drawn
    by fine cluster, refitted; p = (1 + #{τ* ≥ τ})/(B + 1). In the same designs .04 to .07 (1,000 replicates,
    Monte-Carlo error .007), the upper end with unequal sizes and 6 to 10 coarse clusters.

    "ibragimov-mueller" [2]_: β̂_g from the regression of each coarse cluster alone, ω̂_g² its variance by the jackknife
    over fine clusters (CV3), S² the sample variance of the β̂_g, against B draws of it under β̂_g ~ N(β, ω̂_g²);
    p = (1 + #{S*² ≥ S²})/(B + 1). It needs every coarse cluster to identify the coefficient. Conservative with few fine
    clusters in a coarse one: at .05 it rejects .00 to .03 of true nulls with 4 or 5 of them, .01 with 10 in 20 coarse
    ones, .03 with 20 in 10, .04 with 40 in 8 (800 replicates each, Monte-Carlo error .008). With CV1 in place of CV3 it
    would reject .15 to .41, .17 to .26, .09 to .11 and .07 to .09, so that is not offered.

    Parameters
    ----------
    fit : Fit
        A fit whose clusters are the fine ones.
    coarse : mapping or array (G,)
        The coarse cluster of each fine one, by label or in the order of `fit.labels`.
    param : str or int
        The coefficient.
    method : {"score-variance", "score-bootstrap", "ibragimov-mueller"}
        Which test.
    B : int
        Draws.
    rng : anything `numpy.random.default_rng` takes
        Unused by "score-variance".

    Raises
    ------
    InputError
        An unknown method or coefficient, B < 1, a fine cluster without a coarse one.
    NotIdentifiedError
        One coarse cluster, none with two fine ones, or, for Ibragimov and Müller, one that has a single fine cluster,
        or says nothing of the coefficient alone or without one of its fine clusters.

    References
    ----------
    .. [1] J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb (2023), Testing for the appropriate level of clustering in
       linear regression models. Journal of Econometrics 235, 2027-2056.
    .. [2] R. Ibragimov and U. K. Müller (2016), Inference with few heterogeneous clusters. Review of Economics and
       Statistics 98, 83-96.

    Examples
    --------
    Mean zero, fine clusters in pairs with scores (2, 1) and (−1, −2), all over N = 8: θ̂ = (4 + 4)/8² and
    v = 2(8 + 8)/8⁴, so τ = 8/√32.

    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.robust.diagnosis.cluster_level import level_test
    >>> from lyra.regression.least_squares import least_squares
    >>> y = np.array([1.5, 0.5, 0.0, 1.0, -1.0, 0.0, -3.0, 1.0])
    >>> m = Moments.from_arrays(y, np.ones((8, 1)), np.repeat([1, 2, 3, 4], 2), names=["mean"])
    >>> test = level_test(least_squares(m), {1: "a", 2: "a", 3: "b", 4: "b"}, param="mean")
    >>> print(f"{test.statistic:.4f} {test.pvalue:.4f}")
    1.4142 0.0786
    """
    if method not in _methods():
        raise InputError(f"method={method!r} is unknown: {did_you_mean(str(method), _methods())}.")
    if B < 1:
        raise InputError(f"B={B} draws cannot be made: ask for at least 1, such as 9999.")
    j = check.position(param, fit.names)
    nested = _nested(fit, coarse)
    statistic, pvalue, n_draws = _methods()[method](fit, nested, j, _Draws(B, np.random.default_rng(rng)))
    return LevelTest(
        param=fit.names[j],
        method=method,
        statistic=statistic,
        pvalue=pvalue,
        n_fine=fit.G,
        n_coarse=len(nested.labels),
        n_draws=n_draws,
    )


# --- the two levels -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Coarse:
    """The coarse clusters: their labels, and which fine ones they hold."""

    labels: NDArray[Any]
    partition: Partition


def _nested(fit: Fit, coarse: Any) -> _Coarse:
    codes, labels = encode(_as_array(fit, coarse))
    if codes.size != fit.G:
        raise InputError(
            f"coarse has {codes.size} labels and there are {fit.G} fine clusters: pass one a fine cluster, in the "
            "order of fit.labels, or a mapping."
        )
    if codes.min() < 0:
        lost = fit.labels[codes < 0].tolist()
        raise InputError(f"coarse names no coarse cluster for {listed(lost)}: give every fine cluster one.")
    if labels.size < 2:
        raise NotIdentifiedError("There is one coarse cluster: nothing can be clustered there; test a level between.")
    if labels.size == fit.G:
        raise NotIdentifiedError("Every coarse cluster holds one fine cluster: the two levels are the same.")
    return _Coarse(labels, Partition(codes))


def _as_array(fit: Fit, coarse: Any) -> Any:
    if not isinstance(coarse, Mapping):
        return coarse
    found = np.empty(fit.G, dtype=object)
    found[:] = [coarse.get(label) for label in fit.labels.tolist()]
    return found


@dataclass(frozen=True, slots=True)
class _Draws:
    """How many draws, and what they are drawn with."""

    B: int
    generator: np.random.Generator

    def signs(self, G: int) -> Iterator[Array]:
        """Yield Rademacher signs (b, G) in blocks, B rows in all; the same whatever the blocks."""
        step = max(1, BLOCK_BYTES // (8 * G))
        for start in range(0, self.B, step):
            yield np.where(self.generator.random((min(step, self.B - start), G)) < 0.5, -1.0, 1.0)


# --- scores -------------------------------------------------------------------------------------


def _tau(scores: Array, partition: Partition) -> Array:
    """Return τ for fine scores (..., G)."""
    squares = scores**2
    own = partition.total(squares, axis=-1)
    theta = np.sum(partition.total(scores, axis=-1) ** 2 - own, axis=-1)
    variance = 2.0 * (np.sum(own**2, axis=-1) - np.sum(squares**2, axis=-1))
    return np.asarray(theta / np.sqrt(variance))


def _normal(fit: Fit, coarse: _Coarse, j: int, _: _Draws) -> tuple[float, float, int]:
    from scipy.special import ndtr

    tau = float(_tau(fit.scores @ fit.W[j], coarse.partition))
    return tau, float(ndtr(-tau)), 0


def _bootstrap(fit: Fit, coarse: _Coarse, j: int, draws: _Draws) -> tuple[float, float, int]:
    z = fit.W[j]
    own, bend = fit.scores @ z, np.concatenate([E @ z for _, E in fit.grams()])
    tau = float(_tau(own, coarse.partition))
    greater = 0
    for signs in draws.signs(fit.G):
        resampled = signs * own - (signs @ fit.scores) @ bend.T
        greater += int(np.sum(_tau(resampled, coarse.partition) >= tau))
    return tau, (1 + greater) / (draws.B + 1), draws.B


# --- estimates ----------------------------------------------------------------------------------


def _estimates(fit: Fit, coarse: _Coarse, j: int, draws: _Draws) -> tuple[float, float, int]:
    partition = coarse.partition
    single = coarse.labels[partition.counts < 2].tolist()
    if single:
        raise NotIdentifiedError(
            f"{listed(single)} holds one fine cluster, so its estimate has no fine-level variance: merge it, leave it "
            "out, or use method='score-variance'."
        )
    z = fit.W[j]
    E = np.concatenate([block for _, block in fit.grams()])
    whole = partition.total(E)
    own = own_regressions(whole, partition.total(fit.scores), z)
    refuse_unidentified(own.identified, coarse.labels, fit.names[j])
    residual = fit.scores - np.einsum("gkl,gl->gk", E, partition.spread(own.moved))
    without = own_regressions(partition.spread(whole) - E, residual, z)
    if not without.identified.all():
        raise NotIdentifiedError(
            f"{fit.names[j]} has no estimate in a coarse cluster without fine cluster "
            f"{listed(fit.labels[~without.identified].tolist())}: merge such coarse clusters, or use "
            "method='score-variance'."
        )
    variances = partition.total((without.moved @ z) ** 2) * (partition.counts - 1) / partition.counts
    observed = float((own.moved @ z).var(ddof=1))
    normal = draws.generator.standard_normal((draws.B, variances.size)) * np.sqrt(variances)
    pvalue = (1 + int(np.sum(normal.var(axis=1, ddof=1) >= observed))) / (draws.B + 1)
    return observed / float(variances.mean()), pvalue, draws.B


def _methods() -> dict[str, Callable[[Fit, _Coarse, int, _Draws], tuple[float, float, int]]]:
    return {"score-variance": _normal, "score-bootstrap": _bootstrap, "ibragimov-mueller": _estimates}
