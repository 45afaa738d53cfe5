"""The total effect of a switchback: unbiased, its variance bounded, its test exact; by all assignments, and by rows."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from lyra.designs import ByCluster, MinimaxSwitchback, Switchback
from lyra.errors import DroppedRowsWarning, InputError, NotIdentifiedError, UnidentifiedWarning
from lyra.robust.spans import Spans
from lyra.se import switchback_total_effect

EXPERIMENTS = {
    "blocks of 2, m 1": (Switchback(2), 8, 1, 1),
    "blocks of 3, m 2": (Switchback(3), 9, 2, 1),
    "blocks of 1, m 1": (Switchback(1), 6, 1, 1),
    "blocks of 2, m 3": (Switchback(2), 10, 3, 1),
    "no carry-over": (Switchback(2), 6, 0, 1),
    "minimax 1": (MinimaxSwitchback(1), 8, 1, 1),
    "minimax 2": (MinimaxSwitchback(2), 12, 2, 1),
    "two clusters": (Switchback(2), 6, 1, 2),
    "three clusters, minimax": (MinimaxSwitchback(2), 8, 2, 3),
}
every_experiment = pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)


def lengths(design, W):
    """Where coins are tossed, written out anew: windows in each block."""
    if isinstance(design, MinimaxSwitchback):
        m = design.carryover
        return [2 * m] + [m] * (W // m - 4) + [2 * m]
    return [design.block] * (W // design.block)


def paths(design, W, G):
    """Every assignment (2^coins, G, W)."""
    each = lengths(design, W)
    tosses = np.array(list(product([0, 1], repeat=len(each) * G))).reshape(-1, G, len(each))
    return np.repeat(tosses, each, axis=2)


class Potential:
    """Outcomes that depend in any way on the last m + 1 assignments of the own cluster; 1 to 3 rows a window."""

    def __init__(self, W, m, G, seed=4):
        rng = np.random.default_rng(seed)
        self.m, n = m, rng.integers(1, 4, size=(G, W))
        self.cluster = np.repeat(np.repeat(np.arange(G), W), n.ravel())
        self.window = np.repeat(np.tile(np.arange(W), G), n.ravel())
        self.table = rng.normal(loc=1.0, size=(self.cluster.size, 2 ** (m + 1)))

    def under(self, path):
        """Return the outcome and the arm of every row under a path (G, W); before the first window all are control."""
        padded = np.concatenate([np.zeros((len(path), self.m), dtype=int), path], axis=1)
        code = sum(2**k * padded[self.cluster, self.window + self.m - k] for k in range(self.m + 1))
        return self.table[np.arange(code.size), code], path[self.cluster, self.window]

    @property
    def total(self):
        """The mean over rows after the first m windows of always against never."""
        counted = self.window >= self.m
        return float((self.table[counted, -1] - self.table[counted, 0]).mean())

    def ask(self, path, design, **options):
        y, treated = self.under(path)
        return switchback_total_effect(
            y, treated, window=self.window, clusters=self.cluster, design=design, carryover=self.m, **options
        )


def by_hand(y, treated, where, path, all_paths, m):
    """Horvitz and Thompson by rows, the probability of an agreement counted over all assignments."""
    cluster, window = where
    counted, total = 0, 0.0
    for i in range(y.size):
        g, t = cluster[i], window[i]
        if t < m:
            continue
        counted += 1
        for arm, sign in ((1, 1.0), (0, -1.0)):
            if (path[g, t - m : t + 1] == arm).all():
                total += sign * y[i] / (all_paths[:, g, t - m : t + 1] == arm).all(axis=1).mean()
    return total / counted


@every_experiment
def test_the_estimate_is_that_of_rows_and_unbiased_over_all_assignments(experiment):
    design, W, m, G = experiment
    outcomes, every = Potential(W, m, G), paths(design, W, G)
    found = []
    for path in every[:64]:
        y, treated = outcomes.under(path)
        by_rows = by_hand(y, treated, (outcomes.cluster, outcomes.window), path, every, m)
        with np.errstate(all="ignore"):
            assert ask_quietly(outcomes, path, design).estimate == pytest.approx(by_rows, rel=1e-12, abs=1e-12)
    found = [ask_quietly(outcomes, path, design).estimate for path in every]
    assert np.mean(found) == pytest.approx(outcomes.total, rel=1e-10)


def ask_quietly(outcomes, path, design):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        return outcomes.ask(path, design)


def spans_and_sums(design, W, m, G, outcomes, path):
    """The variance's pieces under a path, whether or not both arms were seen."""
    from lyra.moments.window_sums import window_sums
    from lyra.robust.switchback import _Lottery

    y, treated = outcomes.under(path)
    sums = window_sums(y, treated, window=outcomes.window, clusters=outcomes.cluster)
    lottery = _Lottery.over(design, G, W)
    spans = Spans.of(lottery.block, m)
    return spans, spans.totals(sums.sums), lottery.arms(sums), spans.totals(sums.rows).sum()


