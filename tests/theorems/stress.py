"""Designs that cost digits, each of 24 clusters of 5 rows: near-collinear, far off, large, small, dominated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

G, ROWS = 24, 5


@dataclass(frozen=True)
class Stress:
    name: str
    y: np.ndarray
    X: np.ndarray
    clusters: np.ndarray
    kept: tuple[int, ...] | None = None  # columns that are no combination of those before them; None for all

    @property
    def condition(self) -> float:
        """Of the kept columns, each scaled to length one."""
        X = self.X if self.kept is None else self.X[:, list(self.kept)]
        scaled = X / np.abs(X).max(axis=0)
        return float(np.linalg.cond(scaled / np.linalg.norm(scaled, axis=0)))


def stresses(seed: int = 3) -> Iterator[Stress]:
    yield from _near(seed)
    yield from _offsets(seed)
    yield from _scales(seed)
    yield from _leverage(seed)
    yield from _dropped(seed)
    yield from _dummies(seed)


def _parts(seed: int) -> tuple[np.ndarray, ...]:
    """Return clusters, a constant, a treatment by cluster, a covariate, its like, and an outcome."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(G), ROWS)
    d = (np.arange(G) % 2)[g] * 1.0
    x = rng.normal(size=g.size) + rng.normal(size=G)[g]
    e = rng.normal(size=g.size) + rng.normal(size=G)[g] * 0.5
    z = rng.normal(size=g.size)
    return g, np.ones(g.size), d, x, z, 1 + d + x + e


def _near(seed: int) -> Iterator[Stress]:
    g, one, d, x, z, y = _parts(seed)
    for power in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12):
        yield Stress(f"near-collinear 1e-{power}", y, np.column_stack([one, d, x, x + 10.0**-power * z]), g)


def _offsets(seed: int) -> Iterator[Stress]:
    g, one, d, x, z, y = _parts(seed)
    for power in (1, 2, 3, 4, 6, 8, 10, 12):
        yield Stress(f"x offset 1e{power}", y, np.column_stack([one, d, 10.0**power + x, z]), g)
    for power in (4, 8, 12):
        yield Stress(f"y offset 1e{power}", y + 10.0**power, np.column_stack([one, d, x, z]), g)
    yield Stress("offset 1e8 and z 1e20", y, np.column_stack([one, d, 1e8 + x, 1e20 * z]), g)
    yield Stress("ms timestamp and wei (1e18)", y, np.column_stack([one, d, 1.7e12 + 1e7 * x, 1e18 * z]), g)
    far = 1e4 + x
    yield Stress("square of offset 1e4", y, np.column_stack([one, d, far, far**2]), g)
    yield Stress("no constant, offset 1e4", y, np.column_stack([1e4 + x, 1e4 + z]), g)


def _scales(seed: int) -> Iterator[Stress]:
    g, one, d, x, z, y = _parts(seed)
    for power in (-290, -160, -150, -100, -30, -8, 8, 30, 100, 150, 160, 290):
        yield Stress(f"x scale 1e{power}", y, np.column_stack([one, d, 10.0**power * x, z]), g)
    for power in (-290, -162, -150, -30, 30, 150, 160, 290):
        yield Stress(f"y scale 1e{power}", 10.0**power * y, np.column_stack([one, d, x, z]), g)


def _leverage(seed: int) -> Iterator[Stress]:
    rng = np.random.default_rng(seed)
    g, one, d, _, z, y = _parts(seed)
    for power in (1, 2, 3, 3.5, 4, 4.5):
        x = np.where(g == 0, rng.normal(size=g.size) + 3, 10.0**-power * rng.normal(size=g.size))
        yield Stress(f"one cluster leverage 1-1e-{2 * power:g}", y, np.column_stack([one, d, x]), g)
        two = np.where(g == 1, rng.normal(size=g.size) + 3, 10.0**-power * rng.normal(size=g.size))
        yield Stress(f"two clusters leverage 1-1e-{2 * power:g}", y, np.column_stack([one, d, x, two]), g)
        yield Stress(f"leverage 1-1e-{2 * power:g}, rotated", y, np.column_stack([one, d, x + z, z]), g)


def _dropped(seed: int) -> Iterator[Stress]:
    g, one, d, x, z, y = _parts(seed)
    for power in (1, 4, 8, 10):
        near = x + 10.0**-power * z
        columns = np.column_stack([one, d, x, near, 2 * d - 1, d])
        yield Stress(f"near-collinear 1e-{power} and dropped", y, columns, g, (0, 1, 2, 3))
    yield Stress("offset 1e8 and dropped", y, np.column_stack([one, d, 1e8 + x, 1 - d]), g, (0, 1, 2))


def _dummies(seed: int) -> Iterator[Stress]:
    g, one, d, x, _, y = _parts(seed)
    week = np.tile(np.arange(ROWS), G)
    place = g % 7
    two_way = [place == level for level in range(1, 7)] + [week == level for level in range(1, ROWS)]
    for power in (0, 2, 4, 6):
        covariate = 10.0**power + x
        yield Stress(f"two-way dummies, offset 1e{power}", y, np.column_stack([one, d, *two_way, covariate]), g)
        spanned = place * 1.0 + week + 10.0**-power * x
        yield Stress(f"two-way dummies, covariate 1e-{power}", y, np.column_stack([one, d, *two_way, spanned]), g)
