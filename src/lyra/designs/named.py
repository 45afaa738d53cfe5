"""A word -> a design, as a config or a shell names it; and what a design is called in tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lyra.base.text import option
from lyra.designs.adoption import Adoption
from lyra.designs.design import Design
from lyra.designs.lotteries import Treated
from lyra.designs.minimax import MinimaxSwitchback
from lyra.designs.simple import ByCluster, ByUser
from lyra.designs.strata import Pairs, Stratified
from lyra.designs.switchback import Switchback
from lyra.errors import InputError

__all__ = ["DECLARED", "DESIGNS", "WORDS", "Declared", "Word", "design_name", "design_of"]

DESIGNS: dict[str, type[Design]] = {
    "cluster": ByCluster,
    "user": ByUser,
    "stratified": Stratified,
    "pairs": Pairs,
    "switchback": Switchback,
    "minimax": MinimaxSwitchback,
    "adoption": Adoption,
}
Word: TypeAlias = Literal["cluster", "strata", "pairs"]

WORDS: tuple[Word, ...] = ("cluster", "strata", "pairs")
"""How clusters were drawn, as a word: as many as were treated, of all or in each stratum."""

DECLARED = {"cluster": "", "strata": "COLUMN", "pairs": "COLUMN", "switchback": "COLUMN:BLOCK"}
"""How the treatment of a fit was drawn, as it is said, and what goes with it."""

COLUMNS = {"strata": "stratum", "pairs": "stratum", "switchback": "window"}

TAKES = {
    "cluster": ("treated",),
    "user": ("treated",),
    "switchback": ("block", "pattern", "washout"),
    "minimax": ("carryover",),
    "adoption": ("treated",),
}


def design_of(
    word: str,
    *,
    treated: str | None = None,
    block: int | None = None,
    pattern: str | None = None,
    washout: int | None = None,
    carryover: int | None = None,
) -> Design:
    """Return the design of a name, with what is said of it: how many are treated, how a switchback goes.

    A switchback's block is one window if unsaid, and so is the carry-over of a minimax one.

    Raises
    ------
    InputError
        The design takes no such option, or cannot be with it.

    Examples
    --------
    >>> design_of("switchback"), design_of("cluster", treated="0.25")
    (Switchback(block=1, pattern='random', washout=0), ByCluster(treated=0.25))
    """
    share = None if treated is None else _share(treated)
    said: dict[str, Any] = {"treated": share, "block": block, "pattern": pattern, "washout": washout}
    said["carryover"] = carryover
    given = {name: value for name, value in said.items() if value is not None}
    for name in given:
        if name not in TAKES.get(word, ()):
            raise InputError(f"A {word} design takes no {option(name).removesuffix('=')}: leave it out.")
    return DESIGNS[word](**({"block": 1} if word == "switchback" else {}) | given)


def _share(treated: str) -> Treated:
    """Return half, bernoulli, or a number or share, as it was written."""
    if treated in ("half", "bernoulli"):
        return treated  # type: ignore[return-value]
    try:
        return float(treated) if "." in treated else int(treated)
    except ValueError:
        name = option("treated").removesuffix("=")
        raise InputError(f"{name} {treated!r} is not half, bernoulli or a number: pass one of them.") from None


@dataclass(frozen=True, slots=True)
class Declared:
    """How a treatment was drawn, as it is said of a fit: a word or a design, and the column of the table it reads."""

    design: Design | Word | None = None
    column: str | None = None
    reads: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The column it reads, as a keyword of `lyra.fit`."""
        return {} if self.column is None or self.reads is None else {self.reads: self.column}

    @classmethod
    def of(cls, text: str | None) -> Declared:
        """Return what "cluster", "strata:COLUMN", "pairs:COLUMN" or "switchback:COLUMN:BLOCK" says; nothing of None.

        The block of a switchback is the number of windows that are drawn as one; left out, one.

        Raises
        ------
        InputError
            The word is unknown, misses its column, or takes none.

        Examples
        --------
        >>> Declared.of("strata:region").columns, Declared.of("switchback:hour:4").design
        ({'stratum': 'region'}, Switchback(block=4, pattern='random', washout=0))
        """
        if text is None:
            return cls()
        said, _, column = text.partition(":")
        _refuse_undeclared(text, said, column)
        if said != "switchback":
            return cls(next(word for word in WORDS if word == said), column or None, COLUMNS.get(said))
        name, _, block = column.rpartition(":")
        if not name or not block.isdecimal():
            return cls(Switchback(1), column, "window")
        return cls(Switchback(int(block)), name, "window")


def _refuse_undeclared(text: str, said: str, column: str) -> None:
    name = option("design").removesuffix("=")
    if said not in DECLARED:
        *most, last = (f"{word}:{goes}" if goes else word for word, goes in DECLARED.items())
        raise InputError(f"{name} {text!r} is unknown: say {', '.join(most)} or {last}.")
    if DECLARED[said] and not column:
        what = "windows" if said == "switchback" else "them"
        raise InputError(f"{name} {said!r} names no column: write {said}:COLUMN, with the column that holds {what}.")
    if column and not DECLARED[said]:
        raise InputError(f"{name} {said!r} takes no column: leave ':{column}' out.")


def design_name(design: Design | None) -> str:
    """Return what a design is called in tables."""
    return "nothing assigned" if design is None else design.title
