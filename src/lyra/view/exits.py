"""What a command leaves with: the codes, and which of them a certificate earns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lyra.verdict.certificate import Certificate

__all__ = ["BAD_INPUT", "FINE", "INTERRUPTED", "NOTHING_TO_READ", "READER_LEFT", "exit_code"]

FINE, UNCERTIFIED, BAD_INPUT, INCONCLUSIVE, NOTHING_TO_READ = 0, 1, 2, 3, 4
INTERRUPTED = 130
READER_LEFT = 141  # of the pipe, as a shell says it


def exit_code(certificate: Certificate, requested: Sequence[str]) -> int:
    """Return 0 when every requested method, or without a request the recommended one, is certified in every design."""
    if certificate.recommended and not requested:
        return FINE
    verdicts = set(certificate.ways.values())
    if requested and verdicts - {"certified", "inconclusive"}:
        return UNCERTIFIED
    if "inconclusive" in verdicts:
        return INCONCLUSIVE
    return FINE if requested else UNCERTIFIED
