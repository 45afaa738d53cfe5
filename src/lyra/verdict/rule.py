"""What is tolerated, with which guaranteed error, and after how many replicates the verdict is asked for.

The size p = P(reject | the null is true) is compared with the tolerated size t = κα, not with α: a test of
exactly α cannot be proved, a test of at most κα can. Replicates are added until the answer is known. At each
of K planned looks the size is bounded on both sides by an exact Clopper-Pearson bound, each at error δ/K:

==============  ==============================================
certified       the upper bound is at most t
uncertified     the lower bound is above t
go on           neither, and replicates are left
inconclusive    neither, and no replicates are left
==============  ==============================================

Whatever the true size, a wrong verdict has probability at most δ: see `operating`.
"""

from dataclasses import dataclass
from numbers import Integral, Real

from lyra.base.text import did_you_mean
from lyra.errors import InputError

__all__ = ["MOST_REPLICATES", "TOLERANCES", "Rule", "looks", "tolerance_named"]

TOLERANCES = {"stringent": 1.1, "default": 1.25, "liberal": 1.5}
"""The tolerated inflations κ that have a name; 1.1 and 1.5 are Bradley's (1978)."""

MOST_REPLICATES = 1_000_000
"""What one method may be given at most."""


def tolerance_named(value: str | float) -> float:
    """Return the tolerated inflation κ for one of the names in `TOLERANCES`, or the number itself.

    Parameters
    ----------
    value : str or float
        "stringent", "default", "liberal", or κ.

    Raises
    ------
    InputError
        The name is not one of the three.

    Examples
    --------
    >>> tolerance_named("stringent"), tolerance_named(1.3)
    (1.1, 1.3)
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    if value not in TOLERANCES:
        raise InputError(f"there is no tolerance named {value!r}: {did_you_mean(str(value), TOLERANCES)}.")
    return TOLERANCES[value]


def looks(maximum: int, first: int = 500) -> tuple[int, ...]:
    """Return the replicate counts at which the verdict is asked for: `first`, doubled until `maximum`.

    Parameters
    ----------
    maximum : int
        The last look; it is a look even when doubling does not reach it exactly.
    first : int
        The first look, unless `maximum` is smaller.

    Raises
    ------
    InputError
        A look would have no replicates, more than a million, or a part of one.

    Examples
    --------
    >>> looks(8_000)
    (500, 1000, 2000, 4000, 8000)
    >>> looks(5_000)
    (500, 1000, 2000, 4000, 5000)
    """
    for name, value in (("first", first), ("maximum", maximum)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value > MOST_REPLICATES:
            raise InputError(
                f"{name}={value!r} is not a whole number of replicates up to {MOST_REPLICATES:,}: change it."
            )
    if min(first, maximum) < 1:
        raise InputError(f"a look needs at least 1 replicate, got first={first} and maximum={maximum}: raise them.")
    schedule = []
    while first < maximum:
        schedule.append(first)
        first *= 2
    return (*schedule, maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is tolerated, with which error, and for how many replicates.

    Parameters
    ----------
    alpha : float
        The nominal size α of the tests that are judged.
    tolerance : float
        The tolerated inflation κ ≥ 1: a size up to t = κα is certified. See `tolerance_named`.
    delta : float
        The largest probability δ of a wrong verdict. For M cells judged together the expected number of
        wrong verdicts is at most Mδ; use δ/M to bound the probability of any.
    maximum, first : int
        The last and the first look, in replicates. One look of 1,000 is ``Rule(first=1000, maximum=1000)``.

    Raises
    ------
    InputError
        A number is out of its range, or κα reaches 1.

    Examples
    --------
    >>> rule = Rule(maximum=4_000)
    >>> rule.tolerated, rule.looks
    (0.0625, (500, 1000, 2000, 4000))
    """

    alpha: float = 0.05
    tolerance: float = 1.25
    delta: float = 0.01
    maximum: int = 64_000
    first: int = 500

    def __post_init__(self) -> None:
        for field in ("alpha", "tolerance", "delta"):
            if not isinstance(getattr(self, field), Real) or isinstance(getattr(self, field), bool):
                raise InputError(f"the verdict's {field} must be a number, got {getattr(self, field)!r}: change it.")
        for field, value, holds, where in (
            ("alpha", self.alpha, 0 < self.alpha < 1, "between 0 and 1"),
            ("tolerance", self.tolerance, self.tolerance >= 1, "at least 1"),
            ("alpha x tolerance", self.tolerated, self.tolerated < 1, "below 1"),
            ("delta", self.delta, 0 < self.delta < 0.5, "between 0 and 0.5"),
        ):
            if not holds:
                raise InputError(f"the verdict's {field} must be {where}, got {value:g}: change it.")
        looks(self.maximum, self.first)

    @property
    def tolerated(self) -> float:
        """The largest size that is certified, t = κα."""
        return self.alpha * self.tolerance

    @property
    def looks(self) -> tuple[int, ...]:
        """The K replicate counts at which the rule is applied."""
        return looks(self.maximum, self.first)

    @property
    def error_per_look(self) -> float:
        """The error δ/K of each one-sided bound."""
        return self.delta / len(self.looks)
