"""A fitted regression, to be asked for inference of any kind: what `lyra.fit` gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from numpy.typing import ArrayLike

from lyra.base.renamed import renamed
from lyra.base.result import Told
from lyra.data import check
from lyra.data.formula import Formula
from lyra.data.units import Seed
from lyra.designs import Design
from lyra.designs.named import Word
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.regression.of_fit import OfCoefficients
from lyra.regression.term import coefficient, named
from lyra.robust.diagnosis.cluster_level import LevelTest, level_test
from lyra.robust.diagnosis.diagnosis import Diagnosis, diagnose
from lyra.robust.exact.family import Family
from lyra.robust.exact.inference import CalibratedInference, calibrated_inference
from lyra.robust.exact.own_size import ExactSizes
from lyra.robust.inference import Inference, infer
from lyra.robust.methods import LADDER
from lyra.robust.per_cluster import PerClusterTest, per_cluster_test
from lyra.robust.placed import Placed
from lyra.robust.randomisation import NOWHERE, RandomisationTest, randomisation_test
from lyra.robust.wild.bootstrap import WildBootstrap, wild_bootstrap

if TYPE_CHECKING:  # a fit loads no simulation, runner or store
    from lyra.trials.runner import Progress
    from lyra.trials.trial import Candidate
    from lyra.verdict.certificate import Certificate
    from lyra.verdict.ladder import Ladder

__all__ = ["Regression"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Regression(ExactSizes, OfCoefficients, Told):
    """A fitted regression, to be asked for inference of any kind.

    Attributes
    ----------
    fit, formula : Fit, and Formula or None
        What was fitted; no formula for moments.
    placed : Placed
        The strata and time windows with which the table was read, for a treatment that was drawn.
    """

    fit: Fit = field(repr=False)
    formula: Formula | None = None
    placed: Placed = field(default=NOWHERE, repr=False)

    @overload
    def robust(self, variant: str = "CV1", *, dof: str | None = None) -> Inference: ...

    @overload
    def robust(
        self, variant: str = "CV1", *, law: Literal["calibrated"], arms: float = 2.0, icc_max: float = 0.7
    ) -> CalibratedInference: ...

    def robust(
        self,
        variant: str = "CV1",
        *,
        dof: str | None = None,
        law: str | None = None,
        arms: float = 2.0,
        icc_max: float = 0.7,
    ) -> Inference | CalibratedInference:
        """Return every coefficient with this covariance and law; see `lyra.se.cluster_robust`.

        With ``law="calibrated"`` the critical value holds the level in every world of `lyra.robust.exact.family`, for
        intraclass correlations up to `icc_max` and arms up to `arms` times as variable; "R1" has scores under the null.

        Raises
        ------
        InputError
            Unknown variant, dof or law, or both of the last two.
        RowsNeededError
            HC0-HC3 from moments that no longer reach their rows.
        """
        if law is None:
            return infer(self.fit, variant=variant, dof=dof)
        if dof is not None:
            raise InputError("dof and law both choose the law of t: pass one of them.")
        check.one_of(law, ("calibrated",), what="law")
        return calibrated_inference(self.fit, variant, Family(icc_max=icc_max, arms=arms))

    @renamed(param="term")
    def bootstrap(
        self,
        term: str | int | Sequence[str | int] | None = None,
        *,
        R: ArrayLike | None = None,
        h0: ArrayLike = 0.0,
        weights: str = "auto",
        B: int = 9999,
        kind: str = "11",
        restricted: bool = True,
        ties: str = "include",
        alternative: str = "two-sided",
        exact: bool | None = None,
        rng: Seed = None,
    ) -> WildBootstrap:
        """Return the wild cluster bootstrap test; see `lyra.se.wild_cluster_bootstrap`. Several terms: a joint null."""
        if R is not None and term is not None:
            raise InputError("term and R both state the null: pass one of them.")
        first = self.names[coefficient(self.fit)] if R is None else None
        return wild_bootstrap(
            self.fit,
            param=first if term is None else named(self.fit, term),
            R=R,
            h0=h0,
            weights=weights,
            B=B,
            kind=kind,
            restricted=restricted,
            ties=ties,
            alternative=alternative,
            exact=exact,
            rng=rng,
        )

    def diagnose(self) -> Diagnosis:
        """Return what the clusters can bear: leverage, influence, effective and treated clusters, and the dangers."""
        return diagnose(self.fit)

    @renamed(param="term")
    def randomisation_test(
        self,
        term: str | int | None = None,
        *,
        design: Design | Word | None = None,
        stratum: Any = None,
        h0: float = 0.0,
        statistic: str = "t",
        assignments: Any = None,
        R: int = 9_999,
        rng: Seed = None,
    ) -> RandomisationTest:
        """Return randomisation inference for a treatment assigned by cluster.

        Parameters
        ----------
        term : str
            The treatment; left out, the first coefficient that is not the intercept.
        design, stratum, h0, statistic, assignments, R, rng
            See `lyra.robust.randomisation.randomisation_test`; without `stratum`, the strata the table was read with.
        """
        return randomisation_test(
            self.fit,
            term=coefficient(self.fit, term),
            design=design,
            stratum=stratum,
            placed=self.placed,
            h0=h0,
            statistic=statistic,
            assignments=assignments,
            R=R,
            rng=rng,
        )

    @renamed(param="term")
    def per_cluster_test(self, term: str | int | None = None, *, h0: float = 0.0) -> PerClusterTest:
        """Return the t-test on each cluster's own estimate; see `lyra.robust.per_cluster.per_cluster_test`."""
        return per_cluster_test(self.fit, param=coefficient(self.fit, term), h0=h0)

    @renamed(param="term")
    def level_test(
        self,
        coarse: Any,
        *,
        term: str | int | None = None,
        method: str = "score-variance",
        B: int = 9_999,
        rng: Seed = None,
    ) -> LevelTest:
        """Return the test of these clusters against coarser ones; see `lyra.robust.diagnosis.cluster_level`."""
        return level_test(self.fit, coarse, param=coefficient(self.fit, term), method=method, B=B, rng=rng)

    @renamed(param="term")
    def ladder(
        self,
        term: str | int | None = None,
        *,
        methods: Sequence[str] | None = None,
        level: float = 0.95,
        arms: float = 2.0,
        icc_max: float = 0.7,
        tolerance: float = 1.0,
        time: str | None = None,
        design: Design | Word | None = None,
        stratum: Any = None,
    ) -> Ladder:
        """Return one coefficient under one method after another, with exact sizes, and which line to read.

        Parameters
        ----------
        term : str, optional
            Left out, the first that is not the intercept; ``arm[T.b]`` finds ``C(arm, ref="a")[T.b]`` too.
        methods : sequence of str, optional
            Variants, each with its own law, or with a star and a calibrated one; left out, iid, CV1, CV2, CV3 and the
            calibrated lines.
        level : float
            Coverage of the intervals.
        arms, icc_max : float
            The worlds of Gaussian errors in which sizes are computed and lines calibrated: how many times as variable
            one arm may be, and the largest intraclass correlation.
        tolerance : float
            A line is read that flags at most this many times the true nulls it claims to; 1.25 lets textbook lines
            that come close compete with the calibrated ones.
        time : str
            A factor of the formula whose levels are periods, for errors correlated in time; left out, the one of
            numbers that crosses the clusters, where their effects are in the formula.
        design, stratum
            How the treatment was drawn, for two lines of randomisation inference; left out, see `lyra.verdict.drawn`.
        """
        from lyra.verdict.drawn import with_assumed_draw, with_declared_draw
        from lyra.verdict.sized import sized_ladder

        j, family = coefficient(self.fit, term), Family(arms=arms, icc_max=icc_max)
        asked: dict[str, Any] = {"methods": methods, "level": level, "tolerance": tolerance, "time": time}
        ladder = sized_ladder(self.fit, j, family=family, **asked)
        if design is None:
            return ladder if methods is not None else with_assumed_draw(ladder, self.fit)
        return with_declared_draw(ladder, self.fit, design, stratum=stratum, placed=self.placed)

    @renamed(param="term")
    def certify(  # noqa: PLR0913  one keyword a choice
        self,
        term: str | int | None = None,
        *,
        quick: bool = False,
        methods: Candidate | Sequence[Candidate] | None = None,
        alpha: float = 0.05,
        tolerance: float | str = 1.25,
        seed: int = 0,
        icc: float | Sequence[float] | None = None,
        weights: str = "auto",
        store: str | Path | None = None,
        workers: int = 1,
        progress: Progress | None = None,
        first: int = 500,
        maximum: int | None = None,
    ) -> Certificate:
        """Return how often each method would flag a true null on this fitted design; see `lyra.certify`.

        Parameters
        ----------
        term : str, optional
            Left out, the first coefficient that is not the intercept.
        quick : bool
            Fewer replicates of the methods that are simulated, as `lyra fit` takes.
        methods, alpha, tolerance, seed, icc, weights, store, workers, progress, first, maximum
        """
        from lyra.certifying import certify
        from lyra.verdict.quick import quick_maximum

        return certify(
            self.fit,
            term=self.names[coefficient(self.fit, term)],
            methods=LADDER if methods is None else methods,
            alpha=alpha,
            tolerance=tolerance,
            seed=seed,
            weights=weights,
            store=store,
            workers=workers,
            progress=progress,
            first=first,
            icc=icc,
            maximum=quick_maximum(self.fit) if quick and maximum is None else maximum,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the ladder of the first coefficient as plain values, ready for JSON."""
        return self.ladder().to_dict()

    def explain(self) -> str:
        """Return in words what was fitted, what was left out, the dangers, and which line to read."""
        return f"{self._answer()}\n{self.ladder().explain()}"

    def _answer(self) -> str:
        what = f"{self.formula.text}, " if self.formula is not None else ""
        found = ", ".join(f"{name} {coef:.4g}" for name, coef in zip(self.names, self.coef, strict=True))
        return f"{what}{self.n_rows:,} rows, {self.n_clusters:,} clusters: {found}"

    def __str__(self) -> str:
        return str(self.ladder())
