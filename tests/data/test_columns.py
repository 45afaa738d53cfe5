"""The values of a design, a block of rows at a time."""

from __future__ import annotations

import numpy as np

from lyra.data.coding import design
from lyra.data.columns import evaluate
from lyra.data.formula import parse

LEVELS = {"d": ["a", "b", "c"], "k": [0, 1, 2]}
ROWS = {"x": np.linspace(-1.0, 3.0, 90), "d": np.array(list("abc"))[np.arange(90) % 3], "k": np.arange(90) // 7 % 3}


def test_blocks_stacked_are_the_whole():
    columns = design(parse("y ~ x*d + C(k)").with_categorical({"d"}), LEVELS)
    whole = evaluate(columns, ROWS.__getitem__, n_rows=90)
    blocks = [{name: values[cut] for name, values in ROWS.items()} for cut in np.split(np.arange(90), [50, 51])]
    stacked = [evaluate(columns, block.__getitem__, n_rows=block["x"].size) for block in blocks]
    np.testing.assert_array_equal(np.vstack(stacked), whole)


def test_input_is_left_alone_and_an_atom_is_computed_once():
    x = np.array([1.0, 2.0, 3.0])
    x.flags.writeable = False
    asked = []
    columns = design(parse("y ~ log(x) + log(x):C(d) + C(d)"), {"d": ["a", "b"]})
    data = {"x": x, "d": np.array(["a", "b", "b"])}
    evaluate(columns, lambda name: asked.append(name) or data[name], n_rows=3)
    assert sorted(asked) == ["d", "x"]


def test_outside_its_domain_a_transform_is_not_finite_and_does_not_warn():
    columns = design(parse("y ~ log(x) + sqrt(x) + 0"), {})
    matrix = evaluate(columns, {"x": np.array([-1, 0])}.__getitem__, n_rows=2)
    np.testing.assert_array_equal(matrix, [[np.nan, np.nan], [-np.inf, 0.0]])


def test_integers_are_computed_as_floats():
    columns = design(parse("y ~ square(x) + 0"), {})
    matrix = evaluate(columns, {"x": np.array([2**40])}.__getitem__, n_rows=1)
    assert matrix[0, 0] == 2.0**80


def test_levels_are_found_in_any_column_type():
    columns = design(parse("y ~ C(d) - 1"), {"d": ["a", "b"]})
    for values in (np.array(["b", "a"]), np.array(["b", "a"], dtype=object), np.array(["b", "a"], dtype="T")):
        np.testing.assert_array_equal(evaluate(columns, {"d": values}.__getitem__, n_rows=2), [[0, 1], [1, 0]])
