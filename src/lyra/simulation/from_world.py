"""A world and a design -> replicates: fresh data sets in which the null is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array
from lyra.base.identity import described
from lyra.base.text import did_you_mean
from lyra.data.units import Units
from lyra.designs import Design
from lyra.errors import InputError
from lyra.robust.replicates import Replicates
from lyra.simulation.analysis import cluster_codes, shared_by
from lyra.simulation.cells import (
    Table,
    gathered,
    indicators,
    numbered,
    replicates_of_grams,
    table_gram,
    with_effects,
)
from lyra.simulation.estimand import Estimand, estimand_of
from lyra.simulation.samples import Grams, Sample, WorldLike
from lyra.simulation.spread import Spread, spread_of_tables

__all__ = ["WorldSource"]


@dataclass(frozen=True, eq=False)
class WorldSource:
    """Fresh data sets of a world; the regression is of the outcome on a constant, covariates and the treatment.

    Parameters
    ----------
    world : World, RegressorWorld or any object with `sample` and `truth`
    design : Design or None
        None for a world that has nothing to assign.
    cluster_by : str
        What the analysis clusters on, see `analysis.cluster_codes`.
    covariates : sequence of str
        Columns of the sample to adjust for; "stratum" adds an effect of each stratum.
    """

    world: WorldLike
    design: Design | None
    cluster_by: str = "cluster"
    covariates: Sequence[str] = ()

    def identity(self) -> dict[str, Any]:
        """Return every field of the world and the design, and the analysis."""
        parts = {
            "world": self.world,
            "design": self.design,
            "cluster_by": self.cluster_by,
            "covariates": self.covariates,
        }
        return {name: described(part) for name, part in parts.items()}

    @property
    def estimand(self) -> Estimand:
        """What the coefficient is held against: the total effect where treatment carries over, else the effect."""
        return estimand_of(self.world)

    @property
    def truth(self) -> float:
        """The coefficient the regression should estimate, on the outcome's scale."""
        return self.estimand.value

    @cached_property
    def by_sums(self) -> bool:
        """Whether the world draws sums of products without rows."""
        linear = hasattr(self.world, "sample_grams") and getattr(self.world, "outcome", "linear") == "linear"
        unit = str(getattr(self.design, "unit", "")) if self.cluster_by == "unit" else self.cluster_by
        finer = "user" in unit
        return linear and not finer and set(self._plain) <= set(self._first.names)

    @cached_property
    def too_fine(self) -> int:
        """How many of the design's randomisation units the analysis splits over several clusters."""
        if self.design is None:
            return 0
        units = _units_of(self.world.sample(self.design, np.random.default_rng(0)).columns)
        return self.design.splits(units, cluster_codes(units, self.cluster_by, self.design))

    def batch(self, R: int, rng: Generator) -> Replicates:
        """Return R replicates, with the truth taken out so that the null 0 is true."""
        if self.by_sums:
            return replicates_of_grams(*self._drawn(R, rng)).shifted(-self.truth)
        first = self.table(rng)
        grams = [table_gram(first), *(table_gram(self.table(rng)) for _ in range(R - 1))]
        return replicates_of_grams(np.stack(grams), first[0].size)

    @cached_property
    def numbers(self) -> int:
        """The sums of a replicate's cells; its rows where it has to be drawn by rows."""
        if self.by_sums:
            return int(self._first.gram.size)
        return len(self.world.sample(self.design, np.random.default_rng(0))) * (len(self.covariates) + 3)

    def table(self, rng: Generator) -> Table:
        """Return one replicate as rows, kept ones only."""
        sample = self.world.sample(self.design, rng)
        kept = sample.kept
        focal = np.asarray(sample[sample.focal], dtype=float)
        columns = [np.ones(len(sample)), *(_covariate(sample, name) for name in self._plain), focal]
        X = np.column_stack(columns)
        if self._by_stratum:
            X = np.column_stack([indicators(np.asarray(sample["stratum"])), X[:, 1:]])
        y = np.asarray(sample["outcome"], dtype=float) - self.truth * focal
        codes = cluster_codes(_units_of(sample.columns), self.cluster_by, self.design)
        return y[kept], X[kept], numbered(codes[kept])

    def spread(self, seed: int) -> Spread:
        """Return what the formula of power needs, the clusters being where shocks are shared; ρ as it is planted."""
        found = spread_of_tables(replace(self, cluster_by=shared_by(self.design)).table, seed)
        planted = self.world.truth().correlation
        return found.known(float(planted[0]) if len(planted) == 1 and not self.covariates else found.icc)

    @cached_property
    def _first(self) -> Grams:
        return self._grams(1, np.random.default_rng(0))

    def _grams(self, R: int, rng: Generator) -> Grams:
        grams: Grams = self.world.sample_grams(self.design, R, rng)  # type: ignore[attr-defined]
        return grams

    @property
    def _by_stratum(self) -> bool:
        return "stratum" in self.covariates

    @property
    def _plain(self) -> list[str]:
        return [name for name in self.covariates if name != "stratum"]

    def _drawn(self, R: int, rng: Generator) -> tuple[Array, int]:
        grams = self._grams(R, rng)
        names = list(grams.names)
        focal = "treat" if "treat" in names else "x"
        wanted = [names.index(name) for name in ("1", *self._plain, focal, "outcome")]
        gram = grams.gram[..., wanted, :][..., wanted]
        N = round(float(gram[0, :, 0, 0].sum()))
        if self._by_stratum:
            gram = with_effects(gram, grams.units.codes("stratum")[0])
        return gathered(gram, cluster_codes(grams.units, self.cluster_by, self.design)), N


def _units_of(columns: Any) -> Units:
    names = {name: columns[name] for name in ("window", "user", "stratum") if name in columns}
    return Units(columns["cluster"], **names)


def _covariate(sample: Sample, name: str) -> Array:
    if name not in sample.columns:
        raise InputError(f"the world has no covariate {name!r}: {did_you_mean(name, sample.columns)}.")
    return np.asarray(sample[name], dtype=float)
