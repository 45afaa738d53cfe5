"""Runs that are killed, starved and spoiled: `python -m bench.faults`, `--quick` for a few of each; POSIX alone.

A certificate with a store is killed, interrupted, run out of disk, and its store truncated and flipped bit by bit. Each
time it must end in the digest of a run that nothing befell, or be refused in one line, and leave no process behind.
Then eight threads share one fit. Prints the counts; exits with 1 when a digest is wrong, a traceback is shown, a
process is left or a thread says something else. The full disk is a small tmpfs and needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Barrier, Thread
from typing import Any

import numpy as np

import lyra
from lyra.moments.moments import Moments

WORLDS = """
methods = ["CV1", "CV2", "WCR-11"]
seed = 11
maximum = 4000
[world]
kind = "regressor"
n_clusters = [12, 20, 30]
"""
LONGEST = 120.0  # seconds that a run may take
LEAVING = 10.0  # seconds that a worker may take to follow its parent
SMALL_DISK = 96 * 1024  # bytes; the store of a whole run has more
THREADS = 8
REFUSED = 2

Counts = Counter[str]


@dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    code: int
    out: str
    err: str
    orphans: bool

    @property
    def digest(self) -> str | None:
        """What it printed, or None where it printed no document."""
        with suppress(ValueError):
            return str(json.loads(self.out)["digest"])
        return None

    @property
    def shown(self) -> list[str]:
        """What must never be seen, whatever happens to a run."""
        traceback = ["traceback"] if "Traceback" in self.out + self.err else []
        return traceback + (["process left behind"] if self.orphans else [])


@dataclass(frozen=True)
class Bench:
    """A folder to work in, and the digest that every run must end in."""

    folder: Path
    chance: Random
    right: str = ""
    seconds: float = 0.0

    def started(self, store: Path | None, workers: int = 1, **how: Any) -> subprocess.Popen[str]:
        """Start a run in a process group of its own."""
        kept = [] if store is None else ["--store", str(store)]
        command = [sys.executable, "-m", "lyra", "certify", str(self.folder / "worlds.toml"), "--json", *kept]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        return subprocess.Popen([*command, "--workers", str(workers)], **pipes, **how)

    def run(self, store: Path | None, **how: Any) -> Ended:
        """Run to the end."""
        return ended(self.started(store, **how))

    def finished(self, store: Path, place: str) -> list[str]:
        """Run on from what a store holds; what is wrong with the end, or that it is right."""
        last = self.run(store)
        return [f"{place} right" if last.digest == self.right else "WRONG digest", *last.shown]

    def whole_store(self, name: str) -> Path:
        """Return a copy of the store of a whole run."""
        return Path(shutil.copy(self.folder / "whole.sqlite", self.folder / name))


def ended(run: subprocess.Popen[str]) -> Ended:
    out, err = run.communicate(timeout=LONGEST)
    patience = time.monotonic() + LEAVING
    while alive(run.pid) and time.monotonic() < patience:
        time.sleep(0.05)
    return Ended(run.returncode, out, err, alive(run.pid))


def alive(group: int) -> bool:
    """Tell whether a process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


# --- what befalls a run -------------------------------------------------------------------------


def killed(bench: Bench, n: int) -> list[str]:
    """Kill the parent with -9 at a random moment and run on."""
    store = bench.folder / f"killed{n}.sqlite"
    run = bench.started(store, 1 + n % 2)
    time.sleep(bench.chance.uniform(0.2, 0.9) * bench.seconds)
    run.kill()
    first = ended(run)
    return [*first.shown, *(["over before the kill"] if first.code >= 0 else []), *bench.finished(store, "resumed")]


def interrupted(bench: Bench, n: int) -> list[str]:
    """Press Ctrl-C, which a terminal sends to parent and workers alike."""
    store = bench.folder / f"interrupted{n}.sqlite"
    run = bench.started(store, 1 + n % 2)
    time.sleep(bench.chance.uniform(0.2, 0.9) * bench.seconds)
    os.killpg(run.pid, signal.SIGINT)
    first = ended(run)
    lines = len(first.err.splitlines())
    said = f"exit {first.code}" + ("" if lines <= 1 else f", WRONG: {lines} lines on stderr")
    return [said, *first.shown, *bench.finished(store, "resumed")]


def starved(bench: Bench, n: int) -> list[str]:
    """Let no file grow beyond a few kilobytes, as a quota does, and run on without that limit."""
    store = bench.folder / f"starved{n}.sqlite"
    limit = bench.chance.choice([4, 16, 40]) * 1024
    first = bench.run(store, preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)))
    return [*refusal(first, bench), *bench.finished(store, "resumed")]


def full(bench: Bench, n: int) -> list[str]:
    """Fill a disk of 96 kB, then make room and run on."""
    with small_disk(bench.folder / f"disk{n}") as disk:
        if disk is None:
            return ["not run: a tmpfs needs root"]
        first = bench.run(disk / "run.sqlite")
        mount(disk, "remount,size=64m")
        return [*refusal(first, bench), *bench.finished(disk / "run.sqlite", "resumed")]


