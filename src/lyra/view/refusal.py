"""What is wrong with a command line, in one sentence."""

from __future__ import annotations

from pathlib import Path

from cyclopts import MissingArgumentError, UnusedCliTokensError

from lyra.view.terminal import unprinted

__all__ = ["sentence"]

NEEDED = {"--cluster": ", the column of cluster labels", "FORMULA": ', such as "y ~ treat + x"', "DATA": ", a file"}


def sentence(error: BaseException) -> str:
    """Return what is wrong with a command line in one sentence."""
    match error:
        case MissingArgumentError():
            return _missing(error)
        case UnusedCliTokensError():
            extra = " ".join(error.unused_tokens or ())
            return f"{extra!r} is more than this command takes: quote a formula or a name that holds blanks."
        case MemoryError():
            return "there is not enough memory for this: use fewer columns or rows, or a smaller design."
        case OSError():
            return _of_the_system(error)
        case _:
            return str(error)


def _missing(error: MissingArgumentError) -> str:
    argument, command = error.argument, " ".join(("lyra", *(error.command_chain or ())))
    if argument is None:
        return str(error)
    if error.keyword or argument.tokens:
        return f"{error.keyword or argument.name} needs a value after it: see {command} --help."
    name = argument.name if argument.index is None else argument.name.removeprefix("--").upper()
    return f"{command} needs {name}{NEEDED.get(name, '')}: see {command} --help."


def _of_the_system(error: OSError) -> str:
    try:
        Path.cwd()
    except OSError:
        return "the folder this is run from is no longer there: change to one that is."
    if not error.filename:
        return unprinted(error)
    why = error.strerror or error
    return f"the system refused {error.filename!r} ({why}): check that it is there, and its permissions."
