"""What is public exists, and importing lyra costs no table engine."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import lyra

MODULES = [module.name for module in pkgutil.walk_packages(lyra.__path__, "lyra.") if "__main__" not in module.name]


@pytest.mark.parametrize("name", ["lyra", *MODULES])
def test_every_public_name_exists_once(name):
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])  # a folder that is no API has none
    assert len(set(public)) == len(public)
    assert [name for name in public if not hasattr(module, name)] == []


HEAVY = {"scipy", "pandas", "polars", "pyarrow", "narwhals", "duckdb", "rich", "cyclopts", "msgspec"}


@pytest.mark.parametrize("module", ["lyra", "lyra.se"])
def test_import_is_cheap(module):
    """Neither the package nor the front door for arrays loads anything heavier than numpy."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "lyra" in loaded
    assert HEAVY.isdisjoint(loaded)
