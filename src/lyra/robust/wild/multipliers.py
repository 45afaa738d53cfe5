"""The wild bootstrap's weights: five laws of mean 0 and variance 1, drawn, or all their patterns enumerated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from lyra.base.arrays import Array
from lyra.data import check
from lyra.errors import InputError

__all__ = ["LAWS", "Enumerated", "Law", "Sampled", "choose_draws", "choose_law"]


FEW = 10  # clusters below which two signs a cluster are too coarse, and six points are taken
MOST_PATTERNS = 2**25
SECONDS_A_PATTERN = 4e-9  # of half the patterns, measured at G = 20
WEIGHTS_PER_BLOCK = 2**17
FEWEST_ROWS = 64

SIGNS = np.where(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1), 1.0, -1.0)
SIX_POINTS: Array = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
GOLDEN = (1.0 + np.sqrt(5.0)) / 2.0

# --- the laws -----------------------------------------------------------------------------------


def rademacher(rng: np.random.Generator, draws: int, H: int) -> Array:
    """±1 with probability ½ each; a draw takes whole 64-bit words, so no block size can change it."""
    words = rng.integers(0, 2**64, size=(draws, -(-H // 64)), dtype=np.uint64)
    octets = words.view(np.uint8)[:, : -(-H // 8)]
    return np.take(SIGNS, octets, axis=0).reshape(draws, -1)[:, :H]


def webb(rng: np.random.Generator, draws: int, H: int) -> Array:
    """±√½, ±1, ±√(3/2) with probability 1/6 each [Webb 2023]."""
    return np.take(SIX_POINTS, rng.integers(0, 6, size=(draws, H)))


def mammen(rng: np.random.Generator, draws: int, H: int) -> Array:
    """1 − φ with probability φ/√5, else φ, φ the golden ratio: third moment 1 [Mammen 1993]."""
    return np.asarray(np.where(rng.random((draws, H)) < GOLDEN / np.sqrt(5.0), 1.0 - GOLDEN, GOLDEN))


def normal(rng: np.random.Generator, draws: int, H: int) -> Array:
    """Return N(0, 1) weights."""
    return rng.standard_normal((draws, H))


def gamma(rng: np.random.Generator, draws: int, H: int) -> Array:
    """Gamma(4, scale ½) − 2: third moment 1 [Liu 1988]."""
    return np.asarray(rng.standard_gamma(4.0, (draws, H)) / 2.0 - 2.0)


@dataclass(frozen=True, slots=True)
class Law:
    """A law of the weights: how it is drawn, and its points when they are equally likely and symmetric."""

    name: str
    draw: Callable[[np.random.Generator, int, int], Array]
    points: tuple[float, ...] = ()
    enumerated_to: int = 0  # bootstrap clusters up to which all patterns are visited unasked

    @property
    def unit(self) -> bool:
        """Whether every squared weight is 1."""
        return self.points == (-1.0, 1.0)

    def patterns(self, H: int) -> int:
        """Return the number of weight vectors of H clusters; 0 for a law that cannot be enumerated."""
        return len(self.points) ** H if self.points else 0

    def half(self, H: int) -> Array:
        """Return one of every pattern and its negative, (patterns/2, H): the points are symmetric."""
        return np.array(list(product(self.points, repeat=H)))[: self.patterns(H) // 2]


LAWS = {
    "rademacher": Law("rademacher", rademacher, (-1.0, 1.0), 20),
    "webb": Law("webb", webb, tuple(SIX_POINTS.tolist()), 9),
    "mammen": Law("mammen", mammen),
    "normal": Law("normal", normal),
    "gamma": Law("gamma", gamma),
}


def choose_law(weights: str, H: int) -> Law:
    """Return the law asked for; "auto" is Webb's for H < 10 bootstrap clusters, else Rademacher's."""
    name = check.one_of(weights, ("auto", *LAWS), what="weights")
    return LAWS["webb" if H < FEW else "rademacher"] if name == "auto" else LAWS[name]


# --- drawing, or enumerating --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sampled:
    """B draws of H weights: the same ones on every pass, however they are cut into blocks."""

    law: Law
    H: int
    B: int
    seed: tuple[int, ...]

    @property
    def total(self) -> int:
        """The number of weight vectors the p-value is a share of."""
        return self.B

    @property
    def mirrored(self) -> bool:
        """Whether a visited pattern stands for its negative too."""
        return False

    def blocks(self, weights_per_block: int = WEIGHTS_PER_BLOCK) -> Iterator[Array]:
        """Yield the draws as rows, (b, H)."""
        rng = np.random.Generator(np.random.SFC64(self.seed))
        step = max(FEWEST_ROWS, weights_per_block // self.H)
        for start in range(0, self.B, step):
            yield self.law.draw(rng, min(step, self.B - start), self.H)


@dataclass(frozen=True, slots=True)
class Enumerated:
    """Every pattern of H weights up to a global sign, as pairs of a row of the first half with one of the second."""

    law: Law
    H: int

    @property
    def total(self) -> int:
        """The number of weight vectors the p-value is a share of: negatives counted."""
        return self.law.patterns(self.H)

    @property
    def mirrored(self) -> bool:
        """Whether a visited pattern stands for its negative too: t*(−v) = −t*(v)."""
        return True

    def halves(self) -> tuple[Array, Array]:
        """Return the patterns of the first ⌈H/2⌉ clusters whose first weight is positive, and of the others."""
        first = (self.H + 1) // 2
        positive = tuple(point for point in self.law.points if point > 0)
        return (
            _grid([positive] + [self.law.points] * (first - 1)),
            _grid([self.law.points] * (self.H - first)),
        )


def _grid(points: list[tuple[float, ...]]) -> Array:
    """Return the points' product set, a row each."""
    return np.stack(np.meshgrid(*points, indexing="ij"), axis=-1).reshape(-1, len(points))


def choose_draws(law: Law, H: int, B: int, *, exact: bool | None, seed: tuple[int, ...]) -> Sampled | Enumerated:
    """Return all patterns where they are few or asked for, else B draws.

    Raises
    ------
    InputError
        All patterns are asked of a law that has no finite grid, or beyond 2^25 of them.
    """
    if exact is None:
        return Enumerated(law, H) if law.enumerated_to >= H else Sampled(law, H, B, seed)
    if not exact:
        return Sampled(law, H, B, seed)
    patterns = law.patterns(H)
    if patterns == 0:
        raise InputError(
            f"exact=True needs weights that can be enumerated, and {law.name} weights cannot: "
            "use weights='rademacher' or 'webb', or leave out exact."
        )
    if patterns > MOST_PATTERNS:
        raise InputError(
            f"exact=True asks for {len(law.points)}^{H} patterns, about {_cost(patterns)} of computing, and the most "
            "is 2^25: leave out exact, and B draws are taken."
        )
    return Enumerated(law, H)


def _cost(patterns: int) -> str:
    seconds = min(patterns, 10**300) / 2.0 * SECONDS_A_PATTERN
    for size, unit in ((3.156e7, "years"), (86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} seconds"
