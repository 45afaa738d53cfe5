"""The same from a shell: `lyra fit`, `certify`, `power`, `simulate`, `demo`. Numerics are imported in the commands.

Tables on stdout, or with --json one JSON document and nothing else, in which a number that does not exist (NaN or
infinite) is null. Progress, warnings and refusals go to stderr. Exit codes: 0 fine, 1 uncertified, 2 bad input or
usage, 3 inconclusive, 4 no line can be read, 130 interrupted.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter, UnusedCliTokensError
from cyclopts.validators import Number

from lyra.base.renamed import refuse_old
from lyra.base.text import option, spoken_in_the_shell
from lyra.base.warn import warn
from lyra.errors import DataError, InputError, LyraError, NotIdentifiedError, UnidentifiedWarning
from lyra.version import __version__

if TYPE_CHECKING:
    from lyra.fitting import Regression
    from lyra.verdict.certificate import Certificate
    from lyra.verdict.ladder import Ladder

__all__ = ["app", "main", "run"]

FINE, UNCERTIFIED, BAD_INPUT, INCONCLUSIVE, NOTHING_TO_READ = 0, 1, 2, 3, 4
INTERRUPTED = 130
READER_LEFT = 141  # of the pipe, as a shell says it
WIDTH = 140  # of a table that no terminal bounds
STDIN = "<stdin>"

DEMO = "takeup_survey ~ default + intensive + male + age + agpop + ricearea_2010 + literacy"
LESSON_SEED = 20
STORY = (
    "A real experiment: insurance offered to 1,410 rice farmers in 166 villages. Villages were drawn, not farmers, so "
    "villages are the clusters."
)
LESSON = (
    "The same lesson on worlds where nothing is to be found: 50 clusters of 35 users who share 2 % of their variance, "
    "whole clusters treated, then users one by one."
)
CLOSING = (
    "Exit codes: 0 fine; 1 uncertified; 2 bad input or usage; 3 inconclusive; 4 no line can be read; 130 interrupted."
    "\n\nGuides, in docs/guides: read.md (a fitted regression), certify.md (an analysis before it is trusted), "
    "power.md (a plan)."
)


def _whole(_: Any, tokens: Sequence[Any]) -> int:
    """Return a whole number, or refuse what is none: 1.5 is not rounded."""
    if not re.fullmatch(r"[+-]?[0-9]+", tokens[0].value):
        raise ValueError(f'"{tokens[0].value}" is not a whole number.')
    return int(tokens[0].value)


DesignName: TypeAlias = Literal["cluster", "user", "stratified", "pairs", "switchback"]
Switch = Annotated[bool, Parameter(negative="", show_default=False)]
Several = Annotated[tuple[str, ...], Parameter(negative="", show_default=False)]
Words = Annotated[tuple[str, ...], Parameter(negative="", show_default=False, allow_leading_hyphen=True)]
Whole = Annotated[int, Parameter(converter=_whole)]
Seed = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0))]

app = App(
    name="lyra",
    version=__version__,
    help="The standard error of a clustered experiment, and the proof that it can be trusted.",
    help_epilogue=CLOSING,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)


@app.command(help_epilogue="")
def fit(  # noqa: PLR0913  an option a choice the shell leaves open
    data: str,
    formula: str,
    *,
    cluster: str,
    term: str | None = None,
    variant: Several = (),
    bootstrap: Switch = False,
    level: float = 0.95,
    no_certify: Switch = False,
    maximum: Whole | None = None,
    seed: Seed = 0,
    decimal: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    missing: Words = (),
    json: Switch = False,
) -> int:
    """Print one coefficient under one standard error after another, what each is worth here, and which to read.

    Example: lyra fit orders.parquet "orders ~ treat + pre_orders" --cluster city --bootstrap

    The exit code is 0 when there is a line to read and 4 when there is none; with --no-certify it is 0 when the
    numbers are printed.

    Parameters
    ----------
    data
        A csv or parquet file, a glob of them, a directory of parquet files, or - for csv from stdin.
    formula
        For example "y ~ treat + x"; text columns enter by their levels.
    cluster
        The column of cluster labels: rows that share one may be correlated in any way.
    term
        The coefficient; left out, the first after the intercept.
    variant
        A line of the table; repeat it for several; left out: iid, CV1, CV2 and CV3.
    bootstrap
        Add the restricted wild cluster bootstrap.
    level
        Coverage of the intervals.
    no_certify
        Skip the certificate, which simulates the fitted design for about two seconds.
    maximum
        Most replicates of the certificate; left out, what about two seconds allow.
    seed
        Of the bootstrap's draws and of the certificate; a whole number.
    decimal
        The decimal sign of a csv's numbers; left out, a point.
    delimiter
        What separates the columns of a csv; left out, it is found.
    encoding
        The encoding of a csv; left out, utf-8.
    missing
        A word that stands for a missing value in a csv; repeat it for several; left out, the usual ones.
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    with _told(as_json=json) as told, _progress("reading and fitting") as progress, _on_disk(data) as path:
        from lyra.fitting import fit as regress

        csv = _given(decimal=decimal, delimiter=delimiter, encoding=encoding, missing=missing)
        regression = regress(formula, path, clusters=cluster, **csv)
        ladder = _ladder(regression, term=term, variants=variant, bootstrap=bootstrap, level=level, seed=seed)
        if not no_certify:
            ladder = regression.certified(ladder, seed=seed, maximum=maximum, progress=progress)
    _show_ladder(ladder, told, as_json=json)
    return FINE if ladder.advice.method or no_certify else NOTHING_TO_READ


