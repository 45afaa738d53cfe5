"""What is asked of a world, a table or a fit, beside its design: one record of keywords, and whose each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any

from lyra.base.text import option
from lyra.errors import InputError
from lyra.simulation.analysis import Analysis

__all__ = ["COLUMNS", "CSV", "Asked", "dates_column", "refuse_foreign", "whole_seed"]

COLUMNS = ("outcome", "cluster", "covariates", "window", "stratum")
CSV = ("decimal", "delimiter", "encoding", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a subject beside its design, by keyword; nothing, or None, where it was left out.

    `weights` belong to every subject and are asked of the bootstraps; `lacks` are the keywords a door does not have.
    """

    cluster_by: str | None = None
    covariates: Sequence[str] = ()
    analyses: Mapping[str, Analysis] | None = None
    formula: str | None = None
    outcome: str | None = None
    cluster: str | None = None
    window: str | None = None
    stratum: str | None = None
    decimal: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    missing: Sequence[str] | None = None
    term: str | int | None = None
    icc: float | Sequence[float] | None = None
    lacks: tuple[str, ...] = ()

    @property
    def given(self) -> dict[str, Any]:
        """The keywords that were given."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "lacks"}
        return {name: value for name, value in told.items() if value is not None and value != ()}


def refuse_foreign(subject: str, asked: Asked, takes: Sequence[str]) -> None:
    """Refuse a keyword that does not belong to the subject, with those that do."""
    extra = sorted(set(asked.given) - set(takes))
    if extra:
        known = sorted({*takes, *(["weights"] if takes else [])} - set(asked.lacks))
        instead = f"it takes {', '.join(known)}" if known else "leave it out"
        raise InputError(f"{subject} takes no {option(extra[0])}: {instead}.")


def dates_column(window: str | None, time: str | None) -> str | None:
    """Return the column of windows, by either of its names: of a panel they are its dates."""
    if window is not None and time is not None:
        raise InputError(f"{option('window', window)} and {option('time', time)} name one column twice: pass one.")
    return window if time is None else time


def whole_seed(seed: Any) -> int:
    """Return the seed, or refuse what is not a whole number of 0 or more."""
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise InputError(f"{option('seed', seed)} is not a whole number: pass 0 or more.")
    if seed < 0:
        raise InputError(f"{option('seed', seed)} is negative: pass 0 or more.")
    return int(seed)
