"""What the user hands to `certify` or `power` -> the sources of replicates in it, by name: decided here and once.

A subject is a world (or several), a table of past data, a fit, or a source. Each knows which keywords are its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np

from lyra.base.text import option
from lyra.data.units import History
from lyra.designs import Design
from lyra.designs.named import design_name
from lyra.errors import InputError
from lyra.regression.least_squares import Fit
from lyra.regression.term import coefficient
from lyra.simulation.analysis import Analysis, labels_read
from lyra.simulation.asked import COLUMNS, CSV, Asked, refuse_foreign
from lyra.simulation.estimand import beyond_the_past, estimand_in_words
from lyra.simulation.from_fit import ModelSource, correlations
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.samples import WorldLike

__all__ = ["Designs", "DrawnFrom", "Setting", "Subject", "handed_in", "sources_of"]

Designs: TypeAlias = Design | Sequence[Design | None] | Mapping[str, Design | None] | None
DrawnFrom: TypeAlias = WorldSource | HistorySource | ModelSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A source of replicates under one name, and what the reader must know of it.

    Attributes
    ----------
    source : WorldSource, HistorySource or ModelSource
    analysis : str
        How the data are analysed, where several ways are compared.
    end : bool
        Whether it is tried beside an estimate, at an end of its interval.
    assumed : bool
        Whether it rests on a correlation that cannot be estimated.
    notes : tuple of str
    """

    source: DrawnFrom
    analysis: str = ""
    end: bool = False
    assumed: bool = False
    notes: tuple[str, ...] = ()


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
    return Past.of(subject, asked)


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
        ways = product(_named(self.worlds).items(), _named(designs, design_name).items(), self.analyses.items())
        return _by_name(
            (
                ", ".join(part for part in (place, "" if design is None and place else f"{name} A/A", how) if part),
                Setting(source=WorldSource(world, design, way.cluster_by, way.covariates), analysis=how),
            )
            for (place, world), (name, design), (how, way) in ways
        )

    def described(self, designs: Designs) -> dict[str, Any]:
        """Return the worlds, the designs and the analyses."""
        told: dict[str, Any] = {"source": self.worlds, "designs": designs, "analyses": self.analyses}
        return told | estimand_in_words(_named(self.worlds).values()) | ({"term": "x"} if designs is None else {})

    @property
    def facts(self) -> dict[str, Any]:
        """Nothing: there are no data."""
        return {}

    def identity(self) -> None:
        """Return that there are no data."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A table of past data: its outcome stays, and the treatment is drawn again."""

    history: History
    columns: Mapping[str, Any]
    cluster_by: str
    takes: ClassVar = (*COLUMNS, *CSV, "cluster_by")

    @classmethod
    def of(cls, table: Any, asked: Asked) -> Past:
        """Return the history of a table, or refuse a column that is needed and was not named."""
        refuse_foreign("a table", asked, cls.takes)
        given = asked.given
        for needed in ("outcome", "cluster"):
            if not given.get(needed):
                raise InputError(f"A table needs {option(needed)}, the name of its column: pass it.")
        if given["outcome"] == given["cluster"]:
            told = option("cluster", given["cluster"])
            raise InputError(f"{told} is the outcome: name the column of cluster labels.")
        from lyra.data.history import read_history

        columns = {name: given[name] for name in (*COLUMNS, *CSV) if name in given}
        return cls(read_history(table, **columns), columns, asked.cluster_by or "cluster")

    def settings(self, designs: Designs) -> dict[str, Setting]:
        """Return a source a design, on the user's own outcome."""
        return _by_name(
            (f"own data, {name}", Setting(source=self._under(design), notes=beyond_the_past(design)))
            for name, design in _named(designs, design_name).items()
        )

    def _under(self, design: Design | None) -> HistorySource:
        if design is None:
            raise InputError("A table needs a design: say how the treatment is drawn, such as ByCluster().")
        _refuse_unlabelled(design, self.cluster_by, self.columns)
        return HistorySource(
            y=self.history.y, W=self.history.W, units=self.history.units, design=design, cluster_by=self.cluster_by
        )

    def described(self, designs: Designs) -> dict[str, Any]:
        """Return the designs, the columns, and how they are analysed."""
        told: dict[str, Any] = {"source": "own data", "designs": designs, "cluster_by": self.cluster_by}
        return told | dict(self.columns)

    @property
    def facts(self) -> dict[str, Any]:
        """Rows, clusters, and rows left out."""
        clusters = np.unique(self.history.units.cluster).size
        return {"rows": self.history.y.size, "clusters": clusters, "dropped_rows": self.history.dropped_rows}

    def identity(self) -> dict[str, Any]:
        """Return a hash of every column read."""
        return self.history.identity()


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
        """Return a source an intraclass correlation."""
        if designs is not None:
            raise InputError("A fit is taken as it stands: leave the design out, or pass the table itself.")
        tried = correlations(self.fit, self.fit.names[self.param], self.icc)
        return {
            f"the fitted design, {one.name}": Setting(
                source=ModelSource(self.fit, self.param, one.icc), end=one.end, assumed=one.assumed, notes=one.notes
            )
            for one in tried
        }

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


# --- names and refusals -------------------------------------------------------------------------


def _named(items: Any, name: Any = lambda _: "") -> dict[str, Any]:
    """Return one or several items by name, numbered where names would be alike."""
    if isinstance(items, Mapping):
        return dict(items)
    several = list(items) if isinstance(items, (list, tuple)) else [items]
    names = [name(item) for item in several]
    if len(set(names)) == len(names):
        return dict(zip(names, several, strict=True))
    return {f"{label} #{k}".strip(): item for k, (label, item) in enumerate(zip(names, several, strict=True), 1)}


def _by_name(settings: Iterator[tuple[str, Setting]]) -> dict[str, Setting]:
    told: dict[str, Setting] = {}
    for name, setting in settings:
        if name in told:
            raise InputError(f"Two of the settings are called {name!r}: give worlds and designs names of their own.")
        told[name] = setting
    return told


def _refuse_unlabelled(design: Design, cluster_by: str, columns: Mapping[str, Any]) -> None:
    """Refuse a design or an analysis that reads labels for which no column was named."""
    for label in ("stratum", "window"):
        by_analysis = label in labels_read(cluster_by)
        if (by_analysis or label in design.reads) and not columns.get(label):
            reader = option("cluster_by", cluster_by) if by_analysis else f"the design {design_name(design)!r}"
            raise InputError(f"{reader} reads the {label} of each row: name its column with {option(label)}.")
