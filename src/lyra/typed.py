"""What is typed in a shell -> what is meant: the options that commands share, a record a kind."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from lyra.base.renamed import refuse_old
from lyra.errors import DataError, InputError

if TYPE_CHECKING:
    from lyra.designs import Design

__all__ = [
    "Csv",
    "OfSizes",
    "OfTable",
    "OfWindows",
    "Replicates",
    "Seed",
    "Several",
    "Switch",
    "Whole",
    "given",
    "on_disk",
    "refuse_of_table",
    "refuse_renamed",
    "with_stdin",
]


def _whole(_: Any, tokens: Sequence[Any]) -> int:
    """Return a whole number, or refuse what is none: 1.5 is not rounded."""
    if not re.fullmatch(r"[+-]?[0-9]+", tokens[0].value):
        raise ValueError(f'"{tokens[0].value}" is not a whole number.')
    return int(tokens[0].value)


DesignName: TypeAlias = Literal["cluster", "user", "stratified", "pairs", "switchback", "minimax", "adoption"]
Pattern: TypeAlias = Literal["random", "alternating"]
Switch = Annotated[bool, Parameter(negative="", show_default=False)]
Several = Annotated[tuple[str, ...], Parameter(negative="", show_default=False)]
Words = Annotated[tuple[str, ...], Parameter(negative="", show_default=False, allow_leading_hyphen=True)]
Whole = Annotated[int, Parameter(converter=_whole)]
Replicates = Annotated[int | None, Parameter(name=("--replicates", "--maximum"), converter=_whole)]
Seed = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0))]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Csv:
    """How the csv files of a table are written.

    Parameters
    ----------
    decimal
        The decimal sign of a csv's numbers; left out, a point.
    delimiter
        What separates the columns of a csv; left out, it is found.
    encoding
        The encoding of a csv; left out, utf-8.
    missing
        A word that stands for a missing value in a csv; repeat it for several; left out, the usual ones.
    """

    decimal: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    missing: Words = ()


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class OfTable:
    """The columns of a table of past data, and how its treatment is drawn.

    Parameters
    ----------
    outcome
        The column of the outcome.
    cluster
        The column of cluster labels.
    design
        How the treatment is drawn on a table; left out, by cluster.
    treated
        Clusters (or users) treated: half, bernoulli, a number of them or a share; left out, half, and of an adoption
        those of the data, their dates dealt again.
    block
        Windows in a block of a switchback, each block drawn as one; left out, 1. A number that does not divide the
        windows of the table is refused.
    term
        The term of a formula that is drawn again; left out, the first after the intercept.
    pattern
        How a switchback goes from block to block: random, a coin each, or alternating; left out, random.
    washout
        Windows left out at the start of every block of a switchback, which the arm before may still reach; left
        out, 0.
    carryover
        Windows for which treatment carries over, in a minimax switchback; left out, 1.
    covariate
        A term of a table to adjust for; repeat it for several.
    window
        The column of time windows, in whose order a switchback goes, or of the dates of a panel.
    stratum
        The column of strata, or of pairs: whole clusters that are drawn together.
    cluster_by
        What the analysis of a table clusters on: cluster, unit, window, stratum, pair or user; left out, cluster.
    """

    outcome: str | None = None
    cluster: str | None = None
    design: DesignName | None = None
    treated: str | None = None
    block: Whole | None = None
    term: str | None = None
    pattern: Pattern | None = None
    washout: Whole | None = None
    carryover: Whole | None = None
    covariate: Several = ()
    window: Annotated[str | None, Parameter(name=("--window", "--time"))] = None
    stratum: str | None = None
    cluster_by: str | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns, and what is clustered on, as keywords of `lyra.certify` and `lyra.power`."""
        names = ("outcome", "cluster", "window", "stratum", "cluster_by", "term")
        named = {name: getattr(self, name) for name in names}
        return named | {"covariates": self.covariate}

    @property
    def drawn(self) -> Design:
        """The design meant."""
        from lyra.designs.named import design_of

        return design_of(
            self.design or "cluster",
            treated=self.treated,
            block=self.block,
            pattern=self.pattern,
            washout=self.washout,
            carryover=self.carryover,
        )


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class OfWindows:
    """Where the clusters of a fit stand in time.

    Parameters
    ----------
    window
        The column of time windows of a switchback: says of clusters that are single windows whether they are finer than
        the blocks that were drawn, and what that costs.
    coarse
        With --window, the column of what switches, such as the region, which holds whole clusters: their level is
        tested against it.
    """

    window: str | None = None
    coarse: str | None = None


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class OfSizes:
    """The level, the worlds in which exact sizes are computed, and what is tolerated there.

    Parameters
    ----------
    level
        Coverage of the intervals; left out, 0.95.
    arms
        How many times as variable one arm, or the clusters that carry half of the term, may be; left out, 2.
    icc_max
        The largest intraclass correlation; left out, 0.7.
    tolerance
        A line is read that flags at most this many times the true nulls it claims to; left out, 1.
    time
        A factor of the formula whose levels are periods, for errors correlated in time; left out, it is found where
        effects of the clusters are in the formula.
    """

    level: float | None = None
    arms: float | None = None
    icc_max: float | None = None
    tolerance: float | None = None
    time: str | None = None


def given(typed: Any = None, **options: Any) -> dict[str, Any]:
    """Return the options of a record, and beside it, that were given."""
    record = {} if typed is None else {f.name: getattr(typed, f.name) for f in fields(typed)}
    return {name: value for name, value in (record | options).items() if value not in (None, ())}


def refuse_of_table(table: OfTable, csv: Csv, subject: str | None, formula: str | None = None) -> None:
    """Refuse what is said of a table where there is none."""
    if formula is not None:
        raise InputError(f"The formula {formula!r} belongs to a table: leave it out, or name a table before it.")
    for name in given(table) | given(csv):
        instead = f"{subject!r} says it itself" if subject else "name the table before it"
        raise InputError(f"--{name.replace('_', '-')} belongs to a table: {instead}.")


RENAMED = {"certify": {"level": "cluster_by"}, "power": {"level": "cluster_by"}}


def refuse_renamed(arguments: Sequence[str]) -> None:
    """Refuse an option by its old name, with the new one."""
    command, *rest = arguments or [""]
    for old, new in RENAMED.get(command, {}).items():
        for typed, after in zip(rest, [*rest[1:], ""], strict=False):
            name, _, value = typed.partition("=")
            if name == f"--{old}":
                refuse_old(old, new, value or after)


# --- csv from stdin -----------------------------------------------------------------------------

STDIN = "<stdin>"


def with_stdin(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a - that stands for data made a word, for the parser takes it for an option."""
    before = ("", *arguments)
    return [STDIN if word == "-" and not last.startswith("-") else word for last, word in zip(before, arguments)]  # noqa: B905


@contextmanager
def on_disk(data: str) -> Iterator[str]:
    """Yield the path of a table; csv from stdin goes through a file that is removed afterwards."""
    if data != STDIN:
        yield data
        return
    from shutil import copyfileobj
    from tempfile import TemporaryDirectory

    if sys.stdin is None:
        raise DataError("stdin is closed: there is nothing to read.")
    with TemporaryDirectory(prefix="lyra-") as folder:
        path = Path(folder) / "stdin.csv"
        with path.open("wb") as file:
            copyfileobj(sys.stdin.buffer, file)
        yield str(path)
