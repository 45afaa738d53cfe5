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
from lyra.typed import (
    Csv,
    OfSizes,
    OfTable,
    OfWindows,
    Replicates,
    Seed,
    Several,
    Switch,
    Whole,
    given,
    on_disk,
    refuse_of_table,
)
from lyra.version import __version__
from lyra.view.exits import FINE, NOTHING_TO_READ, exit_code
from lyra.view.shown import progress_of, show_certificate, show_ladder
from lyra.view.terminal import warned
from lyra.view.written import file_meant

if TYPE_CHECKING:
    from lyra.designs import Design
    from lyra.designs.named import Word
    from lyra.fitted import Regression
    from lyra.verdict.certificate import Certificate
    from lyra.verdict.ladder import Ladder

__all__ = ["LESSON_SEED", "NO_CSV", "NO_TABLE", "app", "ladder_of", "lesson"]

LESSON_SEED = 20
CLOSING = (
    "Exit codes: 0 fine; 1 uncertified; 2 bad input or usage; 3 inconclusive; 4 no line can be read; 130 interrupted."
    "\n\nGuides, in docs/guides: read.md (a fitted regression), certify.md (an analysis before it is trusted), "
    "power.md (a plan), panels.md (placebo laws), switchbacks.md (arms that change in time)."
)

NO_CSV, NO_TABLE, NO_WINDOWS, AS_USUAL = Csv(), OfTable(), OfWindows(), OfSizes()

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
    design: str | None = None,
    sizes: OfSizes = AS_USUAL,
    no_certify: Switch = False,
    replicates: Replicates = None,
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
        A line of the table; repeat it for several, with a star for a calibrated one; left out: iid, CV1, CV2, CV3 and
        the calibrated lines.
    bootstrap
        Add the restricted wild cluster bootstrap.
    design
        How the treatment was drawn: cluster, strata:COLUMN, pairs:COLUMN or switchback:COLUMN:BLOCK (of windows). Two
        lines of randomisation inference rest on it; left out, they are there, and say so, where few are treated.
    no_certify
        Skip the certificate of lines that have no exact size: a simulation of the fitted design.
    replicates
        Most replicates of that simulation; left out, the fewer the larger the design.
    seed
        Of the bootstrap's draws and of its certificate; a whole number.
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    with warned(as_json=json) as told, progress_of("reading and fitting") as progress, on_disk(data) as path:
        from lyra.designs.named import Declared
        from lyra.fitting import fit as regress

        declared = Declared.of(design)
        regression = regress(formula, path, clusters=cluster, **declared.columns, **given(csv))
        lines: dict[str, Any] = {"variants": variant, "bootstrap": bootstrap, "design": declared.design}
        ladder = ladder_of(regression, term=term, seed=seed, sizes=sizes, **lines)
        if not no_certify:
            from lyra.certifying import certified

            ladder = certified(regression.fit, ladder, seed=seed, maximum=replicates, progress=progress)
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
    formula: str | None = None,
    *,
    table: OfTable = NO_TABLE,
    method: Several = (),
    tolerance: float | None = None,
    replicates: Replicates = None,
    seed: Seed | None = None,
    store: str | None = None,
    workers: Whole = 1,
    out: str | None = None,
    csv: Csv = NO_CSV,
    json: Switch = False,
) -> int:
    """Print how often each method flags a true null, with a verdict: on worlds of a file, or on your own data.

    Examples: lyra certify; lyra certify worlds.toml; lyra certify past.parquet --outcome orders --cluster city;
    lyra certify laws.csv "y ~ law + C(state) + C(year)" --cluster state --time year --design adoption

    Parameters
    ----------
    subject
        A .toml file of worlds, designs and methods, or a table; left out, the lesson of two A/A designs.
    formula
        Of a table, the regression whose first term is drawn again while everything else stays.
    method
        A method to judge; repeat it for several.
    tolerance
        The tolerated inflation of the size; left out, the file's, or 1.25.
    replicates
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
        asked |= given(tolerance=tolerance, maximum=replicates, seed=seed, methods=method)
        if subject is None or subject.endswith(".toml"):
            refuse_of_table(table, csv, subject, formula)
        if subject is None:
            certificate = judge(**lesson() | asked)
        elif subject.endswith(".toml"):
            certificate = _certify_file(subject, asked)
        else:
            with on_disk(subject) as path:
                certificate = judge(path, table.drawn, formula=formula, **table.columns, **given(csv), **asked)
    show_certificate(certificate, told, out=out, as_json=json)
    return exit_code(certificate, method)


def ladder_of(
    regression: Regression,
    *,
    term: str | None = None,
    variants: Sequence[str] = (),
    bootstrap: bool = False,
    seed: int = 0,
    design: Design | Word | None = None,
    sizes: OfSizes = AS_USUAL,
) -> Ladder:
    """Return the lines asked for of a coefficient, that of the bootstrap among them where it can be computed."""
    ladder = regression.ladder(term, methods=variants or None, design=design, **given(sizes))
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
