"""What the user hands to `certify` or `power` -> the sources of replicates in it, by name: decided here and once.

A subject is a world (or several), a table of past data, a fit, or a source. Each knows which keywords are its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Protocol

from lyra.designs.named import design_name
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.regression.term import coefficient
from lyra.robust.exact.effort import too_large
from lyra.simulation.analysis import Analysis
from lyra.simulation.asked import Asked, refuse_foreign
from lyra.simulation.estimand import estimand_in_words
from lyra.simulation.from_fit import ModelSource, correlations
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.own_data import Past, Placebo
from lyra.simulation.samples import WorldLike
from lyra.simulation.setting import Designs, DrawnFrom, Setting, by_name, named
from lyra.simulation.stress import stresses

__all__ = ["Fitted", "Subject", "handed_in", "sources_of"]


class Subject(Protocol):
    """What was handed in, with what was asked of it."""

    def settings(self, designs: Designs) -> dict[str, Setting]:
        """Return the sources under these designs, by name."""

    def described(self, designs: Designs) -> dict[str, Any]:
        """Return what was asked, a part a name."""

    @property
    def facts(self) -> dict[str, Any]:
        """The size of the user's data."""

    def identity(self) -> dict[str, Any] | None:
        """Return what the user's data are known by; None where there are none."""


def sources_of(subject: Any, designs: Designs, asked: Asked) -> dict[str, Setting]:
    """Return the sources of replicates in what was handed in, by name.

    Raises
    ------
    InputError
        A keyword that does not belong to the subject, a design that it needs, or has no use for.
    """
    return handed_in(subject, asked).settings(designs)


def handed_in(subject: Any, asked: Asked) -> Subject:
    """Return the subject: a source, a fit (or what holds one), a world or several, else a table."""
    if isinstance(subject, (WorldSource, HistorySource, ModelSource)):
        return Ready.of(subject, asked)
    fit = getattr(subject, "fit", subject)
    if isinstance(fit, Fit):
        return Fitted.of(fit, asked)
    worlds = list(subject.values()) if isinstance(subject, Mapping) else subject
    if all(isinstance(world, WorldLike) for world in (worlds if isinstance(worlds, (list, tuple)) else [worlds])):
        return Worlds.of(subject, asked)
    return (Past if asked.formula is None else Placebo).of(subject, asked)


# --- the subjects -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Worlds:
    """A world, or several, by name."""

    worlds: WorldLike | Sequence[WorldLike] | Mapping[str, WorldLike]
    analyses: Mapping[str, Analysis]
    takes: ClassVar = ("analyses", "cluster_by", "covariates")

    @classmethod
    def of(cls, worlds: Any, asked: Asked) -> Worlds:
        """Return the worlds, each to be analysed in every way."""
        refuse_foreign("a world", asked, cls.takes)
        one = Analysis(asked.cluster_by or "cluster", tuple(asked.covariates))
        return cls(worlds, asked.analyses or {"": one})

    def settings(self, designs: Designs) -> dict[str, Setting]:
        """Return a source a world, design and analysis, on fresh data sets."""
        ways = product(named(self.worlds).items(), named(designs, design_name).items(), self.analyses.items())
        return by_name(
            (
                ", ".join(part for part in (place, "" if design is None and place else f"{name} A/A", how) if part),
                Setting(source=WorldSource(world, design, way.cluster_by, way.covariates), analysis=how),
            )
            for (place, world), (name, design), (how, way) in ways
        )

    def described(self, designs: Designs) -> dict[str, Any]:
        """Return the worlds, the designs and the analyses."""
        told: dict[str, Any] = {"source": self.worlds, "designs": designs, "analyses": self.analyses}
        return told | estimand_in_words(named(self.worlds).values()) | ({"term": "x"} if designs is None else {})

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing: there are no data."""
        return {}

    def identity(self) -> None:
        """Return that there are no data."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted design: X and the clusters stay."""

    fit: Fit
    param: int
    icc: float | Sequence[float] | None
    takes: ClassVar = ("icc", "term")

    @classmethod
    def of(cls, fit: Fit, asked: Asked) -> Fitted:
        """Return the fit with the coefficient meant."""
        refuse_foreign("a fit", asked, cls.takes)
        return cls(fit, coefficient(fit, asked.term), asked.icc)

    def settings(self, designs: Designs) -> dict[str, Setting]:
        """Return a source an intraclass correlation: those asked for, or the estimate and the ends of its interval."""
        if designs is not None:
            raise InputError("A fit is taken as it stands: leave the design out, or pass the table itself.")
        tried = correlations(self.fit, self.fit.names[self.param], self.icc)
        return {
            f"the fitted design, {one.name}": Setting(
                source=ModelSource(self.fit, self.param, one.icc), end=one.end, assumed=one.assumed, notes=one.notes
            )
            for one in tried
        }

    def stressed(self, designs: Designs) -> dict[str, Setting]:
        """Return a source a world that a certificate tries: the correlations asked for, or worlds of any outcome."""
        if self.icc is not None or designs is not None or too_large(self.fit):
            return self.settings(designs)
        tried = stresses(self.fit, self.param)
        return {f"the fitted design, {one.name}": Setting(source=one.source, notes=one.notes) for one in tried}

    def described(self, designs: Designs) -> dict[str, Any]:
        """Return the coefficient, and the correlations asked for."""
        return {"source": "the fitted design", "term": self.fit.names[self.param], "icc": self.icc}

    @property
    def facts(self) -> dict[str, Any]:
        """Rows and clusters."""
        return {"rows": self.fit.N, "clusters": self.fit.G}

    def identity(self) -> dict[str, Any]:
        """Return a hash of the sums of the fit."""
        return ModelSource(self.fit, self.param, 0.0).identity()


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A source, as it is."""

    source: DrawnFrom

    @classmethod
    def of(cls, source: DrawnFrom, asked: Asked) -> Ready:
        """Return the source, of which nothing more can be asked."""
        refuse_foreign("a source", asked, ())
        return cls(source)

    def settings(self, designs: Designs) -> dict[str, Setting]:
        """Return the source."""
        if designs is not None:
            raise InputError("A source has its design already: leave the design out.")
        return {"a source": Setting(source=self.source)}

    def described(self, designs: Designs) -> dict[str, Any]:
        """Return what kind of source it is."""
        return {"source": type(self.source).__name__}

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing: they are the source's."""
        return {}

    def identity(self) -> None:
        """Return that there are no data beside the source's."""
