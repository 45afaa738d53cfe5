"""A digest knows the content of a run, and neither the order nor the place it came in."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checkpoints import COLUMNS, CONFIG, KEYS, table
from lyra.errors import InputError
from lyra.trials.chunks import canonical, digest
from lyra.trials.store import Store


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(KEYS))
def test_the_digest_does_not_know_the_order_of_arrival(tmp_path_factory, order):
    with Store(tmp_path_factory.mktemp("store") / "run.sqlite", CONFIG) as store:
        for key in order:
            store.put(key, table(*key))
        assert store.digest() == digest({key: table(*key) for key in KEYS})


@given(cuts=st.sets(st.integers(0, 60), max_size=6))
def test_the_digest_does_not_know_where_chunks_end(cuts):
    whole = table(0, 0, rows=60)
    ends = [0, *sorted(cuts), 60]
    parts = {(0, i): whole[a:b] for i, (a, b) in enumerate(itertools.pairwise(ends))}
    assert digest(parts) == digest({(0, 0): whole})


def test_the_digest_knows_everything_else():
    rows = table(0, 0)
    other = rows.copy()
    other["status"][3] ^= 1
    renamed = rows.astype([("p", "<f8"), ("se", "<f8"), ("status", "i1")])
    contents = [
        {(0, 0): rows},
        {(0, 0): other},
        {(0, 0): rows[::-1]},
        {(1, 0): rows},
        {(0, 0): rows, (0, 1): rows},
        {(0, 0): rows, (1, 0): rows},
        {(0, 0): renamed},
        {(0, 0): np.arange(4.0)},
        {(0, 0): np.arange(4.0).reshape(2, 2)},
        {(0, 0): np.arange(4)},
        {},
    ]
    assert len({digest(content) for content in contents}) == len(contents)


def test_equal_content_has_equal_bytes():
    rows = table(0, 0)
    padded = rows.astype(np.dtype(COLUMNS, align=True))
    foreign = rows.astype([("pvalue", ">f8"), ("se", ">f8"), ("status", "i1")])
    assert padded.dtype.itemsize > rows.dtype.itemsize
    for same in (padded, foreign, np.repeat(rows, 2)[::2]):
        assert canonical(same).tobytes() == rows.tobytes()
    for column in (np.array([np.nan, 1.0]), np.array([(np.nan, 1)], [("se", "f8"), ("status", "i1")])):
        negative = column.copy()
        floats = negative if negative.dtype.names is None else negative["se"]
        floats[:1] = -np.nan
        assert np.signbit(floats[0])
        assert digest({(0, 0): negative}) == digest({(0, 0): column})
        assert np.signbit(floats[0])  # the caller's table is not touched


def test_a_table_of_objects(path):
    with Store(path, CONFIG) as store, pytest.raises(InputError) as caught:
        store.put((0, 0), np.array([{}, None]))
    assert str(caught.value) == ("a chunk's table holds Python objects: give columns of numbers or fixed-width text.")
