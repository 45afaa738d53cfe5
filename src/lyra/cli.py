"""The same from a shell: `lyra fit` and `lyra demo`. Numerics are imported inside the commands.

One table on stdout, or with --json one JSON document and nothing else, in which a number that does not exist (NaN or
infinite) is null. Warnings and refusals go to stderr, a line each. Exit codes: 0 fine, 2 bad input or usage.
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import App, CycloptsError, Parameter

from lyra.errors import LyraError
from lyra.version import __version__

if TYPE_CHECKING:
    from lyra.ladder import Ladder

__all__ = ["app", "main", "run"]

FINE, BAD_INPUT = 0, 2
WIDTH = 110  # of a table that no terminal bounds

DEMO = "takeup_survey ~ default + intensive + male + age + agpop + ricearea_2010 + literacy"

Variant: TypeAlias = Literal["iid", "HC0", "HC1", "HC2", "HC3", "CV0", "CV1", "CV2", "CV3", "CV3J"]
Switch = Annotated[bool, Parameter(negative="")]

app = App(
    name="lyra",
    version=__version__,
    help="The standard error of a clustered experiment.",
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
    level: float = 0.95,
    json: Switch = False,
) -> None:
    """Print one coefficient under one standard error after another, and which to read.

    Example: lyra fit orders.parquet "orders ~ treat + pre_orders" --cluster city

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
    level
        Coverage of the intervals.
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    _answer(data, formula, cluster=cluster, term=term, methods=variant, level=level, as_json=json)


@app.command
def demo(*, json: Switch = False) -> None:
    """Fit the experiment that comes with lyra: 1,410 rice farmers offered insurance in 166 villages.

    The default to buy was drawn by village, so villages are the clusters. Example: lyra demo

    Parameters
    ----------
    json
        Print one JSON document; NaN and infinity are null in it.
    """
    from lyra.datasets import social_insure

    if not json:
        print(f'lyra fit social_insure.csv "{DEMO}" --cluster address\n')  # noqa: T201
    _answer(str(social_insure()), DEMO, cluster="address", as_json=json)


def run(arguments: Sequence[str]) -> int:
    """Return the exit code of a command line, its output printed."""
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except (LyraError, CycloptsError) as error:
        print(f"lyra: {error}", file=sys.stderr)  # noqa: T201
        return BAD_INPUT
    return FINE


def main() -> None:
    """Run the command line and leave at once: DuckDB lists what it leaks on stderr when Python takes itself down."""
    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _answer(
    data: str,
    formula: str,
    *,
    cluster: str,
    term: str | None = None,
    methods: Sequence[str] = (),
    level: float = 0.95,
    as_json: bool,
) -> None:
    from lyra.ladder import LADDER
    from lyra.regression import fit as regress

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ladder = regress(formula, data, clusters=cluster).ladder(term, methods=methods or LADDER, level=level)
    told = list(dict.fromkeys(str(warning.message) for warning in caught))
    if as_json:
        document = ladder.to_dict() | {"warnings": told}
        print(json.dumps(_finite(document), ensure_ascii=False, allow_nan=False, indent=2))  # noqa: T201
        return
    _show(ladder)
    for sentence in told:
        print(f"warning: {sentence}", file=sys.stderr)  # noqa: T201


def _show(ladder: Ladder) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=Text(ladder.term), title_justify="left")
    interval = f"{100 * ladder.level:g} % interval"
    for head in ("method", "estimate", "std. error", "t", "p", interval, "law"):
        table.add_column(head, justify="left" if head in {"method", "law"} else "right", no_wrap=True)
    for rung in ladder.rungs:
        style = "bold" if rung.method == ladder.advice.method else None
        numbers = (f"{value:.5g}" for value in (rung.estimate, rung.std_error, rung.statistic, rung.p_value))
        between = f"{rung.conf_low:.5g} to {rung.conf_high:.5g}"
        table.add_row(rung.method, *numbers, between, rung.law, style=style)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table)
    for line in (*ladder.facts, str(ladder.advice)):
        console.print(Text(line), soft_wrap=not sys.stdout.isatty())


def _finite(value: Any) -> Any:
    """Return the document with numbers that JSON lacks as null."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
