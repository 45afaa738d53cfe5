"""A cell against the same outcomes worked through by rows, and against the integral."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from lyra.verdict.atlas.blueprint import Blueprint
from lyra.verdict.atlas.cell import EFFECT, Budget, cell_of, replicates_of
from lyra.verdict.atlas.laws import LAWS
from lyra.verdict.atlas.study import on_sums, study_of


def study(**fields):
    return study_of(Blueprint(**{"treated": 0, "sizes": "lognormal", "rows": 8} | fields), (2.0,))


@pytest.fixture(scope="module")
def by_cluster():
    return study(by="cluster", clusters=7, treated=3)


@pytest.fixture(scope="module")
def by_user():
    return study(by="user", clusters=6)


def by_rows(rows, y):
    """Return t (R,) of the treatment by CV1, CV2 and CV3, and Satterthwaite's degrees of freedom: rows, no sums."""
    X, N, G = rows.X, rows.N, rows.G
    groups = [np.flatnonzero(rows.cluster == g) for g in range(G)]
    bread = np.linalg.inv(X.T @ X)
    H = X @ bread @ X.T
    beta = y @ X @ bread
    u = y - beta @ X.T
    meat = {"CV1": 0.0, "CV2": 0.0}
    M, columns = np.eye(N) - H, []
    for rows_g in groups:
        values, vectors = np.linalg.eigh(M[np.ix_(rows_g, rows_g)])
        half = vectors @ np.diag(np.where(values > 1e-10, values, np.inf) ** -0.5) @ vectors.T
        score = bread[1] @ X[rows_g].T
        meat["CV1"] = meat["CV1"] + (u[:, rows_g] @ score) ** 2
        meat["CV2"] = meat["CV2"] + (u[:, rows_g] @ half @ score) ** 2
        columns.append(M[:, rows_g] @ half @ score)
    left_out = np.stack(
        [np.linalg.lstsq(X[rows.cluster != g], y[:, rows.cluster != g].T, rcond=None)[0][1] for g in range(G)], axis=1
    )
    cv3 = (G - 1) / G * np.sum((left_out - beta[:, 1:]) ** 2, axis=1)
    B = np.stack(columns, axis=1)
    BB = B.T @ B
    factor = G / (G - 1) * (N - 1) / (N - 2)
    t = {"CV1": beta[:, 1] / np.sqrt(factor * meat["CV1"]), "CV2": beta[:, 1] / np.sqrt(meat["CV2"])}
    return beta[:, 1], t | {"CV3": beta[:, 1] / np.sqrt(cv3)}, np.trace(BB) ** 2 / np.sum(BB**2)


def restricted_t(rows, y):
    """Return t with scores of the residuals of the fit on the constant alone."""
    x = rows.treated - rows.treated.mean()
    scores = (y - y.mean(axis=1, keepdims=True)) * x
    by_cluster = np.stack([scores[:, rows.cluster == g].sum(axis=1) for g in range(rows.G)], axis=1)
    return by_cluster.sum(axis=1) / np.sqrt(np.sum(by_cluster**2, axis=1))


@pytest.mark.parametrize(("which", "law"), [("by_cluster", "lognormal"), ("by_user", "effects")])
def test_a_cell_is_what_its_rows_say(which, law, request):
    """Sizes and powers of the same draws, counted by rows: equal, not nearly so."""
    found, R = request.getfixturevalue(which), 300
    table = cell_of(found, LAWS[law], 0.1, budget=Budget(replicates=R, bootstraps=0, draws=9), rng=generator())
    rows, G = found.rows, found.rows.G
    y = LAWS[law].draw(rows, 0.1, R, generator())
    estimate, _, nu = by_rows(rows, y)
    told = {row["line"]: row for row in table if row["line"] != "advice"}
    c = {"CV1": student.ppf(0.975, G - 1), "CV2": student.ppf(0.975, nu), "CV3": student.ppf(0.975, G - 1)}
    for name, outcome in (("size", y), ("power", y + EFFECT * estimate.std() * rows.treated)):
        _, t, _ = by_rows(rows, outcome)
        for line, point in c.items():
            assert told[line][name] == np.mean(np.abs(t[line]) > point), (line, name)
        for star in ("CV1*", "CV2*", "CV3*"):
            point = found.sized[2.0][star].critical_value
            assert told[star][name] == np.mean(np.abs(t[star[:-1]]) > point), (star, name)
        point = found.sized[2.0]["R1*"].critical_value
        assert told["R1*"][name] == np.mean(np.abs(restricted_t(rows, outcome)) > point)


