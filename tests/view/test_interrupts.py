"""A Ctrl-C is heard, whatever is being imported: a module that swallows it, as the start of extensions does."""

from __future__ import annotations

import subprocess
import sys

import pytest

SWALLOWS = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):
        pass
except BaseException:
    pass
"""
RUNS = """
import sys, time
sys.path.insert(0, {folder!r})
{first}
try:
    import swallows
    time.sleep(1)
    print("lost")
except KeyboardInterrupt:
    print("heard")
"""
PRESSED = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("late")
except KeyboardInterrupt:
    print("now")
"""
HEAR = "from lyra.view.interrupts import hear_interrupts; hear_interrupts()"


def run(text):
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip(), done.stderr


def printed(tmp_path, first):
    (tmp_path / "swallows.py").write_text(SWALLOWS)
    return run(RUNS.format(folder=str(tmp_path), first=first))


def test_a_press_inside_an_import_is_heard_after_it(tmp_path):
    assert printed(tmp_path, HEAR) == ("heard", "")


def test_python_alone_loses_it(tmp_path):
    """Why the handler is there: should this fail one day, it can go."""
    assert printed(tmp_path, "")[0] == "lost"


def test_a_press_outside_imports_is_heard_at_once():
    assert run(f"{HEAR}\n{PRESSED}") == ("now", "")


@pytest.mark.parametrize("kept", ["SIG_IGN", "SIG_DFL"])
def test_what_was_set_otherwise_stays(kept):
    told = f"print(signal.getsignal(signal.SIGINT) is signal.{kept})"
    assert run(f"import signal\nsignal.signal(signal.SIGINT, signal.{kept})\n{HEAR}\n{told}") == ("True", "")
