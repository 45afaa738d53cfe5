"""Exact sizes against simulated rows, against G×G eigenvalues, and their time.

Every line × world × six designs: rows are drawn and estimated without lyra. With n comparisons the largest |z| of a
right program is about √(2 log n); it is printed beside. Exits with 1 when a comparison is beyond 4.75, which a right
program shows at most once in 800 runs of its 600 comparisons.
"""

from __future__ import annotations

from bench.core import data as _one_thread  # noqa: F401  # isort: skip  sets one thread before numpy loads

import argparse
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import t

from bench.advice_worlds import Design, Estimates, design_of
from lyra.moments.moments import Moments
from lyra.regression.least_squares import Fit, least_squares
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family
from lyra.robust.exact.forms import Forms, forms
from lyra.robust.exact.most_powerful import calibrated_lines
from lyra.robust.exact.power import power
from lyra.robust.exact.row_sums import arm_sums, period_sums
from lyra.robust.exact.size import rejection
from lyra.robust.exact.statistic import STATISTICS, statistic
from lyra.robust.exact.worlds import (
    Arms,
    BySize,
    ColumnSlopeShare,
    Independent,
    Intercept,
    LeverageHalf,
    Slope,
    SlopeShare,
    World,
)
from lyra.robust.exact.worlds_of_rows import Autoregressive, InnerArms

WRONG = 4.75
BATCH = 1000
Draw = Callable[[int], np.ndarray]

# --- six designs ---------------------------------------------------------------------------------


def panel(units: int = 20, periods: int = 12) -> Design:
    """Return adoption by six units at different times; unit effects swept out, period effects kept."""
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    adopts = np.where(np.arange(units) < 6, 3 + np.arange(units), 99)
    treat = (period >= adopts[unit]).astype(float)
    X = np.column_stack([treat, (period[:, None] == np.arange(1, periods)).astype(float)])
    X -= np.array([X[unit == g].mean(axis=0) for g in range(units)])[unit]
    return Design(X, unit, 0, window=period)


def designs() -> dict[str, Design]:
    names = ("G50/t10/equal", "G20/t10/lognormal", "G20/t4/giant", "G10/user/lognormal", "G20/lever-x")
    return {name: design_of(name) for name in names} | {"panel 20x12, unit effects": panel()}


def fitted(d: Design) -> Fit:
    y = np.random.default_rng(3).standard_normal(d.N)
    return least_squares(Moments.from_arrays(y, d.X, d.cluster, names=[f"x{k}" for k in range(d.X.shape[1])]))


# --- worlds, as lyra has them and by rows ----------------------------------------------------------


