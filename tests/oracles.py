"""Numbers returned by other packages, read case by case from tests/reference (see its manifest)."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

REFERENCE = Path(__file__).parent / "reference"


@dataclass(frozen=True)
class Entry:
    """One comparable number, vector or matrix: where a package gave it, and what we call it."""

    path: str
    equals: str
    scope: str
    usable: bool
    max_rel_diff: float | None

    @property
    def package(self) -> str:
        return self.path.partition("/")[0].partition("_")[0]

    @property
    def tolerance(self) -> float:
        return max(1e-9, 10 * (self.max_rel_diff or 0.0))


class Case:
    """One regression with the numbers other packages returned for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.raw = json.loads((REFERENCE / "cases" / f"{name}.json").read_text(encoding="utf-8"))
        self.dense = json.loads((REFERENCE / "dense" / f"{name}.json").read_text(encoding="utf-8"))
        self.names: list[str] = self.raw["coef_names"]
        self.focal: list[str] = self.raw["focal"]
        self.weighted = bool(self.raw.get("weights"))

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        with (REFERENCE / "cases" / self.raw["data"]).open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
        return {name: np.array([float(row[j]) for row in rows]) for j, name in enumerate(head)}

    @cached_property
    def X(self) -> np.ndarray:
        return np.column_stack([column for term in self.raw["terms"] for column in self._expanded(term)])

    def _expanded(self, term: str) -> list[np.ndarray]:
        if term == "1":
            return [np.ones(self.y.size)]
        if match := re.fullmatch(r"C\((\w+)\)", term):
            values = self.columns[match[1]]
            return [(values == level).astype(float) for level in np.unique(values)[1:]]
        return [self.columns[term]]

    @property
    def y(self) -> np.ndarray:
        return self.columns[self.raw["y"]]

    @property
    def clusters(self) -> np.ndarray:
        return self.columns[self.raw["cluster"]].astype(int)

    @cached_property
    def entries(self) -> list[Entry]:
        return [
            Entry(e["path"], e["equals"], e.get("scope", "all"), e["usable"], e.get("max_rel_diff"))
            for e in self.raw["agreement"]
        ]

    def result(self, path: str) -> tuple[Any, list[str]]:
        """Return what stands at a path such as "estimatr/cl_CR2/df", and the names of its coefficients."""
        here, names = self.raw["results"], self.raw["vcov_names"]
        for step in path.split("/"):
            key, _, index = step.partition("[")
            here = here[key][int(index[:-1])] if index else here[key]
            if isinstance(here, dict):
                names = here.get("names", names)
        return here, names

    def restrictions(self, hypotheses: list[str]) -> np.ndarray:
        """Return R (q, K) of hypotheses such as "treat = 0" or "value - capital = 0"."""
        R = np.zeros((len(hypotheses), len(self.names)))
        for row, text in zip(R, hypotheses, strict=True):
            plus, _, minus = text.removesuffix(" = 0").partition(" - ")
            row[self.names.index(plus)] = 1.0
            if minus:
                row[self.names.index(minus)] = -1.0
        return R


@cache
def case(name: str) -> Case:
    return Case(name)


def _manifest() -> dict[str, list[dict[str, Any]]]:
    return json.loads((REFERENCE / "manifest.json").read_text(encoding="utf-8"))


def case_names() -> list[str]:
    return [entry["id"] for entry in _manifest()["cases"]]


def data_files() -> list[dict[str, Any]]:
    return _manifest()["data"]


def sha256(file: str) -> str:
    return hashlib.sha256((REFERENCE / "data" / file).read_bytes()).hexdigest()


def unweighted_names() -> list[str]:
    return [name for name in case_names() if not case(name).weighted]


def matrix_gap(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return max |a − b|/√(b_ii b_jj)."""
    scale = np.sqrt(np.diagonal(theirs))
    return float(np.max(np.abs(ours - theirs) / np.outer(scale, scale)))


def relative_gap(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.max(np.abs(np.asarray(ours) - theirs) / np.abs(theirs)))
