"""One array problem through `lyra.se`: several variants and, for few clusters, every pattern of the bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb, fmpq_mat

from bench.fuzzing import judge
from bench.fuzzing.judge import Answer, Finding, ask, foreign
from bench.fuzzing.oracle import Exact
from bench.fuzzing.problems import Problem, problem
from lyra.errors import DroppedColumnsWarning, DroppedRowsWarning, LyraWarning
from lyra.se import cluster_robust, wild_cluster_bootstrap

VARIANTS = ("CV1", "CV2", "CV3", "CV3J", "CV0", "iid", "HC0", "HC1", "HC2", "HC3")
MOST_PATTERNS = 8  # clusters of which all sign patterns are gone through


@dataclass(frozen=True)
class Truth:
    """The complete rows of a problem."""

    columns: list[list[Any]]
    y: list[Any]
    codes: list[int]
    dropped: int

    @classmethod
    def of(cls, p: Problem) -> Truth:
        rows = list(zip(*p.columns, strict=True))
        kept = [i for i, code in enumerate(p.codes) if code >= 0 and p.outcome[i] is not None and None not in rows[i]]
        return cls(
            [[column[i] for i in kept] for column in p.columns],
            [p.outcome[i] for i in kept],
            [p.codes[i] for i in kept],
            len(p.codes) - len(kept),
        )

    @property
    def G(self) -> int:
        return len(set(self.codes))

    def exact(self, kept: list[int]) -> Exact:
        return Exact.of([self.columns[j] for j in kept], self.y, self.codes)

    def may_be_refused(self) -> bool:
        """No answer exists: no rows, one cluster, a constant y, nothing in X, or as many columns as rows."""
        if not self.y or self.G < 2 or len(set(self.y)) == 1:
            return True
        rank = self.exact(list(range(len(self.columns)))).rank
        return rank == 0 or len(self.y) <= rank


def judged(seed: np.random.SeedSequence) -> tuple[Problem, int, list[Finding]]:
    """Return the problem of this seed, the number of calls, and what was found."""
    p = problem(seed)
    rng = np.random.default_rng(seed.spawn(1)[0])
    chosen = ["CV1", "CV2", "CV3", *rng.choice(VARIANTS[3:], 2, replace=False)]
    truth, found = Truth.of(p), []
    for variant in chosen:
        answer = ask(lambda: cluster_robust(p.y, p.X, clusters=p.clusters, variant=str(variant)))  # noqa: B023
        found += [*foreign(answer), *of_call(p, truth, answer, str(variant))]
    misread = any(finding.kind == "wrong" and finding.what in ("rows used", "clusters") for finding in found)
    bootstrapped = not misread and rng.random() < 0.3 and 2 <= truth.G <= MOST_PATTERNS
    if bootstrapped:
        found += list(bootstrap(p, truth, int(rng.integers(len(p.columns)))))
    return p, len(chosen) + bootstrapped, found


def of_call(p: Problem, truth: Truth, answer: Answer, variant: str) -> Iterator[Finding]:
    if answer.refused:
        if not (truth.may_be_refused() or p.labels.may_refuse or p.labels.must_refuse):
            yield Finding("cautious", f"refused: {type(answer.error).__name__}", str(answer.error)[:160])
        return
    if answer.error is not None:
        return
    res = answer.value
    if p.labels.must_refuse and not answer.has(LyraWarning):
        yield Finding("wrong", f"labels taken: {p.facts['labels']}", f"{res.n_clusters} clusters", np.inf)
    if (res.n_rows, res.n_clusters, res.dropped_rows) != (len(truth.y), truth.G, truth.dropped):
        what = "rows used" if res.n_rows != len(truth.y) else "clusters" if res.n_clusters != truth.G else "dropped"
        yield Finding(
            "wrong",
            what,
            f"{res.n_rows} rows, {res.n_clusters} clusters, {res.dropped_rows} dropped for "
            f"{len(truth.y)}, {truth.G}, {truth.dropped}",
            np.inf,
        )
        return
    if truth.dropped and not answer.has(DroppedRowsWarning):
        yield Finding("wrong", "dropped rows not told", "", np.inf)
    kept = [p.names.index(name) for name in res.names]
    yield from columns(truth, kept, answer)
    exact = truth.exact(kept)
    if exact.rank == exact.K < exact.N:
        yield from judge.inference(exact, res, answer, variant)


def columns(truth: Truth, kept: list[int], answer: Answer) -> Iterator[Finding]:
    """Whether the columns kept are independent, and as many as there are."""
    whole, part = truth.exact(list(range(len(truth.columns)))), truth.exact(kept)
    if part.rank < part.K:
        yield Finding("wrong", "kept a collinear column", f"kept {kept}", np.inf)
    if len(kept) < len(truth.columns) and not answer.has(DroppedColumnsWarning):
        yield Finding("wrong", "dropped columns not told", f"kept {kept}", np.inf)
    if part.rank < whole.rank:
        fuller = independent(truth, kept)
        clear = fuller.condition < judge.GOOD and fuller.raw_condition < judge.HELD
        kind = "wrong" if clear else "cautious"
        yield Finding(kind, "dropped an independent column", f"kept {kept}, condition {fuller.condition:.1e}", np.inf)


def independent(truth: Truth, kept: list[int]) -> Exact:
    """The kept columns with one more that they do not span, the one that is furthest from them."""
    others = [truth.exact([*kept, j]) for j in range(len(truth.columns)) if j not in kept]
    return min((e for e in others if e.rank == e.K), key=lambda e: e.condition)


# --- the bootstrap, by its definition -----------------------------------------------------------


def bootstrap(p: Problem, truth: Truth, param: int) -> Iterator[Finding]:
    """All sign patterns of the restricted bootstrap of β = 0, against the share of |t*| ≥ |t|."""
    answer = ask(lambda: wild_cluster_bootstrap(p.y, p.X, clusters=p.clusters, param=param, weights="rademacher"))
    yield from foreign(answer)
    exact = truth.exact(list(range(len(truth.columns))))
    if answer.error is not None or exact.rank < exact.K or exact.K == exact.N or exact.condition > 1e6:
        return
    if answer.has(judge.ConditionWarning) or answer.has(DroppedColumnsWarning):
        return
    squares = t_squared(exact, param)
    if squares is None or exact.explained > 1e6:
        return
    sample, band = squares[0], 1e-6 * squares[0]
    low, high = np.mean(squares > sample + band), np.mean(squares >= sample - band)
    if not low - 1e-12 <= float(answer.value) <= high + 1e-12:
        yield Finding("wrong", "bootstrap p-value", f"{float(answer.value)!r} for {low} to {high}", np.inf)


def t_squared(exact: Exact, param: int) -> np.ndarray | None:
    """Return t² of every pattern, the sample first; None where one has no clear value."""
    a = fmpq_mat(1, exact.K, [exact.bread[param, k] for k in range(exact.K)])
    step = exact.beta[param] / exact.bread[param, param]
    restricted = [
        score + fmpq_mat(gram) * a.transpose() * step for score, gram in zip(exact.scores, exact.grams, strict=True)
    ]
    own = [(a * score)[0, 0] for score in restricted]
    unit = max((abs(v) for v in own), default=0)
    if unit == 0:
        return None
    n = np.array([float(arb(v / unit).mid()) for v in own])
    carried = [a * fmpq_mat(gram) * exact.bread for gram in exact.grams]
    M = np.array([[float(arb((c * s)[0, 0] / unit).mid()) for s in restricted] for c in carried])
    signs = 1.0 - 2.0 * ((np.arange(2**exact.G)[:, None] >> np.arange(exact.G)) & 1)
    spread = ((signs * n - signs @ M.T) ** 2).sum(axis=1)
    top = (signs @ n) ** 2
    if spread.min() < 1e-12 * (n**2).sum() or top[0] < 1e-10 * (n**2).sum():
        return None
    return top / spread
