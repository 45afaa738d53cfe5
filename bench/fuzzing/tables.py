"""One table through the seven sources: each must agree with the lists it was made of, or refuse."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import lyra
from bench.fuzzing import judge
from bench.fuzzing.carriers import CARRIERS, Carried
from bench.fuzzing.frames import Table, table, term
from bench.fuzzing.judge import Finding, ask, foreign
from bench.fuzzing.oracle import Exact
from lyra.errors import DroppedRowsWarning

VARIANTS = ("CV1", "CV2", "CV3")


@dataclass(frozen=True)
class Lists:
    """The complete rows of a table as a source can hold them."""

    columns: dict[str, list[Any]]
    codes: list[int]
    dropped: int

    @classmethod
    def of(cls, t: Table, missing: frozenset[str]) -> Lists:
        held = {
            name: [None if isinstance(v, str) and v in missing else v for v in t.columns[name].values]
            for name in t.used
        }
        N = len(held[t.clusters])
        kept = [i for i in range(N) if all(values[i] is not None for values in held.values())]
        columns = {name: [values[i] for i in kept] for name, values in held.items()}
        number: dict[Any, int] = {}
        codes = [number.setdefault(label, len(number)) for label in columns[t.clusters]]
        return cls(columns, codes, N - len(kept))

    @property
    def G(self) -> int:
        return len(set(self.codes))


def judged(seed: np.random.SeedSequence) -> tuple[Table, int, list[Finding]]:
    """Return the table of this seed, the number of fits, and what was found."""
    t, found = table(seed), []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, carry) in enumerate(CARRIERS.items()):
            rng = np.random.default_rng(seed.spawn(1)[0].generate_state(4) + number)
            carried = carry(t, rng, Path(folder))
            found += [
                replace(f, what=f"{name}: {f.what}", told=f"{f.told} ({carried.told})") for f in of_source(t, carried)
            ]
    return t, len(CARRIERS), found


def of_source(t: Table, carried: Carried) -> Iterator[Finding]:
    truth = Lists.of(t, carried.missing)
    answer = ask(lambda: lyra.fit(t.formula, carried.data, clusters=t.clusters, **carried.options))
    yield from foreign(answer)
    if answer.refused:
        if truth.G > 1 and len(truth.codes) > 12:
            yield Finding("cautious", f"refused: {type(answer.error).__name__}", str(answer.error)[:200])
        return
    if answer.error is not None:
        return
    fit = answer.value
    if (fit.n_rows, fit.n_clusters, fit.dropped_rows) != (len(truth.codes), truth.G, truth.dropped):
        what = "clusters" if fit.n_rows == len(truth.codes) else "rows used"
        yield Finding(
            "wrong",
            what,
            f"{fit.n_rows} rows, {fit.n_clusters} clusters, {fit.dropped_rows} dropped for "
            f"{len(truth.codes)}, {truth.G}, {truth.dropped}",
            np.inf,
        )
        return
    if truth.dropped and not answer.has(DroppedRowsWarning):
        yield Finding("wrong", "dropped rows not told", "", np.inf)
    yield from terms(t, carried, truth, fit)


def terms(t: Table, carried: Carried, truth: Lists, fit: Any) -> Iterator[Finding]:
    """Judge the columns that the formula became, then their numbers."""
    held = [term(name, truth.columns) for name in fit.names]
    if None in held:
        yield Finding("wrong", "terms", f"{fit.names} from {t.formula!r}", np.inf)
        return
    if carried.keeps_order:
        yield from order_kept(t, truth, fit)
    exact = Exact.of([column for column in held if column is not None], truth.columns["y"], truth.codes)
    expected = full_rank(t, truth)
    if expected != exact.K or exact.rank < exact.K:
        yield Finding(
            "wrong", "terms", f"{exact.K} coefficients of rank {exact.rank}, not {expected}: {fit.names}", np.inf
        )
        return
    for variant in VARIANTS:
        answer = ask(lambda: fit.robust(variant))  # noqa: B023
        yield from foreign(answer)
        if answer.error is None:
            yield from (f for f in judge.inference(exact, answer.value, answer, variant) if f.kind != "imprecise")


def order_kept(t: Table, truth: Lists, fit: Any) -> Iterator[Finding]:
    """The first level of an order that the user gave is the one left out."""
    for name, first in t.references.items():
        seen = [level for level in t.columns[name].order if level in truth.columns.get(name, [])]
        told = [n for n in fit.names if n.startswith(name + "[") or f":{name}[" in n]
        if told and seen and "Intercept" in fit.names and any(f"[T.{seen[0]}]" in n for n in told):
            yield Finding("wrong", "order of the levels", f"first {first!r}: {fit.names}", np.inf)


def full_rank(t: Table, truth: Lists) -> int:
    """The rank of the formula's columns with every level of every category."""
    columns: list[list[float]] = [] if t.formula.endswith("- 1") else [[1.0] * len(truth.codes)]
    for part in t.formula.split("~")[1].replace("- 1", "").split("+"):
        for product in crossed(part.strip()):
            columns += products([levels(name.strip(), truth) for name in product.split(":")])
    return Exact.of(columns, truth.columns["y"], truth.codes).rank


def crossed(part: str) -> list[str]:
    if "*" not in part:
        return [part]
    a, b = part.split("*")
    return [a, b, f"{a}:{b}"]


def products(factors: list[list[list[float]]]) -> list[list[float]]:
    found = factors[0]
    for factor in factors[1:]:
        found = [[a * b for a, b in zip(one, two, strict=True)] for one in found for two in factor]
    return found


def levels(name: str, truth: Lists) -> list[list[float]]:
    column = name.removeprefix("C(").split(",")[0].rstrip(")") if name.startswith("C(") else name
    values = truth.columns.get(column)
    if values is not None and (name.startswith("C(") or isinstance(values[0], str)):
        return [[float(v == level) for v in values] for level in dict.fromkeys(values)]
    return [found] if (found := term(name, truth.columns)) is not None else []
