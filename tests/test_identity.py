"""What a run is made of decides whether its store is taken up again, and a refusal says what differs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import lyra
from lyra.designs import ByCluster, Custom, Stratified
from lyra.errors import InputError

RNG = np.random.default_rng(20_340)
SHOPS = pd.DataFrame({"y": RNG.normal(size=120), "x": RNG.normal(size=120), "g": np.arange(120) // 10})
SHOPS = SHOPS.assign(t=SHOPS["g"] % 2, s=SHOPS["g"] // 6)
OTHER = SHOPS.assign(g=SHOPS["g"].sample(frac=1.0, random_state=0).to_numpy())
ASKED = {"methods": ["CV1"], "maximum": 500, "outcome": "y", "cluster": "g", "seed": 1}


def refused(call, *given, **asked):
    with pytest.raises(InputError) as caught:
        call(*given, **asked)
    return str(caught.value)


def fitted(frame):
    return lyra.fit("y ~ t + x", frame, clusters="g")


@pytest.mark.parametrize(
    ("data", "design", "changed", "what"),
    [
        (OTHER, ByCluster(), {}, "cluster labels is sha256:"),
        (SHOPS.assign(y=-SHOPS["y"]), ByCluster(), {}, "outcome is sha256:"),
        (SHOPS, ByCluster(), {"covariates": ["x"]}, "covariates is sha256:"),
        (SHOPS, ByCluster(4), {}, "design.treated is "),
        (SHOPS, Stratified(), {"stratum": "s"}, "design.kind is "),
        (SHOPS, ByCluster(), {"seed": 2}, "seed is 1 in the store and 2 in this run"),
        (SHOPS, ByCluster(), {"methods": ["CV2"]}, "methods[0] is "),
        (SHOPS, ByCluster(), {"tolerance": 1.5}, "tolerance is 1.25 in the store and 1.5 in this run"),
    ],
)
def test_another_run_on_own_data_is_refused_by_what_differs(tmp_path, data, design, changed, what):
    store = tmp_path / "run.sqlite"
    lyra.certify(SHOPS, ByCluster(), store=store, **ASKED)
    told = refused(lyra.certify, data, design, store=store, **(ASKED | changed))
    assert told.startswith(f"the store {store} was made by another configuration: ")
    assert what in told


@pytest.mark.parametrize("kind", ["frame", "csv"])
def test_the_same_run_is_taken_up_again(tmp_path, kind):
    path, store = tmp_path / "shops.csv", tmp_path / "run.sqlite"
    SHOPS.to_csv(path, index=False)
    first = lyra.certify(SHOPS, ByCluster(), store=store, **ASKED)
    again = lyra.certify(SHOPS if kind == "frame" else str(path), ByCluster(), store=store, **ASKED)
    assert again.digest == first.digest


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            lambda fit, asked: (fit, asked | {"weights": "webb"}),
            'weights is "auto" in the store and "webb" in this run',
        ),
        (lambda fit, asked: (fit, asked | {"icc": 0.2}), "icc is 0.1 in the store and 0.2 in this run"),
        (lambda fit, asked: (fit, asked | {"term": "x"}), " in the store and "),
        (lambda fit, asked: (fitted(OTHER), asked), "sha256:"),
        (lambda fit, asked: (fitted(SHOPS.assign(x=SHOPS["x"] ** 2)), asked), "sha256:"),
    ],
    ids=["weights", "icc", "term", "cluster labels", "a column"],
)
def test_another_run_on_a_fit_is_refused_by_what_differs(tmp_path, change, what):
    store = tmp_path / "run.sqlite"
    asked = {"term": "t", "methods": ["WCR-11"], "maximum": 500, "seed": 1, "icc": 0.1, "store": store}
    fitted(SHOPS).certify(**asked)
    other, changed = change(fitted(SHOPS), asked)
    told = refused(other.certify, **changed)
    assert told.startswith(f"the store {store} was made by another configuration: ")
    assert what in told


def test_a_function_of_the_users_own_has_no_identity(tmp_path):
    def half(units, rng):
        return rng.permutation(12) < 6

    told = refused(lyra.certify, SHOPS, Custom(half), store=tmp_path / "run.sqlite", **ASKED)
    assert told == (
        "store= knows a run by what it is made of, and 'half' is code of your own, which may say something else at the "
        "next run: leave store= out, or use the methods, designs and worlds of lyra's own."
    )
    assert not (tmp_path / "run.sqlite").exists()
