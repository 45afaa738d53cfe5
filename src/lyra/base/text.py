"""Words as lyra says them: lists, near misses, options as the reader types them, lines of a fixed-width table."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["did_you_mean", "laid_out", "listed", "option", "spoken_in_the_shell"]


def listed(items: Iterable[object], limit: int = 6) -> str:
    """Return the items as one readable list, cut after `limit` with the number left out."""
    words = [str(item) for item in items]
    if len(words) > limit:
        return ", ".join(words[:limit]) + f" and {len(words) - limit} more"
    return ", ".join(words)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `known` as a clause for a refusal, led by the closest name when one is close."""
    from difflib import get_close_matches

    names = list(known)
    by_folded = {known_name.casefold(): known_name for known_name in names}
    close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    hint = f"did you mean {by_folded[close[0]]!r}? " if close else ""
    return f"{hint}there is {listed(map(repr, names), 12)}"


_IN_THE_SHELL: ContextVar[bool] = ContextVar("lyra_in_the_shell", default=False)
_OPTIONS = {"clusters": "cluster", "covariates": "covariate", "methods": "method"}  # named otherwise in the shell


@contextmanager
def spoken_in_the_shell() -> Iterator[None]:
    """Within it, sentences name the shell's options where they would name Python's keywords."""
    before = _IN_THE_SHELL.set(True)
    try:
        yield
    finally:
        _IN_THE_SHELL.reset(before)


_UNSAID = object()


def option(keyword: str, value: object = _UNSAID) -> str:
    """Return a keyword, with its value if one is given, as the reader would type it: in Python or in the shell.

    Examples
    --------
    >>> option("clusters"), option("level", "unit")
    ('clusters=', "level='unit'")
    >>> with spoken_in_the_shell():
    ...     option("clusters"), option("level", "unit")
    ('--cluster', '--level unit')
    """
    if _IN_THE_SHELL.get():
        name = f"--{_OPTIONS.get(keyword, keyword).replace('_', '-')}"
        return name if value is _UNSAID else f"{name} {value}"
    return f"{keyword}=" if value is _UNSAID else f"{keyword}={value!r}"


def laid_out(layout: Sequence[str], heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    r"""Return the lines of a table of fixed width: `layout` says of each column how its cells are padded.

    Examples
    --------
    >>> layout = ("<8", ">6", "")
    >>> print(*laid_out(layout, ("method", "p", "  law"), [("CV3", "0.04", "  t(13)")]), sep="\n")
    method       p  law
    CV3       0.04  t(13)
    """
    lines = ([f"{cell:{pad}}" for cell, pad in zip(row, layout, strict=True)] for row in (heads, *rows))
    return ["".join(cells).rstrip() for cells in lines]
