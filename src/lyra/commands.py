"""The commands as they are typed: what each takes, and what it prints. Numerics are imported in the commands.

Tables on stdout, or with --json one JSON document and nothing else, in which a number that does not exist (NaN or
infinite) is null. Progress, warnings and refusals go to stderr.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cyclopts import App

from lyra.base.warn import warn
from lyra.errors import NotIdentifiedError, UnidentifiedWarning
from lyra.typed import Csv, OfTable, OfWindows, Seed, Several, Switch, Whole, given, on_disk, refuse_of_table
from lyra.version import __version__
from lyra.view.exits import FINE, NOTHING_TO_READ, exit_code
from lyra.view.shown import progress_of, show_certificate, show_ladder
from lyra.view.terminal import warned, write, write_document
from lyra.view.written import file_meant, keep

if TYPE_CHECKING:
    from lyra.fitted import Regression
    from lyra.verdict.certificate import Certificate
    from lyra.verdict.ladder import Ladder

__all__ = ["LESSON_SEED", "app", "ladder_of", "lesson"]

LESSON_SEED = 20
CLOSING = (
    "Exit codes: 0 fine; 1 uncertified; 2 bad input or usage; 3 inconclusive; 4 no line can be read; 130 interrupted."
    "\n\nGuides, in docs/guides: read.md (a fitted regression), certify.md (an analysis before it is trusted), "
    "power.md (a plan), switchbacks.md (arms that change in time)."
)

NO_CSV, NO_TABLE, NO_WINDOWS = Csv(), OfTable(), OfWindows()

app = App(
    name="lyra",
    version=__version__,
    help="The standard error of a clustered experiment, and the proof that it can be trusted.",
    help_epilogue=CLOSING,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)


@app.command(help_epilogue="")
def fit(  # noqa: PLR0913  one keyword a choice
    data: str,
    formula: str,
    *,
    cluster: str,
    windows: OfWindows = NO_WINDOWS,
    term: str | None = None,
    variant: Several = (),
    bootstrap: Switch = False,
    level: float = 0.95,
    no_certify: Switch = False,
    maximum: Whole | None = None,
    seed: Seed = 0,
    csv: Csv = NO_CSV,
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
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    with warned(as_json=json) as told, progress_of("reading and fitting") as progress, on_disk(data) as path:
        from lyra.fitting import fit as regress

        regression = regress(formula, path, clusters=cluster, **given(csv))
        ladder = ladder_of(regression, term=term, variants=variant, bootstrap=bootstrap, level=level, seed=seed)
        if not no_certify:
            from lyra.certifying import certified

            ladder = certified(regression.fit, ladder, seed=seed, maximum=maximum, progress=progress)
        if windows.window:
            from lyra.certifying import level_known

            ladder = level_known(
                regression.fit, ladder, path, formula=formula, cluster=cluster, **given(windows), **given(csv)
            )
    show_ladder(ladder, told, as_json=json)
    return FINE if ladder.advice.method or no_certify else NOTHING_TO_READ


@app.command(help_epilogue="")
def certify(
    subject: str | None = None,
    *,
    table: OfTable = NO_TABLE,
    method: Several = (),
    tolerance: float | None = None,
    maximum: Whole | None = None,
    seed: Seed | None = None,
    store: str | None = None,
    workers: Whole = 1,
    out: str | None = None,
    csv: Csv = NO_CSV,
    json: Switch = False,
) -> int:
    """Print how often each method flags a true null, with a verdict: on worlds of a file, or on your own data.

    Examples: lyra certify; lyra certify worlds.toml; lyra certify past.parquet --outcome orders --cluster city

    Parameters
    ----------
    subject
        A .toml file of worlds, designs and methods, or a table; left out, the lesson of two A/A designs.
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
    json
        Print one JSON document.
    """
    out = file_meant(out, "certificate.json")
    with warned(as_json=json) as told, progress_of("certifying") as progress:
        from lyra.certifying import certify as judge

        asked: dict[str, Any] = {"store": store, "workers": workers, "progress": progress}
        asked |= given(tolerance=tolerance, maximum=maximum, seed=seed, methods=method)
        if subject is None or subject.endswith(".toml"):
            refuse_of_table(table, csv, subject)
        if subject is None:
            certificate = judge(**lesson() | asked)
        elif subject.endswith(".toml"):
            certificate = _certify_file(subject, asked)
        else:
            with on_disk(subject) as path:
                certificate = judge(path, table.drawn, **table.columns, **given(csv), **asked)
    show_certificate(certificate, told, out=out, as_json=json)
    return exit_code(certificate, method)


@app.command(help_epilogue="")
def power(
    subject: str,
    *,
    table: OfTable = NO_TABLE,
    method: str | None = None,
    effect: float | None = None,
    target: float | None = None,
    replicates: Whole | None = None,
    seed: Seed | None = None,
    out: str | None = None,
    csv: Csv = NO_CSV,
    json: Switch = False,
) -> int:
    """Print the power curve of a method, the smallest effect it can see, and how many clusters a planned effect needs.

    Examples: lyra power past.parquet --outcome orders --cluster city --effect 0.02; lyra power worlds.toml --method CV2

    Parameters
    ----------
    subject
        A table of past data, or a .toml file whose first world, design and analysis are taken.
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
    json
        Print one JSON document.
    """
    out = file_meant(out, "plan.json")
    with warned(as_json=json) as told, progress_of("planning"):
        from lyra.planning import power as plan

        asked = given(method=method, effect=effect, target=target, replicates=replicates, seed=seed)
        if subject.endswith(".toml"):
            refuse_of_table(table, csv, subject)
            from lyra.config import read_config

            world, lottery, analysis = read_config(subject).first
            planned = plan(world, lottery, cluster_by=analysis.cluster_by, covariates=analysis.covariates, **asked)
        else:
            with on_disk(subject) as path:
                planned = plan(path, table.drawn, **table.columns, **given(csv), **asked)
    write_document(planned.to_dict() | {"warnings": told}) if json else write(str(planned))
    if out is not None:
        from lyra.view.document import document

        keep(out, lambda path: path.write_text(document(planned.to_dict()) + "\n", encoding="utf-8"))
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

    file_meant(out, "")
    asked = read_config(config)
    world, design, _ = asked.first
    sample = world.sample(design, asked.settings.seed if seed is None else seed)
    columns = {name: values[sample.kept] for name, values in sample.columns.items()}
    keep(out, lambda path: write_columns(columns, str(path)))
    return FINE


def ladder_of(
    regression: Regression,
    *,
    term: str | None = None,
    variants: Sequence[str] = (),
    bootstrap: bool = False,
    level: float = 0.95,
    seed: int = 0,
) -> Ladder:
    """Return the lines asked for of a coefficient, that of the bootstrap among them where it can be computed."""
    ladder = regression.ladder(term, methods=variants or None, level=level)
    if not bootstrap:
        return ladder
    try:
        return ladder.with_bootstrap(regression.bootstrap(ladder.term, rng=seed))
    except NotIdentifiedError as error:  # the other lines stand
        warn(f"There is no bootstrap line. {error}", UnidentifiedWarning)
        return ladder


def lesson() -> dict[str, Any]:
    """Return what the lesson certifies: an ICC of .02 at 35 users a cluster, drawn by cluster and by user."""
    from lyra.designs import ByCluster, ByUser
    from lyra.simulation.world import World

    world = World(50, cluster_size=35, icc=0.02)
    return {"subject": world, "design": [ByCluster(), ByUser()], "seed": LESSON_SEED, "first": 4_000}


def _certify_file(path: str, asked: dict[str, Any]) -> Certificate:
    from lyra.certifying import certify as judge
    from lyra.config import read_config

    config = read_config(path)
    return judge(config.worlds, config.designs, **config.options | {"analyses": config.analyses} | asked)
