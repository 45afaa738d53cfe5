"""Does the advice hold its level, and what does it cost? 376 cells, by rows; lyra chooses, rows judge.

    python -m bench.advice OUT.jsonl --data-sets 1000 --every 1
    python -m bench.advice OUT.jsonl --data-sets 1000 --fresh
    python -m bench.advice OUT.jsonl --summary

One line of JSON a cell, appended; a second run does the cells that are missing. OUT belongs outside the repository.
Power is at 2.8 standard deviations of the estimate in that cell. The best valid line is the most powerful of the
textbook's CV1 t(G − 1), CV2 Satterthwaite and CV3 t(G − 1) whose size is not surely (two standard errors) above .0625.
"""

from __future__ import annotations

from bench.core import data as _one_thread  # noqa: F401  # isort: skip  sets one thread before numpy loads

import argparse
import json
import warnings
import zlib
from pathlib import Path

import numpy as np

from bench import advice_fresh, advice_worlds
from bench.advice_worlds import Design, Estimates
from lyra.errors import LyraWarning
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.family import Family
from lyra.verdict.sized import sized_ladder

STARRED = ("CV1*", "CV2*", "CV3*", "R1*")
EFFECT = 2.8
BATCH = 100
LOUD = 0.0625


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path)
    asked.add_argument("--data-sets", type=int, default=1000)
    asked.add_argument("--every", type=int, default=1, help="take one cell in so many")
    asked.add_argument("--fresh", action="store_true", help="the laws that nothing was tuned on")
    asked.add_argument("--part", default="0/1", help="i/n: the i-th of n shares of the cells")
    asked.add_argument("--arms", type=float, nargs="+", default=[2.0, 4.0])
    asked.add_argument("--summary", action="store_true")
    asked = asked.parse_args()
    if not asked.summary:
        run(asked)
    summarise([json.loads(line) for line in asked.out.read_text().splitlines()])


# --- one cell ------------------------------------------------------------------------------------


def run(asked: argparse.Namespace) -> None:
    done = {json.loads(line)["cell"] for line in asked.out.read_text().splitlines()} if asked.out.exists() else set()
    share, of = map(int, asked.part.split("/"))
    lines: dict[str, dict] = {}
    worlds = advice_fresh if asked.fresh else advice_worlds
    for cell in worlds.cells()[:: asked.every]:
        name = cell.rsplit("/", 1)[0]
        if cell in done or zlib.crc32(name.encode()) % of != share:
            continue
        d = worlds.design_of(name)
        if name not in lines:
            lines = {name: advised(d, asked.arms)}
        with asked.out.open("a") as out:
            out.write(json.dumps({"cell": cell, **judged(cell, d, lines[name], asked.data_sets, worlds)}) + "\n")


def advised(d: Design, arms: list[float]) -> dict:
    """Return, for every ratio of the arms, what `lyra fit` says: critical values, sizes, powers, the line to read."""
    y = np.random.default_rng(3).standard_normal(d.N)
    fit = least_squares(Moments.from_arrays(y, d.X, d.cluster, names=d.names))
    said = {}
    for ratio in arms:
        strict, tolerant = (ladder_of(fit, d.j, ratio, tolerance) for tolerance in (1.0, 1.25))
        said[f"{ratio:g}"] = {
            "advised": strict.advice.method,
            "tolerant": tolerant.advice.method,
            "c": {line.name: line.critical_value for line in strict.exact.lines if line.name != "iid"},
            "power": {line.name: line.power for line in strict.exact.lines},
            "sizes": {line.name: line.size.value for line in strict.exact.lines},
            "words": {line.name: line.size.words for line in strict.exact.lines},
        }
    return said


def ladder_of(fit, j: int, ratio: float, tolerance: float):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LyraWarning)
        return sized_ladder(fit, j, methods=None, level=0.95, family=Family(arms=ratio), tolerance=tolerance)


def judged(cell: str, d: Design, said: dict, R: int, worlds) -> dict:
    estimates, truth = Estimates(d), cell.rsplit("/", 1)[1]
    rng = np.random.default_rng([zlib.crc32(cell.encode()), 7])
    draws = [
        estimates.statistics(worlds.outcomes(truth, d, min(BATCH, R - start), rng)) for start in range(0, R, BATCH)
    ]
    sd = float(np.std(np.concatenate([draw.estimate for draw in draws])))
    textbook = estimates.textbook()
    lines = {name: {"c": c, **rates(draws, name, c, sd)} for name, c in textbook.items()}
    stars = {
        ratio: {line: {"c": c, **rates(draws, line.removesuffix("*"), c, sd)} for line, c in each["c"].items()}
        for ratio, each in said.items()
    }
    about = {ratio: {key: value for key, value in each.items() if key != "c"} for ratio, each in said.items()}
    return {"data_sets": R, "textbook": lines, "calibrated": stars, "about": about}


