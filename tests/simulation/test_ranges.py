"""What a world may be asked for, and the sentence for what it may not."""

import math

import pytest

from lyra.designs import ByCluster
from lyra.errors import InputError
from lyra.simulation.regressor_world import RegressorWorld
from lyra.simulation.world import World

REFUSALS = {
    "a billion clusters": (
        lambda: World(10**9),
        "this world has 1,000,000,000 clusters times windows, and 1,000,000 is the most; make it smaller.",
    ),
    "a billion clusters as a float": (
        lambda: World(1e9),
        "n_clusters=1000000000.0 is out of range; it must be a whole number, 2 or more.",
    ),
    "a billion agents a cluster": (
        lambda: World(12, cluster_size=10**9),
        "this world has 12,000,000,000 agents, and 10,000,000 is the most; make it smaller.",
    ),
    "one cluster of a billion": (
        lambda: World(2, cluster_size=[10**9, 1]),
        "this world has 1,000,000,001 agents, and 10,000,000 is the most; make it smaller.",
    ),
    "one agent more than the most": (
        lambda: World(10, cluster_size=1_000_000, windows=2),
        "this world has 20,000,000 agents, and 10,000,000 is the most; make it smaller.",
    ),
    "a billion windows": (
        lambda: World(12, windows=10**9),
        "this world has 12,000,000,000 clusters times windows, and 1,000,000 is the most; make it smaller.",
    ),
    "a billion clusters of a regressor": (
        lambda: RegressorWorld(10**9),
        "this world has 1,000,000,000 clusters, and 1,000,000 is the most; make it smaller.",
    ),
    "a billion rows a cluster": (
        lambda: RegressorWorld(5, cluster_size=10**9),
        "this world has 5,000,000,000 rows, and 10,000,000 is the most; make it smaller.",
    ),
    "sizes that spread without end": (
        lambda: World(12, cluster_size="1000000000 lognormal:0.8"),
        (
            "cluster_size='1000000000 lognormal:0.8' is out of range; the mean is at most 10,000,000 and the "
            "coefficient of variation at most 100."
        ),
    ),
    "one cluster": (lambda: World(1), "n_clusters=1 is out of range; it must be a whole number, 2 or more."),
    "half a window": (
        lambda: World(4, windows=1.5),
        "windows=1.5 is out of range; it must be a whole number, 1 or more.",
    ),
    "empty clusters": (
        lambda: World(2, cluster_size=[3, 0]),
        "cluster_size=0 is out of range; it must be a whole number, 1 or more.",
    ),
    "sizes": (
        lambda: World(4, cluster_size=[3, 3]),
        "cluster_size has 2 sizes for 4 clusters; give one for each.",
    ),
    "sizes as words": (
        lambda: World(4, cluster_size="lognormal:0.8"),
        (
            "cluster_size='lognormal:0.8' is not understood; write a number, one for each cluster, "
            "or '<mean> lognormal:<cv>' such as '35 lognormal:0.8'."
        ),
    ),
    "outcome": (
        lambda: World(4, outcome="convertion"),
        "unknown outcome 'convertion'; did you mean 'conversion'? there is 'linear', 'conversion', 'spend'.",
    ),
    "scale": (
        lambda: World(4, icc_scale="logit"),
        "unknown icc_scale 'logit'; there is 'outcome', 'latent'.",
    ),
    "negative icc": (lambda: World(4, icc=-0.1), "icc=-0.1 is out of range; it must be between 0 and 1."),
    "icc above one": (lambda: World(4, icc=1.1), "icc=1.1 is out of range; it must be between 0 and 1."),
    "ar1": (lambda: World(4, ar1=-0.5), "ar1=-0.5 is out of range; it must be between 0 and 1."),
    "share": (
        lambda: World(4, stratum_share=2),
        "stratum_share=2 is out of range; it must be between 0 and 1.",
    ),
    "pre_correlation": (
        lambda: World(4, pre_correlation=-2),
        "pre_correlation=-2 is out of range; it must be between -1 and 1.",
    ),
    "shock": (
        lambda: World(4, period_shock=-1.0),
        "period_shock=-1.0 is out of range; it must be 0 or more.",
    ),
    "nan": (lambda: World(4, effect=math.nan), "effect=nan is out of range; it must be finite."),
    "base rate": (
        lambda: World(4, outcome="spend", base_rate=1.5),
        "base_rate=1.5 is not a share of agents who convert; give one in 0 to 1.",
    ),
    "two ICCs, linear": (
        lambda: World(4, icc=0.7, icc_window=0.5),
        "icc + icc_window is 1.2; the attainable range for a linear outcome is 0 to 1, so lower one of them.",
    ),
    "latent ICC of one": (
        lambda: World(4, outcome="conversion", icc=1.0, icc_scale="latent"),
        (
            "icc + icc_window is 1; the attainable range for a conversion outcome is 0 to just under 1, "
            "so lower one of them."
        ),
    ),
    "ICC of a conversion": (
        lambda: World(4, outcome="conversion", base_rate=0.01, icc=0.95),
        (
            "an ICC of 0.95 cannot be planted in a conversion at base_rate=0.01; "
            "the attainable range is 0 to 0.91, so lower it or plant it latent."
        ),
    ),
    "ICC of a spend": (
        lambda: World(4, outcome="spend", base_rate=0.01),
        (
            "an ICC of 0.02 cannot be planted in a spend at base_rate=0.01 with basket_sd=1; "
            "the attainable range is 0 to 0.00578, so lower it or basket_sd, or raise base_rate."
        ),
    ),
    "strata": (
        lambda: World(10, strata=4),
        "10 clusters are not divisible by strata=4; choose a number of strata that divides them.",
    ),
    "carryover": (
        lambda: World(4, carryover=0.1),
        "carryover needs a window before; set windows to 2 or more, or carryover to 0.",
    ),
    "covariance": (
        lambda: World(4, outcome="conversion").covariance(),
        "cell covariances exist for linear outcomes and this one is a conversion; use sample.",
    ),
    "sums of products": (
        lambda: World(4, outcome="spend").sample_grams(ByCluster(), 2, 1),
        "sums of products exist for linear outcomes and this one is a spend; use sample.",
    ),
    "regressor world, clusters": (
        lambda: RegressorWorld(1),
        "n_clusters=1 is out of range; it must be a whole number, 2 or more.",
    ),
    "regressor world, rows": (
        lambda: RegressorWorld(5, cluster_size=0),
        "cluster_size=0 is out of range; it must be a whole number, 1 or more.",
    ),
    "regressor world, design": (
        lambda: RegressorWorld(5).sample(ByCluster(), 1),
        "a RegressorWorld draws its regressor itself and nothing is assigned; pass design=None.",
    ),
}


@pytest.mark.parametrize(("act", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(act, sentence):
    with pytest.raises(InputError) as refusal:
        act()
    assert str(refusal.value) == sentence
