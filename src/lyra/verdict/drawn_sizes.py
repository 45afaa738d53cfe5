"""How often randomisation inference rejects in a world of Gaussian errors: cluster sums drawn, assignments fixed.

The sharp null fixes nothing about a world in which the arms differ; there the size of RI is known by simulation alone.
Everything is read from cluster sums c_g with covariances W_g. With ρ_g and σ_g the sums of what the other columns leave
of the errors, 1'r_g and Q_g'r_g, of an assignment's treatment D with Γ = Q'D and q_g the squares left of it,

    β* = Σ D_gρ_g/S,      t* ~ β*/√(Σ p_g² − 2β* Σ p_gq_g + β*² Σ q_g²),      p_g = D_gρ_g − Γ'σ_g,

so that every sum over clusters, for all assignments and all data sets at once, is one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lyra.base.arrays import Array, Bools
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import World
from lyra.robust.partialled import OtherColumns, Partialled, treatment_left
from lyra.robust.randomised import RandomisationTest
from lyra.robust.wild.tally import TIE

__all__ = ["DrawnSizes", "Outcomes", "Tried", "drawn_sizes"]

DATA_SETS = 2_000
MOST = 2_000  # assignments that are all tried
SOME = 1_000  # of more than that, the actual one among them
AT_ONCE = 250  # data sets
SPANNED = 1e-9  # of N, by which 1 may miss the span of the columns


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DrawnSizes:
    """How often RI-t and RI-beta reject at a level, world by world.

    Attributes
    ----------
    t, beta : ndarray (worlds,)
        The share of data sets with p ≤ alpha.
    data_sets, assignments : int
        Data sets drawn in each world, and assignments tried on each.
    alpha : float
        The level.
    """

    t: Array
    beta: Array
    data_sets: int
    assignments: int
    alpha: float

    def error(self, sizes: Array) -> Array:
        """Return the Monte-Carlo standard error of these sizes."""
        return np.asarray(np.sqrt(sizes * (1.0 - sizes) / self.data_sets))


def drawn_sizes(
    test: RandomisationTest, worlds: Sequence[World], *, alpha: float = 0.05, effect: float = 0.0
) -> DrawnSizes:
    """Return how often a test of this design, by RI-t and by RI-beta, rejects no effect in each world.

    The same 2,000 data sets are drawn for every world, from a seed that is the number of clusters, of those treated
    and of columns; up to 2,000 assignments are all tried, of more 999 are drawn once beside the actual one. So the
    answer never changes, and worlds differ by what they are.

    Parameters
    ----------
    test : RandomisationTest
        Of the treatment: its design, and the fit whose columns and clusters are kept.
    worlds : sequence of World
        Errors that are Gaussian and independent between clusters.
    alpha : float
        The level.
    effect : float
        The effect, in standard deviations of the estimate in each world: 0 gives sizes, else powers.

    Raises
    ------
    InputError
        The columns do not span a constant, so that cluster sums do not know the sums of the errors; or cells of
        clusters were drawn.

    Examples
    --------
    Two of twenty clusters are treated and four times as variable as the others; the level is 5 %.

    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.regression.least_squares import least_squares
    >>> from lyra.robust.exact.worlds import Arms, Intercept
    >>> from lyra.robust.randomisation import randomisation_test
    >>> g = np.repeat(np.arange(20), 5)
    >>> X, y = np.column_stack([np.ones(100), g < 2]).astype(float), np.random.default_rng(1).normal(size=100)
    >>> fit = least_squares(Moments.from_arrays(y, X, g, names=["Intercept", "treat"]))
    >>> found = drawn_sizes(randomisation_test(fit, term="treat"), [Intercept(0.1), Arms(4.0, Intercept(0.1))])
    >>> bool(found.beta[0] < 0.06), bool(found.beta[1] > 0.2), found.assignments
    (True, True, 190)
    """
    fit, j = test.fit, test.fit.names.index(test.term)
    if not test.drawn.clusters.is_trivial:
        raise InputError("A switchback draws cells of a cluster, whose errors go together: its size is not known here.")
    about = Coefficient.of(fit, j)
    _refuse_no_constant(fit, about)
    rng = np.random.default_rng(np.random.SeedSequence([fit.G, test.treated, fit.K]))
    chosen = _some(test.tried, rng)
    tried = Tried(treatment_left(fit, j), np.where(chosen, test.values[1], test.values[0]))
    normals = rng.standard_normal((fit.G, DATA_SETS, fit.K))
    shares = [_shares(tried, _outcomes(about, world, effect, normals), alpha) for world in worlds]
    t, beta = np.array(shares).reshape(-1, 2).T
    return DrawnSizes(t=t, beta=beta, data_sets=DATA_SETS, assignments=len(chosen), alpha=alpha)


def _some(tried: Bools, rng: np.random.Generator) -> Bools:
    """Return all assignments, or the actual one and some of the others."""
    if len(tried) <= MOST:
        return tried
    others = 1 + rng.choice(len(tried) - 1, SOME - 1, replace=False)
    return np.asarray(tried[np.concatenate([[0], others])])


# --- data sets ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What the other columns leave of n data sets: ρ (n, G) = 1'r_g and σ (n, G, p) = Q_g'r_g."""

    rho: Array
    sigma: Array

    @classmethod
    def of(cls, sums: Array, about: Coefficient) -> Outcomes:
        """Return them from cluster sums c_g (n, G, K) in orthonormal coordinates; the columns span a constant."""
        others = np.linalg.qr(about.direction[:, None], mode="complete")[0][:, 1:]
        on_others = sums @ others
        total = on_others.sum(axis=1)
        gram = others.T @ about.shares @ others
        rho = sums @ about.ones.sum(axis=0) - total @ (about.ones @ others).T
        return cls(rho, on_others - np.einsum("gpq,nq->ngp", gram, total))


