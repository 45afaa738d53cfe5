"""The laws of a t statistic, against scipy.stats."""

import numpy as np
import pytest
from scipy import stats

from lyra.errors import InputError
from lyra.robust.laws import law_name, t_interval, t_pvalue


def test_pvalues_with_fractional_and_infinite_degrees_of_freedom():
    dof = np.array([1.0, 4.5, 30.0, np.inf])
    np.testing.assert_allclose(t_pvalue(-2.1, dof)[:3], 2 * stats.t.sf(2.1, dof[:3]), rtol=1e-12)
    assert t_pvalue(2.1, np.inf) == pytest.approx(2 * stats.norm.sf(2.1), rel=1e-12)


def test_an_interval_ends_where_the_test_rejects():
    estimate, se, dof = np.array([1.0, -3.0]), np.array([0.5, 2.0]), np.array([7.0, np.inf])
    ends = t_interval(estimate, se, dof, 0.9)
    np.testing.assert_allclose(t_pvalue((estimate[:, None] - ends) / se[:, None], dof[:, None]), 0.1, rtol=1e-9)


def test_no_degrees_of_freedom_no_interval():
    assert np.isnan(t_interval(np.ones(1), np.ones(1), np.array([np.nan]), 0.95)).all()


def test_names():
    assert [law_name("normal", np.inf), law_name("satterthwaite", 17.34), law_name("G-1", 41.0)] == [
        "normal",
        "t(17.34)",
        "t(41)",
    ]


def test_level():
    with pytest.raises(InputError) as told:
        t_interval(np.ones(1), np.ones(1), np.ones(1), 1.0)
    assert str(told.value) == "level=1.0 is not a coverage: pass a number between 0 and 1, such as 0.95."
