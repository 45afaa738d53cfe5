"""Placebo laws on real panels: how often each line calls a law significant that was never passed.

As Bertrand, Duflo and Mullainathan (2004): the outcome stays, adopters and dates are drawn, effects of unit and time
are in the regression, the unit is the cluster. The castle-doctrine panel (50 states, 2000-2010, seven log rates) is
read from the package causaldata (`pip install --no-deps causaldata`) where it is installed; enterprise zones (22
cities, 1981-1988) and wages (the first 100 men, 1980-1987) come with the tests. A share over several outcomes is the
mean of them, and its Monte-Carlo error that of laws, which all outcomes share.

The advised line is the calibrated one with the most power, chosen and calibrated for every law anew: without a column
of time (`Family()`, in which the errors of a unit are independent once its effect is out), and with it, in which they
are correlated in time.
"""

from __future__ import annotations

try:  # isort: skip  sets one thread before numpy loads
    from bench.core import data as _one_thread
except ModuleNotFoundError:  # run as a file
    from core import data as _one_thread  # noqa: F401

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from lyra.designs import Adoption
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.confidence_set import t_value
from lyra.robust.exact.family import Family
from lyra.robust.exact.most_powerful import calibrated_lines, most_powerful
from lyra.robust.exact.row_sums import period_sums
from lyra.robust.methods import run_method
from lyra.simulation.asked import Asked
from lyra.simulation.from_panel import PanelSource
from lyra.simulation.subjects import sources_of
from lyra.verdict.judging import clopper_pearson

DATA = Path(__file__).parent.parent / "tests" / "reference" / "data"
METHODS = ("iid", "CV1", "CV2", "CV3")
ADOPTERS = (2, 5, 12, 20)
RATES = ("homicide", "murder", "robbery", "assault", "burglary", "larceny", "motor")
AT_ONCE = 200


@dataclass(frozen=True, kw_only=True)
class Panel:
    name: str
    frame: pd.DataFrame
    unit: str
    time: str
    outcomes: tuple[str, ...]
    dates: tuple[int, ...]

    def source(self, outcome: str, adopters: int) -> PanelSource:
        """Return placebo laws on one outcome."""
        formula = f"{outcome} ~ law + C({self.unit}) + C({self.time})"
        asked = Asked(formula=formula, cluster=self.unit, window=self.time)
        (setting,) = sources_of(self.frame.assign(law=0), Adoption(adopters, self.dates), asked).values()
        return setting.source


def panels() -> Iterator[Panel]:
    """Yield the real panels there are."""
    castle = find_spec("causaldata")
    if castle is None:
        print("causaldata is not installed: the castle-doctrine panel is left out.")
    else:
        frame = pd.read_stata(Path(castle.origin).parent / "castle" / "castle.dta")
        frame = frame.assign(sid=frame["sid"].astype(int), year=frame["year"].astype(int))
        rates = {f"l_{rate}": np.log(frame[rate].astype(float)) for rate in RATES}
        frame = frame.assign(**rates)
        laws = frame[frame["post"] == 1].groupby("sid")["year"].min()
        dates = tuple(sorted(laws.unique().tolist()))
        yield Panel(name="castle", frame=frame, unit="sid", time="year", outcomes=tuple(rates), dates=dates)
    zones = pd.read_csv(DATA / "ezunem.csv")
    yield Panel(
        name="zones", frame=zones, unit="city", time="year", outcomes=("luclms",), dates=tuple(range(1983, 1988))
    )
    men = pd.read_csv(DATA / "wagepan.csv")
    men = men[men["nr"].isin(np.sort(men["nr"].unique())[:100])]
    some = tuple(name for name in ("lwage", "hours") if name in men)
    yield Panel(name="wages", frame=men, unit="nr", time="year", outcomes=some, dates=tuple(range(1982, 1987)))


