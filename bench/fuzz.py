"""Random problems against an exact oracle: `python -m bench.fuzz`, bounded by `--quick`, one again by `--only`.

Every problem has a seed of its own, so the counts depend neither on the processes nor on how far a run came. Exits
with 1 when anything is wrong: a number off without a warning, one beyond its bound, an exception or a warning that is
not lyra's. Answers that are only too cautious are counted and do no harm. Needs the extras `test` and `bench`.
"""

# ruff: noqa: E402  the number of threads is read when numpy loads
from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter
from typing import Any

import numpy as np

from bench.fuzzing import arrays, tables
from bench.fuzzing.judge import WRONG, Finding

QUICK = {"arrays": 1_500, "tables": 60}
LONG = {"arrays": 20_000, "tables": 1_000}
JUDGES: dict[str, Callable[[np.random.SeedSequence], tuple[Any, int, list[Finding]]]] = {
    "arrays": arrays.judged,
    "tables": tables.judged,
}
CHUNK = 25

Outcome = tuple[int, int, dict[str, Any], list[Finding]]


def seed_of(entropy: int, what: str, number: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(entropy, spawn_key=(list(JUDGES).index(what), number))


def chunk(entropy: int, what: str, start: int, stop: int) -> list[Outcome]:
    """Judge problems start to stop: their number, calls, facts and findings."""
    found = []
    for number in range(start, stop):
        p, calls, findings = JUDGES[what](seed_of(entropy, what, number))
        found.append((number, calls, p.facts, findings))
    return found


def outcomes(entropy: int, what: str, count: int, workers: int) -> Iterator[Outcome]:
    starts = range(0, count, CHUNK)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(chunk, entropy, what, start, min(start + CHUNK, count)) for start in starts]
        for done, job in enumerate(jobs):
            yield from job.result()
            if sys.stderr.isatty():
                print(f"\r{what}: {min((done + 1) * CHUNK, count)} of {count}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def told(what: str, found: list[Outcome], examples: int) -> bool:
    """Print the counts, and the worst examples of each; return whether anything was wrong."""
    calls = sum(each[1] for each in found)
    problems: Counter[tuple[str, str]] = Counter()
    times: Counter[tuple[str, str]] = Counter()
    worst: dict[tuple[str, str], list[tuple[float, int, Finding, dict[str, Any]]]] = {}
    for number, _, facts, findings in found:
        sorts = [(finding.kind, finding.what) for finding in findings]
        times.update(sorts)
        problems.update(set(sorts))
        for finding in findings:
            worst.setdefault((finding.kind, finding.what), []).append((finding.size, number, finding, facts))
    bad = {each[0] for each in found if any(finding.kind in WRONG for finding in each[3])}
    print(f"\n{what}: {len(found)} problems, {calls} calls; problems with something wrong: {len(bad)}")
    for kind in (*WRONG, "cautious"):
        for sort in sorted((s for s in problems if s[0] == kind), key=lambda s: -problems[s]):
            print(f"  {kind:18} {sort[1]:60} {problems[sort]:6} problems {times[sort]:6} times")
            held = sorted(
                {each[1]: each for each in sorted(worst[sort], key=lambda e: e[0])}.values(), key=lambda e: -e[0]
            )
            for _, number, finding, facts in held[: examples if kind in WRONG else min(examples, 1)]:
                print(f"      --only {what}:{number}  {finding.told}\n          {facts}")
    return bool(bad)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"the bounded form: {QUICK}")
    parser.add_argument("--arrays", type=int, help="array problems")
    parser.add_argument("--tables", type=int, help="tables, each through seven kinds of source")
    parser.add_argument("--seed", type=int, default=20_261_125)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--examples", type=int, default=2, help="examples printed of each sort of fault")
    parser.add_argument("--only", metavar="WHAT:I", help="one problem again, such as arrays:17, with what it holds")
    asked = parser.parse_args()
    if asked.only:
        what, number = asked.only.split(":")
        return one(asked.seed, what, int(number))
    counts = QUICK if asked.quick else LONG
    wrong = False
    for what in JUDGES:
        count = counts[what] if getattr(asked, what) is None else getattr(asked, what)
        started = perf_counter()
        wrong |= told(what, list(outcomes(asked.seed, what, count, asked.workers)), asked.examples)
        print(f"  {perf_counter() - started:.0f} s")
    print("\nsomething is wrong" if wrong else "\nnothing silently wrong")
    return int(wrong)


def one(entropy: int, what: str, number: int) -> int:
    p, _, findings = JUDGES[what](seed_of(entropy, what, number))
    print(p)
    for finding in findings:
        print(finding)
    return int(any(finding.kind in WRONG for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
