"""What is asked of a subject: what was given of it, and a seed."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.errors import InputError
from lyra.simulation.asked import Asked, refuse_foreign, whole_seed


def test_what_was_left_out_is_not_given():
    assert Asked().given == {}
    assert Asked(covariates=(), term=None, lacks=("analyses",)).given == {}
    assert Asked(term=0, icc=0.0, covariates=["x"]).given == {"term": 0, "icc": 0.0, "covariates": ["x"]}


def test_a_foreign_keyword_is_refused_with_those_a_door_has():
    with pytest.raises(InputError) as refused:
        refuse_foreign("a world", Asked(term="x", lacks=("analyses",)), ("analyses", "covariates"))
    assert str(refused.value) == "a world takes no term=: it takes covariates, weights."
    with pytest.raises(InputError, match=r"^a source takes no icc=: leave it out\.$"):
        refuse_foreign("a source", Asked(icc=0.1), ())


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1", None])
def test_a_seed_is_a_whole_number_from_0(seed):
    with pytest.raises(InputError, match=r"^seed="):
        whole_seed(seed)
    assert whole_seed(np.int64(3)) == 3
