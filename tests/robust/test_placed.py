"""A switchback's randomisation inference: every assignment of windows refitted by rows, clustered by region."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.designs import ByCluster, Switchback
from lyra.errors import InputError, NotIdentifiedError
from lyra.robust.exact.worlds import Independent
from lyra.verdict.drawn_sizes import drawn_sizes

REGIONS, WINDOWS, BLOCK = 3, 6, 2
TIE = 1e-7


def table(seed=0):
    """Three regions, six hours in blocks of two, a coin a region and block; rows per cell differ."""
    rng = np.random.default_rng(seed)
    region, hour = np.divmod(np.repeat(np.arange(REGIONS * WINDOWS), rng.integers(1, 5, REGIONS * WINDOWS)), WINDOWS)
    coins = rng.integers(0, 2, (REGIONS, WINDOWS // BLOCK))
    y = (
        rng.normal(size=REGIONS)[region]
        + rng.normal(size=(REGIONS, WINDOWS))[region, hour]
        + rng.normal(size=hour.size)
    )
    treat = coins[region, hour // BLOCK] * 1.0
    frame = {"y": y, "treat": treat, "x": rng.normal(size=y.size), "region": region, "hour": [f"h{h}" for h in hour]}
    return pd.DataFrame(frame)


def refits(data, nulls):
    """Of every assignment, the actual one first: the estimate and its t with CV1 by region, (R, nulls)."""
    region, hour = data["region"].to_numpy(), data["hour"].str[1:].astype(int).to_numpy()
    item = region * (WINDOWS // BLOCK) + hour // BLOCK
    actual = data.groupby(item)["treat"].first().to_numpy()
    every = [np.array(coins, float) for coins in product((0, 1), repeat=actual.size)]
    outcomes = data["y"].to_numpy()[:, None] - nulls * data["treat"].to_numpy()[:, None]
    found = {"beta": [], "t": []}
    for coins in [actual, *(each for each in every if not np.array_equal(each, actual))]:
        X = np.column_stack([np.ones(region.size), coins[item], data["x"]])
        if np.linalg.matrix_rank(X) < 3:
            found["beta"].append(np.full(nulls.size, np.inf))
            found["t"].append(np.full(nulls.size, np.inf))
            continue
        bread = np.linalg.inv(X.T @ X)
        beta = bread @ X.T @ outcomes
        scores = np.array([(X @ bread[1])[region == g] @ (outcomes - X @ beta)[region == g] for g in range(REGIONS)])
        found["beta"].append(beta[1])
        found["t"].append(beta[1] / np.sqrt(np.sum(scores**2, axis=0)))
    return {kind: np.array(each) for kind, each in found.items()}


def fitted(data=None, **asked):
    return lyra.fit("y ~ treat + x", table() if data is None else data, clusters="region", window="hour", **asked)


@pytest.mark.parametrize("kind", ["beta", "t"])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_assignment_is_a_refit_and_the_interval_its_inversion(kind, seed):
    data = table(seed)
    test = fitted(data).randomisation_test("treat", design=Switchback(BLOCK), statistic=kind)
    grid = np.linspace(-20.0, 20.0, 301)
    told = np.abs(refits(data, np.append(0.0, grid))[kind])
    p = np.mean(told >= told[0] * (1.0 - TIE), axis=0)
    assert (test.enumerated, test.n_assignments, test.n_undefined) == (True, 512, 2)
    assert test.pvalue == p[0]
    for level in (0.5, 0.9):
        parts = test.confidence_set(level)
        inside = np.any([(low <= grid) & (grid <= high) for low, high in parts], axis=0)
        np.testing.assert_array_equal(inside, p[1:] > (1.0 - level) * (1.0 + 1e-12))


def test_its_t_is_that_of_the_fit_by_region():
    reg = fitted()
    test = reg.randomisation_test("treat", design=Switchback(BLOCK))
    by_region = reg.robust("CV1")
    assert test.statistic == pytest.approx(by_region.statistic[1], rel=1e-10)
    assert test.std_error == pytest.approx(by_region.se[1], rel=1e-10)
    assert test.estimate == pytest.approx(by_region.coef[1], rel=1e-12)
    cells = table().groupby(["region", "hour"])["treat"].first()
    assert (test.treated, test.control) == (cells.sum(), cells.size - cells.sum())
    assert f"{test.treated} cells treated and {test.control} control: over all 512 assignments" in test.explain()


@pytest.mark.filterwarnings("ignore::lyra.errors.DisjointSetWarning")
def test_it_is_two_lines_of_the_ladder():
    ladder = fitted().ladder("treat", design=Switchback(BLOCK), methods=["CV1"])
    assert [rung.method for rung in ladder.rungs] == ["CV1", "RI-t", "RI-beta"]
    assert ladder["RI-t"].law == "all 512 assignments"
    assert "drawn as declared (switchback, blocks of 2)" in ladder.assigned


def test_alternating_arms_are_drawn_by_region():
    data = table()
    hour = data["hour"].str[1:].astype(int)
    data["treat"] = (data["region"] + hour // BLOCK) % 2 * 1.0
    test = fitted(data).randomisation_test("treat", design=Switchback(BLOCK, pattern="alternating"))
    assert test.n_assignments == 8


@pytest.mark.parametrize(
    ("call", "kind", "told"),
    [
        (
            lambda: fitted().randomisation_test("treat", design=Switchback(3)),
            InputError,
            "the design 'switchback, blocks of 3' cannot have treated these ",
        ),
        (
            lambda: fitted().randomisation_test("treat", design=Switchback(2, washout=1)),
            InputError,
            "the design 'switchback, blocks of 2, washout 1' leaves windows out that were fitted: fit the rows it",
        ),
        (
            lambda: fitted().randomisation_test("x", design=Switchback(2)),
            NotIdentifiedError,
            (
                "x varies within cells, so cells were not what was assigned: cluster at the level of the assignment, "
                "or use the wild cluster bootstrap."
            ),
        ),
        (
            lambda: fitted().randomisation_test("treat", design=ByCluster()),
            NotIdentifiedError,
            "treat varies within clusters, so clusters were not what was assigned",
        ),
        (
            lambda: fitted(table().assign(hour=lambda d: d["hour"].where(d.index != 3))),
            InputError,
            "window='hour' is missing in 1 of the rows that are fitted: fill it in, or leave those rows out.",
        ),
        (
            lambda: drawn_sizes(fitted().randomisation_test("treat", design=Switchback(2)), [Independent()]),
            InputError,
            "A switchback draws cells of a cluster, whose errors go together: its size is not known here.",
        ),
    ],
)
def test_what_is_refused(call, kind, told):
    with pytest.raises(kind) as refused:
        call()
    assert str(refused.value).startswith(told)


def test_windows_that_no_draw_treats_alike_are_refused_where_draws_are_sampled_too():
    region, hour = np.divmod(np.repeat(np.arange(48), 2), 8)
    coins = np.random.default_rng(1).integers(0, 2, (6, 8))
    frame = {"y": np.arange(96.0) % 7, "treat": coins[region, hour], "region": region, "hour": hour}
    reg = lyra.fit("y ~ treat", pd.DataFrame(frame), clusters="region", window="hour")
    assert reg.randomisation_test("treat", design=Switchback(1), R=99, rng=1).n_assignments == 100
    with pytest.raises(InputError) as refused:
        reg.randomisation_test("treat", design=Switchback(2), R=99, rng=1)
    assert str(refused.value) == (
        f"the design 'switchback, blocks of 2' cannot have treated these {coins.sum()} of 48 cells: pass the design by "
        "which they were drawn."
    )
