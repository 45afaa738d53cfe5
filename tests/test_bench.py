"""Every bench starts: what moves in the house or among the tests is moved in them too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BENCHES = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("bench", BENCHES)
def test_a_bench_finds_what_it_imports(bench):
    """In a process of its own, without the paths that pytest adds; the peers are loaded where they are run."""
    code = f"import importlib; importlib.import_module('bench.{bench}')"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
