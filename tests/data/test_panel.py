"""The user's own panel: the rows lyra.fit uses, the treatment apart from what stays, effects apart from columns."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.panel import read_panel
from lyra.errors import DroppedColumnsWarning, DroppedRowsWarning, FormulaError, InputError
from tables import FORMS

G, T = 6, 5


def panel(seed: int = 20_271) -> pd.DataFrame:
    """Six states in five years, the rows in any order, two of them adopting."""
    rng = np.random.default_rng(seed)
    state, year = rng.permutation(np.indices((G, T)).reshape(2, -1), axis=1)
    law = (year >= np.array([2, 3, 9, 9, 9, 9])[state]).astype(int)
    return pd.DataFrame(
        {
            "y": rng.normal(size=state.size),
            "law": law,
            "x": rng.gamma(2.0, size=state.size),
            "state": np.array(["AL", "CA", "NV", "NY", "TX", "WY"])[state],
            "year": 2001 + year,
            "region": np.where(state < 3, "west", "east"),
        }
    )


FRAME = panel()
FORMULA = "y ~ law + log(x) + C(state) + C(year)"
PLACED = {"cluster": "state", "window": "year"}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_gives_one_panel(form, tmp_path):
    read = read_panel(FORMS[form](FRAME, tmp_path), formula=FORMULA, **PLACED)
    order = np.lexsort((read.units.window, read.units.cluster))
    wanted = FRAME.sort_values(["state", "year"])
    assert read.treatment == "law"
    for found, column in (
        (read.y, wanted["y"]),
        (read.units.treatment, wanted["law"]),
        (read.units.cluster, wanted["state"]),
        (read.units.window.astype(int), wanted["year"]),  # text in a csv
    ):
        np.testing.assert_array_equal(found[order], column)
    np.testing.assert_allclose(read.W[order], np.column_stack([np.ones(30), np.log(wanted["x"])]))
    for name in ("state", "year"):
        np.testing.assert_array_equal(read.effects[name][order], np.unique(wanted[name], return_inverse=True)[1])


@pytest.mark.parametrize(
    ("formula", "columns", "effects"),
    [
        ("y ~ law", 1, []),
        ("y ~ law + state", 1, ["state"]),
        ("y ~ 0 + law + C(state)", 0, ["state"]),
        ("y ~ law + C(state):x + year", 1 + 1 + 6, []),
        ("y ~ law + C(state) + C(state):x", 1 + 6, ["state"]),
        ("y ~ law + C(year, ref=2003) + C(region)", 1, ["year", "region"]),
    ],
)
def test_a_category_by_itself_is_an_effect_and_all_else_columns(formula, columns, effects):
    read = read_panel(FRAME, formula=formula, cluster="state")
    assert read.W.shape == (30, columns)
    assert list(read.effects) == effects


@pytest.mark.parametrize(
    "formula", ["y ~ law", FORMULA, "y ~ law + C(state):C(region) + C(year)", "y ~ 0 + law + state:x"]
)
def test_the_columns_span_those_of_the_regression(formula):
    read = read_panel(FRAME, formula=formula, cluster="state")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedColumnsWarning)
        fit = lyra.fit(formula, FRAME, clusters="state")
    dummies = [(codes[:, None] == np.unique(codes)).astype(float) for codes in read.effects.values()]
    X = np.column_stack([read.units.treatment, read.W, *dummies])
    assert np.linalg.matrix_rank(X) == fit.fit.K
    np.testing.assert_allclose(np.linalg.lstsq(X, read.y, rcond=None)[0][0], fit.fit.coef[fit.names.index("law")])


def test_a_row_that_misses_anything_used_is_left_out_and_told():
    holes = FRAME.astype({"law": float})
    holes.loc[[1, 2], "law"] = np.nan
    holes.loc[3, "x"] = np.nan
    with pytest.warns(DroppedRowsWarning):
        read = read_panel(holes, formula=FORMULA, **PLACED)
    assert (read.y.size, read.dropped_rows) == (27, 3)


def test_windows_that_sorting_would_put_out_of_order_are_numbers():
    weeks = FRAME.assign(year=[f"W{year - 1992}" for year in FRAME["year"]])  # W9, W10, ..., W13
    read = read_panel(weeks, formula=FORMULA, **PLACED)
    np.testing.assert_array_equal(read.units.window, FRAME["year"] - 2001)


def test_a_bool_is_a_treatment():
    read = read_panel(FRAME.assign(law=FRAME["law"] == 1), formula=FORMULA, **PLACED)
    np.testing.assert_array_equal(read.units.treatment, FRAME["law"])


@pytest.mark.parametrize(
    ("formula", "term", "told"),
    [
        ("y ~ 1", None, "the formula 'y ~ 1' has no treatment: write it as y ~ treat + ..., a column of 0s and 1s."),
        ("y ~ law + x", "z", "term='z' is no term of the formula by itself: there is law, x."),
        ("y ~ law + x", 1, "term=1 is no term of the formula by itself: there is law, x."),
        (
            "y ~ C(state) + law",
            None,
            (
                "C(state) cannot be drawn again: the treatment is a column of 0s and 1s by itself, the first term or "
                "the one named with term=."
            ),
        ),
        (
            "y ~ log(x) + law",
            None,
            (
                "log(x) cannot be drawn again: the treatment is a column of 0s and 1s by itself, the first term or "
                "the one named with term=."
            ),
        ),
        ("y ~ law*x", None, "law:x would change with law, which is drawn again: leave it out."),
        (
            "y ~ year + law",
            None,
            (
                "column 'year' holds 2001 and would be drawn again as 0s and 1s: name the treatment with term=, or "
                "code it so."
            ),
        ),
    ],
)
def test_treatments_that_cannot_be_drawn_again(formula, term, told):
    frame = FRAME.sort_values("year")
    with pytest.raises(InputError) as refused:
        read_panel(frame, formula=formula, cluster="state", term=term)
    assert str(refused.value) == told


def test_a_formula_that_is_none_is_refused_as_everywhere():
    with pytest.raises(FormulaError):
        read_panel(FRAME, formula="y ~ law +", cluster="state")


def test_its_identity_knows_every_column():
    one = read_panel(FRAME, formula=FORMULA, **PLACED).identity()
    assert one == read_panel(FRAME, formula=FORMULA, **PLACED).identity()
    for column in ("y", "law", "x", "state", "year"):
        other = FRAME.copy()
        other.loc[[0, 1], column] = other.loc[[1, 0], column].to_numpy() if column != "law" else [1, 0]
        other.loc[0, "law"] = 1 - other.loc[0, "law"] if column == "law" else other.loc[0, "law"]
        changed = not other.equals(FRAME)
        assert (read_panel(other, formula=FORMULA, **PLACED).identity() != one) == changed
