"""The register of methods: every way to test a coefficient stands here once, with its names, its law and its forms.

A method is a covariance with a law, or a bootstrap. Ladder, certificate, power, shell and help read this register, so a
method is added by one record here and the one or two small functions that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

from lyra.base.arrays import Array
from lyra.robust import replicates
from lyra.robust.dof import own_rule
from lyra.robust.replicates import Outcome, Replicates, Wild
from lyra.robust.sandwich import VARIANTS

__all__ = ["LADDER", "METHODS", "Method", "certifiable", "read_in_order", "run_method"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to test a coefficient.

    Attributes
    ----------
    words : str
        What it does, for help and tables.
    variant : str or None
        Its covariance of one fit, a name of `sandwich.VARIANTS`; None for a bootstrap.
    law : str
        The rule of the degrees of freedom of its t law, see `dof.RULES`; "bootstrap" where draws are the law.
    of_replicates : function or None
        What it says of many replicates at once; None where it needs rows, or draws.
    draws : Wild or None
        The kind of bootstrap.
    read : int or None
        Its place among lines to read, the least first; one that takes rows as independent has a place where every row
        is a cluster. None for one that is never read.
    """

    words: str
    variant: str | None = None
    law: str = "bootstrap"
    of_replicates: Callable[[Replicates], Outcome] | None = None
    draws: Wild | None = None
    read: int | None = None

    @property
    def needs_rows(self) -> bool:
        """Whether sums are not enough for it."""
        return self.of_replicates is None and self.draws is None

    @property
    def reads_clusters(self) -> bool:
        """Whether it would be another with other clusters."""
        return self.variant is None or VARIANTS[self.variant].clustered

    @property
    def clustered(self) -> bool:
        """Whether it allows for the clusters, and for how few they are."""
        return self.reads_clusters and self.read is not None


def _of(
    variant: str,
    of_replicates: Callable[[Replicates], Outcome] | None = None,
    *,
    law: str | None = None,
    read: int | None = None,
) -> Method:
    """Return the method of a covariance, with its own law or another."""
    rule = own_rule(variant) if law is None else law
    words = VARIANTS[variant].formula + (f", {law} law" if law else "")
    return Method(words=words, variant=variant, law=rule, of_replicates=of_replicates, read=read)


def _bootstrap(kind: str, *, restricted: bool, read: int) -> Method:
    """Return the method of a wild cluster bootstrap; kind "31" jackknifes the scores, kind "13" studentises by CV3."""
    draws = Wild(restricted=restricted, jackknife=kind[0] == "3", cv3=kind[1] == "3")
    null = "the null imposed" if restricted else "the null not imposed"
    scores = "jackknifed scores" if draws.jackknife else "scores as they are"
    by = "CV3" if draws.cv3 else "CV1"
    return Method(words=f"wild cluster bootstrap, {null}, {scores}, t studentised by {by}", draws=draws, read=read)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "iid": _of("iid", replicates.iid),
        "HC0": _of("HC0", read=15),
        "HC1": _of("HC1", read=14),
        "HC2": _of("HC2", read=13),
        "HC3": _of("HC3", read=12),
        "CV1-normal": _of("CV1", replicates.cv1_normal, law="normal"),
        "CV0": _of("CV0", replicates.cv0, read=11),
        "CV1": _of("CV1", replicates.cv1, read=10),
        "CV2": _of("CV2", replicates.cv2, read=0),
        "CV3": _of("CV3", replicates.cv3, read=1),
        "CV3J": _of("CV3J", replicates.cv3j, read=6),
        "WCR-11": _bootstrap("11", restricted=True, read=2),
        "WCR-31": _bootstrap("31", restricted=True, read=3),
        "WCR-13": _bootstrap("13", restricted=True, read=4),
        "WCR-33": _bootstrap("33", restricted=True, read=5),
        "WCU-11": _bootstrap("11", restricted=False, read=7),
        "WCU-31": _bootstrap("31", restricted=False, read=8),
        "WCU-13": _bootstrap("13", restricted=False, read=8),
        "WCU-33": _bootstrap("33", restricted=False, read=9),
    }
)
"""Every method by its name."""

LADDER = ("iid", "CV1", "CV2", "CV3")
"""The lines that are shown, and certified, when none are asked for."""


def certifiable(*, on_sums: bool = False) -> tuple[str, ...]:
    """Return the names of the methods that can be certified; with `on_sums` those that need no rows."""
    return tuple(name for name, method in METHODS.items() if not (on_sums and method.needs_rows))


def read_in_order(*, one_row_each: bool = False) -> tuple[str, ...]:
    """Return the names of the methods that may be read, in the order in which they are."""
    may = {name: method.read for name, method in METHODS.items() if method.clustered or one_row_each}
    places = {name: place for name, place in may.items() if place is not None}
    return tuple(sorted(places, key=lambda name: places[name]))


def run_method(reps: Replicates, name: str, V: Array) -> Outcome:
    """Return what a method says in every replicate; V (B, G) are the weights a bootstrap draws."""
    method = METHODS[name]
    if method.draws is not None:
        outcome = replicates.wild(reps, V, method.draws)
    elif method.of_replicates is not None:
        outcome = method.of_replicates(reps)
    else:
        raise KeyError(name)
    if reps.degenerate is None or not reps.degenerate.any():
        return outcome
    columns = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    return Outcome(**{name: np.where(reps.degenerate, np.nan, column) for name, column in columns.items()})