def generator():
    return np.random.default_rng(77)


@pytest.mark.parametrize(
    ("which", "law"), [("by_cluster", "normal"), ("by_cluster", "others-noisier"), ("by_user", "treated-noisier")]
)
def test_simulated_sizes_are_the_exact_ones(which, law, request):
    """20,000 replicates; 4.5 standard errors, 1 in 150,000 a line, of which there are some ten: 1 in 5,000 in all."""
    found, R = request.getfixturevalue(which), 20_000
    table = cell_of(found, LAWS[law], 0.1, budget=Budget(replicates=R, bootstraps=0, draws=9), rng=generator())
    known = table[~np.isnan(table["exact"])]
    assert {"CV0", "CV1", "CV1-normal", "CV2", "CV3", "CV3J", "CV1*", "R1*", "advice"} <= set(known["line"].tolist())
    error = np.sqrt(known["exact"] * (1 - known["exact"]) / R)
    np.testing.assert_array_less(np.abs(known["size"] - known["exact"]), 4.5 * error)


def test_an_exact_size_is_told_to_six_decimals(by_user):
    """What an integral leaves over differs from machine to machine, and a digest must not."""
    table = cell_of(by_user, LAWS["normal"], 0.1, budget=Budget(replicates=20, bootstraps=0, draws=9), rng=generator())
    known = table["exact"][~np.isnan(table["exact"])]
    assert known.size > 9
    np.testing.assert_array_equal(known, np.round(known, 6))


def test_what_is_not_gaussian_has_no_exact_size(by_cluster):
    table = cell_of(by_cluster, LAWS["t3"], 0.1, budget=Budget(replicates=50, bootstraps=0, draws=9), rng=generator())
    assert np.isnan(table["exact"]).all()


def test_the_advice_is_the_line_that_it_names(by_cluster):
    table = cell_of(
        by_cluster, LAWS["spend"], 0.01, budget=Budget(replicates=400, bootstraps=0, draws=9), rng=generator()
    )
    by_line = {(row["line"], row["arms"]): row for row in table if row["line"] != "advice"}
    for row in table[table["line"] == "advice"]:
        named = by_line.get((row["reads"], row["arms"])) or next(r for r in table if r["line"] == row["reads"])
        assert (row["size"], row["power"]) == (named["size"], named["power"])


def test_bootstraps_are_there_when_they_are_asked_for(by_cluster):
    few = Budget(replicates=60, bootstraps=40, draws=39)
    table = cell_of(by_cluster, LAWS["normal"], 0.1, budget=few, rng=generator())
    seen = {row["line"]: row["replicates"] for row in table}
    assert {line for line, R in seen.items() if R == 40} == {name for name in on_sums() if name.startswith("WC")}
    none = cell_of(
        by_cluster, LAWS["normal"], 0.1, budget=Budget(replicates=60, bootstraps=0, draws=39), rng=generator()
    )
    assert not any(line.startswith("WC") for line in none["line"].tolist())


def test_the_sums_are_those_of_the_rows(by_user):
    whole = replicates_of(by_user, LAWS["spend"], 0.0, R=7, rng=generator())
    y = LAWS["spend"].draw(by_user.rows, 0.0, 7, generator())
    X = by_user.rows.X
    np.testing.assert_allclose(whole.estimate, np.linalg.lstsq(X, y.T, rcond=None)[0][1], rtol=1e-9)
    np.testing.assert_allclose(whole.yy, np.sum(y**2, axis=1))