def rates(draws: list, line: str, c: float, sd: float) -> dict[str, float]:
    return {
        "size": float(np.mean(np.concatenate([draw.t(line) > c for draw in draws]))),
        "power": float(np.mean(np.concatenate([draw.t(line, EFFECT * sd) > c for draw in draws]))),
    }


# --- all cells -----------------------------------------------------------------------------------


def surely(size: float, R: int, above: float = LOUD) -> bool:
    return size - 2 * np.sqrt(max(size * (1 - size), 0.05 * 0.95) / R) > above


def best_valid(cell: dict) -> float | None:
    valid = [line["power"] for line in cell["textbook"].values() if not surely(line["size"], cell["data_sets"])]
    return max(valid) if valid else None


def summarise(found: list[dict]) -> None:
    print(
        f"{len(found)} cells, {min(c['data_sets'] for c in found)}-{max(c['data_sets'] for c in found)} data sets each"
    )
    print(
        "\n| line | mean size | surely > .0625 | > .075 | > .10 | largest | mean power | ratio mean | median | 10 % |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in ("CV1", "CV2", "CV3"):
        row(f"{name}, textbook", found, [c["textbook"][name] for c in found])
    for ratio in found[0]["calibrated"]:
        for line in STARRED:
            if all(line in c["calibrated"][ratio] for c in found):
                row(f"{line}, arms {ratio}", found, [c["calibrated"][ratio][line] for c in found])
        for kind in ("advised", "tolerant"):
            told = [c for c in found if c["about"][ratio][kind]]
            row(f"{kind}, arms {ratio}", told, [advice(c, ratio, kind) for c in told])
    for ratio in found[0]["calibrated"]:
        lost(found, ratio)


def advice(cell: dict, ratio: str, kind: str = "advised") -> dict[str, float]:
    return cell["calibrated"][ratio][cell["about"][ratio][kind]]


def row(name: str, found: list[dict], lines: list[dict]) -> None:
    size, power = np.array([line["size"] for line in lines]), np.array([line["power"] for line in lines])
    loud = np.mean([surely(s, c["data_sets"]) for s, c in zip(size, found, strict=True)])
    best = np.array([best_valid(c) or np.nan for c in found])
    ratio = (power / best)[np.isfinite(best) & (best > 0)]
    print(
        f"| {name} | {size.mean():.3f} | {100 * loud:.1f} % | {100 * np.mean(size > 0.075):.1f} % "
        f"| {100 * np.mean(size > 0.1):.1f} % | {size.max():.3f} | {power.mean():.3f} "
        f"| {ratio.mean():.2f} | {np.median(ratio):.2f} | {np.quantile(ratio, 0.1):.2f} |"
    )


def lost(found: list[dict], ratio: str) -> None:
    """Print where the advice surely rejects too often, and by kind of design what power it gives up."""
    silent = [cell["cell"] for cell in found if not cell["about"][ratio]["advised"]]
    found = [cell for cell in found if cell["about"][ratio]["advised"]]
    print(f"\narms {ratio}: silent in {len(silent)} cells {silent}; surely above .0625")
    for cell in found:
        line = advice(cell, ratio)
        if surely(line["size"], cell["data_sets"]):
            print(f"  {cell['cell']}: {cell['about'][ratio]['advised']} {line['size']:.3f}")
    chosen = [cell["about"][ratio]["advised"] for cell in found]
    print("  advised:", {line: chosen.count(line) for line in sorted(set(chosen))})
    kinds: dict[str, list[tuple[float, float]]] = {}
    for cell in found:
        kind = "/".join(cell["cell"].split("/")[1:-1])
        kinds.setdefault(kind, []).append((advice(cell, ratio)["power"], best_valid(cell) or np.nan))
    print(f"\n| arms {ratio}: design | cells | power advised | best valid | median ratio |\n|---|---|---|---|---|")
    for kind, pairs in sorted(kinds.items()):
        mine, best = np.array(pairs).T
        known = np.isfinite(best) & (best > 0)
        shown = (
            f"{best[known].mean():.2f} | {np.median(mine[known] / best[known]):.2f}" if known.any() else "none | none"
        )
        print(f"| {kind} | {len(pairs)} | {mine.mean():.2f} | {shown} |")


if __name__ == "__main__":
    main()
