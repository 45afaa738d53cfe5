"""How a csv is read: what was written is what is read, and every option is refused when it cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.reading import MISSING, Reading
from lyra.designs import ByCluster
from lyra.errors import DataError, DroppedRowsWarning, InputError

ROWS = 60
RNG = np.random.default_rng(20270)
FRAME = pd.DataFrame(
    {
        "y": RNG.normal(size=ROWS).round(3),
        "x": RNG.normal(size=ROWS).round(3),
        "g": [f"c{k}" for k in np.arange(ROWS) % 12],
    }
)


def saved(tmp_path, frame=FRAME, **options):
    path = tmp_path / "rows.csv"
    frame.to_csv(path, index=False, **options)
    return path


@pytest.mark.parametrize(
    "labels",
    [
        ["1.1", "1.10", "1.100"],
        ["7", "07", "007"],
        ["12", "1_2", "1e1", "10"],
        [str(18446744073709550000 + k) for k in (1, 2, 3)],
        ["9007199254740992", "9007199254740993", "a"],
        ["a", "a ", " a", "A"],
        ["#a", "a", "'a'"],
        ["true", "True", "1"],
        ["2026-03-01", "2026-3-1", "2026-03-01 00:00:00"],
    ],
)
@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x - 1"])
def test_labels_stay_as_they_are_written(labels, formula, tmp_path):
    frame = FRAME.assign(g=[labels[i % len(labels)] for i in range(ROWS)])
    found = lyra.fit(formula, saved(tmp_path, frame), clusters="g")
    assert sorted(found.moments.labels.tolist()) == sorted(labels)
    held = lyra.fit(formula, frame, clusters="g")
    np.testing.assert_allclose(found.robust("CV1").se, held.robust("CV1").se, rtol=1e-12)


@pytest.mark.parametrize("word", ["", '""', *MISSING])
@pytest.mark.parametrize("column", ["y", "x", "g"])
def test_missing_words_are_the_same_for_numbers_and_labels(word, column, tmp_path):
    lines = saved(tmp_path).read_text().splitlines()
    cells = lines[8].split(",")
    cells[["y", "x", "g"].index(column)] = word
    (tmp_path / "rows.csv").write_text("\n".join([*lines[:8], ",".join(cells), *lines[9:]]))
    with pytest.warns(DroppedRowsWarning, match=rf"^1 of 60 rows .* \({column} in 1\)"):
        found = lyra.fit("y ~ x", tmp_path / "rows.csv", clusters="g")
    np.testing.assert_allclose(found.coef, lyra.fit("y ~ x", FRAME.drop(index=7), clusters="g").coef, rtol=1e-12)


def test_words_of_ones_own_take_the_place_of_the_usual(tmp_path):
    path = saved(
        tmp_path, FRAME.assign(g=["NA" if k % 3 == 0 else "None" if k % 3 == 1 else "-99" for k in range(ROWS)])
    )
    with pytest.warns(DroppedRowsWarning, match=r"\(g in 20\)"):
        found = lyra.fit("y ~ x", path, clusters="g", missing=["-99"])
    assert found.moments.labels.tolist() == ["NA", "None"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_parts_the_header(delimiter, tmp_path):
    path = saved(tmp_path, FRAME.rename(columns={"x": "price (EUR, net)"}), sep=delimiter)
    assert lyra.fit("y ~ `price (EUR, net)`", path, clusters="g").n_rows == ROWS


def test_decimal_commas(tmp_path):
    path = saved(tmp_path, sep=";", decimal=",")
    expected = lyra.fit("y ~ x", FRAME, clusters="g")
    for given in ({"decimal": ","}, {"decimal": ",", "delimiter": ";"}):
        np.testing.assert_allclose(lyra.fit("y ~ x", path, clusters="g", **given).coef, expected.coef, rtol=1e-12)
    told = {"outcome": "y", "cluster": "g", "decimal": ","}
    certified = lyra.certify(path, ByCluster("bernoulli"), methods=["CV1"], maximum=500, **told)
    assert certified.data["rows"] == ROWS
    assert lyra.power(path, ByCluster("bernoulli"), **told).n_clusters == 12


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_encodings(encoding, tmp_path):
    path = saved(tmp_path, FRAME.assign(g="Köln " + FRAME["g"]), encoding=encoding)
    assert "Köln c3" in lyra.fit("y ~ x", path, clusters="g", encoding=encoding).moments.labels.tolist()
    with pytest.raises(DataError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    others = {"latin-1": "encoding='utf-16', encoding='latin-1'", "utf-16": "encoding='utf-16', encoding='latin-1'"}
    assert str(caught.value) == (
        f"{str(path)!r} is not text in UTF-8: pass its encoding ({others[encoding]}), or write it as UTF-8."
    )


def test_text_that_is_latin_1_only_late_is_told_from_the_engines_own_words(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"y,x,g\n" + b"1.5,2.5,abcdefghij\n" * 60_000 + "1,2,Köln\n".encode("latin-1"))
    with pytest.raises(DataError, match="not utf-8 encoded"):
        lyra.fit("y ~ x", path, clusters="g")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"decimal": ";"}, "decimal=';' is no decimal sign: pass '.' or ','."),
        ({"delimiter": "::"}, "delimiter='::' is no delimiter: pass one character, such as ';' or '\\t'."),
        ({"delimiter": "x"}, "delimiter='x' is no delimiter: pass one character, such as ';' or '\\t'."),
        (
            {"decimal": ",", "delimiter": ","},
            "delimiter=',' is the decimal sign too: pass two different characters.",
        ),
        (
            {"encoding": "cp1252"},
            "encoding='cp1252' is not read here: pass one of 'utf-8', 'utf-16', 'latin-1', or write the file as utf-8.",
        ),
        ({"missing": ["NA", -99]}, "missing= holds -99, which is no text: pass words such as missing=['NA', '-99']."),
    ],
)
def test_options_that_are_none(given, told):
    with pytest.raises(InputError) as caught:
        Reading(**given)
    assert str(caught.value) == told


def test_options_of_csv_files_belong_to_csv_files(tmp_path):
    FRAME.to_parquet(tmp_path / "rows.parquet")
    path = str(tmp_path / "rows.parquet")
    for data, words in ((FRAME, "a csv file, and data is a DataFrame"), (path, f"csv files, and {path!r} is parquet")):
        for name, value in {"decimal": ",", "delimiter": ";", "encoding": "latin-1", "missing": ["-"]}.items():
            with pytest.raises(InputError) as caught:
                lyra.fit("y ~ x", data, clusters="g", **{name: value})
            assert str(caught.value) == f"{name}= belongs to {words}: leave it out."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1,2", "CSV Error on Line: 5; Original Line: 1,2; Expected Number of Columns: 3 Found: 2."),
        ("1,2,a,4", "CSV Error on Line: 5; Original Line: 1,2,a,4; Expected Number of Columns: 3 Found: 4."),
        ('1,2,"a" b', 'CSV Error on Line: 5; Original Line: 1,2,"a" b; Value with unterminated quote found.'),
    ],
)
def test_a_line_that_is_no_row_is_shown(line, told, tmp_path):
    path = saved(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], line, *lines[4:]]) + "\n")
    with pytest.raises(DataError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    assert str(caught.value) == f"{str(path)!r} could not be read as csv: Invalid Input Error: {told}"


def test_mixed_ends_of_lines(tmp_path):
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n", 5))
    with pytest.raises(DataError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    assert str(caught.value) == (
        f"{str(path)!r} could not be read as csv: its line ends are mixed, or a quote is not closed; write it again "
        "with one kind of line end."
    )


@pytest.mark.parametrize("twice", ["x", "X"])
def test_two_columns_of_one_name(twice, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f"y,x,{twice},g\n1,2,3,a\n2,3,1,b\n")
    alike = "'x'" if twice == "x" else "'x', 'X'"
    with pytest.raises(DataError) as caught:
        lyra.fit("y ~ x", path, clusters="g")
    assert str(caught.value) == f"{str(path)!r} has more than one column named {alike}: rename all but one."


def test_a_row_that_begins_with_a_sharp_is_a_row(tmp_path):
    frame = FRAME.assign(g=["#N" if k == 7 else "b" if k % 2 else "a" for k in range(ROWS)])[["g", "y", "x"]]
    found = lyra.fit("y ~ x", saved(tmp_path, frame), clusters="g")
    assert (found.n_rows, found.moments.labels.tolist()) == (ROWS, ["#N", "a", "b"])
