"""The user's own table as past data: columns, covariates in the grammar of lyra.fit, dropped rows, every form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.history import read_history
from lyra.designs import ByCluster
from lyra.errors import DroppedRowsWarning, InputError
from tables import FORMS

G, W = 8, 3


def past(seed: int = 20268) -> pd.DataFrame:
    """Eight shops in four matched pairs, three weeks, rows in any order."""
    rng = np.random.default_rng(seed)
    shop = rng.permutation(np.repeat(np.arange(G), 12))
    return pd.DataFrame(
        {
            "orders": rng.normal(size=G)[shop] + rng.normal(size=shop.size),
            "before": rng.gamma(2.0, size=shop.size),
            "region": np.array(["north", "south", "west"])[rng.integers(0, 3, shop.size)],
            "shop": np.char.add("shop ", shop.astype(str)),
            "week": rng.integers(1, 1 + W, shop.size),
            "the pair": shop // 2,
        }
    )


FRAME = past()


def test_outcome_and_clusters():
    history = read_history(FRAME, outcome="orders", cluster="shop")
    np.testing.assert_array_equal(history.y, FRAME["orders"])
    np.testing.assert_array_equal(history.W, np.ones((len(FRAME), 1)))
    same = history.units.cluster[:, None] == history.units.cluster
    np.testing.assert_array_equal(same, FRAME["shop"].to_numpy()[:, None] == FRAME["shop"].to_numpy())
    assert (history.units.window, history.units.stratum, history.dropped_rows) == (None, None, 0)


def test_windows_and_strata_are_kept_as_labels_in_time_order():
    history = read_history(FRAME, outcome="orders", cluster="shop", window="week", stratum="the pair")
    assert history.W.shape == (len(FRAME), 1)  # a label is no covariate
    for labels, column in ((history.units.window, "week"), (history.units.stratum, "the pair")):
        codes = np.unique(labels, return_inverse=True)[1]
        np.testing.assert_array_equal(codes, np.unique(FRAME[column], return_inverse=True)[1])


def test_covariates_are_terms_of_the_grammar():
    history = read_history(FRAME, outcome="orders", cluster="shop", covariates=["log(before)", "C(region)", "week"])
    by_hand = np.column_stack(
        [
            np.ones(len(FRAME)),
            np.log(FRAME["before"]),
            FRAME["region"] == "south",
            FRAME["region"] == "west",
            FRAME["week"],
        ]
    )
    np.testing.assert_allclose(history.W, by_hand, rtol=1e-15)


def test_a_label_may_be_a_covariate_too():
    history = read_history(FRAME, outcome="orders", cluster="shop", covariates=["week"], window="week")
    np.testing.assert_array_equal(history.W[:, 1], FRAME["week"])
    np.testing.assert_array_equal(history.units.window, FRAME["week"] - 1)


def test_a_category_may_be_a_covariate_and_a_label():
    history = read_history(FRAME, outcome="orders", cluster="shop", covariates=["C(week)"], window="week")
    np.testing.assert_array_equal(history.W[:, 1:], FRAME["week"].to_numpy()[:, None] == [2, 3])
    np.testing.assert_array_equal(history.units.window, FRAME["week"] - 1)


@pytest.mark.parametrize(
    "labels",
    [range(1, 13), pd.date_range("2026-01-05", periods=12, freq="7D"), [f"2026-W{k:02}" for k in range(1, 13)]],
    ids=["ints", "dates", "text"],
)
def test_windows_are_in_time_order(labels):
    frame = FRAME.assign(week=np.array(labels)[np.arange(96) % 12])
    history = read_history(frame, outcome="orders", cluster="shop", window="week")
    np.testing.assert_array_equal(history.units.window, np.arange(96) % 12)


def test_there_may_be_more_strata_than_columns():
    n = 5_001
    frame = pd.DataFrame({"y": np.arange(2.0 * n), "shop": np.arange(2 * n), "twin": np.arange(2 * n) // 2})
    history = read_history(frame, outcome="y", cluster="shop", stratum="twin")
    np.testing.assert_array_equal(history.units.stratum, frame["twin"])


def test_rows_with_a_missing_value_anywhere_are_left_out_and_counted():
    holed = FRAME.astype({"week": float})
    for row, column in enumerate(["orders", "before", "shop", "week"]):
        holed.loc[row, column] = None
    with pytest.warns(DroppedRowsWarning) as caught:
        history = read_history(holed, outcome="orders", cluster="shop", covariates=["before"], window="week")
    assert str(caught[0].message) == (
        "4 of 96 rows have a missing value or cluster label (orders in 1, before in 1, week in 1, shop in 1) "
        "and were left out."
    )
    assert history.dropped_rows == 4
    np.testing.assert_array_equal(history.y, FRAME["orders"][4:])
    assert len(history.units) == 92


def test_a_missing_value_in_a_column_that_is_not_asked_for_is_nothing():
    history = read_history(FRAME.assign(before=np.nan), outcome="orders", cluster="shop")
    assert (history.y.size, history.dropped_rows) == (96, 0)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"outcome": "oders", "cluster": "shop"}, "'oders' is not a column: did you mean 'orders'?"),
        ({"outcome": "orders", "cluster": "shp"}, "clusters='shp' is not a column: did you mean 'shop'?"),
        (
            {"outcome": "orders", "cluster": "shop", "covariates": ["befor"]},
            "'befor' is not a column: did you mean 'before'?",
        ),
        ({"outcome": "orders", "cluster": "shop", "window": "weak"}, "'weak' is not a column: did you mean 'week'?"),
        (
            {"outcome": "orders", "cluster": "shop", "stratum": "the pear"},
            "'the pear' is not a column: did you mean 'the pair'?",
        ),
    ],
)
def test_unknown_column(asked, told):
    with pytest.raises(InputError) as caught:
        read_history(FRAME, **asked)
    assert str(caught.value) == f"{told} there is 'orders', 'before', 'region', 'shop', 'week', 'the pair'."


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("csv glob", "parquet directory")])
def test_one_digest_whatever_the_table_is(form, tmp_path):
    """Bit for bit: values, codes and the order of rows are the same, so the replicates are."""
    asked = {"outcome": "orders", "cluster": "shop", "covariates": ["before", "C(region)"], "seed": 3}
    first = lyra.certify(FRAME, ByCluster("bernoulli"), methods=["CV1"], maximum=500, **asked)
    cert = lyra.certify(FORMS[form](FRAME, tmp_path), ByCluster("bernoulli"), methods=["CV1"], maximum=500, **asked)
    assert (cert.digest, cert.data) == (first.digest, first.data)


def test_windows_follow_one_another_in_their_order_and_say_which(tmp_path):
    weeks = FRAME["week"].to_numpy() + 8  # 9, 10, 11: text by its letters would begin with 10
    categories = pd.Categorical.from_codes(weeks - 9, ["autumn", "winter", "spring"], ordered=True)
    FRAME.assign(week=weeks).to_csv(tmp_path / "rows.csv", index=False)
    asked = [
        (FRAME.assign(week=weeks), "by size"),
        (FRAME.assign(week=[f"W{week}" for week in weeks]), "text, by the numbers in it"),
        (FRAME.assign(week=categories), "the order of their categories"),
        (str(tmp_path / "rows.csv"), "text, by the numbers in it"),
    ]
    for data, words in asked:
        history = read_history(data, outcome="orders", cluster="shop", window="week")
        np.testing.assert_array_equal(history.units.window, weeks - 9)
        assert history.window_order == words
