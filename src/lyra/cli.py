"""The same from a shell: `lyra fit`, `certify`, `power`, `simulate`, `demo`. Numerics are imported in the commands.

Tables on stdout, or with --json one JSON document and nothing else, in which a number that does not exist (NaN or
infinite) is null. Progress, warnings and refusals go to stderr. Exit codes: 0 fine, 1 uncertified, 2 bad input or
usage, 3 inconclusive.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import App, CycloptsError, Parameter
from cyclopts.validators import Number

from lyra.errors import DataError, InputError, LyraError
from lyra.version import __version__

if TYPE_CHECKING:
    from lyra.certificate import Certificate
    from lyra.ladder import Ladder
    from lyra.regression import Regression

__all__ = ["app", "main", "run"]

FINE, UNCERTIFIED, BAD_INPUT, INCONCLUSIVE = 0, 1, 2, 3
READER_LEFT = 141  # of the pipe, as a shell says it
WIDTH = 140  # of a table that no terminal bounds

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

Variant: TypeAlias = Literal["iid", "HC0", "HC1", "HC2", "HC3", "CV0", "CV1", "CV2", "CV3", "CV3J"]
DesignName: TypeAlias = Literal["cluster", "user", "stratified", "pairs", "switchback"]
Switch = Annotated[bool, Parameter(negative="")]
Several = Annotated[tuple[str, ...], Parameter(negative="")]
Seed = Annotated[int, Parameter(validator=Number(gte=0))]

app = App(
    name="lyra",
    version=__version__,
    help="The standard error of a clustered experiment, and the proof that it can be trusted.",
    result_action="return_value",
)


@app.command
def fit(
    data: str,
    formula: str,
    *,
    cluster: str,
    term: str | None = None,
    variant: Annotated[tuple[Variant, ...], Parameter(negative="")] = (),
    bootstrap: Switch = False,
    level: float = 0.95,
    no_certify: Switch = False,
    seed: Seed = 0,
    json: Switch = False,
) -> int:
    """Print one coefficient under one standard error after another, what each is worth here, and which to read.

    Example: lyra fit orders.parquet "orders ~ treat + pre_orders" --cluster city --bootstrap

    Parameters
    ----------
    data
        A csv or parquet file, a glob of them, or a directory of parquet files.
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
    seed
        Of the bootstrap's draws and of the certificate.
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    with _told(as_json=json) as told:
        from lyra.regression import fit as regress

        regression = regress(formula, data, clusters=cluster)
        ladder = _ladder(regression, term=term, variants=variant, bootstrap=bootstrap, level=level, seed=seed)
        ladder = ladder if no_certify else _certified(regression, ladder, seed)
    _show_ladder(regression, ladder, told, as_json=json)
    return FINE


@app.command
def certify(  # noqa: PLR0913  an option a choice the shell leaves open
    subject: str | None = None,
    *,
    outcome: str | None = None,
    cluster: str | None = None,
    design: DesignName | None = None,
    treated: str | None = None,
    block: int | None = None,
    covariate: Several = (),
    window: str | None = None,
    stratum: str | None = None,
    level: str | None = None,
    method: Several = (),
    tolerance: float | None = None,
    maximum: int | None = None,
    seed: Seed | None = None,
    store: str | None = None,
    workers: int = 1,
    out: str | None = None,
    json: Switch = False,
) -> int:
    """Print how often each method flags a true null, with a verdict: on worlds of a file, or on your own data.

    Examples: lyra certify; lyra certify worlds.toml; lyra certify past.parquet --outcome orders --cluster city

    Parameters
    ----------
    subject
        A .toml file of worlds, designs and methods, or a table; left out, the lesson of two A/A designs.
    outcome, cluster, window, stratum
        Columns of a table.
    design
        How the treatment is drawn again on a table; left out, by cluster.
    treated
        Clusters (or users) treated: half, bernoulli, a number of them or a share; left out, half.
    block
        Windows in a block of a switchback; left out, 1.
    covariate
        A term of a table to adjust for; repeat it for several.
    level
        What the analysis of a table clusters on: cluster, unit, window, stratum, pair or user; left out, cluster.
    method
        A method to judge; repeat it for several.
    tolerance
        The tolerated inflation of the size; left out, the file's, or 1.25.
    maximum
        Most replicates a method; left out, 64,000, and 8,000 for bootstraps.
    seed
        Equal seeds give equal digests.
    store
        A checkpoint file: a run that was killed goes on where it stopped.
    workers
        Processes.
    out
        Write the certificate to this file as JSON.
    json
        Print one JSON document.
    """
    with _told(as_json=json) as told, _progress() as progress:
        from lyra.harness import certify as judge

        _refuse_unwritable(out)
        asked: dict[str, Any] = {"store": store, "workers": workers, "progress": progress}
        asked |= _given(tolerance=tolerance, maximum=maximum, seed=seed, methods=method)
        columns = _given(outcome=outcome, cluster=cluster, window=window, stratum=stratum, level=level)
        drawn = _given(design=design, treated=treated, block=block)
        if subject is None or subject.endswith(".toml"):
            _refuse_of_table(columns | drawn | _given(covariate=covariate), subject)
        if subject is None:
            certificate = judge(*_lesson(), **_lesson_options() | asked)
        elif subject.endswith(".toml"):
            certificate = _certify_file(subject, asked)
        else:
            certificate = judge(subject, _design(**drawn), **columns, covariates=covariate, **asked)
    _show_certificate(certificate, told, out=out, as_json=json)
    return _exit_code(certificate, method)


