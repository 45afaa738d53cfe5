"""Which files a path means, and the sentence for every path that means none."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.files import hive_keys
from lyra.data.tables import as_table, write_columns
from lyra.errors import DataError

RNG = np.random.default_rng(20271)
FRAME = pd.DataFrame({"y": RNG.normal(size=60), "t": np.arange(60) % 2, "g": np.arange(60) % 12})


def rows(path) -> int:
    return lyra.fit("y ~ t", path, clusters="g").n_rows


def refusal(path) -> str:
    with pytest.raises(DataError) as caught:
        as_table(path)
    return str(caught.value)


@pytest.mark.parametrize("left_over", ["_temporary/b.parquet", ".hidden/b.parquet", "sub/_b.parquet", ".b.parquet"])
def test_a_folder_means_its_data(left_over, tmp_path):
    for name in ("a.parquet", left_over):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        FRAME.to_parquet(tmp_path / name)
    (tmp_path / "_SUCCESS").touch()
    assert rows(tmp_path) == 60
    assert rows(str(tmp_path / "**")) == 60


@pytest.mark.parametrize("second", ["b.pq", "B.PARQUET", "sub/b.parquet"])
def test_every_name_of_parquet_counts(second, tmp_path):
    (tmp_path / "sub").mkdir()
    FRAME[:30].to_parquet(tmp_path / "a.parquet")
    FRAME[30:].to_parquet(tmp_path / second)
    (tmp_path / "notes.csv").write_text("not,the,data\n1,2,3\n")
    assert rows(tmp_path) == 60


def test_a_folder_without_parquet_means_its_csv(tmp_path):
    FRAME[:30].to_csv(tmp_path / "a.csv", index=False)
    FRAME[30:].to_csv(tmp_path / "b.csv.gz", index=False)
    (tmp_path / "readme.txt").touch()
    assert rows(tmp_path) == 60


def test_a_foreign_file_in_a_folder_is_named(tmp_path):
    FRAME.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 nothing of the kind PAR1")
    assert repr(str(tmp_path / "b.parquet")) in refusal(tmp_path)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "The path is empty: name a csv or parquet file, a glob of them, or their folder."),
        ("/", "'/' is the whole disk: name the folder your data are in."),
        ("/tmp/..", "'/tmp/..' is the whole disk: name the folder your data are in."),
        ("s3://b/x.csv", "'s3://b/x.csv' is an address, and lyra reads local files only: download it first."),
        ("https://b/*.csv", "'https://b/*.csv' is an address, and lyra reads local files only: download it first."),
    ],
)
def test_paths_that_mean_no_file(path, told):
    assert refusal(path) == told


def test_paths_that_the_system_refuses(tmp_path, monkeypatch):
    assert refusal("a" * 5000) == (
        f"'{'a' * 200}...' cannot be reached (File name too long): check the path and its permissions."
    )
    assert refusal("a\0b.csv").startswith("There is no file 'a\\x00b.csv'") or "cannot be reached" in refusal(
        "a\0b.csv"
    )
    os.mkfifo(tmp_path / "pipe.csv")
    pipe = str(tmp_path / "pipe.csv")
    assert refusal(pipe) == f"{pipe!r} is neither a file nor a folder: write what it gives to a file."
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "gone.csv")
    assert refusal(link).startswith(f"{str(link)!r} is a link to a file that is not there: check the link")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert refusal("x.csv") == (
        "'x.csv' cannot be reached (No such file or directory): check the path and its permissions."
    )


def test_a_folder_that_may_not_be_read_is_refused(tmp_path, monkeypatch):
    def denied(path, onerror):
        onerror(PermissionError(13, "Permission denied", str(path)))
        return iter(())

    monkeypatch.setattr(os, "walk", denied)
    assert refusal(tmp_path) == (
        f"{str(tmp_path)!r} cannot be reached (Permission denied): check the path and its permissions."
    )


@pytest.mark.parametrize("path", ["s3://bucket/a.csv", "http://host/a.parquet", "gs://b/a.csv"])
def test_nothing_is_written_to_an_address(path):
    with pytest.raises(DataError) as caught:
        write_columns({"y": np.ones(2)}, path)
    assert str(caught.value) == f"{path!r} is an address, and lyra writes local files only: name a file."


def test_a_local_path_that_looks_like_an_address_is_read_from_the_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:" / "b").mkdir(parents=True)
    FRAME.to_csv("s3:/b/x.csv", index=False)
    assert rows("s3://b/x.csv") == 60


def test_keys_of_folders():
    assert hive_keys("a/t=1/=x/c=d=e/n=__HIVE_DEFAULT_PARTITION__/k=v.csv") == {"t": "1", "c": "d=e", "n": None}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_fit_of_files_can_be_pickled_and_finds_its_rows_again(form, tmp_path, monkeypatch):
    path = tmp_path / f"rows.{form}"
    FRAME.to_csv(path, index=False) if form == "csv" else FRAME.to_parquet(path)
    monkeypatch.chdir(tmp_path)
    fit = lyra.fit("y ~ t", path.name, clusters="g")
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(again.robust("HC3").se, fit.robust("HC3").se)


def test_a_fit_of_a_relation_says_that_it_cannot_be_pickled():
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    fit = lyra.fit("y ~ t", connection.from_df(FRAME), clusters="g")
    with pytest.raises(DataError) as caught:
        pickle.dumps(fit)
    assert str(caught.value) == (
        "A fit of a DuckDB relation cannot be pickled, for its rows stay in their connection: fit a file or a frame, "
        "or keep its numbers."
    )
