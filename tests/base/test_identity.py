"""What a run is made of: equal content in equal words, other content in other words, code in none."""

from __future__ import annotations

import decimal
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lyra
from lyra.base.identity import HASH, described, fingerprint
from lyra.designs import ByCluster, Custom, Stratified
from lyra.errors import InputError
from lyra.simulation.samples import Sample, Truth

NUMBERS = np.array([3, 1, 2])


# --- hashes of arrays ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [NUMBERS.astype("int8"), NUMBERS.astype(">i4"), np.repeat(NUMBERS, 2)[::2], NUMBERS[::-1].copy()[::-1]],
    ids=["narrow", "foreign byte order", "strided", "reversed twice"],
)
def test_what_holds_the_numbers_does_not_matter(same):
    assert fingerprint(same) == fingerprint(NUMBERS)


def test_text_is_told_alike_by_every_kind_of_array():
    assert fingerprint(np.array(["b", "a"])) == fingerprint(np.array(["b", "a"], dtype=object))


def test_kind_shape_order_and_neighbours_matter():
    others = [
        [NUMBERS],
        [NUMBERS.astype(float)],
        [NUMBERS.astype("uint8")],
        [NUMBERS.astype(str)],
        [NUMBERS.astype(object)],
        [NUMBERS[::-1]],
        [NUMBERS[:, None]],
        [NUMBERS[None]],
        [NUMBERS[:2], NUMBERS[2:]],
        [NUMBERS[:1], NUMBERS[1:]],
        [NUMBERS, NUMBERS[:0]],
        [np.array(["3", "12", ""])],
        [np.array(["3", "1", "2"])[:, None]],
        [np.array([True, False, True])],
        [np.array(["2026-01-03", "2026-01-01", "2026-01-02"], dtype="M8[D]")],
        [],
    ]
    found = [fingerprint(*arrays) for arrays in others]
    assert len(set(found)) == len(others)
    assert all(told.startswith(HASH) and len(told) == len(HASH) + 64 for told in found)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=6), st.data())
def test_one_changed_bit_is_another_array(numbers, data):
    array = np.array(numbers)
    bits = array.view(np.uint64).copy()
    bits[data.draw(st.integers(0, array.size - 1))] ^= np.uint64(1) << np.uint64(data.draw(st.integers(0, 63)))
    assert fingerprint(array) != fingerprint(bits.view(np.float64))


@given(st.lists(st.text(max_size=4), max_size=5), st.lists(st.text(max_size=4), max_size=5))
def test_labels_are_told_apart_wherever_one_ends(first, second):
    told = [fingerprint(np.array(labels, dtype=object)) for labels in (first, second)]
    assert (told[0] == told[1]) == (first == second)


def test_labels_beyond_eight_bytes_keep_every_digit():
    wide = [np.array([10**30 + last, 7], dtype=object) for last in (0, 1)]
    exact = [np.array([decimal.Decimal(text)], dtype=object) for text in ("1.10", "1.1")]
    for pair in (wide, exact):
        assert fingerprint(pair[0]) != fingerprint(pair[1])


# --- words for worlds, designs and options ------------------------------------------------------


def test_every_field_is_told_left_out_or_not():
    assert described(ByCluster()) == {"kind": "ByCluster", "treated": "half"}
    assert set(described(lyra.World(12))) == {"kind", *lyra.World.__dataclass_fields__}
    assert described(ByCluster()) != described(Stratified())


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, None),
        (True, True),
        (np.bool_(False), False),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (float("inf"), "inf"),
        (np.str_("CV1"), "CV1"),
        (("CV1", ["CV2"]), ["CV1", ["CV2"]]),
        ({"a": {"b": (1,)}}, {"a": {"b": [1]}}),
        (NUMBERS, fingerprint(NUMBERS)),
    ],
)
def test_plain_values_are_told_as_they_are(value, told):
    assert json.dumps(described(value)) == json.dumps(told)


@dataclass(frozen=True)
class Coins:
    """A world of the user's own: what `sample` does is not among its fields."""

    towns: int = 10

    def sample(self, design, rng):
        town = np.repeat(np.arange(self.towns), 4)
        treat = (np.random.default_rng(rng).permutation(self.towns) < 5)[town] * 1
        return Sample(
            {"cluster": town, "treat": treat, "outcome": rng.normal(size=town.size)}, "treat", np.ones(town.size, bool)
        )

    def truth(self):
        return Truth(0.0, 0.0, (0.0,), 1.0)


@dataclass(frozen=True)
class Lottery(ByCluster):
    """A design of the user's own, though it inherits every field from one of lyra's."""


def alphabetical(items, rng):
    return np.arange(len(items)) < len(items) // 2


def by_hand(y, X, clusters, rng):
    raise NotImplementedError


NO_IDENTITY = (
    "store= knows a run by what it is made of, and {!r} is code of your own, which may say something else at the next "
    "run: leave store= out, or use the methods, designs and worlds of lyra's own."
)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (alphabetical, "alphabetical"),
        (Custom(alphabetical), "alphabetical"),
        ([ByCluster(), Custom(alphabetical)], "alphabetical"),
        (Custom(lambda items, rng: [0, 1]), "<lambda>"),
        (Coins(), "Coins"),
        (Lottery(), "Lottery"),
        (ByCluster, "ByCluster"),
        ({"methods": ("CV1", by_hand)}, "by_hand"),
    ],
    ids=["function", "design", "list", "lambda", "world", "own design", "class", "method"],
)
def test_code_has_no_identity(code, name):
    with pytest.raises(InputError) as caught:
        described(code)
    assert str(caught.value) == NO_IDENTITY.format(name)


@pytest.mark.parametrize(
    ("subject", "design", "methods", "name"),
    [
        (lyra.World(12, cluster_size=5), Custom(alphabetical), ["CV1"], "alphabetical"),
        (lyra.World(12, cluster_size=5), [ByCluster(), Custom(alphabetical)], ["CV1"], "alphabetical"),
        (lyra.World(12, cluster_size=5), Lottery(), ["CV1"], "Lottery"),
        (lyra.World(12, cluster_size=5), ByCluster(), ["CV1", by_hand], "by_hand"),
        (Coins(), ByCluster(), ["CV1"], "Coins"),
    ],
    ids=["design", "second design", "own class of design", "method", "world"],
)
def test_a_store_is_refused_with_code_before_it_is_made(subject, design, methods, name, tmp_path):
    with pytest.raises(InputError) as caught:
        lyra.certify(subject, design, methods=methods, maximum=500, store=tmp_path / "run.sqlite")
    assert str(caught.value) == NO_IDENTITY.format(name)
    assert list(tmp_path.iterdir()) == []


# --- runs of every kind -------------------------------------------------------------------------

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