@app.command
def power(  # noqa: PLR0913  an option a choice the shell leaves open
    subject: str,
    *,
    outcome: str | None = None,
    cluster: str | None = None,
    design: DesignName | None = None,
    treated: str | None = None,
    block: int | None = None,
    covariate: Several = (),
    window: str | None = None,
    stratum: str | None = None,
    level: str | None = None,
    method: str | None = None,
    effect: float | None = None,
    target: float | None = None,
    replicates: int | None = None,
    seed: Seed | None = None,
    json: Switch = False,
) -> int:
    """Print the power curve of a method, the smallest effect it can see, and how many clusters a planned effect needs.

    Examples: lyra power past.parquet --outcome orders --cluster city --effect 0.02; lyra power worlds.toml --method CV2

    Parameters
    ----------
    subject
        A table of past data, or a .toml file whose first world, design and analysis are taken.
    outcome, cluster, window, stratum
        Columns of a table.
    design
        How the treatment will be drawn on a table; left out, by cluster.
    treated
        Clusters (or users) treated: half, bernoulli, a number of them or a share; left out, half.
    block
        Windows in a block of a switchback; left out, 1.
    covariate
        A term of a table to adjust for; repeat it for several.
    level
        What the analysis of a table clusters on; left out, cluster.
    method
        The method that is certified for the design; left out, CV1.
    effect
        The planned effect, on the outcome's scale.
    target
        The power wanted; left out, .8.
    replicates
        Left out, 2,000.
    seed
        Equal seeds give equal numbers.
    json
        Print one JSON document.
    """
    with _told(as_json=json) as told:
        from lyra.planning import power as plan

        asked = _given(method=method, effect=effect, target=target, replicates=replicates, seed=seed)
        columns = _given(outcome=outcome, cluster=cluster, window=window, stratum=stratum, level=level)
        drawn = _given(design=design, treated=treated, block=block)
        if subject.endswith(".toml"):
            _refuse_of_table(columns | drawn | _given(covariate=covariate), subject)
            world, lottery, analysis = _first_of_file(subject)
            planned = plan(world, lottery, level=analysis.level, covariates=analysis.covariates, **asked)
        else:
            planned = plan(subject, _design(**drawn), covariates=covariate, **columns, **asked)
    from lyra.report import document

    _write(document(planned.to_dict() | {"warnings": told}) if json else str(planned))
    return FINE


@app.command
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
    from lyra.tables import write_columns

    asked = read_config(config)
    world, design = next(iter(asked.worlds.values())), next(iter(asked.designs.values()))
    sample = world.sample(design, asked.settings.seed if seed is None else seed)
    write_columns({name: values[sample.kept] for name, values in sample.columns.items()}, out)
    return FINE


@app.command
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

    with _told(as_json=json) as told, _progress() as progress:
        from lyra.harness import certify as judge
        from lyra.regression import fit as regress

        regression = regress(DEMO, social_insure(), clusters="address")
        ladder = _ladder(regression, bootstrap=True, seed=LESSON_SEED)
        ladder = _certified(regression, ladder, LESSON_SEED)
        lesson = judge(*_lesson(), **_lesson_options(), progress=progress)
    if json:
        from lyra.report import document, ladder_document

        told_ladder = ladder_document(ladder, regression.diagnose(), told)
        _write(document(told_ladder | {"lesson": lesson.to_dict()}))
        return FINE
    _write(f'{STORY}\n\n$ lyra fit social_insure.csv "{DEMO}" --cluster address --bootstrap\n')
    _show_ladder(regression, ladder, told, as_json=False)
    _write(f"\n{LESSON}\n\n$ lyra certify\n")
    _show_certificate(lesson, [], out=None, as_json=False)
    return FINE


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line, its output printed."""
    try:
        code = app(arguments, exit_on_error=False, print_error=False)
    except (LyraError, CycloptsError) as error:
        print(f"lyra: {error}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    return code if isinstance(code, int) else FINE


def main() -> None:
    """Run the command line and leave at once: DuckDB lists what it leaks on stderr when Python takes itself down."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        code = READER_LEFT
    sys.stderr.flush()
    os._exit(code)


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
    from lyra.ladder import LADDER

    ladder = regression.ladder(term, methods=variants or LADDER, level=level)
    return ladder.with_bootstrap(regression.bootstrap(ladder.term, rng=seed)) if bootstrap else ladder