def worlds(d: Design, fit: Fit, rng: np.random.Generator) -> Iterator[tuple[Coefficient, World, Draw]]:
    about = Coefficient.of(fit, d.j)
    n = np.bincount(d.cluster)
    others = np.delete(d.X, d.j, axis=1)
    x = d.x - others @ np.linalg.lstsq(others, d.x, rcond=None)[0]
    leverage = np.bincount(d.cluster, x**2)

    def rows(icc: float = 0.0, sd: np.ndarray | float = 1.0) -> Draw:
        def draw(R: int) -> np.ndarray:
            shared = np.sqrt(icc) * rng.standard_normal((R, d.G))[:, d.cluster]
            return (shared + np.sqrt(1 - icc) * rng.standard_normal((R, d.N))) * sd

        return draw

    def sloped(sd: float, column: np.ndarray, icc: float) -> Draw:
        base = rows(icc)
        return lambda R: base(R) + sd * rng.standard_normal((R, d.G))[:, d.cluster] * column

    def share(pi: float, column: np.ndarray, icc: float) -> Draw:
        v = x / (x @ x)
        base = (1 - icc) * (v @ v) + icc * np.sum(np.bincount(d.cluster, v) ** 2)
        return sloped(np.sqrt(pi / (1 - pi) * base / np.sum(np.bincount(d.cluster, v * column) ** 2)), column, icc)

    yield about, Independent(), rows()
    yield about, Intercept(0.1), rows(0.1)
    yield about, Intercept(0.7), rows(0.7)
    yield about, Slope(0.5, Intercept(0.05)), sloped(0.5, x, 0.05)
    yield about, SlopeShare(0.6, Intercept(0.1)), share(0.6, x, 0.1)
    yield about, ColumnSlopeShare(0.6, Intercept(0.1)), share(0.6, d.x, 0.1)
    half = np.zeros(d.G, dtype=bool)
    order = np.argsort(-np.round(leverage / leverage.sum(), 9), kind="stable")
    half[order[: 1 + int(np.searchsorted(np.cumsum(leverage[order]), (0.5 - 1e-9) * leverage.sum()))]] = True
    yield about, LeverageHalf(4.0, Intercept(0.1)), rows(0.1, np.where(half, 2.0, 1.0)[d.cluster])
    if d.treated is not None and d.x.min() == 0 and d.x.max() == 1:
        yield about, Arms(4.0, Intercept(0.1)), rows(0.1, np.where(d.treated, 2.0, 1.0)[d.cluster])
    if np.ptp(n):
        yield about, BySize(1.0, Intercept(0.1)), rows(0.1, np.sqrt(n / n.mean())[d.cluster])
    if d.treated is None and d.window is None:
        inner = about.with_rows(arm_sums(fit, d.cluster, d.x > 0))
        yield inner, InnerArms(4.0, 0.1), rows(0.1, np.where(d.x > 0, 2.0, 1.0))
    if d.window is not None:
        yield about.with_rows(period_sums(fit, d.cluster, d.window)), Autoregressive(0.6), in_time(d, 0.6, rng)


def in_time(d: Design, phi: float, rng: np.random.Generator) -> Draw:
    def draw(R: int) -> np.ndarray:
        e = rng.standard_normal((R, d.G, int(d.window.max()) + 1))
        for w in range(1, e.shape[2]):
            e[..., w] = phi * e[..., w - 1] + np.sqrt(1 - phi**2) * e[..., w]
        return e[:, d.cluster, d.window]

    return draw


# --- comparisons ---------------------------------------------------------------------------------


