"""Who else could have been treated: assignments of whole clusters by a design, or as the user lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Bools
from lyra.base.text import listed
from lyra.data import check
from lyra.data.units import Seed, Units
from lyra.designs import ByCluster, Design, Pairs, Stratified
from lyra.designs.named import WORDS, Word
from lyra.errors import InputError

__all__ = ["Assignments", "Said", "as_declared", "assigned", "reads_strata"]

LISTED = "assignments as listed"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Said:
    """What was said of who could have been treated: a design with its strata, or a list; and how many to draw.

    A design that is a word, "cluster", "strata" or "pairs", draws as many clusters as were treated, of all or in each
    stratum. `units` are cells with their windows, for a design that draws by those.
    """

    design: Design | Word | None
    stratum: Any
    assignments: Any
    R: int
    rng: Seed
    units: Units | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Assignments:
    """Assignments (R, G), the actual one first, whether these are all that could have been, and by which design."""

    treated: Bools
    enumerated: bool
    design: str

    @classmethod
    def beside(cls, actual: Bools, others: Bools, design: Design | None = None) -> Assignments:
        """Return the others, all of a design or a list, with the actual one moved, or added, to the front."""
        same = np.flatnonzero((others == actual).all(axis=1))
        treated = np.concatenate([actual[None], np.delete(others, same[:1], axis=0)])
        return cls(treated, design is not None, LISTED if design is None else design.title)


def assigned(labels: NDArray[Any], actual: Bools, said: Said) -> Assignments:
    """Return every assignment of a design when it lists them, else R drawn by it and the actual one.

    Parameters
    ----------
    labels : ndarray (G,)
        Of the clusters.
    actual : ndarray (G,)
        Whether each is treated.
    said : Said
        Without a design and a list: complete randomisation of as many clusters as are treated.

    Raises
    ------
    InputError
        The design draws within clusters or cannot have drawn the actual assignment, R < 1, or a list of another shape.
    """
    if said.assignments is not None:
        if said.design is not None:
            raise InputError("design and assignments both say who could have been treated: pass one of them.")
        return Assignments.beside(actual, _as_listed(said.assignments, actual))
    if said.design is None and said.stratum is not None:
        raise InputError("stratum is read by a design: pass design=, such as design=Stratified().")
    design = as_declared(labels, actual, said)
    units = _units(labels, design, said.stratum) if said.units is None else said.units
    return _drawn(design, units, actual, said)


def reads_strata(design: Design | Word | None) -> bool:
    """Return whether a design, or the word for one, draws in each stratum."""
    return "stratum" in design.reads if isinstance(design, Design) else design in ("strata", "pairs")


def as_declared(labels: NDArray[Any], actual: Bools, said: Said) -> Design:
    """Return the design that was meant: of a word, or of none, the one that treats as many clusters as were treated.

    Raises
    ------
    InputError
        The word is unknown, or strata are not said.
    """
    if isinstance(said.design, Design):
        return said.design
    word = check.one_of(said.design or "cluster", WORDS, what="design")
    if word == "cluster":
        return ByCluster(int(actual.sum()))
    if word == "pairs":
        return Pairs()
    stratum, _ = _units(labels, Stratified(), said.stratum).codes("stratum")
    return Stratified(tuple(np.bincount(stratum, weights=actual).astype(int).tolist()))


def _drawn(design: Design, units: Units, actual: Bools, said: Said) -> Assignments:
    known = ("stratum",) if said.units is None else ("window",)
    within = [label for label in design.reads if label not in known]
    if within:
        raise InputError(
            f"the design {design.title!r} draws by the {within[0]}, and of a fit only the sums of its clusters are "
            "known: pass a design that treats whole clusters."
        )
    if not design.kept(units).all():
        raise InputError(f"the design {design.title!r} leaves windows out that were fitted: fit the rows it keeps.")
    items = design.items(units)
    if design.enumerable(units):
        every = design.enumerate(units)[:, items]
        if not (every == actual).all(axis=1).any():
            raise InputError(_impossible(design, actual))
        return Assignments.beside(actual, every, design)
    if said.R < 1:
        raise InputError(f"R={said.R} assignments cannot be drawn: ask for at least 1, such as 9999.")
    if np.unique(items * 2 + actual).size > np.unique(items).size:
        raise InputError(_impossible(design, actual))
    drawn = design.draw_many(units, said.R, said.rng)[:, items]
    _refuse_another_number(design, units, drawn, actual)
    return Assignments(np.concatenate([actual[None], drawn]), enumerated=False, design=design.title)


def _refuse_another_number(design: Design, units: Units, drawn: Bools, actual: Bools) -> None:
    """Refuse where every draw treats one number of a stratum's clusters, and the actual assignment another."""
    stratum = np.zeros(actual.size, dtype=np.intp) if units.stratum is None else units.codes("stratum")[0]
    among = np.eye(int(stratum.max()) + 1)[stratum]
    numbers = drawn @ among
    fixed = numbers.min(axis=0) == numbers.max(axis=0)
    if (fixed & (numbers[0] != actual @ among)).any():
        raise InputError(_impossible(design, actual))


def _impossible(design: Design, actual: Bools) -> str:
    return (
        f"the design {design.title!r} cannot have treated these {int(actual.sum())} of {actual.size} "
        f"{'cells' if 'window' in design.reads else 'clusters'}: pass the design by which they were drawn."
    )


def _as_listed(assignments: Any, actual: Bools) -> Bools:
    """Return the assignments (R, G) of a table (G, R), or refuse what is none."""
    array = np.asarray(assignments)
    if array.ndim != 2 or array.shape[0] != actual.size or array.shape[1] == 0:
        raise InputError(
            f"assignments has shape {array.shape} and there are {actual.size} clusters: pass one row a cluster, in the "
            "order of fit.labels, and one column an assignment."
        )
    if not np.isin(array, (0, 1)).all():
        raise InputError(
            "assignments holds values other than True and False: say for each cluster whether it is treated."
        )
    return np.asarray(array.T, dtype=np.bool_)


def _units(labels: NDArray[Any], design: Design, stratum: Any) -> Units:
    """Return the clusters (G,) as units of a design, each with its stratum where the design reads one."""
    reads = reads_strata(design)
    if reads and stratum is None:
        raise InputError(
            f"the design {design.title!r} reads the stratum of each cluster: pass stratum=, a label a cluster in the "
            "order of fit.labels, or a mapping."
        )
    if stratum is None:
        return Units(np.arange(labels.size))
    if not reads:
        raise InputError(f"the design {design.title!r} reads no stratum: leave stratum= out.")
    return Units(np.arange(labels.size), stratum=_a_label_each(labels, stratum))


def _a_label_each(labels: NDArray[Any], stratum: Any) -> NDArray[Any]:
    if isinstance(stratum, Mapping):
        lost = [label for label in labels.tolist() if label not in stratum]
        if lost:
            raise InputError(f"stratum names no stratum for {listed(lost)}: give every cluster one.")
        stratum = [stratum[label] for label in labels.tolist()]
    column = np.asarray(stratum)
    if column.shape != labels.shape:
        raise InputError(
            f"stratum has shape {column.shape} and there are {labels.size} clusters: pass a label a cluster, in the "
            "order of fit.labels, or a mapping."
        )
    return column
