"""The store: whole chunks or none, and one configuration."""

import sqlite3

import numpy as np
import pytest

from checkpoints import COLUMNS, CONFIG, KEYS, table
from lyra.errors import DataError, InputError
from lyra.trials.store import Store


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
