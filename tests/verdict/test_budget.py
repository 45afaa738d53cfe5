"""How many replicates a method is given, and where it is looked at."""

import pytest

from lyra.errors import InputError
from lyra.verdict.looks import certify_scenarios
from scenarios import past, world


def test_bootstraps_stop_at_8_000_and_closed_forms_at_64_000():
    # κ just above 1 cannot be decided: a CV1 size of about .055 at a tolerance of .055.
    cert = certify_scenarios([past("CV1", "WCR-11", G=20)], tolerance=1.02, maximum=16_000, seed=1)
    assert max(row.replicates for row in cert.rows if row.method == "WCR-11") <= 8_000
    assert {row.verdict for row in cert.rows} <= {"certified", "uncertified", "inconclusive"}


def test_a_first_look_inside_a_block():
    with pytest.raises(InputError) as caught:
        certify_scenarios([world("CV1")], seed=1, first=700)
    assert str(caught.value) == "first=700 is not a multiple of 500, the replicates of a block: round it up."