CERTIFY_NUMBERS = 2**27  # entries of cluster Grams simulated in about a second
MOST_DOUBLINGS = 5


def _certified(regression: Regression, ladder: Ladder, seed: int) -> Ladder:
    """Return the ladder with the model certificate of its methods: what about two seconds allow.

    The intraclass correlation is the estimated one and the upper end of its interval.
    """
    from lyra.trials import BLOCK, known_methods

    methods = [rung.method for rung in ladder.rungs if rung.method in known_methods() and rung.method != "HC1"]
    if not methods:
        return ladder
    icc = regression.diagnose().icc
    shares = [min(max(float(rho), 0.0), 0.999) for rho in (icc.estimate, icc.conf_int(0.95)[1]) if rho == rho] or [0.0]  # noqa: PLR0124
    cost = regression.n_clusters * (len(regression.names) + 1) ** 2 * BLOCK
    most = BLOCK * 2 ** max(0, min(MOST_DOUBLINGS, (CERTIFY_NUMBERS // cost).bit_length() - 1))
    certificate = regression.certify(ladder.term, methods=methods, seed=seed, maximum=most, icc=sorted(set(shares)))
    return ladder.with_certificate(certificate)


def _show_ladder(regression: Regression, ladder: Ladder, told: list[str], *, as_json: bool) -> None:
    from lyra.report import document, ladder_document, ladder_page

    diagnosis = regression.diagnose()
    if as_json:
        _write(document(ladder_document(ladder, diagnosis, told)))
    else:
        _print(partial(ladder_page, ladder, diagnosis))


# --- certify ------------------------------------------------------------------------------------


def _lesson() -> tuple[Any, Any]:
    """Return the world and the designs of the lesson: an ICC of .02 at 35 a cluster, drawn by cluster and by user."""
    from lyra.designs import ByCluster, ByUser
    from lyra.engine import World

    return World(50, cluster_size=35, icc=0.02), [ByCluster(), ByUser()]


def _lesson_options() -> dict[str, Any]:
    return {"methods": ("iid", "CV1", "CV2", "CV3"), "seed": LESSON_SEED, "first": 4_000}


def _certify_file(path: str, asked: dict[str, Any]) -> Certificate:
    from lyra.config import read_config
    from lyra.harness import certify as judge

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
    for option in options:
        if option != taken:
            raise InputError(f"A {design} design takes no --{option}: leave it out.")
    treated = {"treated": _share(options["treated"])} if "treated" in options else {}
    return kinds[design](**options | treated)


def _given(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def _refuse_of_table(given: Iterable[str], subject: str | None) -> None:
    for name in given:
        instead = f"{subject!r} says it itself" if subject else "name the table before it"
        raise InputError(f"--{name} belongs to a table: {instead}.")


def _refuse_unwritable(out: str | None) -> None:
    if out is not None and not Path(out).parent.is_dir():
        raise DataError(f"--out {out!r} is in no folder that exists: make the folder first.")


def _share(treated: str) -> Any:
    if treated in ("half", "bernoulli"):
        return treated
    try:
        return float(treated) if "." in treated else int(treated)
    except ValueError:
        raise InputError(f"--treated {treated!r} is not half, bernoulli or a number: pass one of them.") from None


def _show_certificate(certificate: Certificate, told: list[str], *, out: str | None, as_json: bool) -> None:
    from lyra.report import certificate_page, document

    if out is not None:
        certificate.to_json(Path(out))
    if as_json:
        _write(document(certificate.to_dict() | {"warnings": told}))
    else:
        _print(partial(certificate_page, certificate))


def _exit_code(certificate: Certificate, requested: Sequence[str]) -> int:
    """Return 0 when every requested method, or without a request the recommended one, is certified in every design."""
    if certificate.recommended and not requested:
        return FINE
    verdicts = set(certificate.ways.values())
    if requested and "uncertified" in verdicts:
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
                print(f"warning: {sentence}", file=sys.stderr)  # noqa: T201


@contextmanager
def _progress() -> Iterator[Any]:
    from lyra.runner import progress_bar

    with progress_bar("certifying") as progress:
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
    print(text)  # noqa: T201
