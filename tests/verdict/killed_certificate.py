"""Certifies three methods on a world: `killed_certificate.py STORE WORKERS`; prints a line a block, then the digest."""

import sys

from lyra.designs import ByCluster
from lyra.simulation.from_world import WorldSource
from lyra.simulation.world import World
from lyra.trials.store import Store
from lyra.trials.trial import Scenario, Trial
from lyra.verdict.looks import certify_scenarios

METHODS = ("iid", "CV1", "WCR-11")


def certified(store=None, workers=1, progress=None):
    source = WorldSource(World(20), ByCluster())
    scenarios = [
        Scenario(design="clusters", trial=Trial(cell=0, source=source, methods=METHODS, seed=3), n_clusters=20)
    ]
    return certify_scenarios(scenarios, seed=3, maximum=4_000, store=store, workers=workers, progress=progress)


def main(path, workers):
    with Store(path, {"seed": 3}) as store:
        print(certified(store, int(workers), lambda done, _: print(done, flush=True)).digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
