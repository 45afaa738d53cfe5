"""The store: whole chunks or none, one configuration, and nothing ever deleted."""

import itertools
import sqlite3
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra.errors import DataError, InputError, LyraError
from lyra.trials.store import MAGIC, Store, canonical, digest

CONFIG = {
    "seed": 7,
    "cells": [{"world": {"icc": 0.02, "outcome": "spend"}, "methods": ["iid", "CV1"]}],
    "alpha": 0.05,
}

COLUMNS = [("pvalue", "<f8"), ("se", "<f8"), ("status", "i1")]


def table(cell, chunk, rows=20):
    drawn = np.random.default_rng([cell, chunk])
    replicates = np.zeros(rows, COLUMNS)
    replicates["pvalue"], replicates["se"] = drawn.random((2, rows))
    replicates["status"] = drawn.integers(0, 2, rows)
    return replicates


KEYS = [(cell, chunk) for cell in range(3) for chunk in range(4)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.sqlite"


@pytest.fixture
def full(path):
    with Store(path, CONFIG) as store:
        for key in KEYS:
            store.put(key, table(*key))
    return path


# Theorems


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


# Properties


def test_what_was_put_is_there_when_opened_again(full):
    with Store(full, CONFIG) as store:
        assert store.keys() == KEYS
        assert store.missing([(3, 0), *KEYS, (0, 4)]) == [(3, 0), (0, 4)]
        for key in KEYS:
            np.testing.assert_array_equal(store.get(key), table(*key))
            assert store.get(key).dtype == np.dtype(COLUMNS)


def test_numbers_of_numpy_are_keys_too(path):
    with Store(path, CONFIG) as store:
        key = (np.int64(2), np.int64(3))
        store.put(key, table(2, 3))
        assert store.missing([key]) == []
        np.testing.assert_array_equal(store.get(key), table(2, 3))


def test_a_chunk_that_is_there_stays(full):
    with Store(full, CONFIG) as store:
        store.put((0, 0), np.zeros(3))
        np.testing.assert_array_equal(store.get((0, 0)), table(0, 0))


def test_a_second_reader_sees_chunks_while_the_run_goes_on(path):
    with Store(path, CONFIG) as writer, Store(path, CONFIG) as reader:
        writer.put((0, 0), table(0, 0))
        assert reader.keys() == [(0, 0)]


def test_the_order_of_fields_and_the_kind_of_sequence_do_not_matter(full):
    same = {"alpha": 0.05, "cells": ({**CONFIG["cells"][0]},), "seed": 7}
    with Store(full, same) as store:
        assert store.keys() == KEYS


def test_a_file_made_and_killed_before_its_first_transaction_is_a_new_store(path):
    path.touch()
    Store(path, CONFIG).close()
    path.unlink()
    with sqlite3.connect(path) as made:  # as far as `PRAGMA journal_mode`
        made.execute("PRAGMA journal_mode = WAL")
    made.close()
    with Store(path, CONFIG) as store:
        assert store.keys() == []


def test_any_damage_is_refused_or_harmless_and_the_bytes_are_kept(full):
    # 120 damaged copies, from a fixed seed: bytes overwritten in one place, or the end cut off.
    sound, chance = full.read_bytes(), Random(20261122)
    with Store(full, CONFIG) as store:
        expected = store.digest()
    refused = 0
    for trial in range(120):
        damaged = bytearray(sound)
        at = chance.randrange(len(sound)) if trial % 2 else chance.randrange(200)
        if trial % 5 == 0:
            del damaged[at:]
        else:
            damaged[at : at + 8] = chance.randbytes(8)
        copy = full.with_name(f"{trial}.sqlite")
        copy.write_bytes(damaged)
        try:
            with Store(copy, CONFIG) as store:
                assert store.digest() == expected or not damaged
        except LyraError:
            refused += 1
            aside = copy.with_name(f"{copy.name}.corrupt-1")
            assert (aside if aside.exists() else copy).read_bytes() == damaged
    assert refused > 60


# Refusals


def refusal(kind, path, config=CONFIG):
    with pytest.raises(kind) as caught:
        Store(path, config)
    return str(caught.value)


def test_another_configuration_is_refused_by_field(full):
    before = full.read_bytes()
    other = {
        "seed": 7,
        "cells": [{"world": {"icc": 0.05, "outcome": "spend"}, "methods": ["iid", "CV1", "CV3"]}],
    }
    assert refusal(InputError, full, other) == (
        f"the store {full} was made by another configuration: "
        "alpha is 0.05 in the store and absent in this run, "
        'cells[0].methods[2] is absent in the store and "CV3" in this run, '
        "cells[0].world.icc is 0.02 in the store and 0.05 in this run; "
        "choose another store for this run, or set this back."
    )
    assert full.read_bytes() == before
    with Store(full, CONFIG) as store:
        assert store.keys() == KEYS


OTHERS = [b"y,t,g\n1,0,a\n" * 100, b"S", b"not a database at all" * 100, MAGIC, MAGIC + bytes(200)]


@pytest.mark.parametrize("content", OTHERS, ids=["csv", "one byte", "text", "magic alone", "magic and zeros"])
def test_a_file_that_is_not_lyras_is_left_as_it_is(path, content):
    path.write_bytes(content)
    assert refusal(DataError, path).endswith(
        "of another program, and was left as it is: choose another path for the store."
    )
    assert path.read_bytes() == content
    assert [other.name for other in path.parent.iterdir()] == [path.name]


def test_a_link_to_a_file_that_is_not_lyras_is_left_as_it_is(path):
    sales = path.with_name("sales.csv")
    sales.write_bytes(OTHERS[0])
    path.symlink_to(sales)
    assert "of another program, and was left as it is" in refusal(DataError, path)
    assert (path.is_symlink(), sales.read_bytes()) == (True, OTHERS[0])


def test_a_second_corrupt_store_does_not_take_the_name_of_the_first(full):
    half = full.read_bytes()[:8192]
    full.write_bytes(half)
    full.with_name("run.sqlite.corrupt-1").write_bytes(b"an earlier one")
    assert f"it was moved to {full.with_name('run.sqlite.corrupt-2')} and" in refusal(DataError, full)
    assert full.with_name("run.sqlite.corrupt-1").read_bytes() == b"an earlier one"
    assert full.with_name("run.sqlite.corrupt-2").read_bytes() == half
    with Store(full, CONFIG) as store:
        assert store.keys() == []


def test_a_store_cut_short_is_kept_aside(full):
    half = full.read_bytes()[:8192]
    full.write_bytes(half)
    aside = full.with_name("run.sqlite.corrupt-1")
    assert refusal(DataError, full) == (
        f"the store {full} is corrupt (database disk image is malformed): it was moved to {aside} and "
        "nothing was deleted; run again to start a new store."
    )
    assert aside.read_bytes() == half


def test_a_store_that_lost_its_list_of_tables_is_not_a_new_store(full):
    content = bytearray(full.read_bytes())
    content[103:105] = bytes(2)  # the number of entries on the first page
    full.write_bytes(content)
    assert " is corrupt (" in refusal(DataError, full)
    assert full.with_name("run.sqlite.corrupt-1").read_bytes() == content


def test_a_changed_digit_is_noticed(full):
    content = full.read_bytes()
    number = table(1, 2)["pvalue"][7].tobytes()
    assert content.count(number) == 1
    full.write_bytes(content.replace(number, table(1, 2)["pvalue"][8].tobytes()))
    aside = full.with_name("run.sqlite.corrupt-1")
    assert refusal(DataError, full) == (
        f"the store {full} is corrupt (chunk 2 of cell 1 does not match its checksum): it was moved to "
        f"{aside} and nothing was deleted; run again to start a new store."
    )


def test_a_changed_configuration_is_noticed(full):
    full.write_bytes(full.read_bytes().replace(b'"icc":0.02', b'"icc":0.03'))
    assert "(its configuration does not match its checksum)" in refusal(DataError, full)


def test_the_log_of_a_corrupt_store_goes_with_it(full):
    half = full.read_bytes()[:8192]
    full.write_bytes(half)
    full.with_name("run.sqlite-wal").write_bytes(b"the log")
    refusal(DataError, full)
    assert not full.exists()
    assert full.with_name("run.sqlite.corrupt-1").read_bytes() == half
    assert full.with_name("run.sqlite.corrupt-1-wal").read_bytes() == b"the log"


def test_the_database_of_another_program_is_left_alone(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE customers (name)")
    other.close()
    before = path.read_bytes()
    assert refusal(DataError, path) == (
        f"{path} is a database of another program, and was left as it is: choose another path for the store."
    )
    assert path.read_bytes() == before


def test_a_store_of_another_format_is_left_alone(full):
    with sqlite3.connect(full) as later:
        later.execute("PRAGMA user_version = 9")
    later.close()
    assert refusal(DataError, full) == (
        f"the store {full} has format 9 and this lyra reads format 2: choose another store."
    )


def test_a_folder_that_is_not_there(tmp_path):
    path = tmp_path / "nowhere" / "run.sqlite"
    assert refusal(DataError, path) == (
        f"the store {path} cannot be used (unable to open database file): check that its folder exists, may "
        "be written to and has room, and that no other run holds it."
    )


def test_a_chunk_that_was_not_put(full):
    with Store(full, CONFIG) as store, pytest.raises(InputError) as caught:
        store.get((5, 1))
    assert str(caught.value) == f"chunk 1 of cell 5 is not in the store {full}: run it first."


def test_a_table_of_objects(path):
    with Store(path, CONFIG) as store, pytest.raises(InputError) as caught:
        store.put((0, 0), np.array([{}, None]))
    assert str(caught.value) == ("a chunk's table holds Python objects: give columns of numbers or fixed-width text.")
