"""The embedded engine keeps off the network."""

from __future__ import annotations

from lyra.data.embedded import connected


def test_the_engine_neither_installs_nor_loads():
    with connected() as connection:
        for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
            assert connection.sql(f"SELECT current_setting('{name}')").fetchall() == [(False,)]
