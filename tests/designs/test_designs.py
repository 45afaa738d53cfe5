import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from lyra.data.units import Units
from lyra.designs import Adoption, ByCluster, ByUser, Custom, MinimaxSwitchback, Pairs, Stratified, Switchback
from lyra.errors import InputError

SIX = Units(["a", "a", "b", "c", "d", "d", "e", "f"])
TWO_STRATA = Units([0, 1, 2, 3, 4, 5, 5], stratum=["n", "s", "n", "s", "s", "s", "s"])
THREE_PAIRS = Units([0, 1, 2, 3, 4, 5], stratum=[9, 8, 7, 7, 8, 9])
YEARS = {"window": np.tile([2001, 2002, 2003], 3)}
LAWS = Units(np.repeat(["x", "y", "z"], 3), **YEARS, treatment=[0, 1, 1, 0, 0, 0, 0, 0, 1])
GRID = Units(np.repeat([0, 1], 4), window=np.tile([0, 1, 2, 3], 2))


def balanced(k):
    return lambda T: T.sum() == k


def anything(T):
    return True


def half_of_each_stratum(strata):
    return lambda T: all(2 * T[strata == s].sum() == np.sum(strata == s) for s in np.unique(strata))


def so_many(strata, numbers):
    return lambda T: all(T[strata == s].sum() == number for s, number in enumerate(numbers))


def alternates(T):
    first, second = T[:2], T[2:]
    return first[0] != first[1] and second[0] != second[1]


def adopted(*dates):
    """Say whether each of three clusters is treated from a date on, and the dates, 3 for never, are some of these."""

    def allowed(T):
        laws = T.reshape(3, 3)
        return (np.diff(laws.astype(int)) >= 0).all() and tuple(sorted(3 - laws.sum(axis=1))) in dates

    return allowed


# design, units, number of items, the rule that an assignment of the items must obey
CASES = {
    "by user": (ByUser(), SIX, 8, anything),
    "half of the users": (ByUser("half"), SIX, 8, balanced(4)),
    "users by id": (ByUser(2), Units([0] * 5, user=[1, 1, 2, 3, 4]), 4, balanced(2)),
    "half of the clusters": (ByCluster(), SIX, 6, balanced(3)),
    "half of an odd number": (ByCluster(), Units([1, 2, 3, 4, 5]), 5, balanced(2)),
    "two clusters": (ByCluster(2), SIX, 6, balanced(2)),
    "a third of the clusters": (ByCluster(1 / 3), SIX, 6, balanced(2)),
    "clusters by coin": (ByCluster("bernoulli"), SIX, 6, anything),
    "strata": (Stratified(), TWO_STRATA, 6, half_of_each_stratum(np.array([0, 1, 0, 1, 1, 1]))),
    "so many in each stratum": (Stratified((1, 3)), TWO_STRATA, 6, so_many(np.array([0, 1, 0, 1, 1, 1]), (1, 3))),
    "none in one stratum": (Stratified((0, 2)), TWO_STRATA, 6, so_many(np.array([0, 1, 0, 1, 1, 1]), (0, 2))),
    "pairs": (Pairs(), THREE_PAIRS, 6, half_of_each_stratum(np.array([9, 8, 7, 7, 8, 9]))),
    "blocks": (Switchback(block=2), GRID, 4, anything),
    "windows": (Switchback(block=1), GRID, 8, anything),
    "alternating": (Switchback(block=2, pattern="alternating"), GRID, 4, alternates),
    "adoption at the dates of the data": (Adoption(), LAWS, 9, adopted((1, 2, 3))),
    "adoption at dates said": (Adoption(dates=[2002, 2002]), LAWS, 9, adopted((1, 1, 3))),
    "two adopt": (Adoption(treated=2), LAWS, 9, adopted((1, 1, 3), (1, 2, 3), (2, 2, 3))),
    "one adopts at one of these": (Adoption(1, [2001, 2003, 2003]), LAWS, 9, adopted((0, 3, 3), (2, 3, 3))),
    "all adopt": (Adoption(3, (2002, 2003)), LAWS, 9, adopted((1, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2))),
    "minimax": (MinimaxSwitchback(1), GRID, 4, anything),
}
each_case = pytest.mark.parametrize(("design", "units", "items", "allowed"), CASES.values(), ids=CASES)


@each_case
def test_enumeration_is_every_allowed_assignment_once(design, units, items, allowed):
    brute = {T for T in product([False, True], repeat=items) if allowed(np.array(T))}
    listed = design.enumerate(units)
    assert listed.shape == (len(brute), items)
    assert {tuple(row) for row in listed.tolist()} == brute
    assert design.count(units) == len(brute)
    assert design.enumerable(units)


