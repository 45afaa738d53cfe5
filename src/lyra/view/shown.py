"""A result on stdout, as a page or as one JSON document, and how far a run has come on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from lyra.view.terminal import show, write_document
from lyra.view.written import keep

if TYPE_CHECKING:
    from lyra.verdict.certificate import Certificate
    from lyra.verdict.ladder import Ladder

__all__ = ["progress_of", "show_certificate", "show_ladder"]


def show_ladder(ladder: Ladder, told: list[str], *, as_json: bool) -> None:
    """Print a ladder, with what was told on the way."""
    from lyra.view.document import ladder_document
    from lyra.view.pages import ladder_page

    if as_json:
        write_document(ladder_document(ladder, told))
    else:
        show(partial(ladder_page, ladder))


def show_certificate(certificate: Certificate, told: list[str], *, out: str | None, as_json: bool) -> None:
    """Print a certificate, and keep it where `out` names a file."""
    from lyra.view.pages import certificate_page

    if as_json:
        write_document(certificate.to_dict() | {"warnings": told})
    else:
        show(partial(certificate_page, certificate))
    if out is not None:
        keep(out, certificate.to_json)


@contextmanager
def progress_of(doing: str) -> Iterator[Any]:
    """Show how far a run has come while it lasts."""
    from lyra.trials.runner import progress_bar

    with progress_bar(doing) as progress:
        yield progress
