"""A word -> a design, as a config or a shell names it; and what a design is called in tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lyra.base.text import option
from lyra.designs.design import Design
from lyra.designs.lotteries import Treated
from lyra.designs.simple import ByCluster, ByUser
from lyra.designs.strata import Pairs, Stratified
from lyra.designs.switchback import Switchback
from lyra.errors import InputError

__all__ = ["DECLARED", "DESIGNS", "Declared", "Word", "design_name", "design_of"]

DESIGNS: dict[str, type[Design]] = {
    "cluster": ByCluster,
    "user": ByUser,
    "stratified": Stratified,
    "pairs": Pairs,
    "switchback": Switchback,
}
Word: TypeAlias = Literal["cluster", "strata", "pairs"]

DECLARED: Mapping[Word, bool] = {"cluster": False, "strata": True, "pairs": True}
"""How the treatment of a fit was drawn, as a word, and whether a column goes with it."""

TAKES = {"cluster": "treated", "user": "treated", "switchback": "block"}


def design_of(word: str, *, treated: str | None = None, block: int | None = None) -> Design:
    """Return the design of a name, with how many are `treated` or how long a `block` is; a block of one if unsaid.

    Raises
    ------
    InputError
        The design takes no such option, or cannot be with it.

    Examples
    --------
    >>> design_of("switchback"), design_of("cluster", treated="0.25")
    (Switchback(block=1, pattern='random', washout=0), ByCluster(treated=0.25))
    """
    said: dict[str, Any] = {"treated": None if treated is None else _share(treated), "block": block}
    given = {name: value for name, value in said.items() if value is not None}
    for name in given:
        if name != TAKES.get(word):
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
    """How clusters were drawn to be treated, as it is said of a fit: a word, and the column of strata or pairs."""

    word: Word | None = None
    column: str | None = None

    @classmethod
    def of(cls, text: str | None) -> Declared:
        """Return what "cluster", "strata:COLUMN" or "pairs:COLUMN" says; of nothing, nothing.

        Raises
        ------
        InputError
            The word is unknown, misses its column, or takes none.

        Examples
        --------
        >>> Declared.of("strata:region")
        Declared(word='strata', column='region')
        """
        if text is None:
            return cls()
        said, _, column = text.partition(":")
        name = option("design").removesuffix("=")
        word = next((known for known in DECLARED if known == said), None)
        if word is None:
            *most, last = (f"{known}:COLUMN" if takes else known for known, takes in DECLARED.items())
            raise InputError(f"{name} {text!r} is unknown: say {', '.join(most)} or {last}.")
        if DECLARED[word] and not column:
            raise InputError(f"{name} {word!r} names no column: write {word}:COLUMN, with the column that holds them.")
        if column and not DECLARED[word]:
            raise InputError(f"{name} {word!r} takes no column: leave ':{column}' out.")
        return cls(word, column or None)


def design_name(design: Design | None) -> str:
    """Return what a design is called in tables."""
    return "nothing assigned" if design is None else design.title
