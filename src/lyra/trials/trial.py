"""(world | own data | model) × methods × replicates -> the replicate table.

Replicates come in blocks of 500. Block k of cell c draws from SeedSequence(entropy, spawn_key=(c, k)), and its
bootstrap weights from (c, k, 500), so a table does not depend on how many workers made it, in what order, after which
interruption, or beside which methods on sums. All methods see the same replicates. A method that fails in a replicate
is a row of NaN there, never a lost run, and counts as a rejection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from lyra.base.arrays import Array
from lyra.base.identity import described
from lyra.base.text import did_you_mean
from lyra.errors import InputError
from lyra.robust.methods import METHODS, certifiable, run_method
from lyra.robust.replicates import Outcome, Replicates
from lyra.robust.wild.multipliers import choose_law
from lyra.simulation.cells import Table, replicates_of_grams, table_gram
from lyra.simulation.from_history import HistorySource
from lyra.simulation.source import Source
from lyra.trials.by_rows import Candidate, one_row

__all__ = [
    "BLOCK",
    "COLUMNS",
    "Candidate",
    "Scenario",
    "Trial",
    "is_closed_form",
    "method_name",
    "stream",
]

BLOCK = 500
COLUMNS = ("estimate", "se", "pvalue", "half_width")
DRAWS = 399
NUMBERS_AT_ONCE = 2**22  # of a batch; part of what a block is, for another number draws other replicates


def method_name(method: Candidate) -> str:
    """Return the name a method goes by in tables."""
    return method if isinstance(method, str) else getattr(method, "__name__", repr(method))


def stream(entropy: int, *key: int) -> Generator:
    """Return the generator of SeedSequence(entropy, spawn_key=key): the same wherever and whenever it is asked for."""
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(entropy, spawn_key=key)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Trial:
    """One cell of a certificate: a source of replicates in which the null is true, and the methods judged on it.

    Parameters
    ----------
    cell : int
        The cell's number, part of the seed.
    source : Source
        Where replicates come from.
    methods : sequence of str or callable
        Names of `robust.methods.METHODS`, or functions (y, X, clusters, rng) whose result has `.pvalue`, `.se` and
        `.estimate` of the last column of X.
    seed : int
        Entropy of all streams.
    weights : {"auto", "rademacher", "webb", "mammen", "normal", "gamma"}
        The bootstrap's law; auto is Webb below 10 clusters and Rademacher from there, as the bootstrap itself does.

    Raises
    ------
    InputError
        An unknown method or law of weights, or a method that needs rows where the source has none.
    """

    cell: int
    source: Source
    methods: tuple[Candidate, ...]
    seed: int
    weights: str = "auto"

    def __post_init__(self) -> None:
        choose_law(self.weights, 2)
        for method in self.methods:
            if isinstance(method, str) and method not in certifiable():
                raise InputError(f"method {method!r} is unknown: {did_you_mean(method, certifiable())}.")
            if _needs_rows(method) and not hasattr(self.source, "table"):
                raise InputError(
                    f"method {method_name(method)!r} needs rows, and a model certificate draws only their sums: "
                    "certify it on a world or on your own data."
                )

    def identity(self) -> dict[str, Any]:
        """Return all that decides the numbers of this cell, a part a name, as plain values."""
        asked = {"methods": described(self.methods), "seed": self.seed, "weights": self.weights}
        return self.source.identity() | asked

    def block(self, methods: Sequence[int], block: int) -> Array:
        """Return the table (500, methods, 4) of one block for the methods at these positions; columns `COLUMNS`."""
        chosen = [self.methods[m] for m in methods]
        if any(_needs_rows(method) for method in chosen):
            return self._by_rows(chosen, block)
        return np.concatenate([self._judged(reps, chosen, block) for reps in self.batches(block)])

    def batches(self, block: int) -> Iterator[Replicates]:
        """Yield the 500 replicates of a block in batches that fit in memory."""
        rng = stream(self.seed, self.cell, block)
        size = max(1, min(BLOCK, NUMBERS_AT_ONCE // max(self.source.numbers, 1)))
        for start in range(0, BLOCK, size):
            yield self.source.batch(min(size, BLOCK - start), rng)

    def bootstrap_weights(self, G: int, *block: int) -> Array:
        """Return the weights (B, G) that all bootstraps of a block draw, or those of an enumeration."""
        return _weights(G, stream(self.seed, self.cell, *block, BLOCK), self.weights)

    def every_assignment(self) -> Array | None:
        """Return the table (assignments, methods, 4) of all assignments of the design, or None when there are many."""
        if not isinstance(self.source, HistorySource) or self.source.n_assignments is None:
            return None
        if any(_needs_rows(method) for method in self.methods):
            return None
        return np.concatenate([self._judged(reps, self.methods) for reps in self.source.every(BLOCK)])

    def first_failure(self, method: int, block: int, replicate: int) -> str:
        """Return the message of a failed replicate of a method that works on rows, by replaying it."""
        chosen = self.methods[method]
        if not _needs_rows(chosen):
            return "not computable: a leave-one-cluster-out estimate does not exist, or an arm is empty"
        _, message = one_row(chosen, *self._replay(block, replicate))
        return message

    def smallest_pvalue(self, method: Candidate, G: int) -> float:
        """Return the smallest p-value a method can attain with G clusters; 0 where nothing bounds it."""
        return 1.0 / len(_weights(G, stream(0), self.weights)) if _draws(method) else 0.0

    def _replay(self, block: int, replicate: int) -> tuple[Table, Generator]:
        rng = stream(self.seed, self.cell, block, replicate)
        return self.source.table(rng), rng  # type: ignore[attr-defined]

    def _by_rows(self, chosen: Sequence[Candidate], block: int) -> Array:
        table = np.full((BLOCK, len(chosen), len(COLUMNS)), np.nan)
        on_sums = [m for m, method in enumerate(chosen) if not _needs_rows(method)]
        grams = []
        for replicate in range(BLOCK):
            rows, rng = self._replay(block, replicate)
            for m, method in enumerate(chosen):
                if _needs_rows(method):
                    table[replicate, m] = one_row(method, rows, rng)[0]
            grams.append(table_gram(rows) if on_sums else np.empty(0))
        if on_sums:
            reps = replicates_of_grams(np.stack(grams), rows[0].size)
            table[:, on_sums] = self._judged(reps, [chosen[m] for m in on_sums], block)
        return table

    def _judged(self, reps: Replicates, methods: Sequence[Candidate], *block: int) -> Array:
        """Return (R, methods, 4): what each method says of these replicates of a block."""
        bootstrapped = any(map(_draws, methods))
        V = self.bootstrap_weights(reps.G, *block) if bootstrapped else np.empty((0, reps.G))
        return np.stack([_columns(run_method(reps, str(method), V)) for method in methods], axis=1)


def _needs_rows(method: Candidate) -> bool:
    return not isinstance(method, str) or METHODS[method].needs_rows


def _draws(method: Candidate) -> bool:
    return isinstance(method, str) and METHODS[method].draws is not None


def _columns(outcome: Outcome) -> Array:
    return np.stack([outcome.estimate, outcome.se, outcome.pvalue, outcome.half_width], axis=1)


def _weights(G: int, rng: Generator, weights: str) -> Array:
    """Return the bootstrap's weights (B, G): every pattern up to a global sign when fewer than 399, else draws."""
    law = choose_law(weights, G)
    return law.half(G) if 0 < law.patterns(G) < 2 * DRAWS else law.draw(rng, DRAWS, G)


