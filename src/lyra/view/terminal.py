"""What is said on a terminal, or into a pipe: pages and documents on stdout, sentences on stderr."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["say", "show", "take_every_letter", "unprinted", "warned", "write", "write_document"]

WIDTH = 140  # of a table that no terminal bounds
PLAIN = str.maketrans(
    {"ρ": "rho", "σ": "sigma", "κ": "kappa", "α": "alpha", "β": "beta", "²": "^2", "≥": ">=", "≤": "<=", "×": "x"}
    | {"√": "sqrt", "−": "-", "–": "-", "…": "...", "─": "-", "━": "-", "│": "|"}
    | dict.fromkeys("╭╮╰╯", "+")
)


@contextmanager
def warned(*, as_json: bool) -> Iterator[list[str]]:
    """Collect warnings as sentences; without JSON they are printed on stderr, a line each."""
    sentences: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield sentences
        finally:
            sentences += dict.fromkeys(str(warning.message) for warning in caught)
            for sentence in () if as_json else sentences:
                say(f"warning: {sentence}")


def say(sentence: str) -> None:
    """Print a sentence on stderr, where that can be done."""
    with suppress(OSError):
        print(sentence, file=sys.stderr)  # noqa: T201


def show(page: Callable[[int], Iterable[Any]]) -> None:
    """Print a page for the width of the terminal; in a pipe a paragraph is a line, and no line ends in blanks."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else WIDTH)
    with console.capture() as printed:
        for part in page(console.width):
            console.print(part, soft_wrap=not terminal)
    write("\n".join(line.rstrip() for line in printed.get().rstrip("\n").split("\n")))


def write(text: str) -> None:
    """Print a text on stdout at once."""
    print(text, flush=True)  # noqa: T201


def write_document(values: Any) -> None:
    """Print one JSON document, in ASCII where the output takes no other letters."""
    from lyra.view.document import document

    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
    write(document(values, ascii_only=not unicode))


def unprinted(error: OSError) -> str:
    """Return in a sentence that the output took nothing."""
    return f"what was found could not be printed ({error.strerror}): free the output."


def take_every_letter() -> None:
    """Spell letters that a terminal's encoding lacks in ones it has."""
    import codecs

    def spelled(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        letters = error.object[error.start : error.end].translate(PLAIN)
        return letters.encode("ascii", "backslashreplace").decode("ascii"), error.end

    codecs.register_error("lyra.spelled", spelled)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="lyra.spelled")