@app.command(help_epilogue="")
def certify(  # noqa: PLR0913  an option a choice the shell leaves open
    subject: str | None = None,
    *,
    outcome: str | None = None,
    cluster: str | None = None,
    design: DesignName | None = None,
    treated: str | None = None,
    block: Whole | None = None,
    covariate: Several = (),
    window: str | None = None,
    stratum: str | None = None,
    cluster_by: str | None = None,
    method: Several = (),
    tolerance: float | None = None,
    maximum: Whole | None = None,
    seed: Seed | None = None,
    store: str | None = None,
    workers: Whole = 1,
    out: str | None = None,
    decimal: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    missing: Words = (),
    json: Switch = False,
) -> int:
    """Print how often each method flags a true null, with a verdict: on worlds of a file, or on your own data.

    Examples: lyra certify; lyra certify worlds.toml; lyra certify past.parquet --outcome orders --cluster city

    Parameters
    ----------
    subject
        A .toml file of worlds, designs and methods, or a table; left out, the lesson of two A/A designs.
    outcome
        The column of the outcome.
    cluster
        The column of cluster labels.
    design
        How the treatment is drawn again on a table; left out, by cluster.
    treated
        Clusters (or users) treated: half, bernoulli, a number of them or a share; left out, half.
    block
        Windows in a block of a switchback, each block drawn as one; left out, 1. A number that does not divide the
        windows of the table is refused.
    covariate
        A term of a table to adjust for; repeat it for several.
    window
        The column of time windows, in whose order a switchback goes.
    stratum
        The column of strata, or of pairs: whole clusters that are drawn together.
    cluster_by
        What the analysis of a table clusters on: cluster, unit, window, stratum, pair or user; left out, cluster.
    method
        A method to judge; repeat it for several.
    tolerance
        The tolerated inflation of the size; left out, the file's, or 1.25.
    maximum
        Most replicates a method; left out, 64,000, and 8,000 for bootstraps.
    seed
        Equal seeds give equal digests; left out, 0 or the file's.
    store
        A checkpoint file: a run that was killed goes on where it stopped.
    workers
        Processes; left out, 1.
    out
        Write the certificate to this file as JSON, or to certificate.json in this folder; a file that is there is
        replaced when the run has ended.
    decimal
        The decimal sign of a csv's numbers; left out, a point.
    delimiter
        What separates the columns of a csv; left out, it is found.
    encoding
        The encoding of a csv; left out, utf-8.
    missing
        A word that stands for a missing value in a csv; repeat it for several; left out, the usual ones.
    json
        Print one JSON document.
    """
    out = _file(out, "certificate.json")
    with _told(as_json=json) as told, _progress("certifying") as progress:
        from lyra.certifying import certify as judge

        asked: dict[str, Any] = {"store": store, "workers": workers, "progress": progress}
        asked |= _given(tolerance=tolerance, maximum=maximum, seed=seed, methods=method)
        columns = _given(outcome=outcome, cluster=cluster, window=window, stratum=stratum, cluster_by=cluster_by)
        drawn = _given(design=design, treated=treated, block=block)
        csv = _given(decimal=decimal, delimiter=delimiter, encoding=encoding, missing=missing)
        if subject is None or subject.endswith(".toml"):
            _refuse_of_table(columns | drawn | csv | _given(covariate=covariate), subject)
        if subject is None:
            certificate = judge(*_lesson(), **_lesson_options() | asked)
        elif subject.endswith(".toml"):
            certificate = _certify_file(subject, asked)
        else:
            with _on_disk(subject) as path:
                certificate = judge(path, _design(**drawn), **columns, **csv, covariates=covariate, **asked)
    _show_certificate(certificate, told, out=out, as_json=json)
    return _exit_code(certificate, method)


