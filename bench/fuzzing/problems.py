"""Array problems, one a seed: columns, an outcome and labels as Python numbers, and the objects made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from bench.fuzzing.labels import KINDS, Kind

Number = int | float
Column = list[Number | None]
Rng = np.random.Generator


@dataclass(frozen=True)
class Problem:
    """X, y and clusters as handed in, and the truth they were made of; None and -1 are missing."""

    facts: dict[str, Any]
    X: Any
    y: Any
    clusters: Any
    columns: list[Column]
    outcome: Column
    codes: list[int]
    names: tuple[str, ...]
    labels: Kind


def problem(seed: np.random.SeedSequence) -> Problem:
    rng = np.random.default_rng(seed)
    sizes = SIZES[pick(rng, SIZES)](rng)
    kind = pick(rng, KINDS)
    codes = [g % KINDS[kind].most for g in np.repeat(np.arange(len(sizes)), sizes)]
    codes = [codes[i] for i in rng.permutation(len(codes))] if rng.random() < 0.7 else codes
    g = np.array(codes)
    columns, made = design(rng, g)
    told, outcome = response(rng, g, columns)
    missing = rng.random() < 0.3
    facts = {"N": len(codes), "G": len(set(codes)), "labels": kind, "columns": made, "y": told, "missing": missing}
    labels = KINDS[kind].make(rng, max(codes) + 1)
    if missing and KINDS[kind].takes_missing:
        codes = [-1 if rng.random() < 0.08 else code for code in codes]
        codes = codes if max(codes) >= 0 else [0] * len(codes)
    handed = KINDS[kind].pack([None if code < 0 else labels[code] for code in codes])
    form = pick(rng, FRAMES)
    if missing and FRAMES[form].takes_missing:
        columns = [gaps(rng, column) for column in columns]
    y_form = pick(rng, OUTCOMES)
    if missing and OUTCOMES[y_form].takes_missing:
        outcome = gaps(rng, outcome)
    columns, outcome = FRAMES[form].as_held(columns), OUTCOMES[y_form].as_held([outcome])[0]
    facts |= {"X as": form, "y as": y_form}
    names = tuple(f"{'c' if FRAMES[form].named else 'x'}{j}" for j in range(len(columns)))
    return Problem(
        facts,
        FRAMES[form].pack(columns, names),
        OUTCOMES[y_form].pack([outcome], ("y",)),
        handed,
        columns,
        outcome,
        codes,
        names,
        KINDS[kind],
    )


def pick(rng: Rng, table: dict[str, Any]) -> str:
    return list(table)[int(rng.integers(len(table)))]


def gaps(rng: Rng, column: Column) -> Column:
    return [None if rng.random() < 0.03 else value for value in column]


# --- clusters -----------------------------------------------------------------------------------


def between(rng: Rng, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def one_giant(rng: Rng) -> list[int]:
    return [between(rng, 20, 80), *(1 + rng.integers(3, size=between(rng, 2, 12)))]


def shares(rng: Rng) -> list[int]:
    return list(1 + rng.multinomial(between(rng, 4, 80), rng.dirichlet(np.full(between(rng, 2, 40), 0.7))))


SIZES: dict[str, Callable[[Rng], list[int]]] = {
    "balanced": lambda r: [between(r, 2, 6)] * between(r, 2, 20),
    "few": lambda r: [between(r, 2, 30)] * between(r, 2, 4),
    "singletons": lambda r: [1] * between(r, 4, 40),
    "one giant": one_giant,
    "any": shares,
    "any again": shares,
    "one cluster": lambda r: [between(r, 4, 12)],
}


# --- columns ------------------------------------------------------------------------------------


def design(rng: Rng, g: np.ndarray) -> tuple[list[Column], list[str]]:
    """Return 1 to 6 columns and what each is; later ones may be made of earlier ones."""
    columns: list[Column] = []
    told: list[str] = []
    if rng.random() < 0.8:
        columns.append([1.0] * len(g))
        told.append("one")
    for _ in range(between(rng, 0 if columns else 1, 5)):
        name = pick(rng, COLUMNS) if rng.random() < 0.6 else "normal"
        columns.append(plain(COLUMNS[name](rng, g, columns)))
        told.append(name)
    return columns, told


def plain(values: Any) -> Column:
    return values if isinstance(values, list) else np.asarray(values, dtype=float).tolist()


def power(rng: Rng, low: float, high: float) -> float:
    return float(10.0 ** rng.uniform(low, high))


def floats(columns: list[Column]) -> list[np.ndarray]:
    return [np.array(column, dtype=float) for column in columns]


def mixed(rng: Rng, columns: list[Column]) -> np.ndarray:
    """A combination of the earlier columns, each brought to its own length."""
    held = [column for column in floats(columns) if np.abs(column).max() > 0]
    return sum((rng.normal() * column / np.abs(column).max() for column in held), np.zeros(len(columns[0])))


def near(rng: Rng, g: np.ndarray, columns: list[Column]) -> Any:
    noise = rng.normal(size=len(g))
    return mixed(rng, columns) + power(rng, -12, -1) * noise if columns else noise


def duplicate(rng: Rng, g: np.ndarray, columns: list[Column]) -> Any:
    return list(columns[between(rng, 0, len(columns) - 1)]) if columns else rng.normal(size=len(g))


def dummies_sum(rng: Rng, g: np.ndarray, columns: list[Column]) -> Any:
    """The complement of an earlier 0/1 column, if there is one."""
    for column in columns:
        if set(column) == {0.0, 1.0}:
            return [1.0 - float(value or 0) for value in column]
    return (rng.random(len(g)) < 0.5).astype(float)


def leverage(rng: Rng, g: np.ndarray, _columns: list[Column]) -> Any:
    x = rng.normal(size=len(g))
    x[g == g[0]] *= power(rng, 1, 6)
    return x


COLUMNS: dict[str, Callable[[Rng, np.ndarray, list[Column]], Any]] = {
    "normal": lambda r, g, _: r.normal(size=len(g)),
    "offset": lambda r, g, _: power(r, 1, 12) + r.normal(size=len(g)),
    "scaled by 1e±8": lambda r, g, _: power(r, -8, 8) * r.normal(size=len(g)),
    "scaled by 1e±30": lambda r, g, _: power(r, -30, 30) * r.normal(size=len(g)),
    "scaled by 1e±150": lambda r, g, _: power(r, -150, 150) * r.normal(size=len(g)),
    "offset and scaled": lambda r, g, _: power(r, -20, 20) * (power(r, 1, 9) + r.normal(size=len(g))),
    "dummy": lambda r, g, _: (r.random(len(g)) < 0.4).astype(float),
    "dummy of clusters": lambda r, g, _: (r.random(g.max() + 1) < 0.4).astype(float)[g],
    "number of clusters": lambda r, g, _: r.normal(size=g.max() + 1)[g],
    "one cluster": lambda r, g, _: (g == g[0]).astype(float),
    "one cluster, varying": lambda r, g, _: (g == g[0]) * r.normal(size=len(g)),
    "one row": lambda r, g, _: (np.arange(len(g)) == 1).astype(float),
    "all but one cluster": lambda r, g, _: (g != g[0]).astype(float),
    "near-collinear": near,
    "duplicate": duplicate,
    "double": lambda r, g, c: [2.0 * v for v in duplicate(r, g, c)],
    "complement": dummies_sum,
    "sum": lambda r, g, c: mixed(r, c) if c else r.normal(size=len(g)),
    "constant": lambda r, g, _: [power(r, -6, 6)] * len(g),
    "zeros": lambda r, g, _: [0.0] * len(g),
    "small ints": lambda r, g, _: r.integers(-5, 6, len(g)),
    "ints beyond 2^53": lambda r, g, _: [2**60 + int(v) for v in r.integers(0, 10_000, len(g))],
    "ms timestamps": lambda r, g, _: 1_700_000_000_000 + r.integers(0, 10**9, len(g)),
    "wei": lambda r, g, _: np.round(1e18 * r.random(len(g))),
    "dominating cluster": leverage,
    "heavy tails": lambda r, g, _: r.standard_cauchy(len(g)),
}


# --- outcomes -----------------------------------------------------------------------------------


def response(rng: Rng, g: np.ndarray, columns: list[Column]) -> tuple[str, Column]:
    name = pick(rng, RESPONSES) if rng.random() < 0.6 else "noise"
    noise = rng.normal(size=len(g)) + 0.5 * rng.normal(size=g.max() + 1)[g]
    return name, plain(RESPONSES[name](rng, g, columns, noise))


def explained(rng: Rng, g: np.ndarray, columns: list[Column], _noise: np.ndarray) -> Any:
    """Exactly a multiple of one column."""
    return [4.0 * float(value or 0) for value in columns[between(rng, 0, len(columns) - 1)]]


RESPONSES: dict[str, Callable[[Rng, np.ndarray, list[Column], np.ndarray], Any]] = {
    "noise": lambda r, g, c, u: u,
    "signal": lambda r, g, c, u: mixed(r, c) + u,
    "strong signal": lambda r, g, c, u: mixed(r, c) + power(r, -9, -1) * u,
    "explained": explained,
    "explained but rounded": lambda r, g, c, u: mixed(r, c),
    "constant": lambda r, g, c, u: [float(r.normal())] * len(g),
    "offset": lambda r, g, c, u: power(r, 1, 12) + u,
    "scaled by 1e±30": lambda r, g, c, u: power(r, -30, 30) * u,
    "scaled by 1e±150": lambda r, g, c, u: power(r, -150, 150) * u,
    "zero or one": lambda r, g, c, u: (u > 0.5).astype(float),
    "rare": lambda r, g, c, u: (u > 1.8).astype(float),
    "one cluster only": lambda r, g, c, u: np.where(g == g[0], u, 0.0),
    "ints": lambda r, g, c, u: np.round(3 * u),
    "ints beyond 2^53": lambda r, g, c, u: [2**60 + int(v) for v in 5000 * u],
    "equal in clusters": lambda r, g, c, u: r.normal(size=g.max() + 1)[g],
    "balanced to zero": lambda r, g, c, u: np.where(np.arange(len(g)) % 2, 1.0, -1.0),
}


# --- what carries the numbers -------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """`pack(columns, names)` gives the object; `as_held(columns)` the numbers that it can hold."""

    pack: Callable[[list[Column], tuple[str, ...]], Any]
    takes_missing: bool = False
    named: bool = False
    as_held: Callable[[list[Column]], list[Column]] = lambda columns: columns


def rounded(dtype: Any) -> Callable[[list[Column]], list[Column]]:
    def as_held(columns: list[Column]) -> list[Column]:
        with np.errstate(over="ignore"):
            held = [[None if v is None else dtype(v).item() for v in column] for column in columns]
        return [[v if v is None or abs(v) < 3e38 else 1.0 for v in column] for column in held]

    return as_held


def as_float(columns: list[Column]) -> list[Column]:
    """The user's own conversion to float64: what is handed in is already rounded."""
    return [[None if v is None else float(v) for v in column] for column in columns]


