"""The commands that plan an experiment, and that make one up: `lyra power`, `lyra simulate`."""

from __future__ import annotations

from lyra.commands import NO_CSV, NO_TABLE, app
from lyra.typed import Csv, OfTable, Seed, Switch, Whole, given, on_disk, refuse_of_table
from lyra.view.exits import FINE
from lyra.view.shown import progress_of
from lyra.view.terminal import warned, write, write_document
from lyra.view.written import file_meant, keep

__all__ = ["power", "simulate"]


@app.command(help_epilogue="")
def power(
    subject: str,
    formula: str | None = None,
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
    formula
        Of a table, the regression whose first term is drawn again while everything else stays.
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
            refuse_of_table(table, csv, subject, formula)
            from lyra.config import read_config

            world, lottery, analysis = read_config(subject).first
            planned = plan(world, lottery, cluster_by=analysis.cluster_by, covariates=analysis.covariates, **asked)
        else:
            with on_disk(subject) as path:
                planned = plan(path, table.drawn, formula=formula, **table.columns, **given(csv), **asked)
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
