"""The chunks of a long run, on any number of processes, with the same result.

A chunk is a pair (cell, chunk) whose table depends on the pair alone. The process that starts the run hands
out the chunks, and it alone writes to the store.
"""

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from numbers import Integral
from threading import Thread, Timer
from typing import Any

from lyra.errors import InputError, LyraError
from lyra.trials.chunks import Key, Table, canonical
from lyra.trials.store import Store

__all__ = ["Progress", "Task", "check_workers", "progress_bar", "run_chunks"]

MOST_WORKERS = 256
PATIENCE = 2.0  # seconds that pass before a bar is shown

Task = Callable[[int, int], Table]
"""Computes the table of (cell, chunk) from these two numbers alone."""

Progress = Callable[[int, int], None]
"""Is told the chunks done and the chunks in all."""


def run_chunks(
    task: Task,
    keys: Sequence[Key],
    *,
    store: Store | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[Key, Table]:
    """Return the table of every chunk, computing only those that the store does not have.

    The result does not depend on the number of workers nor on what was stored before.

    Parameters
    ----------
    task : callable (cell, chunk) -> table
        With more than one worker it is pickled: a module's function, or `functools.partial` of one.
    keys : sequence of (cell, chunk)
        The chunks of the run.
    store : Store, optional
        Each chunk is kept there as it arrives.
    workers : int
        Processes; 1 computes in this one.
    progress : callable (done, total), optional
        Called at the start and after each chunk; `progress_bar` makes one.

    Returns
    -------
    dict of (cell, chunk) to table
        In the order of `keys`.

    Raises
    ------
    InputError
        `workers` is not a whole number from 1 to 256.
    LyraError
        A worker process died. What the task itself raises passes through.

    Examples
    --------
    >>> import numpy as np
    >>> def task(cell, chunk):
    ...     return np.random.default_rng([cell, chunk]).random(2).round(2)
    >>> run_chunks(task, [(0, 0), (0, 1)])
    {(0, 0): array([0.64, 0.27]), (0, 1): array([0.89, 0.56])}
    """
    check_workers(workers)
    tell = progress or _silent
    missing = keys if store is None else store.missing(keys)
    tables = {} if store is None else {key: store.get(key) for key in set(keys).difference(missing)}
    tell(len(tables), len(keys))
    processes = min(workers, len(missing))
    with closing(_apart(task, missing, processes) if processes > 1 else _here(task, missing)) as arriving:
        for key, table in arriving:
            tables[key] = canonical(table)
            if store is not None:
                store.put(key, table)
            tell(len(tables), len(keys))
    return {key: tables[key] for key in keys}


def check_workers(workers: int) -> None:
    """Refuse what is not a number of processes."""
    whole = isinstance(workers, Integral) and not isinstance(workers, bool)
    if not whole or not 1 <= workers <= MOST_WORKERS:
        raise InputError(
            f"workers must be a whole number from 1 to {MOST_WORKERS}, got {workers!r}: 1 computes in this process."
        )


@contextmanager
def progress_bar(description: str, *, after: float = PATIENCE) -> Iterator[Progress]:
    """Return a context that shows, on the terminal of stderr, that something is running, and then clears it.

    Its value is told the chunks done and in all, and then shows them with the time left; what has no chunks need not
    call it, and is shown as running. Nothing is written to stdout, nothing at all when stderr is not a terminal, and
    nothing before `after` seconds.

    Parameters
    ----------
    description : str
        What is running.
    after : float
        Seconds before anything is shown.

    Yields
    ------
    callable (done, total)
        What `run_chunks` takes as `progress`.

    Examples
    --------
    >>> import numpy as np
    >>> with progress_bar("calibrating") as progress:
    ...     tables = run_chunks(lambda cell, chunk: np.zeros(1), [(0, 0)], progress=progress)
    """
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich import progress as rich
    from rich.console import Console

    left = rich.TimeRemainingColumn(), rich.TextColumn("left")
    shown = rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn(), *left
    bar = rich.Progress(*shown, console=Console(stderr=True), speed_estimate_period=600, transient=True)
    line = bar.add_task(description, total=None)
    with _started(bar, after):
        yield lambda done, total: bar.update(line, completed=done, total=total)


@contextmanager
def _started(bar: Any, after: float) -> Iterator[None]:
    """Start a bar once `after` seconds have passed, and stop it at the end."""
    timer = Timer(after, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def _silent(done: int, total: int) -> None:
    """Show nothing."""


def _here(task: Task, keys: Sequence[Key]) -> Generator[tuple[Key, Table], None, None]:
    yield from ((key, task(*key)) for key in keys)


def _apart(task: Task, keys: Sequence[Key], workers: int) -> Generator[tuple[Key, Table], None, None]:
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    others = set(active_children())
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_leave_with_parent)
    try:
        with _interrupt_kept_back():
            futures = {pool.submit(task, *key): key for key in keys}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except KeyboardInterrupt:
        for worker in set(active_children()) - others:
            worker.terminate()
        raise
    except BrokenProcessPool as error:
        raise LyraError(
            "a worker process died, for want of memory or because the script calls lyra outside "
            '`if __name__ == "__main__":`; what was stored is kept: run again with workers=1 to see why.'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupt_kept_back() -> Iterator[None]:
    """Hold Ctrl-C until the workers are started: they inherit it held back, and only the parent hears it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_with_parent() -> None:
    """Let a worker end when its parent is killed, and leave Ctrl-C to the parent."""
    from multiprocessing import parent_process

    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=watch, daemon=True).start()
