"""A store with all the chunks of a run."""

import pytest

from checkpoints import CONFIG, KEYS, table
from lyra.trials.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.sqlite"


@pytest.fixture
def full(path):
    with Store(path, CONFIG) as store:
        for key in KEYS:
            store.put(key, table(*key))
    return path
