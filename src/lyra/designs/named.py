"""A word -> a design, as a config or a shell names it; and what a design is called in tables."""

from typing import Any

from lyra.base.text import option
from lyra.designs.design import Design
from lyra.designs.lotteries import Treated
from lyra.designs.minimax import MinimaxSwitchback
from lyra.designs.simple import ByCluster, ByUser
from lyra.designs.strata import Pairs, Stratified
from lyra.designs.switchback import Switchback
from lyra.errors import InputError

__all__ = ["DESIGNS", "design_name", "design_of"]

DESIGNS: dict[str, type[Design]] = {
    "cluster": ByCluster,
    "user": ByUser,
    "stratified": Stratified,
    "pairs": Pairs,
    "switchback": Switchback,
    "minimax": MinimaxSwitchback,
}
TAKES = {
    "cluster": ("treated",),
    "user": ("treated",),
    "switchback": ("block", "pattern", "washout"),
    "minimax": ("carryover",),
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


def design_name(design: Design | None) -> str:
    """Return what a design is called in tables."""
    return "nothing assigned" if design is None else design.title
