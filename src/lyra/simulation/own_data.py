"""A table of the user's, with or without a formula -> the sources of replicates in it: the outcome stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lyra.base.text import listed, option
from lyra.data.units import History
from lyra.designs import Design
from lyra.designs.named import design_name
from lyra.errors import InputError
from lyra.simulation.analysis import labels_read
from lyra.simulation.asked import COLUMNS, CSV, Asked, refuse_foreign
from lyra.simulation.estimand import beyond_the_past
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_panel import PanelSource
from lyra.simulation.setting import Designs, Setting, by_name, named

if TYPE_CHECKING:
    from lyra.data.panel import Panel

__all__ = ["Past", "Placebo"]


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A table of past data: its outcome stays, and the treatment is drawn again."""

    history: History
    columns: Mapping[str, Any]
    cluster_by: str
    takes: ClassVar = (*COLUMNS, *CSV, "cluster_by", "formula")

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
        return by_name(
            (f"own data, {name}", Setting(source=self._under(design), notes=beyond_the_past(design)))
            for name, design in named(designs, design_name).items()
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
class Placebo:
    """A table and a formula: the outcome and all other columns stay, and the treatment is drawn again."""

    panel: Panel
    columns: Mapping[str, Any]
    cluster_by: str
    takes: ClassVar = ("formula", "term", "cluster", "window", "stratum", *CSV, "cluster_by")

    @classmethod
    def of(cls, table: Any, asked: Asked) -> Placebo:
        """Return the panel of a table, or refuse a column that is needed and was not named."""
        refuse_foreign("a table with a formula", asked, cls.takes)
        given = asked.given
        if not given.get("cluster"):
            raise InputError(f"A table needs {option('cluster')}, the name of its column: pass it.")
        from lyra.data.panel import read_panel

        columns = {name: given[name] for name in cls.takes if name in given and name != "cluster_by"}
        return cls(read_panel(table, **columns), columns, asked.cluster_by or "cluster")

    def settings(self, designs: Designs) -> dict[str, Setting]:
        """Return a source a design, on the user's own outcome."""
        return by_name(
            (f"own data, {name}", Setting(source=self._under(design), notes=(self._note, *beyond_the_past(design))))
            for name, design in named(designs, design_name).items()
        )

    def _under(self, design: Design | None) -> PanelSource:
        if design is None:
            raise InputError("A table needs a design: say how the treatment is drawn, such as Adoption().")
        _refuse_unlabelled(design, self.cluster_by, self.columns)
        panel = self.panel
        source = PanelSource(
            y=panel.y,
            W=panel.W,
            units=panel.units,
            design=design,
            cluster_by=self.cluster_by,
            effects=tuple(panel.effects.values()),
        )
        self._refuse_spanned(source)
        return source

    def _refuse_spanned(self, source: PanelSource) -> None:
        """Refuse a design whose every assignment is a combination of the columns that stay."""
        some = source.batch(SOME, np.random.default_rng(0))
        if some.degenerate is not None and some.degenerate.all():
            effects = (
                f", {listed(f'C({name})' for name in self.panel.effects)} among them," if self.panel.effects else ""
            )
            raise InputError(
                f"The other columns{effects} hold all that a design {design_name(source.design)!r} varies in "
                f"{self.panel.treatment}, which has no coefficient then: leave them out, or draw by a design that "
                "varies inside them."
            )

    @property
    def _note(self) -> str:
        drawn = self.panel.treatment
        return (
            f"Each replicate is a placebo: {drawn} is drawn again and the rest of the data stay as they are. An effect "
            f"that {drawn} had is in this outcome, where placebos meet it as noise."
        )

    def described(self, designs: Designs) -> dict[str, Any]:
        """Return the designs, the formula and the columns, and how they are analysed."""
        told: dict[str, Any] = {"source": "own data", "designs": designs, "cluster_by": self.cluster_by}
        return told | dict(self.columns) | {"term": self.panel.treatment}

    @property
    def facts(self) -> dict[str, Any]:
        """Rows, clusters, and rows left out."""
        clusters = np.unique(self.panel.units.cluster).size
        return {"rows": self.panel.y.size, "clusters": clusters, "dropped_rows": self.panel.dropped_rows}

    def identity(self) -> dict[str, Any]:
        """Return a hash of every column read."""
        return self.panel.identity()


# --- refusals -----------------------------------------------------------------------------------

SOME = 20  # assignments, of which one must be identified


def _refuse_unlabelled(design: Design, cluster_by: str, columns: Mapping[str, Any]) -> None:
    """Refuse a design or an analysis that reads labels for which no column was named."""
    if "treatment" in design.reads and "formula" not in columns:
        raise InputError(
            f"the design {design_name(design)!r} deals the dates of the data again, and no treatment is named: pass "
            f"{option('formula')}, such as 'y ~ treat + C(unit) + C(time)', or say how many adopt, with "
            f"{option('treated')}."
        )
    for label in ("stratum", "window"):
        by_analysis = label in labels_read(cluster_by)
        if (by_analysis or label in design.reads) and not columns.get(label):
            reader = option("cluster_by", cluster_by) if by_analysis else f"the design {design_name(design)!r}"
            raise InputError(f"{reader} reads the {label} of each row: name its column with {option(label)}.")
