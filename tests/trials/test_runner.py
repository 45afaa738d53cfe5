"""Long runs: the same result for any number of workers, and after any number of kills."""

import os
import pty
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pytest

from lyra.errors import InputError, LyraError
from lyra.trials.chunks import digest
from lyra.trials.runner import run_chunks
from lyra.trials.store import Store

CONFIG = {"seed": 7, "methods": ["CV1"]}
KEYS = [(cell, chunk) for cell in range(2) for chunk in range(6)]

RUN = Path(__file__).parent / "killed_run.py"
"""A program that runs 400 slow chunks into a store; also the module its workers import."""


def replicates(cell, chunk, *, rows=5):
    return np.random.default_rng([cell, chunk]).random(rows)


def test_the_task_is_run_once_a_chunk_and_what_is_stored_is_not_run(tmp_path):
    ran = []

    def task(cell, chunk):
        ran.append((cell, chunk))
        return replicates(cell, chunk)

    with Store(tmp_path / "run.sqlite", CONFIG) as store:
        first = run_chunks(task, KEYS[:5], store=store)
        whole = run_chunks(task, KEYS, store=store)
        assert ran == KEYS
        assert list(first) == KEYS[:5]
        assert list(whole) == KEYS
        assert digest(whole) == store.digest() == digest(run_chunks(replicates, KEYS[::-1]))
    for key in KEYS:
        np.testing.assert_array_equal(whole[key], replicates(*key))


def test_progress_counts_from_what_is_stored(tmp_path):
    told = []
    with Store(tmp_path / "run.sqlite", CONFIG) as store:
        run_chunks(replicates, KEYS[:9], store=store)
        run_chunks(replicates, KEYS, store=store, progress=lambda done, total: told.append((done, total)))
    assert told == [(9, 12), (10, 12), (11, 12), (12, 12)]


def test_chunks_done_before_the_task_fails_are_kept(tmp_path):
    def task(cell, chunk):
        if (cell, chunk) == (0, 3):
            raise ZeroDivisionError("chunk 3")
        return replicates(cell, chunk)

    with Store(tmp_path / "run.sqlite", CONFIG) as store:
        with pytest.raises(ZeroDivisionError, match="chunk 3"):
            run_chunks(task, KEYS, store=store)
        assert store.keys() == KEYS[:3]


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_do_not_change_the_digest(workers):
    tables = run_chunks(partial(replicates, rows=50), KEYS, workers=workers)
    assert list(tables) == KEYS
    assert digest(tables) == digest(run_chunks(partial(replicates, rows=50), KEYS))


def failing(cell, chunk):
    raise ZeroDivisionError(f"{cell}, {chunk}")


def dying(cell, chunk):
    os._exit(1)


def test_what_a_task_raises_in_a_worker_passes_through():
    with pytest.raises(ZeroDivisionError, match=r"\d, \d"):
        run_chunks(failing, KEYS, workers=2)


def test_a_worker_that_dies_is_a_refusal():
    with pytest.raises(LyraError) as caught:
        run_chunks(dying, KEYS, workers=2)
    assert str(caught.value) == (
        "a worker process died, for want of memory or because the script calls lyra outside "
        '`if __name__ == "__main__":`; what was stored is kept: run again with workers=1 to see why.'
    )


@pytest.mark.parametrize("workers", [0, -1, 100_000, 1.5, True, None, "2"])
def test_no_number_of_workers(workers):
    with pytest.raises(InputError) as caught:
        run_chunks(replicates, KEYS, workers=workers)
    assert (
        str(caught.value)
        == f"workers must be a whole number from 1 to 256, got {workers!r}: 1 computes in this process."
    )


@pytest.mark.certify
def test_killed_ten_times_with_1_2_and_4_workers_it_ends_with_one_digest(tmp_path):
    path, chance = tmp_path / "run.sqlite", Random()
    survived = []
    for kill in range(10):
        run = start(path, workers=(1, 2, 4)[kill % 3])
        # Wait for up to 20 chunks of this start, then for a random part of one more: never all 400.
        for _ in range(chance.randrange(1, 20)):
            run.stdout.readline()
        time.sleep(chance.uniform(0, 0.02))
        run.send_signal(signal.SIGKILL)
        # The pipe ends when the last process that holds it has: no worker outlives the kill.
        run.communicate(timeout=10)
        assert run.returncode == -signal.SIGKILL
        with Store(path, CONFIG) as store:
            survived.append(len(store.keys()))
    assert survived == sorted(survived)
    assert 0 < survived[-1] < 400
    run = start(path, workers=4)
    printed, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    assert printed.split()[-1] == straight_through()


def start(path, workers):
    command = [sys.executable, str(RUN), str(path), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def straight_through():
    keys = [(cell, chunk) for cell in range(4) for chunk in range(100)]
    return digest(run_chunks(replicates, keys))


def test_time_left_is_shown_on_a_terminal_and_only_there():
    program = (
        "from lyra.trials.runner import progress_bar\n"
        "with progress_bar('calibrating', after=0) as progress:\n"
        "    for done in range(4): progress(done, 3)\n"
        "print('answer')\n"
    )
    terminal, stderr = pty.openpty()
    shown = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=stderr, check=True)
    os.close(stderr)
    drawn = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert shown.stdout == b"answer\n"
    assert "calibrating" in drawn
    assert "3/3" in drawn
    assert "left" in drawn
    quiet = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert (quiet.stdout, quiet.stderr) == (b"answer\n", b"")
