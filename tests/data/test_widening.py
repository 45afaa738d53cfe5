"""The type that holds the values of two types, and none where digits would be lost."""

from __future__ import annotations

import pytest

from lyra.data.widening import wider


@pytest.mark.parametrize(
    ("left", "right", "both"),
    [
        ("UINTEGER", "INTEGER", "BIGINT"),
        ("UBIGINT", "TINYINT", "HUGEINT"),
        ("UHUGEINT", "TINYINT", None),
        ("DECIMAL(10,2)", "INTEGER", "DECIMAL(12,2)"),
        ("DECIMAL(38,2)", "DECIMAL(10,9)", None),
        ("DECIMAL(20,2)", "DOUBLE", None),
        ("DECIMAL(15,2)", "DOUBLE", "DOUBLE"),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_NS"),
        ("BOOLEAN", "INTEGER", None),
        ("BOOLEAN", "DOUBLE", None),
        ("VARCHAR", "ENUM('a')", "VARCHAR"),
        ("VARCHAR", "DATE", None),
    ],
)
def test_the_type_that_holds_both(left, right, both):
    assert wider(left, right) == wider(right, left) == both
