"""What was handed in is decided once: the same sources for a certificate and for power."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.data.units import Units
from lyra.designs import ByCluster, Pairs, Switchback
from lyra.errors import InputError, NotIdentifiedError
from lyra.simulation.asked import Asked
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.subjects import sources_of

RNG = np.random.default_rng(20_284)
SHOP = np.repeat(np.arange(8), 5)
FRAME = pd.DataFrame(
    {"y": RNG.normal(size=8)[SHOP] + RNG.normal(size=40), "x": RNG.normal(size=40), "shop": SHOP, "twin": SHOP // 2}
)
FIT = lyra.fit("y ~ x", FRAME, clusters="shop")
WORLD = lyra.World(8, cluster_size=5)
OWN = {"outcome": "y", "cluster": "shop"}


def kinds(subject, design, **asked):
    return {name: type(one.source) for name, one in sources_of(subject, design, Asked(**asked)).items()}


def test_each_subject_has_sources_of_its_kind_by_name():
    assert kinds(WORLD, ByCluster()) == {"cluster-randomised A/A": WorldSource}
    assert kinds(FRAME, ByCluster(), **OWN) == {"own data, cluster-randomised": HistorySource}
    assert set(kinds(FIT, None).values()) == set(kinds(FIT.fit, None).values()) == {ModelSource}
    source = HistorySource(y=FRAME["y"].to_numpy(), W=np.ones((40, 1)), units=Units(SHOP), design=ByCluster())
    assert sources_of(source, None, Asked())["a source"].source is source


def test_a_file_is_a_table(tmp_path):
    FRAME.to_csv(tmp_path / "past.csv", index=False)
    (one,) = sources_of(tmp_path / "past.csv", ByCluster(), Asked(**OWN)).values()
    assert one.source.y.size == 40


def test_of_a_fit_the_ends_of_the_interval_stand_beside_the_estimate():
    assert [one.end for one in sources_of(FIT, None, Asked()).values()] == [False, True, True]
    assert [one.source.icc for one in sources_of(FIT, None, Asked(icc=[0.0, 0.3])).values()] == [0.0, 0.3]


REFUSED = [
    (WORLD, ByCluster(), {"outcome": "y"}),
    (WORLD, ByCluster(), {"term": "x"}),
    (FRAME, ByCluster(), OWN | {"icc": 0.1}),
    (FRAME, ByCluster(), {"outcome": "y"}),
    (FRAME, ByCluster(), {"outcome": "y", "cluster": "y"}),
    (FRAME, None, OWN),
    (FRAME, Pairs(), OWN),
    (FRAME, Switchback(2), OWN),
    (FRAME, ByCluster(), OWN | {"cluster_by": "window"}),
    (FRAME, ByCluster(), OWN | {"cluster_by": "shop"}),
    (FIT, ByCluster(), {}),
    (FIT, None, {"cluster_by": "unit"}),
    (FIT, None, {"term": "z"}),
    (FIT, None, {"icc": 1.0}),
    (FIT, None, {"icc": "0.1"}),
    (FIT, None, {"icc": True}),
]


@pytest.mark.parametrize(("subject", "design", "asked"), REFUSED)
def test_a_certificate_and_power_refuse_in_the_same_words(subject, design, asked):
    told = []
    for door in (lyra.certify, lyra.power):
        with pytest.raises(InputError) as refused:
            door(subject, design, **asked)
        told.append(str(refused.value).replace("analyses, ", ""))  # several analyses are a certificate's
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("subject", "design", "asked"),
    [
        (WORLD, ByCluster(), {}),
        (FRAME, ByCluster(), OWN),
        (FRAME, Pairs(), OWN | {"stratum": "twin", "cluster_by": "unit", "covariates": ["x"]}),
        (FIT, None, {"term": "x", "icc": 0.1}),
    ],
    ids=["a world", "a table", "pairs", "a fit"],
)
def test_a_certificate_and_power_draw_the_same_replicates(subject, design, asked):
    """The size that a certificate counts is the power at no effect."""
    with np.errstate(all="ignore"):
        cert = lyra.certify(subject, design, methods=["CV1"], seed=3, first=2_000, maximum=2_000, **asked)
    (source,) = (one.source for one in sources_of(subject, design, Asked(**asked)).values())
    plan = lyra.power(subject, design, method="CV1", seed=3, replicates=2_000, **asked)
    assert plan.power == lyra.power(source, method="CV1", seed=3, replicates=2_000).power
    drawn, told = plan.power[0], cert.rows[0]
    if told.replicates:
        assert drawn == told.size
    else:  # an integral: 2,000 draws are within five of their errors once in a million
        assert abs(drawn - told.size) < 5 * np.sqrt(told.size * (1 - told.size) / 2_000)


def test_power_is_of_one_setting():
    for subject, design in (([WORLD, WORLD], ByCluster()), (WORLD, [ByCluster(), ByCluster(3)])):
        with pytest.raises(InputError, match=r"^Power is asked of one setting, and these are 2 \("):
            lyra.power(subject, design)
    with pytest.raises(InputError, match=r"^Power is asked of one setting, and these are 2 \("):
        lyra.power(FIT, icc=[0.0, 0.2])


def test_power_does_not_assume_a_correlation_that_a_certificate_would_try():
    g = np.repeat([0, 1], 15)
    X = np.column_stack([np.ones(30), g, RNG.normal(size=30)])
    fit = lyra.fit_moments(lyra.Moments.from_arrays(RNG.normal(size=30), X, g, names=["one", "treat", "x"]))
    assert [one.assumed for one in sources_of(fit, None, Asked(term="treat")).values()] == [True, True]
    with pytest.raises(NotIdentifiedError, match="cannot be estimated from this fit, and its power depends on it"):
        lyra.power(fit, term="treat")


def test_settings_with_one_name_are_refused():
    with pytest.raises(InputError) as refused:
        sources_of({"a": lyra.RegressorWorld(5)}, {"x": None, "y": None}, Asked())
    assert str(refused.value) == "Two of the settings are called 'a': give worlds and designs names of their own."
