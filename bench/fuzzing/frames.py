"""Tables of random columns, one a seed, as Python lists, with a formula and what each of its terms is in numbers."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from bench.fuzzing.labels import TRAPS

Rng = np.random.Generator
TRANSFORMS: dict[str, Callable[[float], float]] = {
    "log": math.log, "sqrt": math.sqrt, "square": lambda v: v * v, "abs": abs, "exp": math.exp, "log1p": math.log1p,
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """`kind`: float, int, uint64, decimal, bool, text, date or ordered (text with an order of its own, `order`)."""

    kind: str
    values: list[Any]
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Columns by name; `formula` and `clusters` say how they are used, `formulas` is drawn with them."""

    facts: dict[str, Any]
    columns: dict[str, Column]
    formula: str
    clusters: str
    references: dict[str, str] = field(default_factory=dict)  # of a category: its first level, where one is sure

    @property
    def used(self) -> list[str]:
        words = re.findall(r"\w+", self.formula)
        return [name for name in self.columns if name in words or name == self.clusters]


def table(seed: np.random.SeedSequence) -> Table:
    rng = np.random.default_rng(seed)
    N, G = int(rng.integers(24, 120)), int(rng.integers(3, 14))
    N = max(N, 2 * G)
    g = rng.integers(0, G, N)
    g[: 2 * G] = np.tile(np.arange(G), 2)  # every cluster has two rows at least
    kind = pick(rng, LABELS)
    order, key = str(rng.choice(["x", "order", "select"])), str(rng.choice(["g", "group", "city id", "Région"]))
    columns = dressing(rng, N)
    columns["y"] = Column("float", [float(v) for v in rng.normal(size=N)])
    columns["t"] = treatments(rng, g)
    columns[order] = numbers(rng, N)
    columns["c"] = CATEGORIES[(named := pick(rng, CATEGORIES))](rng, N)
    columns["m"] = Column("int", [int(v) for v in rng.integers(1, 13, N) % 4 + 9])
    labels = LABELS[kind](rng, G)
    columns[key] = Column(labels.kind, [labels.values[k % len(labels.values)] for k in g], labels.order)
    missing = rng.random() < 0.5
    if missing:
        columns = {
            name: gaps(rng, column) if name in ("y", order, "c", key) else column for name, column in columns.items()
        }
    formula = str(rng.choice(formulas(order, columns[order], named)))
    facts = {"N": N, "G": G, "labels": kind, "category": named, "formula": formula, "key": key, "missing": missing}
    first = {"c": columns["c"].order[0]} if columns["c"].order else {}
    return Table(facts, columns, formula, key, first)


def pick(rng: Rng, choices: dict[str, Any]) -> str:
    return list(choices)[int(rng.integers(len(choices)))]


def gaps(rng: Rng, column: Column) -> Column:
    return Column(column.kind, [None if rng.random() < 0.05 else v for v in column.values], column.order)


def formulas(x: str, column: Column, category: str) -> list[str]:
    spelt = {"bool": "C(c)", "text like numbers": "C(c)", "dates": "C(c)"}.get(category, "c")
    positive = all(v is None or v > 0 for v in column.values)
    return [
        f"y ~ t + {x}", f"y ~ t * {x}", f"y ~ t + square({x})", f"y ~ {x} + t - 1", f"y ~ t + {x} + {spelt}",
        f"y ~ t:{x} + {spelt}", "y ~ t + C(m)", "y ~ t + C(m, ref=11)", f"y ~ {x} + {spelt} + C(m)",
        f"y ~ t + {'log' if positive else 'abs'}({x})", f"y ~ t * {spelt}",
    ]  # fmt: skip


# --- columns ------------------------------------------------------------------------------------


def dressing(rng: Rng, N: int) -> dict[str, Column]:
    """Columns that nobody asked for, in front: notes that begin with #, hold quotes, delimiters and line ends."""
    notes = ["#N/A", "# a comment", "plain", 'a "quoted" word', "a,b;c\td", "two\nlines", "", "1.5", "ß"]
    if rng.random() < 0.5:
        return {}
    return {"note": Column("text", [notes[int(k)] or None for k in rng.integers(0, len(notes), N)])}


def treatments(rng: Rng, g: np.ndarray) -> Column:
    t = rng.random(len(g)) < 0.5
    if rng.random() < 0.4:
        return Column("bool", [bool(v) for v in t])
    return Column("int", [int(v) for v in t])