def _outcomes(about: Coefficient, world: World, effect: float, normals: Array) -> Iterator[Outcomes]:
    """Yield data sets of a world, an effect of so many standard deviations of the estimate added."""
    W = world.covariances(about)
    root = _roots(W)
    shift = effect * np.sqrt(about.direction @ W.sum(axis=0) @ about.direction) * about.slopes
    for start in range(0, normals.shape[1], AT_ONCE):
        yield Outcomes.of((normals[:, start : start + AT_ONCE] @ root).swapaxes(0, 1) + shift, about)


def _refuse_no_constant(fit: Fit, about: Coefficient) -> None:
    constant = about.ones.sum(axis=0)
    if abs(constant @ constant - fit.N) > SPANNED * fit.N:
        raise InputError("The columns span no constant: keep the intercept to know how often a drawn line rejects.")


def _roots(W: Array) -> Array:
    """Return R_g (G, K, K) with R_g'R_g = W_g."""
    values, vectors = np.linalg.eigh(W)
    return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, :, None] * vectors.swapaxes(1, 2))


# --- assignments --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Tried:
    """Assignments D (R, G) with the other columns partialled out, and what of them the sums over clusters read."""

    sums: OtherColumns
    D: Array

    @cached_property
    def given(self) -> Partialled:
        """The same with the other columns partialled out."""
        return self.sums.given(self.D)

    @cached_property
    def squared(self) -> Array:
        """What Σ p_g² reads of an assignment (R, G + Gp + p²): D², −2DΓ and ΓΓ'."""
        D, gamma, R = self.D, self.given.gamma, len(self.D)
        crossed = -2.0 * D[:, :, None] * gamma[:, None, :]
        pairs = gamma[:, :, None] * gamma[:, None, :]
        return np.concatenate([D**2, crossed.reshape(R, -1), pairs.reshape(R, -1)], axis=1)

    @cached_property
    def by_squares(self) -> Array:
        """What Σ p_gq_g reads of it (R, G + Gp): qD and −qΓ."""
        q, R = self.given.squares, len(self.D)
        crossed = -q[:, :, None] * self.given.gamma[:, None, :]
        return np.concatenate([q * self.D, crossed.reshape(R, -1)], axis=1)

    def statistics(self, outcomes: Outcomes) -> tuple[Array, Array]:
        """Return t* up to a factor and β* of every data set under every assignment, (n, R)."""
        rho, sigma = outcomes.rho, outcomes.sigma
        n = len(rho)
        within = (sigma.swapaxes(1, 2) @ sigma).reshape(n, -1)
        pp = np.concatenate([rho**2, (rho[:, :, None] * sigma).reshape(n, -1), within], axis=1) @ self.squared.T
        pq = np.concatenate([rho, sigma.reshape(n, -1)], axis=1) @ self.by_squares.T
        beta = rho @ self.D.T / self.given.left
        meat = pp - beta * (2.0 * pq - beta * np.sum(self.given.squares**2, axis=1))
        return beta * self.given.left / np.sqrt(np.where(meat > 0.0, meat, np.nan)), beta


def _shares(tried: Tried, data: Iterator[Outcomes], alpha: float) -> Array:
    """Return the shares of data sets with p ≤ alpha, by t and by β (2,)."""
    rejected = [[_rejects(sizes, alpha) for sizes in tried.statistics(outcomes)] for outcomes in data]
    return np.asarray(np.concatenate(rejected, axis=1).mean(axis=1))


def _rejects(statistics: Array, alpha: float) -> Bools:
    """Return whether the first of R assignments is among the most extreme; what is not defined counts as that."""
    sizes = np.abs(statistics)
    extreme = ~(sizes < sizes[:, :1] * (1.0 - TIE))
    return np.asarray(extreme.mean(axis=1) <= alpha * (1.0 + 1e-12))