@app.command(help_epilogue="")
def power(  # noqa: PLR0913  an option a choice the shell leaves open
    subject: str,
    *,
    outcome: str | None = None,
    cluster: str | None = None,
    design: DesignName | None = None,
    treated: str | None = None,
    block: Whole | None = None,
    covariate: Several = (),
    window: str | None = None,
    stratum: str | None = None,
    cluster_by: str | None = None,
    method: str | None = None,
    effect: float | None = None,
    target: float | None = None,
    replicates: Whole | None = None,
    seed: Seed | None = None,
    out: str | None = None,
    decimal: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    missing: Words = (),
    json: Switch = False,
) -> int:
    """Print the power curve of a method, the smallest effect it can see, and how many clusters a planned effect needs.

    Examples: lyra power past.parquet --outcome orders --cluster city --effect 0.02; lyra power worlds.toml --method CV2

    Parameters
    ----------
    subject
        A table of past data, or a .toml file whose first world, design and analysis are taken.
    outcome
        The column of the outcome.
    cluster
        The column of cluster labels.
    design
        How the treatment will be drawn on a table; left out, by cluster.
    treated
        Clusters (or users) treated: half, bernoulli, a number of them or a share; left out, half.
    block
        Windows in a block of a switchback, each block drawn as one; left out, 1. A number that does not divide the
        windows of the table is refused.
    covariate
        A term of a table to adjust for; repeat it for several.
    window
        The column of time windows, in whose order a switchback goes.
    stratum
        The column of strata, or of pairs: whole clusters that are drawn together.
    cluster_by
        What the analysis of a table clusters on; left out, cluster.
    method
        The method that is certified for the design; left out, CV1.
    effect
        The planned effect, on the outcome's scale.
    target
        The power wanted; left out, .8.
    replicates
        Experiments simulated; left out, 2,000.
    seed
        Equal seeds give equal numbers; left out, 0 or the file's.
    out
        Write the plan to this file as JSON, or to plan.json in this folder; a file that is there is replaced when
        the run has ended.
    decimal
        The decimal sign of a csv's numbers; left out, a point.
    delimiter
        What separates the columns of a csv; left out, it is found.
    encoding
        The encoding of a csv; left out, utf-8.
    missing
        A word that stands for a missing value in a csv; repeat it for several; left out, the usual ones.
    json
        Print one JSON document.
    """
    out = _file(out, "plan.json")
    with _told(as_json=json) as told, _progress("planning"):
        from lyra.planning import power as plan

        asked = _given(method=method, effect=effect, target=target, replicates=replicates, seed=seed)
        columns = _given(outcome=outcome, cluster=cluster, window=window, stratum=stratum, cluster_by=cluster_by)
        drawn = _given(design=design, treated=treated, block=block)
        csv = _given(decimal=decimal, delimiter=delimiter, encoding=encoding, missing=missing)
        if subject.endswith(".toml"):
            _refuse_of_table(columns | drawn | csv | _given(covariate=covariate), subject)
            world, lottery, analysis = _first_of_file(subject)
            planned = plan(world, lottery, cluster_by=analysis.cluster_by, covariates=analysis.covariates, **asked)
        else:
            with _on_disk(subject) as path:
                planned = plan(path, _design(**drawn), covariates=covariate, **columns, **csv, **asked)
    _write_document(planned.to_dict() | {"warnings": told}) if json else _write(str(planned))
    if out is not None:
        from lyra.view.document import document

        _keep(out, lambda path: path.write_text(document(planned.to_dict()) + "\n", encoding="utf-8"))
    return FINE


