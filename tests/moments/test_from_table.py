"""Tables: one regression over every form a table takes, and the rules that keep it one."""

from __future__ import annotations

import datetime as dt
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from formulaic import model_matrix
from statsmodels.stats.sandwich_covariance import cov_cluster

import lyra
from lyra.cli import DEMO
from lyra.data.order import natural_key
from lyra.datasets import social_insure
from lyra.errors import DroppedRowsWarning
from lyra.fitted import Regression
from lyra.moments import pushdown
from tables import FORMS, KINDS, STAYS_WHERE_IT_IS

FARMERS = pd.read_csv(social_insure())
every_form = pytest.mark.parametrize("form", KINDS)


def fitted(formula: str, data: Any, clusters: str) -> Regression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedRowsWarning)
        return lyra.fit(formula, data, clusters=clusters)


def numbers(regression: Regression) -> np.ndarray:
    """Everything a table's form could touch: estimates, standard errors of rows and clusters, laws."""
    results = [regression.robust(variant) for variant in ("iid", "HC3", "CV1", "CV2", "CV3")]
    return np.concatenate([results[0].coef, *(res.se for res in results), *(res.dof for res in results)])


def made_frame(N: int = 600, G: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(20263)
    g = rng.integers(0, G, N)
    frame = pd.DataFrame(
        {
            "y": rng.normal(size=N) + rng.normal(size=G)[g],
            "x": rng.normal(size=N),
            "z": rng.uniform(0.5, 2.0, N),
            "tiny": 10.0 ** rng.uniform(-12, -9, N),
            "whole": rng.integers(-50, 50, N).astype("int16"),
            "treat": g % 2 == 0,
            "arm": rng.choice(["a", "b", "c"], N),
            "level": rng.integers(1, 4, N),
            "g": g,
        }
    )
    return frame.assign(
        city=[f"city {k}" for k in g],
        day=[dt.date(2026, 3, 1) + dt.timedelta(days=int(k)) for k in g],
        hour=pd.Timestamp("2026-03-01") + pd.to_timedelta(g, "h"),
        half=g / 2,
        kind=pd.Categorical([f"kind {k}" for k in g]),
    )


MADE = made_frame()

# --- one set of numbers -------------------------------------------------------------------------


def test_every_form_of_the_insurance_experiment_gives_one_set_of_numbers(tmp_path):
    expected = numbers(fitted(DEMO, FARMERS, "address"))
    for form, make in FORMS.items():
        found = fitted(DEMO, make(FARMERS, tmp_path), "address")
        assert (found.n_rows, found.n_clusters, found.dropped_rows) == (1378, 166, 32), form
        np.testing.assert_allclose(numbers(found), expected, rtol=1e-12, err_msg=form)


@every_form
def test_numbers_of_the_insurance_experiment_are_those_of_statsmodels(form, tmp_path):
    used = ["takeup_survey", "default", "intensive", "male", "age", "agpop", "ricearea_2010", "literacy"]
    rows = FARMERS.dropna(subset=used)
    theirs = sm.OLS(rows[used[0]], sm.add_constant(rows[used[1:]])).fit()
    groups = rows["address"].to_numpy()
    ours = fitted(DEMO, FORMS[form](FARMERS, tmp_path), "address")
    np.testing.assert_allclose(ours.coef, theirs.params, rtol=1e-10)
    for variant, name in (("CV1", "cluster"), ("CV3", "cluster-crv3")):
        np.testing.assert_allclose(ours.robust(variant).vcov, cov_cluster(theirs, groups, crv_type=name), rtol=1e-10)
    np.testing.assert_allclose(ours.robust("HC3").se, theirs.HC3_se, rtol=1e-10)


@every_form
@pytest.mark.parametrize(
    "formula",
    [
        "y ~ treat + x",
        "y ~ 0 + arm + x",
        "y ~ arm*x + C(level) + treat:z",
        "y ~ log(z) + sqrt(z) + exp(x) + square(x) + abs(x)",
        "whole ~ log1p(z) + x",
        "y ~ 1",
    ],
)
def test_every_form_gives_what_formulaic_and_statsmodels_give(form, formula, tmp_path):
    numeric = MADE.assign(treat=MADE["treat"].astype(float))
    functions = {name: getattr(np, name) for name in ("log", "sqrt", "exp", "square", "abs", "log1p")}
    y, X = model_matrix(formula, numeric, context=functions)
    theirs = sm.OLS(y.to_numpy(dtype=float), X.to_numpy(dtype=float)).fit()
    vcov = cov_cluster(theirs, MADE["g"].to_numpy())
    ours = fitted(formula, FORMS[form](MADE, tmp_path), "g")
    assert ours.names == tuple(X.columns)
    np.testing.assert_allclose(ours.coef, theirs.params, rtol=1e-9, atol=1e-9 * np.abs(theirs.params).max())
    np.testing.assert_allclose(ours.robust().se, np.sqrt(np.diagonal(vcov)), rtol=1e-9)


@every_form
def test_log1p_keeps_the_digits_of_a_small_number(form, tmp_path):
    scaled = np.log1p(MADE["tiny"]) * 2**32  # a power of two, so the oracle's design is the same and well scaled
    theirs = sm.OLS(MADE["y"], sm.add_constant(scaled.to_numpy())).fit()
    ours = fitted("y ~ log1p(tiny)", FORMS[form](MADE, tmp_path), "g")
    np.testing.assert_allclose(ours.coef[1] / 2**32, theirs.params["x1"], rtol=1e-11)


@every_form
@pytest.mark.parametrize("key", ["city", "day", "hour", "half", "kind", "treat"])
def test_labels_of_any_type_cluster_alike(form, key, tmp_path):
    expected = fitted("y ~ x + arm", MADE, key).robust().se
    found = fitted("y ~ x + arm", FORMS[form](MADE, tmp_path), key)
    labels = found.moments.labels.tolist()
    assert labels == sorted(labels, key=natural_key if isinstance(labels[0], str) else None)
    assert found.n_clusters == MADE[key].nunique()
    np.testing.assert_allclose(found.robust().se, expected, rtol=1e-12)


@every_form
def test_order_of_rows_and_of_columns_changes_nothing(form, tmp_path):
    expected = numbers(fitted("y ~ treat + x", MADE, "city"))
    shuffled = MADE.sample(frac=1.0, random_state=3)[MADE.columns[::-1]]
    found = numbers(fitted("y ~ treat + x", FORMS[form](shuffled, tmp_path), "city"))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_columns_may_have_any_name(tmp_path):
    odd = MADE.rename(columns={"y": "g", "x": 'x "0"', "z": "c0", "g": "the city"})[["g", 'x "0"', "c0", "the city"]]
    expected = numbers(fitted("y ~ x + z", MADE, "g"))
    for form in KINDS:
        found = fitted('g ~ `x "0"` + c0', FORMS[form](odd, tmp_path), "the city")
        np.testing.assert_allclose(numbers(found), expected, rtol=1e-12)


def test_tables_are_not_changed():
    frame, before = MADE.copy(), MADE.copy()
    fitted("log(z) ~ arm + treat", frame, "kind")
    pd.testing.assert_frame_equal(frame, before)


# --- the rules ----------------------------------------------------------------------------------


@every_form
def test_products_of_small_integers_do_not_overflow(form, tmp_path):
    rng = np.random.default_rng(4)
    g = np.arange(400) % 20
    small = pd.DataFrame(
        {
            "y": rng.integers(90_000, 110_000, 400).astype("int32"),
            "x": rng.integers(90, 120, 400).astype("int8"),
            "g": g,
        }
    )
    theirs = sm.OLS(small["y"].astype(float), sm.add_constant(small[["x"]].astype(float))).fit()
    ours = fitted("y ~ x", FORMS[form](small, tmp_path), "g")
    np.testing.assert_allclose(ours.robust().vcov, cov_cluster(theirs, g), rtol=1e-9)


@every_form
def test_null_and_nan_are_both_left_out_and_counted(form, tmp_path):
    holed = MADE.assign(x=MADE["x"].where(MADE.index % 7 > 0), arm=MADE["arm"].where(MADE.index % 11 > 0, None))
    holed["city"] = holed["city"].where(holed.index % 13 > 0, None)
    kept = holed.dropna(subset=["x", "arm", "city"])
    with pytest.warns(DroppedRowsWarning) as told:
        found = lyra.fit("y ~ x + arm", FORMS[form](holed, tmp_path), clusters="city")
    (warning,) = told
    assert str(warning.message) == (
        f"{600 - len(kept)} of 600 rows have a missing value or cluster label (x in 86, arm in 55, city in 47) "
        "and were left out."
    )
    assert (found.n_rows, found.dropped_rows) == (len(kept), 600 - len(kept))
    np.testing.assert_allclose(numbers(found), numbers(fitted("y ~ x + arm", kept, "city")), rtol=1e-12)


def test_a_nan_among_the_nulls_of_polars_is_left_out_too():
    frame = pl.from_pandas(MADE).with_columns(
        x=pl.when(pl.int_range(pl.len()) < 5)
        .then(float("nan"))
        .when(pl.int_range(pl.len()) < 8)
        .then(None)
        .otherwise("x")
    )
    for data in (frame, frame.lazy(), frame.to_arrow()):
        with pytest.warns(DroppedRowsWarning, match=r"^8 of 600 rows .* \(x in 8\)"):
            assert lyra.fit("y ~ x", data, clusters="g").n_rows == 592


@every_form
def test_missing_values_of_other_columns_drop_nothing(form, tmp_path):
    holed = MADE.assign(x=np.nan)
    assert lyra.fit("y ~ z", FORMS[form](holed, tmp_path), clusters="g").dropped_rows == 0


@every_form
@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_offsets_lose_nothing(form, offset, tmp_path):
    rounded = MADE.assign(y=np.round(MADE["y"] * 2**16) / 2**16, x=np.round(MADE["x"] * 2**16) / 2**16)
    moved = rounded.assign(y=rounded["y"] + offset, x=rounded["x"] + offset)  # exact: 2^-16 is a digit of 1e8
    expected = fitted("y ~ treat + x", rounded, "g")
    found = fitted("y ~ treat + x", FORMS[form](moved, tmp_path), "g")
    for variant in ("iid", "HC3", "CV1", "CV2", "CV3"):
        np.testing.assert_allclose(found.robust(variant).se[1:], expected.robust(variant).se[1:], rtol=1e-9)
    np.testing.assert_allclose(found.coef[1:], expected.coef[1:], rtol=1e-9)


@every_form
def test_nearly_collinear_columns_keep_their_digits(form, tmp_path):
    rng = np.random.default_rng(5)
    noise = np.round(rng.normal(size=600) * 2**10) / 2**10
    base = np.round(MADE["x"] * 2**10) / 2**10
    near = MADE.assign(base=base, near=base + noise / 2**20)  # the share of `near` that is its own is about 1e-12
    expected = sm.OLS(MADE["y"], sm.add_constant(np.column_stack([base, noise]))).fit()
    vcov = cov_cluster(expected, MADE["g"].to_numpy())
    found = fitted("y ~ base + near", FORMS[form](near, tmp_path), "g")
    assert found.coef[2] / 2**20 == pytest.approx(expected.params["x2"], rel=1e-7)
    assert found.robust().se[2] / 2**20 == pytest.approx(np.sqrt(vcov[2, 2]), rel=1e-7)


@every_form
def test_little_left_of_the_response_keeps_its_digits(form, tmp_path):
    rng = np.random.default_rng(6)
    x = np.round(MADE["x"] * 2**10) / 2**10
    noise = np.round(rng.normal(size=600) * 2**10) / 2**10
    tight = MADE.assign(x=x, y=3 * x + noise / 2**20)  # exact; the columns leave a share of about 1e-13 of y
    expected = sm.OLS(noise, sm.add_constant(x)).fit()
    vcov = cov_cluster(expected, MADE["g"].to_numpy())
    found = fitted("y ~ x", FORMS[form](tight, tmp_path), "g")
    np.testing.assert_allclose(found.robust().vcov * 2**40, vcov, rtol=1e-7)


@every_form
def test_bool_columns_are_numbers_and_categories_where_asked(form, tmp_path):
    data = FORMS[form](MADE, tmp_path)
    assert fitted("y ~ treat", data, "g").names == ("Intercept", "treat")
    assert fitted("y ~ C(treat)", data, "g").names == ("Intercept", "C(treat)[T.True]")


@every_form
def test_whole_numbers_beside_a_null_name_their_levels_alike(form, tmp_path):
    holed = MADE.assign(level=MADE["level"].where(MADE.index > 0))
    if form == "csv":  # where 2.0 is another label than 2
        holed = holed.astype({"level": "Int64"})
    assert fitted("y ~ C(level)", FORMS[form](holed, tmp_path), "g").names[1:] == ("C(level)[T.2]", "C(level)[T.3]")


@every_form
def test_only_levels_of_complete_rows_get_a_column(form, tmp_path):
    holed = MADE.assign(x=MADE["x"].where(MADE["arm"] != "b"))
    assert fitted("y ~ x + arm", FORMS[form](holed, tmp_path), "g").names == ("Intercept", "x", "arm[T.c]")


@every_form
def test_dates_are_levels_where_asked(form, tmp_path):
    days = MADE.assign(day=[dt.date(2026, 3, 1 + k % 3) for k in MADE["g"]])
    names = fitted("y ~ C(day)", FORMS[form](days, tmp_path), "g").names
    assert names == ("Intercept", "C(day)[T.2026-03-02]", "C(day)[T.2026-03-03]")


# --- which route --------------------------------------------------------------------------------


@every_form
@pytest.mark.parametrize("formula", ["y ~ x + treat", "y ~ x - 1"])
def test_sums_belong_to_the_labels_they_stand_beside(form, formula, tmp_path):
    found = fitted(formula, FORMS[form](MADE, tmp_path), "city")
    sizes = MADE.groupby("city").size()
    sizes = sizes.reindex(sorted(sizes.index, key=natural_key))
    assert found.moments.labels.tolist() == sizes.index.tolist()
    assert found.moments.sizes.tolist() == sizes.tolist()
    without = fitted(formula, MADE[MADE["city"] != "city 17"], "city")
    np.testing.assert_allclose(lyra.fit_moments(found.moments.drop("city 17")).coef, without.coef, rtol=1e-10)


@pytest.mark.parametrize("form", STAYS_WHERE_IT_IS)
def test_an_offset_is_no_reason_to_read_rows(form, tmp_path, monkeypatch):
    data = FORMS[form](MADE.assign(y=MADE["y"] + 1e8, x=MADE["x"] + 1e8), tmp_path)
    monkeypatch.setattr("lyra.moments.moments.Moments.from_rows", lambda *_, **__: pytest.fail("rows were read"))
    assert fitted("y ~ treat + x", data, "g").n_rows == 600


@pytest.mark.parametrize("form", STAYS_WHERE_IT_IS)
def test_tables_that_stay_where_they_are_are_summed_there_once(form, tmp_path, monkeypatch):
    data = FORMS[form](MADE, tmp_path)
    monkeypatch.setattr("lyra.moments.moments.Moments.from_rows", lambda *_, **__: pytest.fail("rows were read"))
    assert fitted("y ~ treat + x", data, "g").ladder().n_clusters == 24


@pytest.mark.parametrize("form", STAYS_WHERE_IT_IS)
@pytest.mark.parametrize(("formula", "why"), [("y ~ x - 1", "no intercept"), ("y ~ x + C(city)", "many columns")])
def test_rows_are_read_where_sums_will_not_do(form, formula, why, tmp_path, monkeypatch):
    expected = fitted(formula, MADE, "arm").robust("CV1").se
    data = FORMS[form](MADE, tmp_path)
    monkeypatch.setattr(pushdown, "MOST_SUMS", 250)
    monkeypatch.setattr("lyra.moments.from_table.push_down", lambda *_, **__: pytest.fail("sums were pushed down"))
    np.testing.assert_allclose(fitted(formula, data, "arm").robust("CV1").se, expected, rtol=1e-10, err_msg=why)


def test_rows_are_read_where_clusters_outnumber_what_their_sums_save(tmp_path, monkeypatch):
    own = MADE.assign(row=range(600))
    expected = numbers(fitted("y ~ treat + x", own, "row"))
    monkeypatch.setattr("lyra.moments.from_table.BYTES_AT_ONCE", 0)
    monkeypatch.setattr("lyra.moments.from_table.push_down", lambda *_, **__: pytest.fail("sums were pushed down"))
    np.testing.assert_allclose(
        numbers(fitted("y ~ treat + x", FORMS["parquet"](own, tmp_path), "row")), expected, rtol=1e-12
    )


def test_a_file_may_go_once_it_is_summed_and_hc3_says_so(tmp_path):
    path = Path(FORMS["csv"](MADE, tmp_path))
    regression = fitted("y ~ treat", path, "g")
    path.unlink()
    assert np.isfinite(regression.robust("CV3").se).all()
    with pytest.raises(lyra.errors.DataError, match="could not be read as csv"):
        regression.robust("HC3")


@pytest.mark.parametrize("first", ["Float64", "float64", "double[pyarrow]"])
@pytest.mark.parametrize("second", ["Int64", "int64[pyarrow]", "uint64[pyarrow]", "Float32", "float[pyarrow]"])
def test_masked_and_arrow_columns_of_one_frame_with_gaps(first, second):
    """Every sort of nullable column beside every other, each with a gap of its own, against the complete rows."""
    rng = np.random.default_rng(8)
    y, x = [None, *rng.normal(size=39)], [1, None, *range(2, 40)]
    g = np.arange(40) % 8
    frame = pd.DataFrame({"y": pd.Series(y, dtype=first), "x": pd.Series(x, dtype=second), "g": g})
    complete = pd.DataFrame({"y": np.array(y[2:], dtype=float), "x": np.array(x[2:], dtype=float), "g": g[2:]})
    with pytest.warns(DroppedRowsWarning, match=r"2 of 40 rows .*\(y in 1, x in 1\)"):
        found = lyra.fit("y ~ x", frame, clusters="g")
    np.testing.assert_array_equal(numbers(found), numbers(lyra.fit("y ~ x", complete, clusters="g")))


def test_missing_values_of_two_kinds_in_one_pandas_frame():
    rng = np.random.default_rng(20_331)
    y, x, g = rng.normal(size=40), np.arange(40), np.arange(40) % 8
    mixed = pd.DataFrame(
        {
            "y": pd.Series([None, *y[1:]], dtype="Float64"),
            "x": pd.Series([0, None, *x[2:].tolist()], dtype="int64[pyarrow]"),
            "g": g,
        }
    )
    with pytest.warns(DroppedRowsWarning, match=r"2 of 40 rows .*\(y in 1, x in 1\)"):
        found = lyra.fit("y ~ log1p(x)", mixed, clusters="g")
    plain = fitted("y ~ log1p(x)", pd.DataFrame({"y": y[2:], "x": x[2:], "g": g[2:]}), "g")
    np.testing.assert_allclose(numbers(found), numbers(plain), rtol=1e-12)
