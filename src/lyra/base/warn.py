"""Warnings point at the user's line, however deep in lyra they arise."""

from __future__ import annotations

import sys
import warnings
from types import FrameType

__all__ = ["warn"]

OURS = frozenset({"lyra", "contextlib", "functools"})  # a call of lyra's own may pass through the last two


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line that called lyra: that of the first frame outside the package."""
    frame = _of_the_user(sys._getframe())  # noqa: SLF001  inspect gives the same, after reading every source file
    module = frame.f_globals.get("__name__", "<unknown>")
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, module, registry)


def _of_the_user(frame: FrameType) -> FrameType:
    while frame.f_back is not None and _is_ours(frame):
        frame = frame.f_back
    return frame


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in OURS
