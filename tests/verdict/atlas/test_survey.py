"""A run of an atlas: stopped, taken up again, on any number of processes, the same digest."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.errors import InputError
from lyra.verdict.atlas.grid import Cells, Grid
from lyra.verdict.atlas.survey import survey

SMALL = Grid(
    cells=(
        Cells(clusters=(5, 6), law=("normal", "t3"), icc=(0.1,), bootstraps=25),
        Cells(clusters=(5,), by=("user",), icc=(0.1,)),
    ),
    replicates=40,
    draws=19,
    rows=6,
    arms=(2.0,),
)


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def whole():
    return survey(SMALL)


def test_a_row_for_every_cell_and_line(whole):
    columns = whole.columns
    assert whole.cells == 5
    assert len(set(columns["digest"].tolist())) == 5
    assert len({len(column) for column in columns.values()}) == 1
    advice = columns["line"] == "advice"
    assert sorted(columns["tolerance"][advice].tolist()) == [1.0] * 5 + [1.25] * 5
    assert np.isnan(columns["tolerance"][~advice]).all()


def test_the_error_is_that_of_a_share(whole):
    size, error, R = (whole.columns[name] for name in ("size", "error", "replicates"))
    shrunk = (size * R + 1) / (R + 2)
    np.testing.assert_allclose(error, np.sqrt(shrunk * (1 - shrunk) / R))


@pytest.mark.parametrize("after", [1, 4])
def test_a_run_that_is_stopped_goes_on(after, whole, tmp_path):
    def stop(done, _):
        if done == after:
            raise StoppedError

    store, told = tmp_path / "atlas.sqlite", []
    with pytest.raises(StoppedError):
        survey(SMALL, store=store, progress=stop)
    # typed with more workers: of one cell that is left it takes one
    workers = 2 if after == 4 else 1
    again = survey(SMALL, store=store, workers=workers, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (after, 5)
    assert again.digest == whole.digest


def test_workers_do_not_matter():
    small = Grid(cells=(Cells(clusters=(5,), law=("normal", "t3")),), replicates=40, rows=6, arms=(2.0,))
    assert survey(small, workers=2).digest == survey(small).digest


def test_a_cell_hangs_on_the_seed_and_on_what_it_is(whole):
    alone = survey(
        Grid(cells=(Cells(clusters=(5,), by=("user",), icc=(0.1,)),), replicates=40, draws=19, rows=6, arms=(2.0,))
    )
    mine = whole.columns["by"] == "user"
    np.testing.assert_array_equal(alone.columns["size"], whole.columns["size"][mine])
    assert survey(SMALL.with_replicates(41)).digest != whole.digest


def test_a_store_serves_one_grid(tmp_path):
    store = tmp_path / "atlas.sqlite"
    small = Grid(cells=(Cells(clusters=(5,)),), replicates=10, rows=6, arms=(2.0,))
    survey(small, store=store)
    with pytest.raises(InputError, match=r"atlas\.replicates is 10 in the store and 11 in this run"):
        survey(small.with_replicates(11), store=store)
