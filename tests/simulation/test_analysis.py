"""What an analysis clusters on."""

import pytest

from lyra.data.units import Units
from lyra.designs import ByCluster, Switchback
from lyra.errors import InputError
from lyra.simulation.analysis import Analysis, cluster_codes, labels_read, shared_by


def test_levels():
    units = Units(["a", "a", "b", "b"], window=[0, 1, 0, 1], stratum=[5, 5, 5, 5], user=[3, 2, 1, 0])
    design = Switchback(block=2)
    codes = {level: cluster_codes(units, level, design).tolist() for level in ("cluster", "unit", "window", "user")}
    assert codes == {
        "cluster": [0, 0, 1, 1],
        "unit": [0, 0, 1, 1],
        "window": [0, 1, 2, 3],
        "user": [3, 2, 1, 0],
    }
    assert cluster_codes(units, "pair", None).tolist() == cluster_codes(units, "stratum", None).tolist() == [0] * 4
    with pytest.raises(InputError) as caught:
        cluster_codes(units, "clusters", design)
    assert str(caught.value) == (
        "cluster_by='clusters' is nothing to cluster by: did you mean 'cluster'? "
        "there is 'cluster', 'unit', 'window', 'stratum', 'pair', 'user'."
    )


def test_what_an_analysis_reads_and_where_shocks_are_shared():
    assert [labels_read(name) for name in ("cluster", "unit", "window", "pair")] == [(), (), ("window",), ("stratum",)]
    assert [shared_by(design) for design in (None, ByCluster(), Switchback(2), Switchback(2, "alternating"))] == [
        "cluster",
        "cluster",
        "unit",
        "cluster",
    ]


def test_an_analysis_by_its_old_name():
    with pytest.raises(InputError) as refused:
        Analysis(level="unit")
    assert str(refused.value) == "`level` is now `cluster_by`: write cluster_by='unit'."