@each_case
def test_draws_are_uniform_over_the_enumeration(design, units, items, allowed):
    # chi-square at 1e-4: each case fails once in 10,000 seeds
    power = 2 ** np.arange(items)
    known = np.sort(design.enumerate(units) @ power)
    drawn = design.draw_many(units, 200 * len(known), rng=11) @ power
    place = np.searchsorted(known, drawn)
    assert np.array_equal(known[place], drawn)
    assert chisquare(np.bincount(place, minlength=len(known))).pvalue > 1e-4


@each_case
def test_one_draw_is_the_first_of_many_laid_over_the_rows(design, units, items, allowed):
    many = design.draw_many(units, 1, rng=3)
    assert np.array_equal(design.draw(units, rng=3), many[0][design.items(units)])
    assert np.array_equal(design.draw(units, rng=3), design.draw(units, rng=np.random.default_rng(3)))


@each_case
def test_labels_carry_no_meaning(design, units, items, allowed):
    start = np.datetime64("2026-03-01")
    renamed = Units(
        units.cluster.astype(str),
        window=None if units.window is None else start + units.window,
        user=None if units.user is None else units.user * 10,
        stratum=None if units.stratum is None else units.stratum.astype(str),
        treatment=units.treatment,
    )
    dates = getattr(design, "dates", None)
    same = replace(design, dates=[start + date for date in dates]) if dates else design
    assert np.array_equal(same.draw(renamed, rng=5), design.draw(units, rng=5))


@each_case
def test_units_are_made_of_whole_items(design, units, items, allowed):
    item, unit = design.items(units), design.unit_labels(units)
    assert all(len(np.unique(unit[item == i])) == 1 for i in np.unique(item))
    assert design.splits(units, unit) == 0


@pytest.mark.parametrize(
    ("design", "units", "name", "labels"),
    [
        (ByUser(), SIX, "user", range(8)),
        (ByCluster(), SIX, "cluster", [0, 0, 1, 2, 3, 3, 4, 5]),
        (Stratified(), TWO_STRATA, "cluster", [0, 1, 2, 3, 4, 5, 5]),
        (Pairs(), THREE_PAIRS, "pair", [2, 1, 0, 0, 1, 2]),
        (Switchback(block=2), GRID, "block", [0, 0, 1, 1, 2, 2, 3, 3]),
        (Switchback(block=2, pattern="alternating"), GRID, "cluster", [0, 0, 0, 0, 1, 1, 1, 1]),
        (Custom(len, ("cluster", "window")), GRID, "cluster × window", range(8)),
        (Custom(len, "stratum", "cluster"), THREE_PAIRS, "stratum", [2, 1, 0, 0, 1, 2]),
    ],
)
def test_randomisation_unit(design, units, name, labels):
    assert design.unit == name
    assert design.unit_labels(units).tolist() == list(labels)


def test_draws_in_different_randomisation_units_are_independent():
    # Correlations of 4,000 pairs have standard error .016: beyond .08 (5 of them) about once in 2 million.
    for design, units in ((Pairs(), THREE_PAIRS), (Switchback(block=2, pattern="alternating"), GRID)):
        item, first = np.unique(design.items(units), return_index=True)
        drawn = design.draw_many(units, 4_000, rng=2)[:, item].astype(float)
        unit = design.unit_labels(units)[first]
        correlation = np.abs(np.corrcoef(drawn.T))
        assert correlation[unit[:, None] != unit].max() < 0.08
        assert np.allclose(correlation[unit[:, None] == unit], 1)


def test_analysis_finer_than_the_design_is_counted():
    window = GRID.codes("cluster", "window")[0]
    assert Switchback(block=2).splits(GRID, window) == 4
    assert Switchback(block=2).splits(GRID, GRID.cluster) == 0
    assert Switchback(block=2, pattern="alternating").splits(GRID, Switchback(block=2).unit_labels(GRID)) == 2
    assert Pairs().splits(THREE_PAIRS, THREE_PAIRS.cluster) == 3
    assert ByCluster().splits(SIX, np.arange(8)) == 2
    assert ByUser().splits(SIX, SIX.cluster) == 0


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_every_stratum_is_halved(half_sizes, seed):
    stratum = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(half_sizes)), 2 * np.array(half_sizes)))
    units = Units(np.arange(len(stratum)), stratum=stratum)
    drawn = Stratified().draw_many(units, 3, rng=seed)
    for T in drawn:
        assert np.bincount(stratum, weights=T).tolist() == half_sizes
    assert Stratified().count(units) == math.prod(math.comb(2 * k, k) for k in half_sizes)


