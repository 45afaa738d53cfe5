"""The minimax switchback: where its coins are, and by brute force that no other switchback has a smaller worst case."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from lyra.data.units import Units
from lyra.designs import MinimaxSwitchback
from lyra.errors import InputError


def starts(m, W):
    item = MinimaxSwitchback(m).items(Units(np.zeros(W), window=np.arange(W)))
    return tuple((np.flatnonzero(np.r_[True, item[1:] != item[:-1]]) + 1).tolist())


@pytest.mark.parametrize(
    ("m", "W", "told"),
    [
        (0, 3, (1, 2, 3)),
        (1, 4, (1, 3)),
        (1, 6, (1, 3, 4, 5)),
        (2, 8, (1, 5)),
        (2, 12, (1, 5, 7, 9)),
        (3, 15, (1, 7, 10)),
    ],
)
def test_the_coins_are_at_1_and_2m_plus_1_and_every_m_from_there(m, W, told):
    assert starts(m, W) == told
    if m:
        assert told == (1, *(k * m + 1 for k in range(2, W // m - 1)))


def blocks_of(points, W):
    return np.searchsorted(points, np.arange(1, W + 1), side="right") - 1


def paths_of(points, W):
    """Every assignment of a switchback with fair coins at these windows, (2^coins, W)."""
    tosses = np.array(list(product([0, 1], repeat=len(points))))
    return tosses[:, blocks_of(points, W)]


def weights(points, m, W):
    """1{the last m + 1 all treated}/P and the same of control, of every path and window after m: by counting."""
    paths = paths_of(points, W)
    arms = []
    for arm in (1, 0):
        same = np.stack([(paths[:, t - m : t + 1] == arm).all(axis=1) for t in range(m, W)], axis=1)
        arms.append(same / same.mean(axis=0))
    return arms


def covariance(points, m, W):
    """The covariance C (2(W − m), 2(W − m)) of all weights, signed: the estimate of outcomes v has variance v'Cv."""
    one, none = weights(points, m, W)
    both = np.concatenate([one, -none], axis=1)
    return np.cov(both.T, bias=True)


def worst(points, m, W):
    """The largest variance over outcomes in [−1, 1]: convex, so at a corner, of which one in two is enough."""
    C = covariance(points, m, W)
    corners = np.array(list(product([-1.0, 1.0], repeat=len(C) - 1)))
    v = np.column_stack([np.ones(len(corners)), corners])
    return float(np.einsum("ci,ij,cj->c", v, C, v).max())


def others(W):
    """Every set of windows with a coin, the first always."""
    return ((1, *rest) for size in range(W) for rest in combinations(range(2, W + 1), size))


@pytest.mark.parametrize(("m", "W"), [(1, 4), (1, 5), (1, 6), (2, 8)])
def test_outcomes_that_are_all_alike_are_the_worst(m, W):
    """At every design tried the variance is largest where all outcomes are 1, so that longer ones need no corners."""
    for points in ((1,), starts(m, W), tuple(range(1, W + 1))):
        C = covariance(points, m, W)
        v = np.ones(len(C))
        assert worst(points, m, W) == pytest.approx(float(v @ C @ v), rel=1e-12)


@pytest.mark.parametrize(("m", "W"), [(0, 4), (1, 4), (1, 5), (1, 6), (1, 8), (1, 9), (2, 8), (2, 10), (3, 12)])
def test_no_other_switchback_has_a_smaller_worst_variance(m, W):
    """Every set of windows with fair coins is tried, for m = 3 those of at most five, by counting assignments."""
    grid = [points for points in others(W) if m < 3 or len(points) <= 5]
    best = min(all_alike(points, m, W) for points in grid)
    assert all_alike(starts(m, W), m, W) == pytest.approx(best, rel=1e-12)


def all_alike(points, m, W):
    """The variance of the estimate where every outcome is 1, by counting."""
    one, none = weights(points, m, W)
    return float((one - none).sum(axis=1).var())


def test_a_block_or_a_coin_more_is_worse():
    """The optimum of the paper is not shared by the design with a coin every m windows."""
    assert all_alike(starts(2, 12), 2, 12) < all_alike((1, 3, 5, 7, 9, 11), 2, 12)
    assert all_alike(starts(1, 6), 1, 6) < all_alike((1, 2, 3, 4, 5, 6), 1, 6)


MULTIPLE = (
    "{} windows are no multiple of carryover={} that holds it four times or more; "
    "choose a number of windows such as {}."
)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: MinimaxSwitchback(-1), "carryover=-1 is no number of windows; give 0, 1, 2 or more."),
        (lambda: MinimaxSwitchback(1.5), "carryover=1.5 is no number of windows; give 0, 1, 2 or more."),
        (
            lambda: starts(2, 7),
            MULTIPLE.format(7, 2, 8),
        ),
        (
            lambda: starts(3, 9),
            MULTIPLE.format(9, 3, 12),
        ),
    ],
)
def test_refusals(make, told):
    with pytest.raises(InputError) as refused:
        make()
    assert str(refused.value) == told
