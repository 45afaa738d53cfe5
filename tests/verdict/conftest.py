"""A certificate of one iid line that fails and one line that has no answer."""

import pytest

from lyra.designs import ByCluster
from lyra.verdict.looks import certify_scenarios
from scenarios import world


@pytest.fixture
def cert():
    return certify_scenarios(
        [world("iid", "CV3", design=ByCluster(1))],
        seed=1,
        maximum=500,
        config={"source": "a world", "designs": ["ByCluster"], "icc": None},
        data={"rows": 200},
    )