def truncated(bench: Bench, n: int) -> list[str]:
    """Cut the store of a whole run short."""
    store = bench.whole_store(f"truncated{n}.sqlite")
    size = store.stat().st_size
    os.truncate(store, (0, 1, 90, 4096, size // 3, 2 * size // 3, size - 1)[n])
    return spoiled(bench, store)


def flipped(bench: Bench, n: int) -> list[str]:
    """Turn one bit of the store of a whole run."""
    store = bench.whole_store(f"flipped{n}.sqlite")
    content = bytearray(store.read_bytes())
    content[bench.chance.randrange(len(content))] ^= 1 << bench.chance.randrange(8)
    store.write_bytes(content)
    return spoiled(bench, store)


def spoiled(bench: Bench, store: Path) -> list[str]:
    """Run on from a spoiled store: refused, kept byte for byte and right the next time, or right at once."""
    content = store.read_bytes()
    first = bench.run(store)
    if first.code != REFUSED:
        return ["right at once" if first.digest == bench.right else "WRONG digest", *first.shown]
    aside = store.with_name(f"{store.name}.corrupt-1")
    kept = [] if (aside if aside.exists() else store).read_bytes() == content else ["WRONG: the store was not kept"]
    again = bench.finished(store, "then") if aside.exists() else ["left alone, as no store of lyra's"]
    return [*refusal(first, bench), *kept, *again]


def refusal(first: Ended, bench: Bench) -> list[str]:
    """Return what is wrong with a refusal, or that it is one; a run that had room for all must be right."""
    if first.digest is not None:
        return ["had room" if first.digest == bench.right else "WRONG digest", *first.shown]
    one_line = first.code == REFUSED and len(first.err.strip().splitlines()) == 1
    return ["refused" if one_line else f"WRONG: exit {first.code}, {first.err.strip()[-90:]!r}", *first.shown]


def mount(disk: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(disk: Path) -> Iterator[Path | None]:
    disk.mkdir()
    mounted = shutil.which("mount") is not None and mount(disk, f"size={SMALL_DISK}")
    try:
        yield disk if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)


# --- threads ------------------------------------------------------------------------------------


def shared(bench: Bench, n: int) -> list[str]:
    """Ask one fit for everything from eight threads at once; each must say what one thread says of a fit of its own."""
    expected = answers(fitted(n))
    fit, together, found = fitted(n), Barrier(THREADS), {}

    def ask(thread: int) -> None:
        together.wait()
        try:
            found[thread] = answers(fit)
        except Exception as error:  # noqa: BLE001  an exception in a thread is what is looked for
            found[thread] = [f"{type(error).__name__}: {error}"]

    threads = [Thread(target=ask, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ["equal" if told == expected else f"WRONG: {told[:1]}" for told in found.values()]


def fitted(seed: int) -> lyra.Regression:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(15), rng.integers(3, 30, 15))
    X = np.column_stack([np.ones(g.size), g < 6, rng.normal(size=g.size)])
    y = rng.normal(size=g.size) + rng.normal(size=15)[g]
    return lyra.fit_moments(Moments.from_arrays(y, X, g, names=["one", "treat", "x"]))


def answers(fit: lyra.Regression) -> list[str]:
    """Return every answer of a fit, to the last bit."""
    parts: list[Callable[[], Any]] = [
        *(lambda variant=variant: fit.robust(variant).vcov.tobytes().hex() for variant in ("CV3", "CV2", "CV1", "HC3")),
        lambda: fit.bootstrap("treat", B=499, rng=1).t_star.tobytes().hex(),
        lambda: fit.ladder("treat"),
        fit.diagnose,
        lambda: fit.certify("treat", methods=["CV1", "CV2"], maximum=500, icc=0.1).digest,
    ]
    return [str(part()) for part in parts]


# --- all of it ----------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Callable[[Bench, int], list[str]], int, int]] = {
    "kill -9, one and two workers": (killed, 20, 2),
    "Ctrl-C, one and two workers": (interrupted, 8, 2),
    "files may not grow": (starved, 6, 1),
    "full disk": (full, 3, 1),
    "store truncated": (truncated, 7, 7),
    "one bit of the store flipped": (flipped, 24, 4),
    "eight threads, one fit": (shared, 6, 1),
}


def prepared(folder: Path, seed: int) -> Bench:
    """Return the bench after a run that nothing befalls, and one that fills a store."""
    (folder / "worlds.toml").write_text(WORLDS)
    bare = Bench(folder, Random(seed))
    straight = bare.run(None)
    began = time.monotonic()
    stored = bare.run(folder / "whole.sqlite")
    if straight.digest is None or stored.digest != straight.digest:
        raise SystemExit(f"a run that nothing befell went wrong: {straight.err} {stored.err}")
    return Bench(folder, bare.chance, straight.digest, time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few of each")
    parser.add_argument("--seed", type=int, default=20_261_125, help="of the moments and the bits")
    asked = parser.parse_args()
    wrong = 0
    with TemporaryDirectory() as folder:
        bench = prepared(Path(folder), asked.seed)
        print(f"seed {asked.seed}; a whole run takes {bench.seconds:.1f} s, digest {bench.right[:16]}", flush=True)
        for name, (befall, times, few) in FAULTS.items():
            counts: Counts = Counter()
            for n in range(few if asked.quick else times):
                counts.update(befall(bench, n))
            told = ", ".join(f"{said} {count}" for said, count in sorted(counts.items()))
            print(f"{name}, {few if asked.quick else times} times: {told}", flush=True)
            wrong += sum(count for said, count in counts.items() if is_wrong(said))
    print(f"{wrong} wrong")
    return 1 if wrong else 0


def is_wrong(said: str) -> bool:
    return "WRONG" in said or said in ("traceback", "process left behind")


if __name__ == "__main__":
    raise SystemExit(main())
