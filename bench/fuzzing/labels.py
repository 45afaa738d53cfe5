"""Cluster labels of every kind: G labels the user wrote apart, and the object that carries them, None where missing."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

Rng = np.random.Generator
DAY = dt.date(2024, 2, 27)
TRAPS = (
    "1.10",
    "1.1",
    "007",
    "7",
    "1_2",
    "12",
    "1e1",
    "10",
    "NA",
    "null",
    "None",
    "nan",
    "true",
    "a",
    "a ",
    " a",
    "A",
    "é",
    "e\u0301",
    "#1",
    '"',
    "'",
    "a,b",
    "x\ny",
    "-",
    "0",
    "-0",
    "+1",
    "1",
    "١",
    "\\N",
)


@dataclass(frozen=True)
class Kind:
    """Labels of one kind.

    `make(rng, G)` gives G distinct labels, `pack(labels)` the object handed to lyra; `takes_missing` says whether None
    may be among them, `may_refuse` whether a LyraError is a right answer too, `must_refuse` whether it is the only one.
    """

    make: Callable[[Rng, int], list[Any]]
    pack: Callable[[list[Any]], Any] = list
    takes_missing: bool = False
    may_refuse: bool = False
    must_refuse: bool = False
    most: int = 40


def integers(low: int, high: int) -> Callable[[Rng, int], list[int]]:
    def make(rng: Rng, G: int) -> list[int]:
        found: dict[int, None] = {}
        while len(found) < G:
            found.setdefault(low + int(rng.random() * (high - low)))
        return list(found)

    return make


def run_from(start: int) -> Callable[[Rng, int], list[int]]:
    """Consecutive integers: neighbours that a float cannot hold apart."""
    return lambda rng, G: [start + int(k) for k in rng.permutation(G)]


def text(_rng: Rng, G: int) -> list[str]:
    return [f"city {k}" for k in range(G)]


def traps(rng: Rng, G: int) -> list[str]:
    return [TRAPS[k] if k < len(TRAPS) else f"{k}" + "0" * 20 for k in rng.permutation(G + 8)[:G]]


def digits20(_rng: Rng, G: int) -> list[str]:
    return [f"123456789012345678{k:02d}" for k in range(G)]


def days(_rng: Rng, G: int) -> list[dt.date]:
    return [DAY + dt.timedelta(days=k) for k in range(G)]


def array(dtype: str) -> Callable[[list[Any]], Any]:
    return lambda labels: np.array(labels, dtype=dtype)


def objects(labels: list[Any]) -> Any:
    held = np.empty(len(labels), dtype=object)
    held[:] = labels
    return held


def nan_for_none(labels: list[Any]) -> list[Any]:
    return [float("nan") if label is None else label for label in labels]


def masked(labels: list[Any]) -> Any:
    """An array whose missing labels hide the first label that is there."""
    there = next(label for label in labels if label is not None)
    return np.ma.masked_array([there if v is None else v for v in labels], mask=[v is None for v in labels])


def numpy_times(labels: list[Any]) -> Any:
    return np.array(["NaT" if v is None else v.isoformat() for v in labels], dtype="datetime64[ns]")


def ordered(labels: list[Any]) -> Any:
    seen = sorted({v for v in labels if v is not None}, reverse=True)
    return pd.Categorical(labels, categories=[*seen, "unused"], ordered=True)


def chunked(labels: list[Any]) -> Any:
    return pa.chunked_array([pa.array(labels[:3], type=pa.int64()), pa.array(labels[3:], type=pa.int64())])


BIG = 2**53
KINDS: dict[str, Kind] = {
    "int8": Kind(integers(-128, 127), array("int8")),
    "int16": Kind(integers(-32768, 32767), array("int16")),
    "int32": Kind(integers(-(2**31), 2**31 - 1), array("int32")),
    "int64 in a row": Kind(run_from(0), array("int64")),
    "int64 beyond 2^53": Kind(run_from(BIG), array("int64")),
    "int64 at both ends": Kind(lambda _r, G: [k if k % 2 else -(2**63) + k for k in range(G)], array("int64")),
    "uint8": Kind(integers(0, 255), array("uint8")),
    "uint16": Kind(integers(0, 65535), array("uint16")),
    "uint32": Kind(integers(0, 2**32 - 1), array("uint32")),
    "uint64 beyond 2^63": Kind(run_from(2**63 + 5), array("uint64")),
    "list of ints": Kind(run_from(-3), takes_missing=True),
    "list of ints of 20 digits": Kind(run_from(10**20), takes_missing=True),
    "list of ints across 2^63": Kind(lambda _r, G: [2**63 + k if k % 2 else -k - 1 for k in range(G)]),
    "list of ints with NaN": Kind(run_from(BIG + 1), nan_for_none, takes_missing=True),
    "bool": Kind(lambda _r, G: [False, True][:G], array("bool"), most=2),
    "float": Kind(lambda r, G: list(r.permutation(G) / 4.0), lambda v: np.array(nan_for_none(v)), takes_missing=True),
    "float beyond 2^53": Kind(
        lambda _r, G: [float(2**60 + 256 * k) for k in range(G)], array("float64"), must_refuse=True
    ),
    "text": Kind(text, array("str")),
    "list of text": Kind(text, takes_missing=True),
    "list of text with NaN": Kind(text, nan_for_none, takes_missing=True),
    "list of traps": Kind(traps, takes_missing=True),
    "array of traps": Kind(traps, objects, takes_missing=True),
    "text of 20 digits": Kind(digits20, array("str")),
    "text with NUL at the end": Kind(lambda _r, G: ["a" + "\0" * k for k in range(G)], objects, most=6),
    "bytes": Kind(lambda _r, G: [f"c{k}".encode() for k in range(G)], array("bytes")),
    "dates": Kind(days, objects, takes_missing=True),
    "datetime64": Kind(days, numpy_times, takes_missing=True),
    "datetimes with zones": Kind(
        lambda _r, G: [dt.datetime(2024, 10, 27, k % 24, k // 24, tzinfo=dt.UTC) for k in range(G)], takes_missing=True
    ),
    "Decimals": Kind(lambda _r, G: [Decimal(10) ** 25 + Decimal(k) / 8 for k in range(G)], takes_missing=True),
    "uuids": Kind(lambda _r, G: [uuid.UUID(int=2**127 + k) for k in range(G)], may_refuse=True),
    "mixed 1 and '1'": Kind(lambda _r, G: [k // 2 if k % 2 else str(k // 2) for k in range(G)], takes_missing=True),
    "tuples": Kind(lambda _r, G: [(k // 3, k % 3) for k in range(G)], may_refuse=True),
    "lists": Kind(lambda _r, G: [[k // 3, k % 3] for k in range(G)], must_refuse=True),
    "masked ints": Kind(run_from(BIG), masked, takes_missing=True),
    "masked text": Kind(text, masked, takes_missing=True),
    "pandas Int64": Kind(run_from(BIG), lambda v: pd.Series(v, dtype="Int64"), takes_missing=True),
    "pandas Int64 array": Kind(run_from(BIG), lambda v: pd.array(v, dtype="Int64"), takes_missing=True),
    "pandas UInt64": Kind(run_from(2**63), lambda v: pd.Series(v, dtype="UInt64"), takes_missing=True),
    "pandas boolean": Kind(
        lambda _r, G: [False, True][:G], lambda v: pd.array(v, dtype="boolean"), takes_missing=True, most=2
    ),
    "pandas string": Kind(traps, lambda v: pd.Series(v, dtype="string"), takes_missing=True),
    "pandas object": Kind(traps, lambda v: pd.Series(v, dtype=object), takes_missing=True),
    "pandas category": Kind(text, lambda v: pd.Series(pd.Categorical(v)), takes_missing=True),
    "pandas category of ints": Kind(
        run_from(BIG), lambda v: pd.Categorical(pd.array(v, dtype="Int64")), takes_missing=True
    ),
    "pandas ordered category": Kind(text, ordered, takes_missing=True),
    "pandas arrow ints": Kind(run_from(BIG), lambda v: pd.Series(v, dtype="int64[pyarrow]"), takes_missing=True),
    "polars Int64": Kind(run_from(BIG), lambda v: pl.Series(v, dtype=pl.Int64), takes_missing=True),
    "polars UInt64": Kind(run_from(2**63), lambda v: pl.Series(v, dtype=pl.UInt64), takes_missing=True),
    "polars Int128": Kind(
        run_from(2**80), lambda v: pl.Series(v, dtype=pl.Int128), takes_missing=True, may_refuse=True
    ),
    "polars String": Kind(traps, lambda v: pl.Series(v, dtype=pl.String), takes_missing=True),
    "polars Categorical": Kind(text, lambda v: pl.Series(v, dtype=pl.Categorical), takes_missing=True),
    "polars Date": Kind(days, lambda v: pl.Series(v, dtype=pl.Date), takes_missing=True),
    "polars Decimal": Kind(
        lambda _r, G: [Decimal(k) + Decimal("0.25") for k in range(G)],
        lambda v: pl.Series(v, dtype=pl.Decimal(30, 2)),
        takes_missing=True,
    ),
    "arrow int64": Kind(run_from(BIG), lambda v: pa.array(v, type=pa.int64()), takes_missing=True),
    "arrow chunked": Kind(run_from(BIG), chunked, takes_missing=True),
    "arrow string": Kind(traps, lambda v: pa.array(v, type=pa.string()), takes_missing=True),
    "arrow dictionary": Kind(text, lambda v: pa.array(v).dictionary_encode(), takes_missing=True),
    "arrow decimal": Kind(
        lambda _r, G: [Decimal(10) ** 20 + k for k in range(G)],
        lambda v: pa.array(v, type=pa.decimal128(38, 0)),
        takes_missing=True,
    ),
}
