"""Nothing ever deleted: what is corrupt is kept aside, what is not a store of lyra's is left as it is."""

import sqlite3
from random import Random

import pytest

from checkpoints import CONFIG, table
from lyra.errors import DataError, LyraError
from lyra.trials.integrity import MAGIC
from lyra.trials.store import Store


def refusal(kind, path, config=CONFIG):
    with pytest.raises(kind) as caught:
        Store(path, config)
    return str(caught.value)


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
