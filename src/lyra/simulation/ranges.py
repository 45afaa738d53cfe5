"""What a parameter of a world may be: a refusal gives the range."""

import math
from numbers import Real

import numpy as np

from lyra.base.text import did_you_mean
from lyra.errors import InputError

__all__ = [
    "MOST_AGENTS",
    "MOST_CELLS",
    "check_between",
    "check_choice",
    "check_design",
    "check_most",
    "check_whole",
    "check_word",
]

MOST_AGENTS = 10_000_000  # of one world, over its windows
MOST_CELLS = 1_000_000  # clusters times windows


def check_most(many: int, most: int, what: str) -> None:
    """Refuse a world too large for memory."""
    if many > most:
        raise InputError(f"this world has {many:,} {what}, and {most:,} is the most; make it smaller.")


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Refuse what is not a number from `low` to `high`."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise InputError(f"{name}={value!r} is not a number; give one.")
    if not (low <= value <= high and math.isfinite(value)):
        lower = "finite" if low == -math.inf else f"{low} or more"
        allowed = f"between {low} and {high}" if math.isfinite(high) else lower
        raise InputError(f"{name}={value} is out of range; it must be {allowed}.")


def check_design(design: object) -> None:
    """Refuse a world of agents without a design."""
    if design is None:
        raise InputError("a World treats no one by itself; give it a design, such as ByCluster().")


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse what is not a whole number, `least` or more."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
        raise InputError(f"{name}={value} is out of range; it must be a whole number, {least} or more.")


def check_word(name: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of these."""
    if value not in known:
        raise InputError(f"unknown {name} {value!r}; {did_you_mean(value, known)}.")


def check_choice(outcome: str, base_rate: float, total: float, *, latent: bool) -> None:
    """Refuse a base rate or a total share of variance that leaves no room for an agent's own choice."""
    linear = outcome == "linear"
    if not (linear or 0 < base_rate < 1):
        raise InputError(f"base_rate={base_rate} is not a share of agents who convert; give one in 0 to 1.")
    latent = latent and not linear
    if total > 1 or (total == 1 and latent):
        most = "just under 1" if latent else "1"
        raise InputError(
            f"icc + icc_window is {total:g}; the attainable range for a {outcome} outcome "
            f"is 0 to {most}, so lower one of them."
        )
