"""What a plan asks for: an effect, the power to see it with, and the test; refused before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from lyra.base.text import did_you_mean
from lyra.errors import InputError
from lyra.robust.exact.calibrated import CALIBRATED
from lyra.robust.methods import certifiable
from lyra.simulation.asked import whole_seed

__all__ = ["Wanted"]

LEAST_REPLICATES, MOST_REPLICATES = 100, 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The planned effect (None where none is), the power wanted, and the test that is to see it.

    Raises
    ------
    InputError
        A value out of range, or a method that has no power curve.
    """

    effect: float | None
    method: str
    target: float
    alpha: float
    weights: str
    seed: int
    replicates: int

    def __post_init__(self) -> None:
        for name in ("alpha", "target", "effect"):
            _refuse_no_number(name, getattr(self, name))
        _refuse_test(self.alpha, self.target)
        if self.effect is not None and (self.effect == 0 or not np.isfinite(self.effect)):
            raise InputError(f"effect={self.effect!r} cannot be planned for: pass the effect worth finding, or none.")
        _refuse_number_of_replicates(self.replicates)
        known = certifiable(on_sums=True)
        if self.method not in (*known, *CALIBRATED):
            raise InputError(f"method {self.method!r} has no power curve: {did_you_mean(str(self.method), known)}.")
        object.__setattr__(self, "seed", whole_seed(self.seed))

    @property
    def sign(self) -> float:
        """The sign of the effects of the whole curve."""
        return -1.0 if self.effect is not None and self.effect < 0 else 1.0


def _refuse_no_number(name: str, value: object) -> None:
    if value is not None and (not isinstance(value, Real) or isinstance(value, bool)):
        raise InputError(f"{name}={value!r} is not a number: pass one.")


def _refuse_test(alpha: float, target: float) -> None:
    if not 0.0 < alpha < 1.0:
        raise InputError(f"alpha={alpha!r} is not the size of a test: pass a number between 0 and 1, such as 0.05.")
    if not alpha < target < 1.0:
        raise InputError(f"target={target!r} is not a power: pass a number between alpha={alpha:g} and 1, such as 0.8.")


def _refuse_number_of_replicates(replicates: int) -> None:
    if not isinstance(replicates, Integral) or isinstance(replicates, bool) or replicates > MOST_REPLICATES:
        raise InputError(f"replicates={replicates!r} is not a whole number up to {MOST_REPLICATES:,}: pass one.")
    if replicates < LEAST_REPLICATES:
        raise InputError(f"replicates={replicates} are too few for a power: ask for at least {LEAST_REPLICATES}.")
