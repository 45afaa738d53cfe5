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


def loaded_by(code):
    """The modules of lyra that a program has loaded at its end."""
    program = f"{code}\nimport sys; print(*(name for name in sys.modules if name.startswith('lyra.')))"
    return set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )


FITTED = """
import lyra, pandas
rows = [{"y": i % 5, "x": i % 3, "g": i // 4} for i in range(24)]
frame = pandas.DataFrame(rows)
reg = lyra.fit("y ~ x", frame, clusters="g")
reg.robust("CV3").tidy(), reg.bootstrap("x", B=99), reg.diagnose()
"""


def test_a_fit_loads_no_simulation_store_or_runner():
    for code in ("import lyra; lyra.fit", FITTED):
        found = loaded_by(code)
        assert "lyra.fitting" in found
        assert [name for name in found if name.split(".")[1] in ("simulation", "trials", "verdict", "view")] == []


def test_a_printed_ladder_loads_no_store_or_runner():
    found = loaded_by(FITTED + "print(reg.ladder(), file=__import__('io').StringIO())")
    assert "lyra.verdict.ladder" in found
    assert {"lyra.trials.store", "lyra.trials.runner"}.isdisjoint(found)
