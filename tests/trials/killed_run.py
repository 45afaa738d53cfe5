"""Runs 400 chunks of 20 ms: `killed_run.py STORE WORKERS`; prints a line a chunk, then the digest."""

import sys
import time

import numpy as np

from lyra.trials.runner import run_chunks
from lyra.trials.store import Store


def slow(cell, chunk):
    time.sleep(0.02)
    return np.random.default_rng([cell, chunk]).random(5)


def main(path, workers):
    keys = [(cell, chunk) for cell in range(4) for chunk in range(100)]
    with Store(path, {"seed": 7, "methods": ["CV1"]}) as store:
        run_chunks(
            slow,
            keys,
            store=store,
            workers=int(workers),
            progress=lambda done, _: print(done, flush=True),
        )
        print(store.digest())


if __name__ == "__main__":
    main(*sys.argv[1:])
