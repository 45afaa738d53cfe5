"""The shell: `lyra fit`, `certify`, `power`, `simulate`, `demo`, `atlas`, and how a command line is run.

Exit codes: 0 fine, 1 uncertified, 2 bad input or usage, 3 inconclusive, 4 no line can be read, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cyclopts import CycloptsError

from lyra.base.text import spoken_in_the_shell
from lyra.commands import LESSON_SEED, app, ladder_of, lesson
from lyra.errors import LyraError
from lyra.plans import power, simulate
from lyra.surveying import atlas
from lyra.typed import Switch, refuse_renamed, with_stdin
from lyra.view.exits import BAD_INPUT, FINE, INTERRUPTED, READER_LEFT
from lyra.view.interrupts import hear_interrupts
from lyra.view.refusal import sentence
from lyra.view.shown import progress_of, show_certificate, show_ladder
from lyra.view.terminal import say, take_every_letter, unprinted, warned, write, write_document

__all__ = ["DEMO", "app", "atlas", "main", "power", "run", "simulate"]

DEMO = "takeup_survey ~ default + intensive + male + age + agpop + ricearea_2010 + literacy"
STORY = (
    "A real experiment: insurance offered to 1,410 rice farmers in 166 villages. Villages were drawn, not farmers, so "
    "villages are the clusters."
)
LESSON = (
    "The same lesson on worlds where nothing is to be found: 50 clusters of 35 users who share 2 % of their variance, "
    "whole clusters treated, then users one by one."
)


@app.command(help_epilogue="")
def demo(*, json: Switch = False) -> int:
    """Tell the whole story: a real experiment's ladder with certificates, then the two A/A designs.

    1,410 rice farmers in 166 villages were offered insurance; villages were drawn, so villages are the clusters.
    Example: lyra demo

    Parameters
    ----------
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    from lyra.datasets import social_insure

    with warned(as_json=json) as told, progress_of("certifying") as progress:
        from lyra.certifying import certified
        from lyra.certifying import certify as judge
        from lyra.fitting import fit as regress

        regression = regress(DEMO, social_insure(), clusters="address")
        ladder = ladder_of(regression, bootstrap=True, seed=LESSON_SEED)
        ladder = certified(regression.fit, ladder, seed=LESSON_SEED)
        judged = judge(**lesson(), progress=progress)
    if json:
        from lyra.view.document import ladder_document

        write_document(ladder_document(ladder, told) | {"lesson": judged.to_dict()})
        return FINE
    write(f'{STORY}\n\n$ lyra fit social_insure.csv "{DEMO}" --cluster address --bootstrap\n')
    show_ladder(ladder, told, as_json=False)
    write(f"\n{LESSON}\n\n$ lyra certify\n")
    show_certificate(judged, [], out=None, as_json=False)
    return FINE


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line, its output printed."""
    with spoken_in_the_shell():
        try:
            refuse_renamed(arguments)
            code = app(with_stdin(arguments), exit_on_error=False, print_error=False)
        except (LyraError, CycloptsError, OSError, MemoryError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            return _refused(sentence(error))
        except KeyboardInterrupt:
            say("lyra: interrupted")
            return INTERRUPTED
    return code if isinstance(code, int) else FINE


def main() -> None:
    """Run the command line and leave at once: DuckDB lists what it leaks on stderr when Python takes itself down."""
    hear_interrupts()
    os._exit(_run_on_streams(sys.argv[1:]))


# --- the streams --------------------------------------------------------------------------------


def _run_on_streams(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line whose output may be closed, full, or unable to write every letter."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it lives as long as the process
    if sys.stdout is None:
        return _refused("stdout is closed: there is nowhere to print to.")
    take_every_letter()
    try:
        code = run(arguments)
        if code != BAD_INPUT:
            sys.stdout.flush()
    except BrokenPipeError:
        return READER_LEFT
    except OSError as error:
        return _refused(unprinted(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    with suppress(OSError):
        sys.stderr.flush()
    return code


def _refused(sentence: str) -> int:
    say(f"lyra: {sentence}")
    return BAD_INPUT