@app.command(help_epilogue="")
def simulate(config: str, *, out: str, seed: Seed | None = None) -> int:
    """Write one data set of a world to a csv or parquet file.

    Example: lyra simulate examples/switchback.toml --out data.parquet

    Parameters
    ----------
    config
        A .toml file as for certify; its first world and design are used.
    out
        The file to write, .csv or .parquet.
    seed
        Equal seeds give equal rows; left out, the file's.
    """
    from lyra.config import read_config
    from lyra.data.tables import write_columns

    _file(out, "")
    asked = read_config(config)
    world, design = next(iter(asked.worlds.values())), next(iter(asked.designs.values()))
    sample = world.sample(design, asked.settings.seed if seed is None else seed)
    columns = {name: values[sample.kept] for name, values in sample.columns.items()}
    _keep(out, lambda path: write_columns(columns, str(path)))
    return FINE


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

    with _told(as_json=json) as told, _progress("certifying") as progress:
        from lyra.certifying import certify as judge
        from lyra.fitting import fit as regress

        regression = regress(DEMO, social_insure(), clusters="address")
        ladder = _ladder(regression, bootstrap=True, seed=LESSON_SEED)
        ladder = regression.certified(ladder, seed=LESSON_SEED)
        lesson = judge(*_lesson(), **_lesson_options(), progress=progress)
    if json:
        from lyra.view.document import ladder_document

        _write_document(ladder_document(ladder, told) | {"lesson": lesson.to_dict()})
        return FINE
    _write(f'{STORY}\n\n$ lyra fit social_insure.csv "{DEMO}" --cluster address --bootstrap\n')
    _show_ladder(ladder, told, as_json=False)
    _write(f"\n{LESSON}\n\n$ lyra certify\n")
    _show_certificate(lesson, [], out=None, as_json=False)
    return FINE


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line, its output printed."""
    with spoken_in_the_shell():
        try:
            _refuse_renamed(arguments)
            code = app(_with_stdin(arguments), exit_on_error=False, print_error=False)
        except (LyraError, CycloptsError, OSError, MemoryError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            return _refused(_sentence(error))
        except KeyboardInterrupt:
            _say("lyra: interrupted")
            return INTERRUPTED
    return code if isinstance(code, int) else FINE


def main() -> None:
    """Run the command line and leave at once: DuckDB lists what it leaks on stderr when Python takes itself down."""
    os._exit(_run_on_streams(sys.argv[1:]))


RENAMED = {"certify": {"level": "cluster_by"}, "power": {"level": "cluster_by"}}


def _refuse_renamed(arguments: Sequence[str]) -> None:
    """Refuse an option by its old name, with the new one."""
    command, *rest = arguments or [""]
    for old, new in RENAMED.get(command, {}).items():
        for typed, after in zip(rest, [*rest[1:], ""], strict=True):
            name, _, value = typed.partition("=")
            if name == f"--{old}":
                refuse_old(old, new, value or after)


# --- the streams --------------------------------------------------------------------------------

PLAIN = str.maketrans(
    {"ρ": "rho", "σ": "sigma", "κ": "kappa", "α": "alpha", "β": "beta", "²": "^2", "≥": ">=", "≤": "<=", "×": "x"}
    | {
        "√": "sqrt",
        "−": "-",
        "–": "-",
        "…": "...",
        "─": "-",
        "━": "-",
        "│": "|",
        "╭": "+",
        "╮": "+",
        "╰": "+",
        "╯": "+",
    }
)


def _run_on_streams(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line whose output may be closed, full, or unable to write every letter."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it lives as long as the process
    if sys.stdout is None:
        return _refused("stdout is closed: there is nowhere to print to.")
    _take_every_letter()
    try:
        code = run(arguments)
        if code != BAD_INPUT:
            sys.stdout.flush()
    except BrokenPipeError:
        return READER_LEFT
    except OSError as error:
        return _refused(_unprinted(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    with suppress(OSError):
        sys.stderr.flush()
    return code


def _take_every_letter() -> None:
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


def _with_stdin(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a - that stands for data made a word, for the parser takes it for an option."""
    before = ("", *arguments)
    return [STDIN if word == "-" and not last.startswith("-") else word for last, word in zip(before, arguments)]  # noqa: B905


