"""Arms of windows -> how they were drawn: from draws of designs, whose blocks are known."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.data.units import Units
from lyra.designs import ByCluster, Switchback
from lyra.robust.diagnosis.switches import Drawn, drawn

GRID = Units(np.repeat(np.arange(8), 24), window=np.tile(np.arange(24), 8))


def seen(design, kept=slice(None), seed=1):
    order = np.random.default_rng(seed).permutation(len(GRID))[kept]
    return drawn(design.draw(GRID, seed)[order], GRID.cluster[order], GRID.window[order])


@pytest.mark.parametrize("block", [1, 2, 3, 4, 6, 8, 12])
def test_the_block_of_a_draw_is_found_whatever_the_order_of_cells(block):
    """Eight regions: at block 12 there are 8 coins, and none changes with probability 2⁻⁸; the seeds are fixed."""
    assert seen(Switchback(block)) == Drawn(block, in_turn=False)


@pytest.mark.parametrize("block", [1, 2, 4, 12])
def test_arms_in_turn_are_seen(block):
    assert seen(Switchback(block, "alternating")) == Drawn(block, in_turn=True)


def test_whole_regions_never_change():
    assert seen(ByCluster()) == Drawn(0, in_turn=False)


def test_few_changes_are_no_turn():
    """Two windows of one region that differ: one change of one there could be."""
    assert drawn(np.array([True, False]), np.zeros(2, dtype=int), np.arange(2)) == Drawn(1, in_turn=False)


def test_over_missing_windows_no_change_is_seen():
    """A third of the cells is missing: the changes left are still at the ends of blocks."""
    assert seen(Switchback(4), kept=slice(0, 128)).block == 4
    arm, window = np.array([True, False, False]), np.array([0, 2, 3])
    assert drawn(arm, np.zeros(3, dtype=int), window).block == 0
