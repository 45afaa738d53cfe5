"""A result does not change after it was given: rows read a second time are the rows of the first look, or refused."""

from __future__ import annotations

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lyra
from lyra import Moments
from lyra.data import rows
from lyra.errors import DataError
from lyra.regression.least_squares import least_squares
from lyra.robust.inference import infer
from lyra.se import cluster_robust, wild_cluster_bootstrap

CHANGED = (
    "The rows are no longer those of the fit: an array, a frame or a file was changed after it was read; "
    "fit again, or fit a copy."
)
N, G = 600, 12
VARIANTS = ("HC0", "HC1", "HC2", "HC3", "CV1", "CV2", "CV3", "CV3J")


def arrays(offset: float = 0.0):
    rng = np.random.default_rng(7)
    g = rng.permutation(np.repeat(np.arange(G), N // G))
    x = rng.normal(size=N) + offset
    X = np.column_stack([np.ones(N), (g % 2).astype(float), x])
    return X @ [1.0, 2.0, 3.0] + rng.normal(size=G)[g] + rng.normal(size=N), X, g


def sort_rows(y, X):
    """Sort the rows in place, in both arrays alike: every sum over all rows stays the same."""
    order = np.argsort(y)
    y[:], X[:] = y[order], X[order]


def swap_two(y, X):
    """Exchange two rows of different clusters."""
    y[[0, 1]], X[[0, 1]] = y[[1, 0]], X[[1, 0]]


def one_cell(y, X):
    X[5, 2] += 1e-6


def one_outcome(y, X):
    y[-1] += 1e-6


def reverse_outcome(y, X):
    y[:] = y[::-1].copy()


def scaled(y, X):
    X[:, 1] *= 3.0


def spoilt(y, X):
    y[3] = np.nan


EDITS = (sort_rows, swap_two, one_cell, one_outcome, reverse_outcome, scaled, spoilt)
QUESTIONS = {
    "HC1": lambda fit: infer(fit, variant="HC1").se,
    "HC3": lambda fit: infer(fit, variant="HC3").se,
    "CV2": lambda fit: infer(fit, variant="CV2").se,
    "CV3": lambda fit: infer(fit, variant="CV3").se,
    "without a cluster": lambda fit: least_squares(fit.moments.drop(3)).coef,
    "twice": lambda fit: least_squares(fit.moments + fit.moments).coef,
    "again": lambda fit: least_squares(fit.moments).coef,
    "joint": lambda fit: infer(fit, variant="CV1").wald(["x1", "x2"]).pvalue,
    "products": lambda fit: fit.moments.products(fit.theta),
    "column sums": lambda fit: fit.moments.ones,
    "diagnosis": lambda fit: lyra.fit_moments(fit.moments).diagnose().leverage,
    "bootstrap": lambda fit: float(lyra.fit_moments(fit.moments).bootstrap("x1", kind="33", B=99, rng=1)),
}


@pytest.fixture
def large(monkeypatch):
    """Let every array count as too large to be copied."""
    monkeypatch.setattr(rows, "OWNED_BYTES", 0)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_small_arrays_are_kept(edit, question):
    y, X, g = arrays()
    fit, untouched = (least_squares(Moments.from_arrays(*arrays()[:2], g)) for _ in range(2))
    made = least_squares(Moments.from_arrays(y, X, g))
    edit(y, X)
    assert_array_equal(QUESTIONS[question](made), QUESTIONS[question](untouched))
    assert_array_equal(fit.coef, made.coef)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("question", [q for q in QUESTIONS if q != "joint"])
def test_large_arrays_that_were_edited_are_refused_at_the_next_look(edit, question):
    y, X, g = arrays()
    fit = least_squares(Moments.to_fit(y, X, g))
    edit(y, X)
    with pytest.raises(DataError) as told:
        QUESTIONS[question](fit)
    assert str(told.value) == CHANGED


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("edit", EDITS)
def test_large_arrays_edited_between_their_sums_and_the_fit_are_refused(edit):
    y, X, g = arrays()
    made = Moments.from_arrays(y, X, g)
    edit(y, X)
    with pytest.raises(DataError) as told:
        lyra.fit_moments(made)
    assert str(told.value) == CHANGED


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
@pytest.mark.parametrize("question", [*QUESTIONS])
def test_rows_nobody_touched_are_never_refused(offset, question):
    """In every basis, and though each question reads the rows in blocks of its own."""
    y, X, g = arrays(offset)
    X = np.column_stack([X, X[:, 2] + 1e-5 * np.sin(np.arange(N))])
    copied = least_squares(Moments.from_arrays(y.copy(), X.copy(), g))
    assert_allclose(
        QUESTIONS[question](least_squares(Moments.from_arrays(y, X, g))), QUESTIONS[question](copied), rtol=1e-6
    )


@pytest.mark.usefixtures("large")
def test_the_order_of_rows_within_a_cluster_is_no_change():
    y, X, g = arrays()
    fit = least_squares(Moments.to_fit(y, X, g))
    before = infer(fit, variant="HC1").se
    order, by_cluster = np.lexsort((y, g)), np.argsort(g, kind="stable")
    y[by_cluster], X[by_cluster] = y[order].copy(), X[order].copy()
    assert_allclose(infer(fit, variant="HC1").se, before, rtol=1e-12)


@pytest.mark.usefixtures("large")
def test_results_of_the_front_doors_refuse_too():
    y, X, g = arrays()
    result = cluster_robust(y, X, clusters=g, variant="CV1")
    boot = wild_cluster_bootstrap(y, X, clusters=g, param="x1", rng=1)
    interval = boot.conf_int(), result.conf_int()
    scaled(y, X)
    assert_array_equal(boot.conf_int(), interval[0])
    assert_array_equal(result.conf_int(), interval[1])
    with pytest.raises(DataError, match="no longer those of the fit"):
        infer(result.fit, variant="HC1")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_frame_edited_after_the_fit(variant, size, monkeypatch):
    """Kept when it is small, kept or refused when it is not."""
    y, X, g = arrays()
    frame = pd.DataFrame({"y": y, "t": X[:, 1], "x": X[:, 2], "g": g})
    if size == "large":
        monkeypatch.setattr(rows, "OWNED_BYTES", 0)
    before = lyra.fit("y ~ t + x", frame, clusters="g").robust(variant).se
    made = lyra.fit("y ~ t + x", frame, clusters="g")
    frame["x"] *= 2.0
    frame.loc[:3, "t"] = 9.0
    frame[:] = frame.sort_values("y").to_numpy()
    try:
        found = made.robust(variant).se
    except DataError as refused:
        found, told = None, str(refused)
    if found is None:
        assert (size, told) == ("large", CHANGED)
    else:
        assert_allclose(found, before, rtol=1e-12)


def write_csv(frame, path):
    frame.to_csv(path, index=False)


def write_parquet(frame, path):
    frame.to_parquet(path, index=False)


@pytest.mark.parametrize("write", [write_csv, write_parquet])
@pytest.mark.parametrize("formula", ["y ~ t + x", "y ~ t + x - 1"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_a_file_rewritten_after_the_fit_is_refused(write, formula, offset, tmp_path):
    y, X, g = arrays(offset)
    frame, path = pd.DataFrame({"y": y, "t": X[:, 1], "x": X[:, 2], "g": g}), tmp_path / f"a.{write.__name__[6:]}"
    write(frame, path)
    fit = lyra.fit(formula, str(path), clusters="g")
    expected = lyra.fit(formula, frame, clusters="g").robust("HC1").se
    assert_allclose(fit.robust("HC1").se, expected, rtol=1e-8)
    for edited in (
        frame.assign(x=frame["x"].where(frame.index != 4, frame["x"] + 1e-3)),
        frame.assign(g=np.roll(frame["g"], 1)),
        frame.assign(g=frame["g"] + 1),
        frame.iloc[:-1],
        frame[frame["g"] != 3],
    ):
        write(edited, path)
        with pytest.raises(DataError) as told:
            fit.robust("HC1")
        assert str(told.value) == CHANGED
    write(frame.iloc[::-1], path)
    assert_allclose(fit.robust("HC1").se, expected, rtol=1e-8)


@pytest.mark.usefixtures("large")
def test_eight_threads_share_a_fit():
    y, X, g = arrays()
    fit = least_squares(Moments.from_arrays(y, X, g))
    alone = {v: infer(least_squares(Moments.from_arrays(y, X, g)), variant=v).se for v in VARIANTS}
    with ThreadPoolExecutor(8) as pool:
        asked = [*VARIANTS] * 8
        found = list(pool.map(lambda variant: infer(fit, variant=variant).se, asked))
    for variant, se in zip(asked, found, strict=True):
        assert_allclose(se, alone[variant], rtol=1e-11)


@pytest.mark.usefixtures("large")
def test_a_fit_of_arrays_can_be_pickled_and_asked_again():
    y, X, g = arrays()
    fit = least_squares(Moments.from_arrays(y, X, g))
    again = pickle.loads(pickle.dumps(fit))
    for variant in VARIANTS:
        assert_array_equal(infer(again, variant=variant).se, infer(fit, variant=variant).se)


def test_no_witness_where_squares_overflow():
    """Scores that are not finite prove nothing, and must not refuse what nobody changed."""
    y, X, g = arrays()
    made = Moments.to_fit(y, X, g)
    assert made.witnessed(np.zeros(3), np.full((G, 3), np.inf)) is made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert infer(least_squares(Moments.to_fit(y * 1e150, X, g)), variant="HC1").se.shape == (3,)
