"""Paths: what is read, and what is refused, word for word."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.history import read_history
from lyra.data.tables import as_table, fetch
from lyra.errors import DataError, InputError

FRAME = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 5.0, 2.5], "x": [1, 2, 3, 4, 5, 7], "g": list("aabbcc")})


def read(path: object) -> dict[str, np.ndarray]:
    with as_table(path).opened() as frame:
        return fetch(frame)


def number(path: object, name: str) -> np.ndarray:
    """A column used as numbers, in the order of the rows."""
    return read_history(path, outcome=name, cluster="g").y


def refusal(path: object) -> str:
    with pytest.raises(DataError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    return str(caught.value)


# --- read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["rows.csv", "ROWS.CSV", "odd[1] *?.csv", "rows.tsv", "rows.csv.gz", "rows.parquet", "rows.pq"]
)
def test_names_say_what_is_read(name, tmp_path):
    path = tmp_path / name
    if name.endswith(("parquet", "pq")):
        FRAME.to_parquet(path)
    else:
        text = FRAME.to_csv(index=False, sep="\t" if name.endswith("tsv") else ",").encode()
        path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    for given in (path, str(path)):
        np.testing.assert_array_equal(number(given, "y"), FRAME["y"])
        assert read(given)["g"].tolist() == FRAME["g"].tolist()


@pytest.mark.parametrize("empty", ["", "NA", "NULL", "null", "NaN", "nan"])
def test_empty_cells_of_a_csv_are_missing(empty, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(FRAME.to_csv(index=False) + f"3.5,{empty},c\n")
    with pytest.warns(lyra.errors.DroppedRowsWarning, match=r"^1 of 7 rows .* \(x in 1\)"):
        assert lyra.fit("y ~ x", path, clusters="g").n_rows == 6


LATE = 30_000  # rows that a look at the first rows does not reach


def late(tmp_path: Path, row: str) -> str:
    path = tmp_path / "rows.csv"
    lines = [f"{k % 7}.5,{k % 9},{k % 50},2026-03-01,true" for k in range(LATE)]
    path.write_text("\n".join(["y,x,g,day,seen", *lines, row]) + "\n")
    return str(path)


@pytest.mark.parametrize("last", ["0.25", "-7", "1e30"])
def test_a_number_late_in_a_csv_of_integers_is_not_rounded(last, tmp_path):
    assert number(late(tmp_path, f"1.5,{last},3,2026-03-01,true"), "x")[-1] == float(last)


def test_a_time_late_in_a_csv_of_dates_is_not_cut_off(tmp_path):
    found = read(late(tmp_path, "1.5,1,3,2026-03-01 12:30:00,true"))
    assert found["day"][-1] == "2026-03-01 12:30:00"


def test_a_word_late_in_a_csv_of_numbers_is_found(tmp_path):
    with pytest.raises(InputError, match=r"^column 'x' holds 'oops' in row 30001 \(counted from 1\), and most"):
        lyra.fit("y ~ x", late(tmp_path, "1.5,oops,3,2026-03-01,true"), clusters="g")
    with pytest.raises(InputError, match=r"^column 'seen' holds 'maybe' in row 30001 .* true or false: "):
        lyra.fit("y ~ x + seen", late(tmp_path, "1.5,1,3,2026-03-01,maybe"), clusters="g")


def test_columns_of_several_csv_files_are_matched_by_name(tmp_path):
    FRAME[:3].to_csv(tmp_path / "1.csv", index=False)
    FRAME[3:][["g", "x", "y"]].to_csv(tmp_path / "2.csv", index=False)
    assert number(str(tmp_path / "*.csv"), "y").tolist() == FRAME["y"].tolist()


def test_a_name_with_the_signs_of_a_pattern_is_that_file_alone(tmp_path):
    FRAME.to_csv(tmp_path / "rows[1].csv", index=False)
    FRAME[:2].to_csv(tmp_path / "rows1.csv", index=False)
    assert read(tmp_path / "rows[1].csv")["y"].size == 6


def test_labels_of_64_bits_are_not_rounded(tmp_path):
    near = FRAME.assign(g=2**62 + np.array([0, 0, 1, 1, 2, 2]))
    near.to_csv(tmp_path / "rows.csv", index=False)
    assert lyra.fit("y ~ x", tmp_path / "rows.csv", clusters="g").n_clusters == 3


# --- refused ------------------------------------------------------------------------------------


def test_file_missing():
    assert refusal("no/such.csv") == (
        f"There is no file 'no/such.csv': check the path, which is read from {str(Path.cwd())!r}."
    )


def test_no_file_matches():
    assert refusal("no/such*.csv") == (
        f"No file matches 'no/such*.csv': check the path, which is read from {str(Path.cwd())!r}."
    )


def test_directory_without_parquet(tmp_path):
    assert refusal(tmp_path) == (
        f"There is no parquet or csv file in the directory {str(tmp_path)!r}: pass a glob of your files."
    )


def test_csv_and_parquet_together(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv")
    FRAME.to_parquet(tmp_path / "b.parquet")
    path = str(tmp_path / "*")
    assert refusal(path) == f"{path!r} holds both csv and parquet files: choose one kind, such as '*.parquet'."


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.gz"])
def test_kind_unknown(name, tmp_path):
    path = tmp_path / name
    path.write_text("y,x,g\n1,2,a\n")
    assert refusal(path) == (
        f"{str(path)!r} does not say what it is: name it .parquet, .pq, .csv, .tsv (csv also .csv.gz)."
    )


def test_file_empty(tmp_path):
    path = tmp_path / "rows.csv"
    path.touch()
    assert refusal(path) == f"{str(path)!r} is an empty file: write it again."


def test_text_named_parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_text(FRAME.to_csv(index=False))
    assert refusal(path) == f"{str(path)!r} is not a parquet file (it begins with b'y,x,'): name it .csv if it is text."


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_parquet_truncated(share, tmp_path):
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"y": range(1000)}).to_parquet(path)
    whole = path.read_bytes()
    size = int(share * len(whole))
    path.write_bytes(whole[:size])
    assert refusal(path) == (
        f"{str(path)!r} is a parquet file cut short ({size} bytes, no footer): copy or write it again."
    )


def test_parquet_damaged_inside(tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + whole[-40:])
    assert re.fullmatch(rf"{re.escape(repr(str(path)))} could not be read as parquet: .+\.", refusal(path))


def test_csv_whose_lines_grow_longer_is_not_read_from_the_middle(tmp_path):
    path = tmp_path / "rows.csv"
    longer = FRAME.assign(more=1)
    path.write_text(FRAME.to_csv(index=False) + longer.to_csv(index=False) * 3)
    with pytest.raises(lyra.errors.LyraError):
        lyra.fit("y ~ x", path, clusters="g")


def test_csv_with_ragged_lines(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(FRAME.to_csv(index=False) + "1,2,a\n" * 30_000 + "1,2,a,4,5\n")
    assert re.fullmatch(rf"{re.escape(repr(str(path)))} could not be read as csv: .+\.", refusal(path))


@pytest.mark.parametrize(
    ("data", "what"), [([1, 2], "list"), ({"y": [1.0]}, "dict"), (None, "NoneType"), (np.eye(3), "ndarray")]
)
def test_no_table(data, what):
    assert refusal(data) == (
        f"data is a {what}, which is no table lyra reads: pass a pandas or polars frame, a pyarrow table, "
        "a DuckDB relation, or the path of csv or parquet files."
    )


def test_column_twice():
    frame = pd.DataFrame([[1.0, 2.0, 3.0]], columns=["y", "x", "x"])
    assert refusal(frame) == "The table has more than one column named 'x': rename all but one."
