"""What was asked, as a certificate records it and in words; and what a store knows a run by."""

from __future__ import annotations

import json

import numpy as np

from lyra.designs import ByCluster
from lyra.simulation.world import World
from lyra.verdict.record import counted, in_words, one_hash, recorded, run_record
from scenarios import past, world


def test_what_is_left_at_its_default_is_not_recorded_but_for_the_size_of_a_world():
    told = {"kind": "World", "n_clusters": 9, "cluster_size": 35, "icc": 0.02, "effect": 0.3}
    assert recorded(World(9, effect=0.3)) == told
    assert recorded([ByCluster(), ByCluster(3)]) == [{"kind": "ByCluster"}, {"kind": "ByCluster", "treated": 3}]
    assert recorded({1: np.float64, "own": len}) == {"1": "type", "own": "builtin_function_or_method"}


def test_a_world_in_words_is_the_call_that_makes_it():
    assert in_words("own data") == "own data"
    assert in_words(recorded(World(9))) == "World(n_clusters=9, cluster_size=35, icc=0.02)"
    several = recorded({"a": World(9), "b": World(12, icc=0.1)})
    assert in_words(several) == "World(n_clusters=[9, 12], cluster_size=35, icc=[0.02, 0.1])"


def test_what_is_known_of_the_data_is_counted():
    assert counted({}) == ""
    assert counted({"rows": 1_200, "clusters": 30}) == ", 1,200 rows in 30 clusters"
    assert counted({"rows": 9, "dropped_rows": 2}) == ", 9 rows (2 left out for a missing value)"


def test_one_hash_knows_every_part_and_not_their_order():
    assert one_hash({"a": 1, "b": 2}) == one_hash({"b": 2, "a": 1})
    assert len({one_hash(parts) for parts in ({"a": 1}, {"a": 2}, {"b": 1}, {"a": 1, "b": 1})}) == 4


def test_a_run_is_known_by_every_cell_and_its_rule():
    rule = {"alpha": 0.05, "tolerance": 1.25, "first": 500, "maximum": None}
    one = run_record([world("CV1"), past("CV1")], rule)
    assert json.loads(json.dumps(one)) == one
    assert one == run_record([world("CV1"), past("CV1")], rule)
    others = [
        run_record([world("CV2"), past("CV1")], rule),
        run_record([world("CV1", seed=2), past("CV1")], rule),
        run_record([world("CV1", icc=0.2), past("CV1")], rule),
        run_record([world("CV1"), past("CV1", G=9)], rule),
        run_record([past("CV1"), world("CV1")], rule),
        run_record([world("CV1"), past("CV1")], rule | {"alpha": 0.01}),
    ]
    assert len({json.dumps(each) for each in (one, *others)}) == 7