def whole(columns: list[Column]) -> list[Column]:
    """Columns of whole numbers as ints; others become 0, 1, 2, ... in their order of size."""
    return [c if all(isinstance(v, int) for v in c) else whole_of(c) for c in columns]


def whole_of(column: Column) -> Column:
    values = [float(v or 0) for v in column]
    if all(v.is_integer() and abs(v) < 2**62 for v in values):
        return [int(v) for v in values]
    return [int(v) for v in np.argsort(np.argsort(values))]


def truth(columns: list[Column]) -> list[Column]:
    return [[float((v or 0) > 0) for v in column] for column in columns]


def matrix(columns: list[Column], fill: float = np.nan) -> np.ndarray:
    return np.array([[fill if v is None else float(v) for v in column] for column in columns]).T


def strided(columns: list[Column], _names: tuple[str, ...]) -> Any:
    held = matrix(columns)
    wide = np.full((2 * held.shape[0], 3 * held.shape[1]), 1e9)
    wide[::2, ::3] = held
    return wide[::2, ::3]


def masked(columns: list[Column], _names: tuple[str, ...]) -> Any:
    gone = np.array([[v is None for v in column] for column in columns]).T
    return np.ma.masked_array(matrix(columns, fill=99.0), mask=gone)


def as_objects(absent: Any) -> Callable[[list[Column], tuple[str, ...]], Any]:
    def pack(columns: list[Column], _names: tuple[str, ...]) -> Any:
        held = np.empty((len(columns[0]), len(columns)), dtype=object)
        for j, column in enumerate(columns):
            held[:, j] = [absent if v is None else v for v in column]
        return held

    return pack


