"""Shared by all tests: hypothesis profiles, and the tally of numbers compared with other packages."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("ci", max_examples=30, deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

TALLY = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Counter()


@pytest.fixture
def compared(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Count numbers compared with a package."""

    def count(package: str, numbers: int) -> None:
        request.config.stash[TALLY][package] += numbers

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tally = config.stash[TALLY]
    if tally:
        each = ", ".join(f"{package} {count:,}" for package, count in sorted(tally.items()))
        terminalreporter.write_line(f"reference: {tally.total():,} numbers of {len(tally)} packages compared ({each})")
