"""A line of the ladder is one method's answer, and its interval at any level is that of the method."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.errors import InputError
from results import BOOT, LADDER, REG

LINE = LADDER.rungs[-1]


def test_a_line_of_a_bootstrap_is_the_bootstrap():
    assert (LINE.term, LINE.method, LINE.law) == ("treat", "WCR-11", "all 4,096 Rademacher patterns")
    assert (LINE.estimate, LINE.std_error, LINE.statistic) == (BOOT.estimate, BOOT.std_error, BOOT.statistic)
    assert LINE.p_value == BOOT.pvalue
    np.testing.assert_array_equal(LINE.conf_int(0.95), BOOT.conf_int(0.95))


def test_a_line_of_a_bootstrap_holds_one_interval():
    with pytest.raises(InputError) as caught:
        LINE.conf_int(0.9)
    assert str(caught.value) == (
        "The line WCR-11 holds the interval at 0.95 alone: ask for the ladder, or the bootstrap, at level=0.9."
    )


def test_a_line_at_another_level_gives_back_the_usual_interval():
    narrow = REG.ladder("treat", level=0.5)
    np.testing.assert_array_equal(narrow["CV2"].conf_int(0.5), [narrow["CV2"].conf_low, narrow["CV2"].conf_high])
    np.testing.assert_allclose(narrow["CV2"].conf_int(), LADDER["CV2"].conf_int(), rtol=1e-14)


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_a_level_that_is_no_coverage_is_refused(level):
    for line in (LINE, LADDER["CV1"]):
        with pytest.raises(InputError, match="level"):
            line.conf_int(level)
