"""Who else could have been treated: by a design, as the same list written out."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.designs import ByCluster, ByUser, Custom, Pairs, Stratified, Switchback
from lyra.errors import InputError

G = 8
PAIR = np.arange(G) // 2
HALF = np.arange(G) // 4


def table(treated, *, seed=20_282, G=G):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(G), 2 + np.arange(G) % 3)
    y = rng.normal(size=G)[g] + rng.normal(size=g.size)
    return pd.DataFrame({"y": y, "treat": np.isin(g, treated) * 1, "x": rng.normal(size=g.size), "g": g})


def reg(treated=(0, 2, 5, 7), **asked):
    return lyra.fit("y ~ treat + x", table(treated, **asked), clusters="g")


def marks(sets, G=G):
    """Lists of treated clusters as assignments (G, R)."""
    return np.array([[g in treated for treated in sets] for g in range(G)])


EVERY_PAIR = list(product((0, 1), (2, 3), (4, 5), (6, 7)))
EVERY_HALF = [(*a, *b) for a, b in product(combinations(range(4), 2), combinations(range(4, 8), 2))]


@pytest.mark.parametrize("statistic", ["t", "beta"])
@pytest.mark.parametrize(
    ("design", "stratum", "sets"),
    [
        (Pairs(), PAIR, EVERY_PAIR),
        (Stratified(), HALF, EVERY_HALF),
        (ByCluster(4), None, list(combinations(range(G), 4))),
        (ByCluster(), None, list(combinations(range(G), 4))),
        (ByCluster("bernoulli"), None, [s for n in range(G + 1) for s in combinations(range(G), n)]),
    ],
    ids=["pairs", "strata", "so many", "half", "coins"],
)
def test_a_design_is_the_list_of_its_assignments(design, stratum, sets, statistic):
    asked = {"statistic": statistic}
    by_design = reg().randomisation_test("treat", design=design, stratum=stratum, **asked)
    by_list = reg().randomisation_test("treat", assignments=marks(sets), **asked)
    assert by_design.enumerated
    assert by_design.n_assignments == len(sets)
    assert by_design.pvalue == by_list.pvalue
    np.testing.assert_allclose(np.sort(by_design.distribution), np.sort(by_list.distribution), rtol=1e-12)


@pytest.mark.parametrize(
    ("word", "stratum", "treated", "sets"),
    [
        ("cluster", None, (1, 4, 6), list(combinations(range(G), 3))),
        ("pairs", PAIR, (0, 2, 5, 7), EVERY_PAIR),
        ("strata", HALF, (1, 4, 6), [(a, *b) for a, b in product(range(4), combinations(range(4, 8), 2))]),
        ("strata", HALF, (4, 6), list(combinations(range(4, 8), 2))),
    ],
    ids=["cluster", "pairs", "strata", "none of one stratum"],
)
def test_a_word_treats_as_many_clusters_as_were_treated(word, stratum, treated, sets):
    by_word = reg(treated).randomisation_test("treat", design=word, stratum=stratum)
    by_list = reg(treated).randomisation_test("treat", assignments=marks(sets))
    assert (by_word.enumerated, by_word.n_assignments) == (True, len(sets))
    np.testing.assert_allclose(np.sort(by_word.distribution), np.sort(by_list.distribution), rtol=1e-12)


def test_without_a_design_as_many_are_drawn_as_were_treated():
    test = reg((1, 4, 6)).randomisation_test("treat")
    assert test.n_assignments == 56
    assert test.pvalue == reg((1, 4, 6)).randomisation_test("treat", design=ByCluster(3)).pvalue


@pytest.mark.parametrize(("design", "stratum", "sets"), [(Pairs(), PAIR, EVERY_PAIR), (Stratified(), HALF, EVERY_HALF)])
def test_it_is_exact_under_the_design(design, stratum, sets):
    """Of all the experiments the design could have made on fixed outcomes, p ≤ q in at most a share q."""
    pvalues = np.array([reg(s).randomisation_test("treat", design=design, stratum=stratum).pvalue for s in sets])
    for q in np.unique(pvalues):
        assert np.mean(pvalues <= q) <= q + 1e-12


def test_strata_by_label_are_those_in_order():
    by_label = {g: f"region {g // 4}" for g in range(G)}
    first = reg().randomisation_test("treat", design=Stratified(), stratum=by_label)
    assert first.pvalue == reg().randomisation_test("treat", design=Stratified(), stratum=HALF).pvalue


def test_many_are_drawn_by_the_design_and_the_actual_one_is_among_them():
    large = reg(range(0, 40, 2), G=40)
    asked = {"design": Pairs(), "stratum": np.arange(40) // 2, "statistic": "beta", "R": 199}
    test = large.randomisation_test("treat", rng=1, **asked)
    assert (test.enumerated, test.n_assignments) == (False, 200)
    assert test.distribution[0] == pytest.approx(large.coef[1], rel=1e-9)
    assert np.array_equal(test.distribution, large.randomisation_test("treat", rng=1, **asked).distribution)


def test_a_design_of_your_own_is_drawn_from():
    first = Custom(lambda items, rng: rng.permutation(len(items)) < 4)
    test = reg().randomisation_test("treat", design=first, R=99, rng=2)
    assert (test.enumerated, test.n_assignments, test.n_undefined) == (False, 100, 0)


@pytest.mark.parametrize(
    ("treated", "asked", "told"),
    [
        (
            (0, 2, 5, 7),
            {"design": Pairs()},
            (
                "the design 'matched pairs' reads the stratum of each cluster: pass stratum=, a label a cluster in "
                "the order of fit.labels, or a mapping."
            ),
        ),
        (
            (0, 2, 5, 7),
            {"design": ByCluster(), "stratum": PAIR},
            "the design 'cluster-randomised' reads no stratum: leave stratum= out.",
        ),
        (
            (0, 2, 5, 7),
            {"stratum": PAIR},
            "stratum is read by a design: pass design=, such as design=Stratified().",
        ),
        (
            (0, 2, 5, 7),
            {"design": Pairs(), "stratum": PAIR[:5]},
            (
                "stratum has shape (5,) and there are 8 clusters: pass a label a cluster, in the order of "
                "fit.labels, or a mapping."
            ),
        ),
        (
            (0, 2, 5, 7),
            {"design": Stratified(), "stratum": {0: "a"}},
            "stratum names no stratum for 1, 2, 3, 4, 5, 6 and 1 more: give every cluster one.",
        ),
        (
            (0, 1, 5, 7),
            {"design": Pairs(), "stratum": PAIR},
            (
                "the design 'matched pairs' cannot have treated these 4 of 8 clusters: pass the design by which "
                "they were drawn."
            ),
        ),
        (
            (0, 1, 5),
            {"design": ByCluster()},
            (
                "the design 'cluster-randomised' cannot have treated these 3 of 8 clusters: pass the design by "
                "which they were drawn."
            ),
        ),
        (
            (0, 2, 5, 7),
            {"design": "stratum"},
            "design='stratum' is unknown: did you mean 'strata'? there is 'cluster', 'strata', 'pairs'.",
        ),
        (
            (0, 2, 5, 7),
            {"design": "strata"},
            (
                "the design 'cluster-randomised in strata' reads the stratum of each cluster: pass stratum=, a label a "
                "cluster in the order of fit.labels, or a mapping."
            ),
        ),
        (
            (0, 2, 5, 7),
            {"design": Switchback(2)},
            (
                "the design 'switchback, blocks of 2' draws by the window, and of a fit only the sums of its "
                "clusters are known: pass a design that treats whole clusters."
            ),
        ),
        (
            (0, 2, 5, 7),
            {"design": ByUser()},
            (
                "the design 'user-randomised' draws by the user, and of a fit only the sums of its clusters are "
                "known: pass a design that treats whole clusters."
            ),
        ),
        (
            (0, 2, 5, 7),
            {"design": ByCluster(), "assignments": marks(EVERY_PAIR)},
            "design and assignments both say who could have been treated: pass one of them.",
        ),
    ],
)
def test_refusals(treated, asked, told):
    with pytest.raises(InputError) as refused:
        reg(treated).randomisation_test("treat", **asked)
    assert str(refused.value) == told


def test_a_number_that_no_draw_treats_is_refused_where_draws_are_sampled_too():
    large = reg(range(15), G=40)
    with pytest.raises(InputError, match="cannot have treated these 15 of 40 clusters"):
        large.randomisation_test("treat", design=ByCluster(), R=99)
