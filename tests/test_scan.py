"""Rows read in ranges of labels: every row once, whatever the range."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lyra.data import moments
from lyra.formula import parse
from lyra.moments import Moments
from tables import FORMS, STAYS_WHERE_IT_IS

rng = np.random.default_rng(20264)
g = np.repeat(np.arange(12), rng.integers(1, 60, 12))
FRAME = pd.DataFrame(
    {"y": rng.normal(size=g.size), "x": rng.normal(size=g.size), "arm": rng.choice(["a", "b"], g.size), "g": g}
).sample(frac=1.0, random_state=1)
FRAME = FRAME.assign(
    name=[f"é{k}" if k % 2 else f"Z{k}" for k in FRAME["g"]],
    day=pd.Timestamp("2026-03-01") + pd.to_timedelta(FRAME["g"], "D"),
    half=FRAME["g"] / 2,
    even=FRAME["g"] % 2 == 0,
    nano=(pd.Timestamp("2026-03-01") + pd.to_timedelta(FRAME["g"], "D")).astype("datetime64[ns]"),
)


@pytest.mark.parametrize("form", STAYS_WHERE_IT_IS)
@pytest.mark.parametrize("key", ["g", "name", "day", "half", "even", "nano"])
def test_ranges_hold_every_row_once(form, key, tmp_path):
    whole = moments(parse("y ~ x + arm"), FORMS[form](FRAME, tmp_path), clusters=key)
    rows = replace(whole.rows, bytes_at_once=8 * 4 * 50)
    blocks = list(rows.blocks(20))
    codes, X, y = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.bincount(codes), whole.sizes)
    np.testing.assert_array_equal(np.sort(y), np.sort(FRAME["y"]))
    labels = FRAME[key].to_numpy()
    if form == "csv" and key in ("day", "nano"):
        labels = labels.astype("datetime64[D]")
    for label, mean in zip(whole.labels, np.bincount(codes, y) / whole.sizes, strict=True):
        assert mean == pytest.approx(FRAME["y"][labels.astype(str) == str(label)].mean(), rel=1e-12)
    again = Moments.from_rows(rows, whole.labels, names=whole.names)
    np.testing.assert_allclose(again.tensor[:, :-1, :-1].sum(axis=0), X.T @ X, rtol=1e-12)


@pytest.mark.parametrize("form", ["parquet", "polars lazy"])
def test_times_that_differ_by_nanoseconds_stay_apart(form, tmp_path):
    near = FRAME.assign(nano=pd.Timestamp("2026-03-01") + pd.to_timedelta(FRAME["g"], "ns"))
    whole = moments(parse("y ~ x"), FORMS[form](near, tmp_path), clusters="nano")
    codes, _, y = (np.concatenate(p) for p in zip(*replace(whole.rows, bytes_at_once=1).blocks(20), strict=True))
    np.testing.assert_array_equal(whole.sizes, np.bincount(FRAME["g"]))
    np.testing.assert_allclose(np.bincount(codes, y), np.bincount(FRAME["g"], FRAME["y"]), rtol=1e-10)


def test_blocks_of_a_table_in_memory_are_as_long_as_asked():
    held = moments(parse("y ~ x + arm"), FRAME, clusters="g").rows
    sizes = [codes.size for codes, _, _ in held.blocks(100)]
    assert sizes[:-1] == [100] * (len(FRAME) // 100)
    assert sum(sizes) == len(FRAME)
    assert held.n_columns == 3
