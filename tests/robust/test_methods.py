"""The register: every method stands once, and every reader takes it from there."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lyra
from lyra.robust.dof import RULES
from lyra.robust.methods import LADDER, METHODS, certifiable, read_in_order
from lyra.robust.sandwich import VARIANTS
from lyra.se import cluster_robust


def named(text):
    return re.findall(r'"((?:iid|HC\d|CV\d\w?(?:-normal)?|WC[RU]-\d\d))"', text)


def test_every_variant_is_a_method_with_its_own_law():
    for name, variant in VARIANTS.items():
        assert (METHODS[name].variant, METHODS[name].law) == (name, variant.law)


def test_a_method_is_a_covariance_with_a_law_or_a_bootstrap():
    for method in METHODS.values():
        assert (method.variant is None) == (method.draws is not None)
        assert method.law in ((*RULES,) if method.draws is None else ("bootstrap",))
        assert method.words


def test_methods_on_sums_are_those_that_need_no_rows():
    assert certifiable() == tuple(METHODS)
    assert set(METHODS) - set(certifiable(on_sums=True)) == {"HC0", "HC1", "HC2", "HC3"}


def test_no_line_that_takes_clusters_as_many_or_rows_as_independent_is_read():
    read = read_in_order()
    assert {"iid", "CV1-normal", "HC0", "HC1", "HC2", "HC3"}.isdisjoint(read)
    assert read[:3] == ("CV2", "CV3", "WCR-11")
    assert read[-2:] == ("CV1", "CV0")
    alone = read_in_order(one_row_each=True)
    assert alone[: len(read)] == read
    assert alone[len(read) :] == ("HC3", "HC2", "HC1", "HC0")


@pytest.mark.parametrize(("door", "on_sums"), [(lyra.certify, False), (lyra.power, True)])
def test_help_names_every_method(door, on_sums):
    assert set(certifiable(on_sums=on_sums)) <= set(named(door.__doc__))


def test_the_array_door_names_every_variant():
    assert set(VARIANTS) <= set(named(cluster_robust.__doc__))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_certified_on_a_world(name):
    found = lyra.certify(lyra.World(12, cluster_size=4), lyra.designs.ByCluster(), methods=[name], maximum=500, seed=1)
    (row,) = found.rows
    assert row.method == name
    assert 0.0 <= row.size <= 0.3
    assert row.not_computable == 0
    assert np.isfinite(row.mean_se)


def test_the_ladder_is_made_of_methods():
    assert set(LADDER) <= set(METHODS)