def test_counts_are_exact_however_large():
    many = Units(np.arange(200))
    assert ByCluster().count(many) == math.comb(200, 100)
    assert ByUser().count(many) == 2**200
    assert not ByCluster().enumerable(many)


def test_the_largest_enumeration_is_complete():
    sixteen = Units(np.arange(16))
    assert ByCluster().enumerate(sixteen).shape == (12_870, 16)
    assert len(np.unique(ByCluster().enumerate(sixteen), axis=0)) == 12_870
    assert not ByCluster().enumerable(Units(np.arange(17)))


def test_arms_alternate_from_block_to_block():
    units = Units(np.repeat(np.arange(3), 8), window=np.tile(np.arange(8), 3))
    T = Switchback(block=2, pattern="alternating").draw(units, rng=1).reshape(3, 4, 2)
    assert np.array_equal(T[:, :, 0], T[:, :, 1])
    assert np.array_equal(T[:, 1:], ~T[:, :-1])


def test_washout_drops_the_start_of_every_block_in_every_cluster():
    units = Units(np.repeat(["x", "y"], 6), window=np.tile(np.arange(6) + 100, 2))
    kept = Switchback(block=3, washout=2).kept(units)
    assert kept.tolist() == [False, False, True] * 4
    assert ByCluster().kept(units).all()


def test_after_a_washout_the_arm_before_is_the_arm_now():
    units = Units(np.repeat(np.arange(5), 12), window=np.tile(np.arange(12), 5))
    for pattern in ("random", "alternating"):
        design = Switchback(block=4, pattern=pattern, washout=1)
        T = design.draw(units, rng=8).reshape(5, 12)
        kept = design.kept(units).reshape(5, 12)[:, 1:]
        assert np.array_equal(T[:, 1:][kept], T[:, :-1][kept])


def test_blocks_follow_the_calendar_where_windows_are_missing():
    units = Units([0, 0, 0, 1, 1, 1], window=[0, 1, 3, 1, 2, 3])
    assert Switchback(block=2).items(units).tolist() == [0, 0, 1, 2, 3, 3]


def test_own_function_sees_items_and_assigns_them():
    def first_in_each_stratum(items, rng):
        return np.r_[True, items.stratum[1:] != items.stratum[:-1]]

    units = Units([0, 0, 1, 2, 3], stratum=[0, 0, 0, 1, 1])
    design = Custom(first_in_each_stratum, "stratum", "cluster")
    assert design.draw(units, rng=0).tolist() == [True, True, False, True, False]
    assert design.draw_many(units, 2, rng=0).tolist() == [[True, False, True, False]] * 2
    assert not design.enumerable(units)


def test_designs_with_equal_settings_are_equal_and_others_not():
    assert ByCluster(3) == ByCluster(3)
    assert ByCluster("half") != ByUser("half")
    assert Switchback(block=2) != Switchback(block=4)


