"""`lyra atlas`, as it is typed."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from lyra.cli import run
from lyra.data.tables import as_table, fetch

GRID = """
replicates = 60
draws = 19
rows = 6
arms = [2.0]

[[cells]]
clusters = [6, 8]
law = ["normal", "spend"]
icc = [0.01]
bootstraps = 25
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    file = tmp_path_factory.mktemp("grid") / "grid.toml"
    file.write_text(GRID)
    return str(file)


def test_a_page_its_pictures_and_a_table(grid, tmp_path, capsys):
    folder = tmp_path / "new"
    assert run(["atlas", grid, "--out", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in folder.iterdir()) == [
        *("advice.svg", "atlas.md", "atlas.parquet", "atlas.sqlite", "clusters.svg", "law.svg"),
    ]
    assert told["cells"] == 4
    page = (folder / "atlas.md").read_text(encoding="utf-8")
    assert f"Digest `{told['digest'][:16]}`" in page
    assert "the Monte-Carlo error of a size of .05 is 0.0281" in page  # √(.05 · .95/60)
    assert all(sentence in page for sentence in told["findings"])
    assert len(told["findings"]) == 3
    for picture in folder.glob("*.svg"):
        assert f"]({picture.name})" in page
        ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    with as_table(folder / "atlas.parquet").opened() as frame:
        rows = fetch(frame)
    assert len(rows["line"]) == told["rows"]
    assert {"by", "law", "line", "size", "error", "power", "exact", "replicates", "digest"} <= set(rows)

    # typed again, nothing is computed and everything is the same
    assert run(["atlas", grid, "--out", str(folder)]) == 0
    assert told["digest"] in capsys.readouterr().out
    assert (folder / "atlas.md").read_text(encoding="utf-8") == page


def test_the_quick_grid_is_a_page_with_every_question(tmp_path, capsys):
    assert run(["atlas", "--quick", "--replicates", "30", "--out", str(tmp_path)]) == 0
    assert "10 cells, digest " in capsys.readouterr().out
    pictures = {path.stem for path in tmp_path.glob("*.svg")}
    assert pictures == {"clusters", "treated", "sizes", "arms", "law", "advice"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--quick", "grid.toml"], "--quick is a grid of its own: leave it out, or leave out 'grid.toml'."),
        (["none.toml"], "'none.toml' cannot be read (No such file or directory): check the path."),
        (["--workers", "0"], "workers must be a whole number from 1 to 256, got 0: 1 computes in this process."),
        (["--replicates", "1"], "replicates = 1 is out of range: give a whole number from 2 to 1,000,000."),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments, told, tmp_path, capsys):
    assert run(["atlas", *arguments, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"lyra: {told}\n"


def test_a_file_is_no_folder(tmp_path, capsys):
    file = tmp_path / "a.md"
    file.write_text("mine")
    assert run(["atlas", "--quick", "--out", str(file)]) == 2
    assert capsys.readouterr().err == f"lyra: --out {str(file)!r} is no folder: name one, it may be new.\n"
    assert run(["atlas", "--quick", "--out", str(tmp_path / "no" / "folder")]) == 2
    told = f"--out {str(tmp_path / 'no' / 'folder')!r} could not be made (No such file or directory)"
    assert capsys.readouterr().err == f"lyra: {told}: name a folder that can.\n"