@dataclass(frozen=True, eq=False, kw_only=True)
class Scenario:
    """One cell to certify: a trial, the name of its design, and what the reader must know of it.

    Attributes
    ----------
    design : str
        The name printed for the cell.
    trial : Trial
    n_clusters : int
        Clusters of the analysis.
    analysis : str
        How the data are analysed, where several ways are compared.
    too_fine : bool
        Whether the analysis clusters finer than the design randomises.
    notes : tuple of str
    one_row_each : bool
        Whether every cluster is one row, so that a method for independent rows is one for these clusters.
    """

    design: str
    trial: Trial
    n_clusters: int
    analysis: str = ""
    too_fine: bool = False
    notes: tuple[str, ...] = ()
    one_row_each: bool = False

    def ignores_clusters(self, m: int) -> bool:
        """Return whether a method takes rows of one cluster as independent."""
        method = self.trial.methods[m]
        return isinstance(method, str) and not METHODS[method].clustered and not self.one_row_each

    def flags_of(self, m: int) -> tuple[str, ...]:
        """Return the flags of one method that follow from the scenario alone."""
        method = self.trial.methods[m]
        reads = not isinstance(method, str) or METHODS[method].reads_clusters
        return ("clusters finer than randomised",) if self.too_fine and reads else ()


def is_closed_form(method: Candidate) -> bool:
    """Return whether a method costs next to nothing a replicate."""
    return isinstance(method, str) and METHODS[method].of_replicates is not None