def rows(columns: list[Column], _names: tuple[str, ...]) -> Any:
    return [list(row) for row in zip(*columns, strict=True)]


def frame(dtype: str) -> Callable[[list[Column], tuple[str, ...]], Any]:
    def pack(columns: list[Column], names: tuple[str, ...]) -> Any:
        return pd.DataFrame({n: pd.Series(c, dtype=dtype) for n, c in zip(names, columns, strict=True)})

    return pack


def polars_frame(columns: list[Column], names: tuple[str, ...]) -> Any:
    return pl.DataFrame({n: pl.Series(n, c, strict=False) for n, c in zip(names, columns, strict=True)})


def arrow_table(columns: list[Column], names: tuple[str, ...]) -> Any:
    return pa.table({n: pa.array(c) for n, c in zip(names, columns, strict=True)})


def first(pack: Callable[[list[Column], tuple[str, ...]], Any]) -> Callable[[list[Column], tuple[str, ...]], Any]:
    """The one column of what `pack` makes, as one dimension."""
    return lambda columns, names: pack(columns, names)[:, 0]


def series(dtype: str | None) -> Callable[[list[Column], tuple[str, ...]], Any]:
    return lambda columns, _names: pd.Series(columns[0], dtype=dtype)


FRAMES: dict[str, Form] = {
    "float64": Form(lambda c, n: matrix(c), takes_missing=True, as_held=as_float),
    "Fortran": Form(lambda c, n: np.asfortranarray(matrix(c)), takes_missing=True, as_held=as_float),
    "strided": Form(strided, takes_missing=True, as_held=as_float),
    "reversed": Form(lambda c, n: matrix([col[::-1] for col in c])[::-1], takes_missing=True, as_held=as_float),
    "float32": Form(lambda c, n: matrix(c).astype(np.float32), takes_missing=True, as_held=rounded(np.float32)),
    "int64": Form(lambda c, n: np.array(c, dtype=np.int64).T, as_held=whole),
    "bool": Form(lambda c, n: matrix(c).astype(bool), as_held=truth),
    "masked": Form(masked, takes_missing=True, as_held=as_float),
    "rows of a list": Form(rows, takes_missing=True),
    "objects with None": Form(as_objects(None), takes_missing=True),
    "objects with pd.NA": Form(as_objects(pd.NA), takes_missing=True),
    "pandas": Form(frame("float64"), takes_missing=True, named=True, as_held=as_float),
    "pandas Float64": Form(frame("Float64"), takes_missing=True, named=True, as_held=as_float),
    "pandas Int64": Form(frame("Int64"), named=True, as_held=whole),
    "polars": Form(polars_frame, takes_missing=True, named=True, as_held=as_float),
    "arrow": Form(arrow_table, takes_missing=True, named=True, as_held=as_float),
}
OUTCOMES: dict[str, Form] = {
    "float64": Form(lambda c, n: matrix(c)[:, 0], takes_missing=True, as_held=as_float),
    "one column": Form(lambda c, n: matrix(c), takes_missing=True, as_held=as_float),
    "strided": Form(first(strided), takes_missing=True, as_held=as_float),
    "float32": Form(lambda c, n: matrix(c)[:, 0].astype(np.float32), takes_missing=True, as_held=rounded(np.float32)),
    "masked": Form(first(masked), takes_missing=True, as_held=as_float),
    "list": Form(lambda c, n: list(c[0]), takes_missing=True),
    "list of ints": Form(lambda c, n: list(c[0]), as_held=whole),
    "int64": Form(lambda c, n: np.array(c[0], dtype=np.int64), as_held=whole),
    "objects with None": Form(first(as_objects(None)), takes_missing=True),
    "objects with pd.NA": Form(first(as_objects(pd.NA)), takes_missing=True),
    "pandas": Form(series("float64"), takes_missing=True, as_held=as_float),
    "pandas Float64": Form(series("Float64"), takes_missing=True, as_held=as_float),
    "pandas Int64": Form(series("Int64"), as_held=whole),
    "polars": Form(lambda c, n: pl.Series("y", c[0], strict=False), takes_missing=True, as_held=as_float),
    "arrow": Form(lambda c, n: pa.array(c[0]), takes_missing=True, as_held=as_float),
}