def numbers(rng: Rng, N: int) -> Column:
    """Numbers of one kind: floats, ints, or whole numbers first and fractions later."""
    match int(rng.integers(4)):
        case 0:
            return Column("float", [float(v) for v in rng.normal(size=N)])
        case 1:
            return Column("int", [int(v) for v in rng.integers(1, 1000, N)])
        case 2:
            return Column("float", [float(k % 7 + 1) if k < N // 2 else k % 7 + 1.5 for k in range(N)])
        case _:
            return Column("float", [float(v) for v in np.exp(rng.normal(size=N) * 4)])


def words(values: list[str]) -> Callable[[Rng, int], Column]:
    return lambda rng, N: Column("text", [values[int(k)] for k in rng.integers(0, len(values), N)])


def ordered(rng: Rng, N: int) -> Column:
    order = ("low", "middle", "high")
    return Column("ordered", [order[int(k)] for k in rng.integers(0, 3, N)], order)


def days(rng: Rng, N: int) -> Column:
    return Column("date", [dt.date(2024, 2, 28) + dt.timedelta(days=int(k)) for k in rng.integers(0, 3, N)])


CATEGORIES: dict[str, Callable[[Rng, int], Column]] = {
    "words": words(["a", "b", "c"]),
    "traps": words(["a", "a ", "A", "é", "x,y", 'q"q', "-"]),
    "weeks": words(["W1", "W2", "W10"]),
    "text like numbers": words(["007", "7", "1.10", "1.1"]),
    "ordered": ordered,
    "bool": lambda r, N: Column("bool", [bool(v) for v in r.random(N) < 0.5]),
    "dates": days,
}


# --- cluster labels -----------------------------------------------------------------------------


def trap_labels(rng: Rng, G: int) -> Column:
    plain = [trap for trap in TRAPS if "\0" not in trap]
    return Column("text", [plain[int(k)] for k in rng.permutation(len(plain))[:G]])


LABELS: dict[str, Callable[[Rng, int], Column]] = {
    "text": lambda r, G: Column("text", [f"city {k}" for k in range(G)]),
    "traps": trap_labels,
    "traps again": trap_labels,
    "versions": lambda r, G: Column("text", [f"1.{k // 2}{'0' * (k % 2)}" for k in range(2, G + 2)]),
    "zeros in front": lambda r, G: Column("text", ["0" * (k % 3) + str(7 + k // 3) for k in range(G)]),
    "20 digits as text": lambda r, G: Column("text", [f"123456789012345678{k:02d}" for k in range(G)]),
    "exponents": lambda r, G: Column("text", [f"{k // 2 + 1}e1" if k % 2 else f"{k // 2 + 1}0" for k in range(G)]),
    "underscores": lambda r, G: Column("text", [f"1_{k // 2}" if k % 2 else f"1{k // 2}" for k in range(G)]),
    "ints": lambda r, G: Column("int", list(range(-2, G - 2))),
    "ints beyond 2^53": lambda r, G: Column("int", [2**53 + k for k in range(G)]),
    "ints at the end of int64": lambda r, G: Column("int", [2**63 - 1 - k for k in range(G)]),
    "uint64": lambda r, G: Column("uint64", [2**63 + k for k in range(G)]),
    "ints of 20 digits": lambda r, G: Column("decimal", [Decimal(10**20 + k) for k in range(G)]),
    "floats": lambda r, G: Column("float", [k / 4 for k in range(G)]),
    "bool": lambda r, G: Column("bool", [False, True]),
    "dates": lambda r, G: Column("date", [dt.date(2024, 1, 30) + dt.timedelta(days=k) for k in range(G)]),
    "ordered": lambda r, G: Column("ordered", [f"W{k}" for k in range(G)], tuple(f"W{k}" for k in range(G))[::-1]),
}


# --- a term in numbers --------------------------------------------------------------------------


def term(name: str, columns: dict[str, list[Any]]) -> list[float] | None:
    """Return the column of a coefficient by its name, over complete rows; None for one that is not understood."""
    if name == "Intercept":
        return [1.0] * len(next(iter(columns.values())))
    product: list[float] | None = None
    for part in re.findall(r"(?:[^:\[]|\[[^\]]*\])+", name):
        values = factor(part, columns)
        if values is None:
            return None
        product = values if product is None else [a * b for a, b in zip(product, values, strict=True)]
    return product


def factor(part: str, columns: dict[str, list[Any]]) -> list[float] | None:
    level = re.fullmatch(r"(?:C\()?(\w+)(?:, ref=[^)]*)?\)?\[(?:T\.)?(.*)\]", part, flags=re.DOTALL)
    if level:
        return indicator(columns[level[1]], level[2])
    called = re.fullmatch(r"(\w+)\((\w+)\)", part)
    if called and called[1] in TRANSFORMS:
        return [TRANSFORMS[called[1]](float(v)) for v in columns[called[2]]]
    return [float(v) for v in columns[part]] if part in columns else None


def indicator(values: list[Any], level: str) -> list[float] | None:
    """0/1 for the level spelt so; a date may be told with its time of midnight, a bool in small letters."""
    found = [float(str(v) == level or (not isinstance(v, str) and spelt(v) == level.casefold())) for v in values]
    if any(found):
        return found
    found = [float(isinstance(v, dt.date) and level.startswith(str(v))) for v in values]
    return found if any(found) else None


def spelt(value: Any) -> str:
    return str(value).casefold()