def shares(panel: Panel, adopters: int, laws: int, seed: int) -> dict[str, np.ndarray]:
    """Return for every method whether it rejects each law, (laws, outcomes); all outcomes have the same laws."""
    found: dict[str, list[np.ndarray]] = {method: [] for method in METHODS}
    for outcome in panel.outcomes:
        source, rng = panel.source(outcome, adopters), np.random.default_rng(seed)
        parts = [source.batch(min(AT_ONCE, laws - start), rng) for start in range(0, laws, AT_ONCE)]
        for method in METHODS:
            p = np.concatenate([run_method(reps, method, np.empty((0, 0))).pvalue for reps in parts])
            found[method].append(np.isnan(p) | (p <= 0.05))
    return {method: np.stack(each, axis=1) for method, each in found.items()}


def advice(panel: Panel, adopters: int, laws: int, seed: int, *, in_time: bool) -> tuple[np.ndarray, list[str]]:
    """Return whether the advised line rejects each law, (laws, outcomes), and its names.

    Effects of units are taken out of all columns first: they are nested in the clusters, and no size depends on them.
    """
    sources = [panel.source(outcome, adopters) for outcome in panel.outcomes]
    units = sources[0].units
    drawn = sources[0].design.draw_many(units, laws, np.random.default_rng(seed))[:, sources[0].design.items(units)]
    unit, window = (np.unique(labels, return_inverse=True)[1] for labels in (units.cluster, units.window))
    dummies = (window[:, None] == np.arange(1, window.max() + 1)).astype(float)
    said, names = [], []
    for law in drawn.astype(float):
        X = without_means(np.column_stack([law, dummies]), unit)
        fits = [
            least_squares(Moments.from_arrays(without_means(each.y[:, None], unit)[:, 0], X, unit)) for each in sources
        ]
        about = Coefficient.of(fits[0], 0)
        if in_time:
            about = about.with_rows(period_sums(fits[0], unit, units.window.astype(float)))
        line = most_powerful(calibrated_lines(about, fits[0], Family()))
        names.append(f"{line.name}*")
        said.append([abs(t_value(fit, about, line.calibrated.test)) > line.critical.value for fit in fits])
    return np.array(said), names


def without_means(columns: np.ndarray, unit: np.ndarray) -> np.ndarray:
    sums = np.stack([np.bincount(unit, column) for column in columns.T], axis=1)
    return columns - (sums / np.bincount(unit)[:, None])[unit]


def told(rejected: np.ndarray) -> str:
    """Return a share with its exact interval for one outcome, with its Monte-Carlo error for the mean of several."""
    laws, outcomes = rejected.shape
    if outcomes == 1:
        low, high = clopper_pearson(int(rejected.sum()), laws, 0.025)
        return f"{rejected.mean():.3f} [{low:.3f}, {high:.3f}]"
    each = rejected.mean(axis=1)
    return f"{each.mean():.3f} ± {each.std(ddof=1) / np.sqrt(laws):.3f}"


def row(panel: Panel, adopters: int, asked: argparse.Namespace) -> str:
    few = shares(panel, adopters, asked.laws, asked.seed)
    started = time.perf_counter()
    many = shares(panel, adopters, asked.many, asked.seed + 1)
    took = time.perf_counter() - started
    cells = [panel.name, str(len(panel.outcomes)), str(adopters)]
    cells += [f"{told(few[method])} ({many[method].mean():.3f})" for method in METHODS]
    for in_time, laws in ((False, asked.advised), (True, asked.advised_in_time)):
        said, names = advice(panel, adopters, laws, asked.seed, in_time=in_time) if laws else (np.empty((0, 1)), [])
        most = f" ({max(set(names), key=names.count)})" if names else ""
        cells.append(told(said) + most if names else "")
    return f"| {' | '.join([*cells, f'{took:.1f}'])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laws", type=int, default=200)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--advised", type=int, default=200)
    parser.add_argument("--advised-in-time", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--panel", action="append", help="one of castle, zones, wages; left out, all")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    heads = ["panel", "outcomes", "adopters", *(f"{method} ({asked.many:,} laws)" for method in METHODS)]
    heads += [f"advised, {asked.advised} laws", f"advised in time, {asked.advised_in_time} laws", "seconds"]
    print(f"{asked.laws} placebo laws; share called significant at 5 %.\n")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for panel in (each for each in panels() if asked.panel is None or each.name in asked.panel):
        for adopters in ADOPTERS:
            print(row(panel, adopters, asked), flush=True)


if __name__ == "__main__":
    main()
