"""A formula on the user's own panel under a redrawn treatment: each replicate against every dummy, row by row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lyra.data.units import Units
from lyra.designs import Adoption, ByCluster, Stratified, Switchback
from lyra.robust.methods import METHODS, run_method
from lyra.simulation.analysis import cluster_codes
from lyra.simulation.cells import indicators, numbered, replicates_of_grams, table_gram
from lyra.simulation.from_panel import PanelSource

NO_WEIGHTS = np.empty((0, 0))
ANALYTIC = ("iid", "CV1", "CV2", "CV3", "CV3J")
WILD = [name for name, method in METHODS.items() if method.draws is not None]
EXACT = {"rtol": 1e-9, "atol": 1e-12}
DATES = np.array([2, 3, 3, 5, 9, 9, 9, 9])


def panel(design, *, missing=0.2, several=1, effects="unit and time", cluster_by="cluster", level=0.0, seed=4):
    """Eight clusters of one or several units over seven dates, cells missing; the outcome and x on any level."""
    rng = np.random.default_rng(seed)
    shape = np.indices((8, several, 7)).reshape(3, -1)[:, rng.random(8 * several * 7) >= missing]
    g, unit, t = shape[0], shape[0] * several + shape[1], shape[2]
    x = rng.standard_normal(g.size) + 0.3 * g + level
    y = rng.standard_normal(8 * several)[unit] + rng.standard_normal(7)[t] + x + rng.standard_normal(g.size) + level
    W = np.column_stack([np.ones(g.size), x])
    chosen = {"unit and time": (unit, t), "time": (t,), "unit": (unit,), "none": (), "both": (g, unit, t)}[effects]
    units = Units(g, window=t, stratum=g // 2, treatment=(t >= DATES[g]).astype(float))
    return PanelSource(
        y=y, W=W, units=units, design=design, cluster_by=cluster_by, effects=tuple(map(numbered, chosen))
    )


def rows_of(source, drawn):
    """Return y, X and clusters of every assignment: all columns and a dummy for each level, the treatment last."""
    kept = source.design.kept(source.units)
    clusters = cluster_codes(source.units, source.cluster_by, source.design)[kept]
    stays = np.column_stack([source.W, *(indicators(codes) for codes in source.effects)])[kept]
    for each in drawn[:, source.design.items(source.units)]:
        yield source.y[kept], np.column_stack([stays, each[kept]]), clusters


def by_rows(y, X, clusters, method):
    """Return the estimate, the standard error and the degrees of freedom of the last column, by N×N matrices."""
    inverse = np.linalg.pinv(X, rcond=1e-12)
    M, beta, K = np.eye(len(y)) - X @ inverse, (inverse @ y)[-1], np.linalg.matrix_rank(X)
    labels, N = np.unique(clusters), len(y)
    G = len(labels)
    if method == "iid":
        return beta, np.sqrt((M @ y) @ y / (N - K)) * np.linalg.norm(inverse[-1]), N - K
    if method in ("CV3", "CV3J"):
        without = [(np.linalg.pinv(X[clusters != g], rcond=1e-12) @ y[clusters != g])[-1] for g in labels]
        centre = beta if method == "CV3" else np.mean(without)
        return beta, np.sqrt((G - 1) / G * np.sum((without - centre) ** 2)), G - 1
    maps = []
    for g in labels:
        inside = clusters == g
        values, vectors = np.linalg.eigh(M[np.ix_(inside, inside)])
        real = values > 1e-9
        root = (
            (vectors[:, real] / np.sqrt(values[real])) @ vectors[:, real].T if method == "CV2" else np.eye(inside.sum())
        )
        maps.append(inverse[-1][inside] @ root @ M[inside])
    forms = np.array(maps)
    if method == "CV1":
        return beta, np.sqrt(G / (G - 1) * (N - 1) / (N - K) * np.sum((forms @ y) ** 2)), G - 1
    P = forms @ forms.T
    return beta, np.sqrt(np.sum((forms @ y) ** 2)), np.trace(P) ** 2 / np.sum(P * P)


def held_to_rows(source, *, R=3, methods=ANALYTIC):
    drawn = source.design.draw_many(source.units, R, np.random.default_rng(3))
    reps = source.batch(R, np.random.default_rng(3))
    assert not reps.degenerate.any()
    for method in methods:
        outcome = run_method(reps, method, NO_WEIGHTS)
        said = np.stack([outcome.estimate, outcome.se, outcome.dof], axis=1)
        np.testing.assert_allclose(said, [by_rows(*rows, method) for rows in rows_of(source, drawn)], **EXACT)


CASES = [
    (Adoption(), {}),
    (Adoption(), {"missing": 0.0}),
    (Adoption(), {"several": 3}),
    (Adoption(3), {"effects": "unit"}),
    (Adoption(), {"effects": "time"}),
    (Adoption(), {"effects": "both", "several": 2}),
    (Adoption(dates=(2, 4, 4, 5)), {"several": 2, "cluster_by": "stratum"}),
    (Adoption(), {"effects": "none"}),
    (ByCluster(3), {"effects": "time", "several": 2}),
    (Stratified(), {"effects": "time"}),
    (Switchback(block=1), {"several": 3}),
    (Switchback(block=1), {"cluster_by": "window", "several": 3}),
    (Switchback(block=7, washout=2), {"effects": "time", "several": 2}),
    (Adoption(), {"level": 1e5}),
]


@pytest.mark.parametrize(("design", "how"), CASES, ids=lambda value: str(value)[:50])
def test_a_placebo_is_its_regression_on_rows(design, how):
    tolerant = how.get("level", 0.0)
    source = panel(design, **how)
    if not tolerant:
        held_to_rows(source)
        return
    # the level of y and x is taken up by the effects: the same as without it, to the digits that are left of y
    plain, reps = panel(design), source.batch(3, np.random.default_rng(3))
    for method in ANALYTIC:
        found, wanted = (
            run_method(each, method, NO_WEIGHTS) for each in (reps, plain.batch(3, np.random.default_rng(3)))
        )
        np.testing.assert_allclose(found.se, wanted.se, rtol=1e-9)
        np.testing.assert_allclose(found.dof, wanted.dof, rtol=1e-9)


@pytest.mark.parametrize("method", WILD)
def test_its_bootstraps_are_those_of_every_dummy(method):
    """Dummies of units are nested in the clusters, and a resampled cluster is refitted with them or without."""
    source = panel(Adoption(), missing=0.1)
    drawn = source.design.draw_many(source.units, 2, np.random.default_rng(3))
    V = np.random.default_rng(5).choice([-1.0, 1.0], size=(199, 8))
    found = run_method(source.batch(2, np.random.default_rng(3)), method, V)
    full = []
    for y, X, g in rows_of(source, drawn):
        unit, time = X[:, 2:10], X[:, 10:17]
        full.append(table_gram((y, np.column_stack([unit, time[:, 1:], X[:, 1], X[:, -1]]), g)))
    wanted = run_method(replicates_of_grams(np.stack(full), y.size), method, V)
    np.testing.assert_allclose(found.pvalue, wanted.pvalue, atol=1e-12)
    np.testing.assert_allclose(found.se, wanted.se, rtol=1e-8)


def test_every_dealing_of_the_dates_is_tried_once():
    source = panel(Adoption(dates=(2, 5)), missing=0.1)
    assert source.n_assignments == 8 * 7
    found = np.concatenate([run_method(reps, "CV2", NO_WEIGHTS).se for reps in source.every(10)])
    wanted = []
    for early, late in itertools.permutations(range(8), 2):
        dates = np.full(8, 9)
        dates[early], dates[late] = 2, 5
        D = source.units.window >= dates[source.units.cluster]
        X = np.column_stack([source.W, *map(indicators, source.effects), D])
        wanted.append(by_rows(source.y, X, source.units.cluster, "CV2")[1])
    np.testing.assert_allclose(np.sort(found), np.sort(wanted), rtol=1e-9)


def test_one_adopter_cannot_be_left_out():
    """Without the only cluster that is ever treated nothing is estimated: CV2 and CV3 have no answer, CV1 has."""
    source = panel(Adoption(dates=[4]), missing=0.0)
    reps = source.batch(4, np.random.default_rng(1))
    assert np.isnan(run_method(reps, "CV2", NO_WEIGHTS).se).all()
    assert np.isnan(run_method(reps, "CV3", NO_WEIGHTS).pvalue).all()
    held_to_rows(source, methods=("iid", "CV1"))


def test_a_trend_of_each_unit_is_a_column_that_its_cluster_alone_carries():
    source = panel(Adoption(), missing=0.1)
    trends = indicators(source.units.cluster) * source.units.window[:, None]
    W = np.column_stack([source.W, trends])
    held_to_rows(PanelSource(y=source.y, W=W, units=source.units, design=source.design, effects=source.effects))


def test_a_treatment_that_the_effects_hold_is_degenerate():
    reps = panel(ByCluster(3), effects="unit", several=2).batch(5, np.random.default_rng(0))
    assert reps.degenerate.all()
    assert np.isnan(run_method(reps, "CV1", NO_WEIGHTS).pvalue).all()


def test_a_table_is_the_replicate_with_independent_columns():
    source = panel(Adoption(), several=2)
    y, X, clusters = source.table(np.random.default_rng(2))
    assert np.linalg.matrix_rank(X) == X.shape[1] == source.batch(1, np.random.default_rng(2)).K
    assert set(np.unique(X[:, -1])) == {0.0, 1.0}
    reps = source.batch(1, np.random.default_rng(2))
    for method in ANALYTIC:
        outcome = run_method(reps, method, NO_WEIGHTS)
        wanted = by_rows(y, X, clusters, method)
        np.testing.assert_allclose([outcome.estimate[0], outcome.se[0], outcome.dof[0]], wanted, **EXACT)


def test_an_effect_that_is_added_is_estimated():
    source = panel(Adoption())
    drawn = source.design.draw_many(source.units, 2, np.random.default_rng(3))
    shifted = source.batch(2, np.random.default_rng(3)).shifted(0.7)
    for method in ANALYTIC:
        outcome = run_method(shifted, method, NO_WEIGHTS)
        wanted = [by_rows(y + 0.7 * X[:, -1], X, g, method) for y, X, g in rows_of(source, drawn)]
        np.testing.assert_allclose(np.stack([outcome.estimate, outcome.se, outcome.dof], axis=1), wanted, **EXACT)


def test_its_identity_knows_the_effects_and_the_treatment():
    one = panel(Adoption()).identity()
    assert one == panel(Adoption()).identity()
    assert one != panel(Adoption(), effects="unit").identity()
    assert one["design"] == {"kind": "Adoption", "treated": None, "dates": None}
    assert "treatment labels" in one