@contextmanager
def _on_disk(data: str) -> Iterator[str]:
    """Yield the path of a table; csv from stdin goes through a file that is removed afterwards."""
    if data != STDIN:
        yield data
        return
    from shutil import copyfileobj
    from tempfile import TemporaryDirectory

    if sys.stdin is None:
        raise DataError("stdin is closed: there is nothing to read.")
    with TemporaryDirectory(prefix="lyra-") as folder:
        path = Path(folder) / "stdin.csv"
        with path.open("wb") as file:
            copyfileobj(sys.stdin.buffer, file)
        yield str(path)


def _refused(sentence: str) -> int:
    _say(f"lyra: {sentence}")
    return BAD_INPUT


def _say(sentence: str) -> None:
    """Print a sentence on stderr, where that can be done."""
    with suppress(OSError):
        print(sentence, file=sys.stderr)  # noqa: T201


def _sentence(error: BaseException) -> str:
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


NEEDED = {"--cluster": ", the column of cluster labels", "FORMULA": ', such as "y ~ treat + x"', "DATA": ", a file"}


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
        return _unprinted(error)
    why = error.strerror or error
    return f"the system refused {error.filename!r} ({why}): check that it is there, and its permissions."


# --- fit ----------------------------------------------------------------------------------------


def _ladder(
    regression: Regression,
    *,
    term: str | None = None,
    variants: Sequence[str] = (),
    bootstrap: bool = False,
    level: float = 0.95,
    seed: int = 0,
) -> Ladder:
    ladder = regression.ladder(term, methods=variants or None, level=level)
    if not bootstrap:
        return ladder
    try:
        return ladder.with_bootstrap(regression.bootstrap(ladder.term, rng=seed))
    except NotIdentifiedError as error:  # the other lines stand
        warn(f"There is no bootstrap line. {error}", UnidentifiedWarning)
        return ladder


def _show_ladder(ladder: Ladder, told: list[str], *, as_json: bool) -> None:
    from lyra.view.document import ladder_document
    from lyra.view.pages import ladder_page

    if as_json:
        _write_document(ladder_document(ladder, told))
    else:
        _print(partial(ladder_page, ladder))


# --- certify ------------------------------------------------------------------------------------


def _lesson() -> tuple[Any, Any]:
    """Return the world and the designs of the lesson: an ICC of .02 at 35 a cluster, drawn by cluster and by user."""
    from lyra.designs import ByCluster, ByUser
    from lyra.simulation.world import World

    return World(50, cluster_size=35, icc=0.02), [ByCluster(), ByUser()]


def _lesson_options() -> dict[str, Any]:
    return {"methods": ("iid", "CV1", "CV2", "CV3"), "seed": LESSON_SEED, "first": 4_000}


def _certify_file(path: str, asked: dict[str, Any]) -> Certificate:
    from lyra.certifying import certify as judge
    from lyra.config import read_config

    config = read_config(path)
    return judge(config.worlds, config.designs, **config.options | {"analyses": config.analyses} | asked)


def _first_of_file(path: str) -> tuple[Any, Any, Any]:
    """Return the first world, design and analysis of a config file."""
    from lyra.config import read_config

    config = read_config(path)
    world, lottery, analysis = (next(iter(of.values())) for of in (config.worlds, config.designs, config.analyses))
    return world, lottery, analysis


def _design(design: str = "cluster", **options: Any) -> Any:
    """Return the design of a name; options are `treated` of clusters or users, and `block` of a switchback."""
    from lyra.designs import ByCluster, ByUser, Pairs, Stratified, Switchback

    kinds = {"cluster": ByCluster, "user": ByUser, "stratified": Stratified, "pairs": Pairs, "switchback": Switchback}
    taken = {"cluster": "treated", "user": "treated", "switchback": "block"}.get(design)
    for name in options:
        if name != taken:
            raise InputError(f"A {design} design takes no --{name}: leave it out.")
    treated = {"treated": _share(options["treated"])} if "treated" in options else {}
    block = {"block": options.get("block", 1)} if design == "switchback" else {}
    return kinds[design](**options | treated | block)