@every_experiment
def test_the_variance_is_conservative_on_average_and_exactly_its_bound(experiment):
    """Over all assignments: E of the estimate is Σ (seen products) + Σ squares, above the true variance."""
    design, W, m, G = experiment
    outcomes, every = Potential(W, m, G), paths(design, W, G)
    estimates, variances = [], []
    for path in every:
        spans, totals, arms, N = spans_and_sums(design, W, m, G, outcomes, path)
        variances.append(spans.variance(totals, arms) / N**2)
        estimates.append(ask_quietly(outcomes, path, design).estimate)
    assert min(variances) >= 0.0
    assert np.mean(variances) >= np.var(estimates)
    assert np.mean(variances) <= 3.0 * np.var(estimates)


def test_the_bound_is_the_papers_for_its_design():
    """n = 6: 3, 6, 6, 6 and 3 times the squares of the five sums, and twice the products of neighbours, in each arm."""
    m, W = 2, 12
    design, outcomes = MinimaxSwitchback(m), Potential(12, 2, 1)
    every = paths(design, W, 1)
    under = (spans_and_sums(design, W, m, 1, outcomes, path) for path in every)
    mean = np.mean([spans.variance(totals, arms) for spans, totals, arms, _ in under])
    sums = {
        arm: [
            outcomes.table[(outcomes.window >= k * m) & (outcomes.window < (k + 1) * m), column].sum()
            for k in range(1, W // m)
        ]
        for arm, column in ((1, -1), (0, 0))
    }
    bound = 0.0
    for each in sums.values():
        a = np.array(each)
        bound += (np.array([3.0, 6.0, 6.0, 6.0, 3.0]) * a**2).sum() + 2.0 * (a[1:] * a[:-1]).sum()
    assert mean == pytest.approx(bound, rel=1e-10)


def test_a_variance_that_could_be_negative_is_bounded_by_squares_instead():
    """A coin a window and m = 3: with products the form can be negative, so it is not used; by squares it cannot."""
    spans = Spans.of(np.arange(12), 3)
    assert np.array_equal(spans.bound, np.diag(np.diag(spans.bound)))
    short = Spans.of(np.arange(8), 1)
    assert not np.array_equal(short.bound, np.diag(np.diag(short.bound)))
    assert np.linalg.eigvalsh(short.bound)[0] > 0


@every_experiment
def test_the_test_is_exact_where_treatment_does_nothing(experiment):
    """Over all assignments of one outcome, P(p ≤ α) ≤ α for every α, and the p-values are those of a count by rows."""
    design, W, m, G = experiment
    outcomes, every = Potential(W, m, G), paths(design, W, G)
    outcomes.table[:] = outcomes.table[:, :1]
    found = [ask_quietly(outcomes, path, design) for path in every]
    p = np.array([one.exact_pvalue for one in found])
    assert all(one.enumerated and one.n_assignments == len(every) for one in found)
    for alpha in np.unique(p):
        assert np.mean(p <= alpha * (1 + 1e-12)) <= alpha * (1 + 1e-12)
    size = np.abs([one.estimate for one in found])
    counted = [(size >= own * (1 - 1e-9)).mean() for own in size]
    np.testing.assert_allclose(p, counted, rtol=1e-12)


def test_drawn_assignments_count_the_actual_one():
    """20 blocks have a million assignments: R = 199 and the actual one, whatever the seed."""
    rng = np.random.default_rng(5)
    treated = np.repeat(rng.integers(0, 2, 20), 3)
    found = switchback_total_effect(
        rng.normal(size=60), treated, window=np.arange(60), design=Switchback(3), carryover=1, R=199, rng=1
    )
    assert (found.n_assignments, found.enumerated) == (200, False)
    assert found.distribution[0] == pytest.approx(found.estimate, rel=1e-12)
    assert found.exact_pvalue >= 1 / 200


def test_a_baseline_known_before_leaves_the_mean_and_takes_the_spread():
    design, W, m, G = EXPERIMENTS["three clusters, minimax"]
    outcomes, every = Potential(W, m, G), paths(design, W, G)
    outcomes.table += 50.0
    raw, less = (
        [one.estimate for path in every for one in [quiet(outcomes, path, design, baseline)]]
        for baseline in (0.0, 50.0)
    )
    assert np.mean(raw) == pytest.approx(np.mean(less), rel=1e-9)
    assert np.std(less) < np.std(raw) / 10


def quiet(outcomes, path, design, baseline):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        return outcomes.ask(path, design, baseline=baseline)


def a_switchback(**changed):
    y = np.arange(12.0)
    told = {
        "treatment": np.repeat([0, 1, 1, 0, 0, 1], 2),
        "window": [f"W{t}" for t in range(1, 13)],
        "design": Switchback(2),
        "carryover": 1,
    } | changed
    return switchback_total_effect(told.pop("y", y), told.pop("treatment"), **told)


def test_windows_of_text_follow_their_numbers():
    by_number = a_switchback(window=np.arange(12))
    assert a_switchback().estimate == by_number.estimate
    assert a_switchback().conf_int().tolist() == by_number.conf_int().tolist()


def test_scaling_the_outcome_scales_the_answer():
    one, many = a_switchback(), a_switchback(y=1e6 * np.arange(12.0))
    assert many.estimate == pytest.approx(1e6 * one.estimate, rel=1e-12)
    assert many.std_error == pytest.approx(1e6 * one.std_error, rel=1e-12)
    assert many.exact_pvalue == one.exact_pvalue


def test_rows_with_a_missing_value_are_left_out_and_counted():
    y = np.arange(24.0)
    y[3] = np.nan
    told = {"treatment": np.repeat([0, 1, 1, 0, 0, 1], 4), "window": np.repeat(np.arange(12), 2)}
    with pytest.warns(DroppedRowsWarning, match="^1 of 24 rows have a missing value and were left out.$"):
        found = a_switchback(y=y, **told)
    assert found.n_rows == 21


def test_an_arm_that_never_lasts_leaves_no_standard_error():
    with pytest.warns(UnidentifiedWarning) as caught:
        found = a_switchback(treatment=np.zeros(12, dtype=int))
    assert str(caught[0].message) == (
        "No window was treated in all of its last 2: the estimate stands on one arm, and has no standard error."
    )
    assert np.isnan(found.std_error)
    assert np.isnan(found.conf_int()).all()


def test_it_says_what_it_rests_on():
    found = a_switchback()
    assert (
        "Horvitz-Thompson for carry-over of 1 windows: of 11 rows in 1 clusters and 12 windows, 36.4 % were treated "
        in (found.explain())
    )
    assert (found.treated, found.control) == (pytest.approx(4 / 11), pytest.approx(4 / 11))


NO_COIN = (
    "the design '{}' does not toss a coin for each block of windows: pass the one that was drawn, Switchback(block) or "
    "MinimaxSwitchback(carryover)."
)

REFUSED = {
    "arms in turn": (
        {"design": Switchback(2, pattern="alternating")},
        InputError,
        NO_COIN.format("switchback, blocks of 2, alternating"),
    ),
    "clusters": (
        {"design": ByCluster(), "clusters": np.arange(12) % 3, "window": np.arange(12) // 3},
        InputError,
        NO_COIN.format("cluster-randomised"),
    ),
    "another design": (
        {"design": Switchback(3)},
        InputError,
        "the arm of cluster 0 changes within windows W1 to W3, a block of the design: pass the design that was drawn.",
    ),
    "a block without rows": (
        {
            "y": np.arange(10.0),
            "clusters": np.repeat(["a", "b"], [4, 6]),
            "window": np.r_[0:4, 0:6],
            "treatment": np.ones(10),
        },
        InputError,
        "cluster a has no rows in windows 4 to 5, a block, so its arm there is not known: leave the cluster out.",
    ),
    "negative": ({"carryover": -1}, InputError, "carryover=-1 is no number of windows: pass 0, 1, 2 or more."),
    "no number": ({"carryover": 1.5}, InputError, "carryover=1.5 is no number of windows: pass 0, 1, 2 or more."),
    "too long": (
        {"carryover": 12},
        NotIdentifiedError,
        "carryover=12 reaches over all 12 windows: nothing is left; pass a smaller one.",
    ),
    "doses": (
        {"treatment": np.repeat([0, 2, 1, 0, 0, 1], 2)},
        InputError,
        "treatment holds 2: pass a 0 or a 1 for every row.",
    ),
    "mixed": (
        {"window": np.repeat(np.arange(4), 3)},
        InputError,
        (
            "treatment differs inside cluster 0, window 0: a switchback treats a cluster's window whole, so name the "
            "columns of clusters and windows that were drawn."
        ),
    ),
    "lengths": (
        {"window": np.arange(11)},
        InputError,
        (
            "The lengths differ: y has 12, treatment has 12, window has 11, clusters has 12 rows; pass arrays of the "
            "same rows."
        ),
    ),
    "no draws": (
        {
            "y": np.arange(40.0),
            "treatment": np.repeat([0, 1], 20),
            "window": np.arange(40),
            "R": 0,
        },
        InputError,
        "R=0 assignments cannot be drawn: ask for at least 1, such as 9999.",
    ),
}


@pytest.mark.parametrize(("changed", "error", "told"), REFUSED.values(), ids=REFUSED)
def test_refusals(changed, error, told):
    with pytest.raises(error) as refused:
        a_switchback(**changed)
    assert str(refused.value) == told
