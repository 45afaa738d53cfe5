"""Files of one table: united where nothing is lost, refused by column where something would be, and off the network."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import lyra
from lyra.errors import DataError

RNG = np.random.default_rng(20272)
N = 60
FRAME = pd.DataFrame({"y": RNG.normal(size=N), "x": np.arange(N) % 7, "g": np.arange(N) % 12})
HALVES = (FRAME[::2], FRAME[1::2])


def folder(tmp_path, first, second, form="parquet"):
    for name, frame in (("a", first), ("b", second)):
        path = tmp_path / f"{name}.{form}"
        frame.to_parquet(path, index=False) if form == "parquet" else frame.to_csv(path, index=False)
    return str(tmp_path)


TYPES = ["int8", "uint8", "int32", "int64", "uint64", "float32", "float64", "Int64"]


@pytest.mark.parametrize("left", TYPES)
@pytest.mark.parametrize("right", TYPES)
def test_shards_of_any_two_types_are_as_their_concatenation(left, right, tmp_path):
    first, second = HALVES[0].astype({"x": left}), HALVES[1].astype({"x": right})
    if "float" in right:
        second = second.assign(x=second["x"] + second["x"].dtype.type(0.5))
    whole = pd.concat([first.astype({"x": "float64"}), second.astype({"x": "float64"})])
    for key in ("g", "x"):
        found = lyra.fit("y ~ x", folder(tmp_path, first, second), clusters=key)
        expected = lyra.fit("y ~ x", whole, clusters=key)
        assert found.n_clusters == expected.n_clusters
        np.testing.assert_allclose(found.robust("CV1").se, expected.robust("CV1").se, rtol=1e-12)


def test_labels_of_the_widest_integers_stay_apart(tmp_path):
    big = 2**63 + np.arange(N, dtype="uint64") % 12
    first, second = HALVES[0].assign(g=-1 - HALVES[0]["g"]), HALVES[1].assign(g=big[1::2])
    assert lyra.fit("y ~ x", folder(tmp_path, first, second), clusters="g").n_clusters == 12


def test_a_column_without_values_unites_with_any(tmp_path):
    for filled in (pd.Series(["a", "b"] * 15), pd.Series([1.5, 2.0] * 15)):
        for empty in (None, np.nan):
            first = HALVES[0].assign(seg=empty)
            second = HALVES[1].assign(seg=filled.to_numpy())
            with pytest.warns(lyra.errors.DroppedRowsWarning, match="seg in 30"):
                assert lyra.fit("y ~ x + seg", folder(tmp_path, first, second), clusters="g").n_rows == 30


def test_types_that_no_type_holds_are_refused_with_both_files(tmp_path):
    path = folder(tmp_path, HALVES[0], HALVES[1].assign(x="a"))
    with pytest.raises(DataError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    a, b = (str(tmp_path / f"{name}.parquet") for name in "ab")
    assert str(caught.value) == (
        f"The column 'x' is BIGINT in {a!r} and VARCHAR in {b!r}, and no type holds both without loss: "
        "write the files again with one type."
    )
    assert lyra.fit("y ~ 1", path, clusters="g").n_rows == N  # a column that is not used is no trouble


def test_whole_numbers_that_a_float_need_not_hold_are_refused(tmp_path):
    path = folder(tmp_path, HALVES[0].assign(g=HALVES[0]["g"] + 2**53), HALVES[1].astype({"g": float}))
    with pytest.raises(
        DataError, match=r"^The column 'g' is BIGINT in .*a\.parquet' and DOUBLE in .*b\.parquet', and no"
    ):
        lyra.fit("y ~ x", path, clusters="g")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_column_that_a_file_lacks_is_refused_with_the_file(form, tmp_path):
    path = folder(tmp_path, HALVES[0], HALVES[1].drop(columns="x"), form)
    with pytest.raises(DataError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    assert str(caught.value) == (
        f"The column 'x' is not in {str(tmp_path / f'b.{form}')!r}, where there is 'y', 'g': "
        "give every file a header with the same columns."
    )
    assert lyra.fit("y ~ 1", path, clusters="g").n_rows == N


def test_a_second_csv_without_a_header_is_named(tmp_path):
    HALVES[0].to_csv(tmp_path / "a.csv", index=False)
    HALVES[1].assign(g="c").to_csv(tmp_path / "b.csv", index=False, header=False)
    with pytest.raises(DataError, match=r"^The column 'y' is not in .*b\.csv', where there is "):
        lyra.fit("y ~ x", str(tmp_path), clusters="g")


def test_numbers_late_in_the_second_csv_are_numbers(tmp_path):
    first, second = HALVES[0], HALVES[1].assign(x=HALVES[1]["x"] + 0.5)
    found = lyra.fit("y ~ x", folder(tmp_path, first, second, "csv"), clusters="g")
    np.testing.assert_allclose(found.coef, lyra.fit("y ~ x", pd.concat([first, second]), clusters="g").coef, rtol=1e-12)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_keys_of_folders_are_columns_where_the_files_have_none(form, tmp_path):
    expected = FRAME.assign(year=2024 + np.arange(N) % 2, where=np.where(np.arange(N) % 2, "b c", "a"))
    for k, part in enumerate(HALVES):
        place = tmp_path / f"year={2024 + k}" / ("where=b%20c" if k else "where=a")
        place.mkdir(parents=True)
        part.to_parquet(place / "p.parquet") if form == "parquet" else part.to_csv(place / "p.csv", index=False)
    for formula in ("y ~ x + year", "y ~ x + where", "y ~ x + C(year)"):
        found, held = (lyra.fit(formula, data, clusters="g") for data in (str(tmp_path), expected))
        assert found.names == held.names
        np.testing.assert_allclose(found.coef[:2], held.coef[:2], rtol=1e-6)
    assert lyra.fit("y ~ x", str(tmp_path), clusters="year").n_clusters == 2


@pytest.mark.parametrize("key", ["x", "g", "y", "X"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_no_folder_overrides_a_column(form, key, tmp_path):
    place = tmp_path / f"{key}=3"
    place.mkdir()
    FRAME.to_parquet(place / "a.parquet") if form == "parquet" else FRAME.to_csv(place / "a.csv", index=False)
    found = lyra.fit("y ~ x", str(place / f"a.{form}"), clusters="g")
    np.testing.assert_allclose(found.coef, lyra.fit("y ~ x", FRAME, clusters="g").coef, rtol=1e-12)


def test_labels_of_every_width_are_exact():
    connection = duckdb.connect()
    relation = connection.from_df(FRAME)
    for dtype, start in (("HUGEINT", 10**36), ("UBIGINT", 2**63), ("BIGINT", 2**62), ("DECIMAL(38,2)", 10**30)):
        big = relation.project(f"y, x, ({start}::{dtype} + g)::{dtype} AS g")
        for formula in ("y ~ x", "y ~ x - 1"):
            assert lyra.fit(formula, big, clusters="g").n_clusters == 12


def test_labels_as_floats_that_merge_are_refused():
    for dtype, bits in (("float64", 53), ("float32", 24)):
        frame = FRAME.assign(g=(FRAME["g"] + 2.0**bits).astype(dtype))
        for data in (frame, pa.Table.from_pandas(frame)):
            with pytest.raises(lyra.errors.InputError) as caught:
                lyra.fit("y ~ x", data, clusters="g")
            assert str(caught.value) == (
                f"column 'g' holds labels as floats beyond 2**{bits} in 60 row(s), where two labels can be one "
                "number: read them as integers or text."
            )


def test_whole_numbers_that_lose_their_digits_are_refused(tmp_path):
    odd = FRAME.assign(x=2**60 + FRAME["x"])
    even = FRAME.assign(x=2**60 + 2**8 * FRAME["x"])
    odd.to_csv(tmp_path / "rows.csv", index=False)
    for data in (odd, odd.astype({"x": "uint64"}), pa.Table.from_pandas(odd), str(tmp_path / "rows.csv")):
        with pytest.raises(
            lyra.errors.InputError, match=r"^column 'x' has \d+ whole number\(s\) beyond 2\*\*53, whose"
        ):
            lyra.fit("y ~ x", data, clusters="g")
    np.testing.assert_allclose(
        lyra.fit("y ~ x", even, clusters="g").coef[1] * 2**8, lyra.fit("y ~ x", FRAME, clusters="g").coef[1], rtol=1e-9
    )