REFUSALS = {
    "word": (
        lambda: ByCluster("haf"),
        "unknown treated='haf'; did you mean 'half'? there is 'half', 'bernoulli'.",
    ),
    "share above one": (
        lambda: ByCluster(1.2),
        "treated=1.2 is not a share; give one between 0 and 1, or a whole number to treat so many.",
    ),
    "negative share": (
        lambda: ByUser(-0.1),
        "treated=-0.1 is not a share; give one between 0 and 1, or a whole number to treat so many.",
    ),
    "all treated": (
        lambda: ByCluster(6).draw(SIX, rng=1),
        "treated=6 of 6 clusters leaves an arm empty; treat at least 1 and at most 5.",
    ),
    "share rounds to none": (
        lambda: ByCluster(0.01).draw(SIX, rng=1),
        "treated=0.01 of 6 clusters leaves an arm empty; treat at least 1 and at most 5.",
    ),
    "fewer clusters than arms": (
        lambda: ByCluster().draw(Units(["a", "a"]), rng=1),
        "there is 1 cluster for 2 arms; add clusters or randomise a finer unit.",
    ),
    "odd stratum": (
        lambda: Stratified().count(Units([1, 2, 3, 4, 5], stratum=["n", "n", "s", "s", "s"])),
        "stratum s has 3 clusters, an odd number; move one to another stratum or leave it out.",
    ),
    "a number a stratum": (
        lambda: Stratified((1, 2, 1)).draw(TWO_STRATA, rng=1),
        (
            "treated=(1, 2, 1) does not fit strata of 2, 4 clusters; give a number for each, in the order of the "
            "sorted strata."
        ),
    ),
    "more than a stratum has": (
        lambda: Stratified((3, 0)).draw(TWO_STRATA, rng=1),
        (
            "treated=(3, 0) does not fit strata of 2, 4 clusters; give a number for each, in the order of the "
            "sorted strata."
        ),
    ),
    "all strata treated": (
        lambda: Stratified((2, 4)).draw(TWO_STRATA, rng=1),
        "treated=(2, 4) leaves an arm empty; treat some clusters, and not all.",
    ),
    "not a pair": (
        lambda: Pairs().count(Units([1, 2, 3, 4, 5, 6], stratum=[1, 1, 7, 7, 7, 7])),
        "pair 7 has 4 clusters and a matched pair has exactly 2; match it anew or leave it out.",
    ),
    "cluster in two strata": (
        lambda: Pairs().count(Units(["a", "a", "b"], stratum=["x", "y", "x"])),
        "cluster a lies in strata x and y; a stratum holds whole clusters.",
    ),
    "no strata": (
        lambda: Stratified().draw(SIX, rng=1),
        "these units have no stratum; give Units a stratum label for every row.",
    ),
    "no windows": (
        lambda: Switchback().draw(SIX, rng=1),
        "these units have no window; give Units a window label for every row.",
    ),
    "windows not divisible": (
        lambda: Switchback(block=3).draw(GRID, rng=1),
        "4 windows are not divisible by block=3; choose a block that divides 4, or leave the last 1 out.",
    ),
    "one block": (
        lambda: Switchback(block=2).draw(Units([0, 0], window=[0, 1]), rng=1),
        "there is 1 block for 2 arms; add blocks or randomise a finer unit.",
    ),
    "empty block": (lambda: Switchback(block=0), "block=0; a switchback block holds at least 1 window."),
    "washout too long": (
        lambda: Switchback(block=4, washout=4),
        "washout=4 with block=4; leave out at least 0 and at most 3 windows of a block, so that some remain.",
    ),
    "pattern": (
        lambda: Switchback(pattern="altern"),
        "unknown switchback pattern 'altern'; did you mean 'alternating'? there is 'random', 'alternating'.",
    ),
    "function's shape": (
        lambda: Custom(lambda items, rng: [1, 0]).draw(SIX, rng=1),
        "the design function returned shape (2,) for 6 items; return a 0 or a 1 for each of them.",
    ),
    "function's values": (
        lambda: Custom(lambda items, rng: [0, 1, 2, 0, 1, 0]).draw(SIX, rng=1),
        "the design function returned 2; return a 0 or a 1 for each item.",
    ),
    "function counted": (
        lambda: Custom(len).count(SIX),
        "a design function can be drawn from but not counted; use one of lyra's own designs.",
    ),
    "function enumerated": (
        lambda: Custom(len).enumerate(SIX),
        "a design function can be drawn from but not enumerated; use one of lyra's own designs.",
    ),
    "too many to list": (
        lambda: ByCluster().enumerate(Units(np.arange(18))),
        "this design has more than 20,000 assignments, too many to list; draw some with draw_many.",
    ),
}