def _given(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def _refuse_of_table(given: Iterable[str], subject: str | None) -> None:
    for name in given:
        instead = f"{subject!r} says it itself" if subject else "name the table before it"
        raise InputError(f"{option(name).removesuffix('=')} belongs to a table: {instead}.")


def _file(out: str | None, usual: str) -> str | None:
    """Return the file meant by --out, in a folder the usual one; refuse before the run what cannot be written."""
    if out is None:
        return None
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", out):
        raise DataError(f"--out {out!r} is an address: name a file on this machine.")
    path = Path(out) / usual if out and usual and Path(out).is_dir() else Path(out)
    if not out or path.is_dir():
        raise DataError(f"--out {str(path)!r} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise DataError(f"--out {out!r} is in no folder that exists: make the folder first.")
    if path.exists() and not path.is_file():
        raise DataError(f"--out {out!r} is no ordinary file: name one.")
    if not all(os.access(place, os.W_OK) for place in (path.parent, path) if place.exists()):
        raise DataError(f"--out {out!r} may not be written here: choose a folder that is yours.")
    return str(path)


def _keep(out: str, write: Callable[[Path], Any]) -> None:
    """Write a file beside the one meant and put it in its place: what was there survives a write that fails."""
    path = Path(os.path.realpath(out))
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(beside)
        beside.replace(path)
    except OSError as error:
        raise DataError(f"--out {out!r} could not be written ({error.strerror}): what was there is kept.") from error
    finally:
        beside.unlink(missing_ok=True)


def _share(treated: str) -> Any:
    if treated in ("half", "bernoulli"):
        return treated
    try:
        return float(treated) if "." in treated else int(treated)
    except ValueError:
        raise InputError(f"--treated {treated!r} is not half, bernoulli or a number: pass one of them.") from None


def _show_certificate(certificate: Certificate, told: list[str], *, out: str | None, as_json: bool) -> None:
    from lyra.view.pages import certificate_page

    if as_json:
        _write_document(certificate.to_dict() | {"warnings": told})
    else:
        _print(partial(certificate_page, certificate))
    if out is not None:
        _keep(out, certificate.to_json)


def _exit_code(certificate: Certificate, requested: Sequence[str]) -> int:
    """Return 0 when every requested method, or without a request the recommended one, is certified in every design."""
    if certificate.recommended and not requested:
        return FINE
    verdicts = set(certificate.ways.values())
    if requested and verdicts - {"certified", "inconclusive"}:
        return UNCERTIFIED
    if "inconclusive" in verdicts:
        return INCONCLUSIVE
    return FINE if requested else UNCERTIFIED


# --- out ----------------------------------------------------------------------------------------


@contextmanager
def _told(*, as_json: bool) -> Iterator[list[str]]:
    """Collect warnings as sentences; without JSON they are printed on stderr, a line each."""
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield told
        finally:
            told += dict.fromkeys(str(warning.message) for warning in caught)
            for sentence in () if as_json else told:
                _say(f"warning: {sentence}")


@contextmanager
def _progress(doing: str) -> Iterator[Any]:
    from lyra.trials.runner import progress_bar

    with progress_bar(doing) as progress:
        yield progress


def _print(page: Callable[[int], Iterable[Any]]) -> None:
    """Print a page for the width of the terminal; in a pipe a paragraph is a line, and no line ends in blanks."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else WIDTH)
    with console.capture() as printed:
        for part in page(console.width):
            console.print(part, soft_wrap=not terminal)
    _write("\n".join(line.rstrip() for line in printed.get().rstrip("\n").split("\n")))


def _write(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _unprinted(error: OSError) -> str:
    return f"what was found could not be printed ({error.strerror}): free the output."


def _write_document(values: Any) -> None:
    """Print one JSON document, in ASCII where the output takes no other letters."""
    from lyra.view.document import document

    unicode = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
    _write(document(values, ascii_only=not unicode))
