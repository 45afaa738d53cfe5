"""A word -> a design, and a design -> its name."""

from __future__ import annotations

import pytest

from lyra.base.text import spoken_in_the_shell
from lyra.designs import Adoption, ByCluster, ByUser, MinimaxSwitchback, Pairs, Stratified, Switchback
from lyra.designs.named import DESIGNS, Declared, design_name, design_of
from lyra.errors import InputError


@pytest.mark.parametrize(
    ("word", "said", "design"),
    [
        ("cluster", {}, ByCluster()),
        ("cluster", {"treated": "12"}, ByCluster(12)),
        ("cluster", {"treated": "0.25"}, ByCluster(0.25)),
        ("cluster", {"treated": "bernoulli"}, ByCluster("bernoulli")),
        ("user", {"treated": "half"}, ByUser("half")),
        ("stratified", {}, Stratified()),
        ("pairs", {}, Pairs()),
        ("switchback", {}, Switchback(1)),
        ("switchback", {"block": 3}, Switchback(3)),
        ("adoption", {}, Adoption()),
        ("adoption", {"treated": "5"}, Adoption(5)),
        ("minimax", {"carryover": 2}, MinimaxSwitchback(2)),
        ("minimax", {}, MinimaxSwitchback(1)),
        (
            "switchback",
            {"block": 4, "pattern": "alternating", "washout": 1},
            Switchback(4, pattern="alternating", washout=1),
        ),
    ],
)
def test_a_word_and_what_is_said_of_it_make_a_design(word, said, design):
    assert design_of(word, **said) == design


def test_every_design_has_a_word_and_a_name():
    assert {type(design_of(word)) for word in DESIGNS} == set(DESIGNS.values())
    assert set(DESIGNS.values()) == {ByCluster, ByUser, Stratified, Pairs, Switchback, MinimaxSwitchback, Adoption}
    assert design_name(ByCluster(3)) == "cluster-randomised, 3 treated"
    assert design_name(None) == "nothing assigned"


@pytest.mark.parametrize(
    ("word", "said", "told"),
    [
        ("pairs", {"treated": "3"}, "A pairs design takes no --treated: leave it out."),
        ("cluster", {"block": 2}, "A cluster design takes no --block: leave it out."),
        ("cluster", {"washout": 1}, "A cluster design takes no --washout: leave it out."),
        ("pairs", {"pattern": "random"}, "A pairs design takes no --pattern: leave it out."),
        (
            "switchback",
            {"washout": 1},
            "--washout 1 with --block 1; leave out at least 0 and at most 0 windows of a block, so that some remain.",
        ),
        ("switchback", {"treated": "half"}, "A switchback design takes no --treated: leave it out."),
        ("cluster", {"treated": "many"}, "--treated 'many' is not half, bernoulli or a number: pass one of them."),
    ],
)
def test_refusals(word, said, told):
    with spoken_in_the_shell(), pytest.raises(InputError) as refused:
        design_of(word, **said)
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("text", "design", "columns"),
    [
        ("cluster", "cluster", {}),
        ("strata:region", "strata", {"stratum": "region"}),
        ("pairs:a:b", "pairs", {"stratum": "a:b"}),
        ("switchback:hour", Switchback(1), {"window": "hour"}),
        ("switchback:hour:4", Switchback(4), {"window": "hour"}),
        ("switchback:a:b", Switchback(1), {"window": "a:b"}),
        (None, None, {}),
    ],
)
def test_a_declared_draw_is_a_design_and_a_column(text, design, columns):
    declared = Declared.of(text)
    assert (declared.design, declared.columns) == (design, columns)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "region",
            "--design 'region' is unknown: say cluster, strata:COLUMN, pairs:COLUMN or switchback:COLUMN:BLOCK.",
        ),
        ("strata", "--design 'strata' names no column: write strata:COLUMN, with the column that holds them."),
        ("pairs:", "--design 'pairs' names no column: write pairs:COLUMN, with the column that holds them."),
        (
            "switchback",
            "--design 'switchback' names no column: write switchback:COLUMN, with the column that holds windows.",
        ),
        ("cluster:region", "--design 'cluster' takes no column: leave ':region' out."),
    ],
)
def test_what_declares_no_draw_is_refused(text, told):
    with spoken_in_the_shell(), pytest.raises(InputError) as refused:
        Declared.of(text)
    assert str(refused.value) == told
