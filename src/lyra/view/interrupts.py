"""Ctrl-C at the shell → KeyboardInterrupt, but never inside an import, where it would be lost without a word.

What is raised there Python's own import machinery and the start of many extension modules swallow. A press that comes
during an import is given again once it is over.
"""

from __future__ import annotations

import _thread
import signal
from threading import Timer
from types import FrameType

__all__ = ["hear_interrupts"]

IMPORTING = "<frozen importlib"
PAUSE = 0.02  # seconds until a press is given again


def hear_interrupts() -> None:
    """Let no Ctrl-C be lost in this process; one that is ignored, as a shell has it of jobs beside it, stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _heard)


def _heard(_: int, frame: FrameType | None) -> None:
    if not _imports(frame):
        raise KeyboardInterrupt
    again = Timer(PAUSE, _thread.interrupt_main)
    again.daemon = True
    again.start()


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False
