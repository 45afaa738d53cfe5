"""The line to read: from X and the clusters alone, the most powerful, ties in a fixed order."""

from __future__ import annotations

import numpy as np
import pytest
from small_fits import fitted, two_arms, unequal

from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.family import Family
from lyra.robust.exact.most_powerful import LINES, TIE, advised, benchmark, calibrated_lines, most_powerful
from lyra.robust.exact.row_sums import period_sums
from lyra.robust.exact.worlds import Independent, Intercept
from lyra.robust.exact.worlds_of_rows import Autoregressive


def test_the_outcome_is_not_looked_at():
    y, X, clusters = unequal()
    one, two = (advised(fitted(values, X, clusters), 2, Family()) for values in (y, 1e3 * y[::-1] ** 3))
    assert (one.name, one.critical.value, one.power) == (two.name, two.critical.value, two.power)


def test_no_other_line_has_more_power_and_ties_go_to_the_first():
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    lines = calibrated_lines(Coefficient.of(fit, 1), fit, Family())
    assert [line.name for line in lines] == list(LINES)
    best = most_powerful(lines)
    assert all(line.power <= best.power + TIE for line in lines)
    fit = two_arms(20, 10)
    lines = calibrated_lines(Coefficient.of(fit, 1), fit, Family(arms=1.0))
    assert max(line.power for line in lines) - lines[0].power < TIE
    assert most_powerful(lines).name == LINES[0]


def test_the_order_of_clusters_does_not_matter():
    y, X, clusters = unequal()
    new = np.random.default_rng(3).permutation(9)[clusters]
    one, two = (advised(fitted(y, X, c), 2, Family()) for c in (clusters, new))
    assert one.name == two.name
    assert one.critical.value == pytest.approx(two.critical.value, rel=1e-7)


def test_lines_that_leave_out_a_cluster_are_not_offered_where_it_is_needed():
    fit = two_arms(8, 1)
    assert [line.name for line in calibrated_lines(Coefficient.of(fit, 1), fit, Family())] == ["CV1", "R1"]


def test_the_study_of_ten_treated_of_twenty_and_two_of_fifty():
    """Power by 40,000 draws of another program, κ = 1, 2, 4, equal clusters; within 4 standard errors."""
    fit = two_arms(50, 2, rows=30)
    for arms, values in {1.0: (0.43, 0.32, 0.44), 2.0: (0.34, 0.27, 0.35), 4.0: (0.26, 0.23, 0.26)}.items():
        lines = {line.name: line.power for line in calibrated_lines(Coefficient.of(fit, 1), fit, Family(arms=arms))}
        assert [lines[name] for name in ("CV1", "CV3", "R1")] == pytest.approx(values, abs=0.005 + 4 * 0.0025)


def test_power_is_compared_where_errors_of_such_data_lie():
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    assert benchmark(Coefficient.of(fit, 1)) == Intercept(0.05)
    swept = X[:, 2:3] - (np.bincount(clusters, X[:, 2]) / np.bincount(clusters))[clusters][:, None]
    fit = fitted(y, swept, clusters)
    about = Coefficient.of(fit, 0)
    assert benchmark(about) == Independent()
    time = np.concatenate([np.arange(n) for n in np.bincount(clusters)])
    assert benchmark(about.with_rows(period_sums(fit, clusters, time))) == Autoregressive(0.4)