@pytest.mark.parametrize(("act", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(act, sentence):
    with pytest.raises(InputError) as refusal:
        act()
    assert str(refusal.value) == sentence


def test_a_design_says_which_labels_it_reads():
    """Units without any other label are enough for the design, and without one it reads they are not."""
    everything = {"window": np.arange(8) % 2, "user": np.arange(8), "stratum": np.arange(8) // 4}
    own = Custom(lambda items, rng: np.arange(len(items)) % 2, level=("stratum", "window"))
    for design in (ByCluster(), ByUser(), Stratified(), Pairs(), Switchback(1), own):
        read = {name: everything[name] for name in design.reads}
        assert design.items(Units(np.arange(8) // 2, **read)).shape == (8,)
        for missing in set(read) - {"user"}:  # without users every row is one
            with pytest.raises(InputError, match=f"these units have no {missing}"):
                design.items(Units(np.arange(8) // 2, **{name: read[name] for name in read if name != missing}))


# Adoption: what it cannot deal


def laws(*treatment, **labels):
    return Units(np.repeat(["x", "y", "z"], 3), **(YEARS | labels), treatment=np.array(treatment, dtype=float))


NOBODY = laws(0, 0, 0, 0, 0, 0, 0, 0, 0)
UNEVEN = Units(["x", "x", "y", "y"], window=[1, 1, 1, 2], treatment=[1, 0, 0, 0])


@pytest.mark.parametrize(
    ("design", "units", "told"),
    [
        (
            Adoption(),
            laws(0, 1, 0, 0, 0, 1, 0, 0, 0),
            (
                "cluster x has an untreated row in window 2003, after it adopted or beside treated rows; an adoption "
                "is of whole clusters and lasts: name what adopts as the cluster, or draw by another design."
            ),
        ),
        (
            Adoption(),
            UNEVEN,
            (
                "cluster x has an untreated row in window 1, after it adopted or beside treated rows; an adoption "
                "is of whole clusters and lasts: name what adopts as the cluster, or draw by another design."
            ),
        ),
        (
            Adoption(),
            NOBODY,
            (
                "every cluster never adopts, and dates that are all alike cannot be dealt again: say how many adopt, "
                "with treated=."
            ),
        ),
        (
            Adoption(),
            laws(0, 1, 1, 0, 1, 1, 0, 1, 1),
            (
                "every cluster adopts at 2002, and dates that are all alike cannot be dealt again: say how many adopt, "
                "with treated=."
            ),
        ),
        (
            Adoption(),
            laws(0, 0.5, 1, 0, 0, 0, 0, 0, 0),
            "the treatment holds 0.5; a treatment that is drawn again is 0 or 1.",
        ),
        (
            Adoption(dates=[2001, 2004]),
            LAWS,
            "the date 2004 is no window: there is 2001, 2002, 2003.",
        ),
        (
            Adoption(dates=[2002] * 4),
            LAWS,
            "4 dates for 3 clusters: give at most one a cluster, or treated=.",
        ),
        (Adoption(4), LAWS, "treated=4 of 3 clusters cannot adopt; let 1 adopt and at most 3."),
        (
            Adoption(1),
            Units(["x", "y"], window=[3, 3]),
            "there is 1 window, and an adoption needs one before it: name the column of dates.",
        ),
        (
            Adoption(1),
            SIX,
            "these units have no window; give Units a window label for every row.",
        ),
        (
            Adoption(),
            GRID,
            "these units have no treatment; give Units a treatment label for every row.",
        ),
    ],
)
def test_adoptions_that_cannot_be_drawn_again(design, units, told):
    with pytest.raises(InputError) as refused:
        design.draw(units, rng=0)
    assert str(refused.value) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"treated": "bernoulli"}, "treated='bernoulli' is no number of adopters: give one, or a share."),
        ({"dates": 2003}, "dates=2003 is no sequence of dates: give several, such as dates=(3, 5, 5)."),
        ({"dates": "2003"}, "dates='2003' is no sequence of dates: give several, such as dates=(3, 5, 5)."),
        ({"dates": ()}, "dates=() is empty: give a date, or leave it out."),
    ],
)
def test_adoptions_that_are_none(said, told):
    with pytest.raises(InputError) as refused:
        Adoption(**said)
    assert str(refused.value) == told


def test_an_adoption_says_what_it_deals():
    assert Adoption().title == "staggered adoption"
    assert Adoption(5).title == "staggered adoption, 5 adopting"
    assert Adoption(5, (3, 4)).title == "staggered adoption, 5 adopting, dates 3, 4"
    assert Adoption().reads == ("window", "treatment")
    assert Adoption(5).reads == Adoption(dates=(3,)).reads == ("window",)
    assert hash(Adoption(dates=np.array([3, 4]))) == hash(Adoption(dates=[3, 4]))


def test_a_cluster_that_is_not_seen_in_every_window_is_treated_where_it_is():
    units = Units(["x", "x", "y", "y", "y"], window=[1, 3, 1, 2, 3], treatment=[0, 0, 0, 1, 1])
    assert Adoption().enumerate(units).astype(int).tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 1, 1]]


def test_many_dealings_are_counted_and_not_listed():
    units = Units(np.repeat(np.arange(50), 5), window=np.tile(np.arange(5), 50))
    design = Adoption(dates=[2] * 10 + [3] * 10)
    assert design.count(units) == math.factorial(50) // (math.factorial(30) * math.factorial(10) ** 2)
    assert not design.enumerable(units)
    big = Units(np.repeat(np.arange(5000), 2), window=np.tile([0, 1], 5000))
    assert not Adoption(dates=np.ones(2000, dtype=int)).enumerable(big)
