from __future__ import annotations

import pytest

from lyra.errors import InputError
from lyra.verdict.atlas.grid import Cells, Grid, read_grid, shipped
from lyra.verdict.atlas.laws import LAWS


def grid_of(tmp_path, text):
    file = tmp_path / "grid.toml"
    file.write_text(text)
    return read_grid(file)


def test_every_combination_once(tmp_path):
    """Of ten clusters a fifth is two, which is asked for as two as well; the first table decides of a cell."""
    grid = grid_of(
        tmp_path,
        "[[cells]]\nclusters = [10]\ntreated = [0.2, 2, 0.5]\nbootstraps = 7\n"
        '[[cells]]\nclusters = [10]\ntreated = [2]\nlaw = ["normal", "t3"]\n',
    )
    found = {(design.treated, cell.law): cell.bootstraps for design, cells in grid.designs.items() for cell in cells}
    assert found == {(2, "normal"): 7, (2, "t3"): 0, (5, "normal"): 7}


def test_a_share_treats_two_at_least():
    treated = [design.treated for design in Grid(cells=(Cells(clusters=(6,), treated=(0.1, 0.5)),)).designs]
    assert treated == [2, 3]


def test_users_and_blocks_are_one_design_whatever_is_treated():
    cells = Cells(clusters=(6,), treated=(0.2, 0.5), by=("user", "switchback"))
    assert [(d.by, d.treated) for d in Grid(cells=(cells,)).designs] == [("user", 0), ("switchback", 0)]


def test_bootstraps_see_no_more_than_there_is():
    grid = Grid(cells=(Cells(clusters=(6,), bootstraps=400),), replicates=100)
    assert [cell.bootstraps for cells in grid.designs.values() for cell in cells] == [100]


def test_the_grids_that_are_shipped():
    full, quick = shipped("full"), shipped("quick")
    asked = {cell.law for cells in full.designs.values() for cell in cells}
    assert asked == set(LAWS)
    assert {design.by for design in full.designs} == {"cluster", "user", "switchback"}
    assert {design.sizes for design in full.designs} == {"equal", "lognormal", "giant"}
    assert full.replicates >= 2_000
    assert full.arms == (2.0, 4.0)
    assert sum(map(len, quick.designs.values())) <= 12


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = 1", "has no [[cells]]: say what is tried, such as clusters = [20] below [[cells]]."),
        ("cells = [3]", "cells[0] = 3 is not a table: write its fields below [[cells]]."),
        ("[[cells]]\ncluster = [3]", "cells[0] has an unknown field 'cluster': did you mean 'clusters'"),
        ("sead = 1\n[[cells]]\nclusters = [6]", "the file has an unknown field 'sead': did you mean 'seed'"),
        (
            "[[cells]]\nclusters = [1.5]",
            "cells[0] does not fit: Expected `int`, got `float` - at `cells[0].clusters[0]`.",
        ),
        ("[[cells]]\nclusters = [3]", "cells[0].clusters = 3 is out of range: give a whole number from 4 to 1,000."),
        ("[[cells]]\nclusters = []", "cells[0].clusters is an empty list: give it a value."),
        (
            "[[cells]]\nclusters = [6, 50]\ntreated = [6]",
            "cells[0].treated = 6 is neither a share of the clusters nor a number that leaves some untreated: ",
        ),
        ("[[cells]]\nclusters = [6]\nlaw = ['t4']", "cells[0].law = 't4' is unknown: there is 'normal', 't3',"),
        (
            "[[cells]]\nclusters = [6]\nlaw = ['serial']",
            "cells[0].law = 'serial' needs windows: give it by = [\"switchback\"] in a table of its own.",
        ),
        ("[[cells]]\nclusters = [6]\nicc = [1.0]", "cells[0].icc = 1 is no correlation: give a share from 0 to 0.95."),
        ("[[cells]]\nclusters = [6]\nby = ['region']", "cells[0] does not fit: Invalid enum value 'region' - at"),
        (
            "replicates = 1\n[[cells]]\nclusters = [6]",
            "replicates = 1 is out of range: give a whole number from 2 to 1,000,000.",
        ),
        ("seed = -1\n[[cells]]\nclusters = [6]", "seed = -1 is below zero: give a whole number from 0."),
        (
            "arms = [0.5]\n[[cells]]\nclusters = [6]",
            "arms = [0.5] are not how many times as variable: give numbers, 1 or more.",
        ),
    ],
)
def test_a_grid_that_cannot_be_is_refused(tmp_path, text, told):
    with pytest.raises(InputError) as refused:
        grid_of(tmp_path, text)
    assert told in str(refused.value)
