"""What is public exists, and importing lyra costs no table engine."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import lyra

MODULES = [f"lyra.{module.name}" for module in pkgutil.iter_modules(lyra.__path__)]


@pytest.mark.parametrize("name", ["lyra", *MODULES])
def test_every_public_name_exists_once(name):
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


def test_import_is_cheap():
    """`import lyra` and its first name load numpy and nothing heavier."""
    code = "import sys, json, lyra; lyra.Moments; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert "numpy" in loaded
    assert {"scipy", "pandas", "polars", "pyarrow", "narwhals", "duckdb", "rich", "cyclopts", "msgspec"} & set(
        loaded
    ) == set()
