import numpy as np
import pytest

from lyra.data.units import Units
from lyra.errors import InputError


def test_codes_number_combinations_in_sorted_order():
    units = Units(["b", "a", "b", "a"], window=[1, 0, 0, 0])
    code, first = units.codes("cluster", "window")
    assert code.tolist() == [2, 0, 1, 0]
    assert first.tolist() == [1, 2, 0]


def test_codes_do_not_depend_on_the_dtype_of_the_labels():
    labels = np.array([3, 1, 2, 1, 3])
    days = np.datetime64("2026-01-01") + labels
    for other in (labels.astype(float), labels.astype(str), labels.astype(object), days):
        assert np.array_equal(Units(other).codes("cluster")[0], Units(labels).codes("cluster")[0])


def test_without_user_labels_every_row_is_a_user():
    assert Units(["a", "a", "b"]).codes("user")[0].tolist() == [0, 1, 2]


def test_take_keeps_every_column_given():
    taken = Units([1, 2, 3], window=[0, 0, 1], stratum=["x", "y", "z"]).take(np.array([2, 0]))
    assert (taken.cluster.tolist(), taken.window.tolist(), taken.stratum.tolist()) == (
        [3, 1],
        [1, 0],
        ["z", "x"],
    )
    assert taken.user is None


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: Units([1, 2, 3], window=[0, 1]),
            "window has 2 labels and cluster has 3; give one of each per row.",
        ),
        (
            lambda: Units([[1, 2]]),
            "cluster has shape (1, 2); give a one-dimensional array with a label for every row.",
        ),
        (
            lambda: Units([]),
            "cluster has shape (0,); give a one-dimensional array with a label for every row.",
        ),
        (
            lambda: Units([1, 2]).codes("stratum"),
            "these units have no stratum; give Units a stratum label for every row.",
        ),
    ],
)
def test_refusals(build, sentence):
    with pytest.raises(InputError) as refusal:
        build()
    assert str(refusal.value) == sentence