def against_rows(draws: int) -> float:
    print("| design | comparisons | worst | where |\n|---|---|---|---|")
    worst, n = 0.0, 0
    for name, d in designs().items():
        fit, estimates, found = fitted(d), Estimates(d), list[tuple[float, str]]()
        for about, world, draw in worlds(d, fit, np.random.default_rng(17)):
            found += compared(fit, about, world, [estimates.statistics(draw(BATCH)) for _ in range(draws // BATCH)])
        far = max(found, key=lambda each: abs(each[0]))
        print(f"| {name} | {len(found)} | {far[0]:+.2f} | {far[1]} |")
        worst, n = max(worst, abs(far[0])), n + len(found)
    print(f"\n{n} comparisons of {draws} draws: largest |z| {worst:.2f} (about {np.sqrt(2 * np.log(n)):.1f} expected)")
    return worst


def compared(fit: Fit, about: Coefficient, world: World, drawn: list) -> Iterator[tuple[float, str]]:
    """Yield, for the size and the power of every line, (simulated − exact)/standard error and what it is."""
    c = t.ppf(0.975, fit.G - 1)
    for name in STATISTICS:
        made = forms(statistic(fit, about, name), about, [world])
        at = min(c, 0.8 * np.sqrt(fit.G)) if name == "R1" else c
        effect = 2.0 * about.scale * np.sqrt(made.variance[0])
        for what, p, added in (("size", rejection(made, at)[0], 0.0), ("power", power(made, at, 2.0)[0], effect)):
            seen = np.concatenate([draw.t(name, added) > at for draw in drawn])
            error = np.sqrt(max(p * (1 - p), 1.0 / seen.size) / seen.size)
            yield (seen.mean() - p) / error, f"{what} of {name} {p:.4f}, {world.words(about)}"


def by_eigenvalues(made: Forms, c: float) -> float:
    """Return the same size from the G×G matrix, by Craig's integral at 4,096 midpoints."""
    c2 = c**2 * made.factor
    M = np.linalg.inv(made.inverse[0])
    B, b0 = made.B[0], made.b0[0]
    S = np.empty((len(B) + 1, len(B) + 1))
    S[0, 0], S[1:, 0] = 1.0, B @ (M @ b0)
    S[0, 1:] = S[1:, 0]
    S[1:, 1:] = np.diag(made.d[0]) + B @ M @ B.T
    values, vectors = np.linalg.eigh(S)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    D = np.full(len(S), -c2)
    D[0] = 1.0
    eigenvalues = np.linalg.eigvalsh(root.T @ (D[:, None] * root))
    w = (np.arange(4096) + 0.5) / 4096 * 20
    ratios = -eigenvalues[eigenvalues < 0] / eigenvalues[-1]
    heights = np.exp(-0.5 * np.log1p(np.outer(np.cosh(w) ** 2, ratios)).sum(axis=1)) / np.cosh(w)
    return float(heights.sum() * 20 / 4096 * 2 / np.pi)


def against_eigenvalues() -> float:
    worst, n = 0.0, 0
    for d in designs().values():
        fit = fitted(d)
        for about, world, _ in worlds(d, fit, np.random.default_rng(1)):
            for name in STATISTICS:
                made = forms(statistic(fit, about, name), about, [world])
                for c in (1.0, 2.0, 3.0):
                    at = min(c, 0.9 * np.sqrt(fit.G))
                    worst, n = max(worst, abs(rejection(made, at)[0] - by_eigenvalues(made, at))), n + 1
    print(f"O(GK²) against G×G eigenvalues: {n} sizes, largest difference {worst:.1e}")
    return worst


def timed() -> None:
    print("\n| G | K | prepare | one size | one power | G×G | four calibrated lines, κ = 2 |")
    print("|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(5)
    for G in (50, 500, 5_000, 50_000):
        cluster = np.repeat(np.arange(G), 20)
        X = np.column_stack([np.ones(cluster.size), cluster % 2, rng.standard_normal((cluster.size, 2))])
        fit = least_squares(Moments.from_arrays(rng.standard_normal(cluster.size), X, cluster))
        prepare, about = clock(lambda fit=fit: Coefficient.of(fit, 1))
        more, made = clock(lambda fit=fit, about=about: forms(statistic(fit, about, "CV2"), about, [Intercept(0.05)]))
        one, p = clock(lambda made=made: rejection(made, 1.96)[0])
        at_effect, _ = clock(lambda made=made: power(made, 1.96, 2.8))
        dense = "-"
        if G <= 500:
            seconds, q = clock(lambda made=made: by_eigenvalues(made, 1.96))
            dense = f"{1e3 * seconds:.1f} ms (differs {abs(p - q):.0e})"
        lines, _ = clock(lambda fit=fit, about=about: calibrated_lines(about, fit, Family(arms=2.0)))
        print(
            f"| {G:,} | 4 | {1e3 * (prepare + more):.1f} ms | {1e3 * one:.2f} ms | {1e3 * at_effect:.1f} ms "
            f"| {dense} | {lines:.2f} s |",
            flush=True,
        )


def clock(function: Callable[[], object]) -> tuple[float, object]:
    """Return the least of three times, and the result."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - started)
        if times[-1] > 5.0:
            break
    return min(times), result


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--draws", type=int, default=20_000)
    worst = against_rows(asked.parse_args().draws)
    different = against_eigenvalues()
    timed()
    sys.exit(int(worst > WRONG or different > 1e-12))


if __name__ == "__main__":
    main()
