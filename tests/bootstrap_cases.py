"""The stored cases of peer packages and of a dense row-level computation, as arrays."""

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lyra.moments import Moments
from lyra.ols import least_squares

REFERENCE = Path(__file__).parent / "reference"


@dataclass(frozen=True)
class Case:
    """y, X, labels and column names, with what peers and the dense computation found."""

    name: str
    y: np.ndarray
    X: np.ndarray
    clusters: np.ndarray
    names: tuple[str, ...]
    peers: dict
    dense: dict

    def fit(self):
        return fit_of(self.name)


@cache
def case(name):
    peers = json.loads((REFERENCE / "cases" / f"{name}.json").read_text())
    dense = json.loads((REFERENCE / "dense" / f"{name}.json").read_text())
    with (REFERENCE / "cases" / peers["data"]).open() as file:
        rows = list(csv.DictReader(file))
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    X, names = [], []
    for term in peers["terms"]:
        for label, values in _columns(term, columns):
            X.append(values)
            names.append(label)
    y = columns[peers["y"]].astype(float)
    return Case(name, y, np.column_stack(X), columns[peers["cluster"]], tuple(names), peers, dense)


def _columns(term, columns):
    if term == "1":
        yield "(Intercept)", np.ones(len(next(iter(columns.values()))))
    elif term.startswith("C("):
        column = columns[term[2:-1]]
        for level in sorted(set(column), key=lambda text: (len(text), text))[1:]:
            yield f"{term[2:-1]}={level}", (column == level).astype(float)
    else:
        yield term, columns[term].astype(float)


@cache
def fit_of(name):
    one = case(name)
    return least_squares(Moments.from_arrays(one.y, one.X, one.clusters, names=one.names).with_tensor())


def all_cases():
    return [case(path.stem) for path in sorted((REFERENCE / "cases").glob("*.json"))]


def unweighted():
    return [one for one in all_cases() if not one.peers.get("weights")]
