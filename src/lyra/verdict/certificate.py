"""Trials run look by look until the verdict: the certificate and its file.

A certificate is printed in the order of ADEMP [1]_: aims, data-generating mechanism, estimand, methods, performance.

References
----------
.. [1] T. P. Morris, I. R. White and M. J. Crowther (2019), Using simulation studies to evaluate statistical methods.
   Statistics in Medicine 38, 2074-2102.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.text import listed
from lyra.errors import DataError, InputError
from lyra.trials.runner import Progress, check_workers, run_chunks
from lyra.trials.store import Store, digest
from lyra.trials.trial import BLOCK, COLUMNS, Method, Scenario, is_closed_form, method_name
from lyra.verdict.rule import FAVOUR, Rule, judge, judge_exact
from lyra.verdict.rule import looks as check_looks
from lyra.version import __version__

__all__ = ["Certificate", "Row", "certify_scenarios", "refuse_rule", "worst_verdict"]

Key = tuple[int, int]

CLOSED_FORM_MAXIMUM = 64_000
BOOTSTRAP_MAXIMUM = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of one method in one cell.

    Attributes
    ----------
    design, method : str
    replicates, rejections : int
        Rejections count the replicates where the method was not computable.
    size, size_low, size_high : float
        Share of rejections of a true null, with its exact interval.
    inflation : float
        size/α.
    mean_se, sd_estimate : float
        Mean standard error, and the standard deviation of the estimates it should equal.
    coverage : float
        Share of 95 % intervals that hold the truth; NaN for a method without intervals.
    bias, width : float
        Mean estimate minus the truth; mean width of the 95 % interval.
    not_computable : int
        Replicates in which the method gave no p-value.
    verdict : str
        "certified", "uncertified", "inconclusive", "not computable" or "never rejects"; see `verdict`.
    flags : tuple of str
    analysis : str
        How the data were analysed, where several ways are compared.
    message : str
        The first failure's message, empty when none failed.
    ignores_clusters : bool
        Whether the method takes the rows of a cluster as independent; then it is never the one to read, certified or
        not, for it is certified in this world alone.
    """

    design: str
    method: str
    replicates: int
    rejections: int
    size: float
    size_low: float
    size_high: float
    inflation: float
    mean_se: float
    sd_estimate: float
    coverage: float
    bias: float
    width: float
    not_computable: int
    verdict: str
    flags: tuple[str, ...]
    analysis: str = ""
    message: str = ""
    ignores_clusters: bool = False

    @property
    def usable(self) -> bool:
        """Whether the method holds its size here, rejects at all and allows for the clusters."""
        return self.verdict == "certified" and not self.ignores_clusters

    @property
    def exact(self) -> bool:
        """Whether the size is known: every assignment of the design was tried."""
        return self.size_low == self.size_high

    @property
    def se_ratio(self) -> float:
        """Mean standard error over the standard deviation of the estimates: below 1, too small."""
        return self.mean_se / self.sd_estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """How often each method flagged a true null, with verdicts whose error rate is guaranteed.

    Attributes
    ----------
    rows : tuple of Row
        One a design and method.
    recommended : str or None
        The method certified in every cell with the shortest intervals; None when none is.
    reason : str
        Why.
    alpha, tolerance, delta : float
        Nominal size, tolerated inflation, and the largest probability of a wrong verdict.
    seed : int
    digest : str
        Of every replicate's numbers: equal runs have equal digests, for any number of workers.
    config, data : dict
        What was asked, and a fingerprint of the data.
    versions : dict
        lyra and numpy.
    notes : tuple of str
    """

    rows: tuple[Row, ...]
    recommended: str | None
    reason: str
    alpha: float
    tolerance: float
    delta: float
    seed: int
    digest: str
    config: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> dict[tuple[str, str], str]:
        """The verdict by (design, method)."""
        return {(row.design, row.method): row.verdict for row in self.rows}

    def table(self) -> dict[str, list[Any]]:
        """Return the rows as columns, one entry a design and method."""
        return {f.name: [getattr(row, f.name) for row in self.rows] for f in fields(Row)}

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as plain values, ready for JSON; what is not finite becomes null."""
        return {
            "cells": [_plain(asdict(row)) for row in self.rows],
            **_plain({f.name: getattr(self, f.name) for f in fields(self) if f.name != "rows"}),
        }

    def to_json(self, path: str | Path) -> None:
        """Write the certificate to a file.

        Raises
        ------
        DataError
            The file cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataError(f"{str(path)!r} could not be written ({error.strerror}): check the path.") from error

    @classmethod
    def from_json(cls, path: str | Path) -> Certificate:
        """Return the certificate read back from a file, each verdict judged again from its counts.

        Raises
        ------
        DataError
            The file is missing, is no JSON, is no certificate, or holds a verdict that does not follow from its counts.
        """
        try:
            certificate = _read(json.loads(_text_of(path)))
            str(certificate)  # what cannot be printed is no certificate
        except RecursionError as error:
            raise DataError(f"{path} is not a certificate (nested too deeply): write one with to_json.") from error
        except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            raise DataError(f"{path} is not a certificate ({_first_line(error)}): write one with to_json.") from error
        return certificate

    @property
    def designs(self) -> tuple[str, ...]:
        """The names of the cells."""
        return tuple(dict.fromkeys(row.design for row in self.rows))

    def of_design(self, design: str) -> tuple[Row, ...]:
        """Return the rows of one cell."""
        return tuple(row for row in self.rows if row.design == design)

    def recommended_in(self, design: str) -> str | None:
        """Return the method usable in one cell with the shortest intervals."""
        return _recommend(self.of_design(design))[0]

    @property
    def ways(self) -> dict[str, str]:
        """The worst verdict over the designs, by method (and analysis, where several are compared)."""
        return {way: worst_verdict(own) for way, own in _by_way(self.rows).items()}

    @property
    def preamble(self) -> tuple[str, ...]:
        """Aims, data-generating mechanism, estimand and methods, a line each."""
        aim = (
            f"Aim: does each method reject a true null in at most {self.alpha * self.tolerance:.4g} of experiments "
            f"({self.tolerance:g} times the {self.alpha:g} it claims)? Wrong at most {self.delta:g} of the time."
        )
        return (
            aim,
            f"Data: {_words(self.config.get('source', 'as given'))}{_counted(self.data)}",
            f"Estimand: the coefficient of {self.config.get('term', 'the treatment')}, truly zero",
            f"Methods: {', '.join(dict.fromkeys(row.method for row in self.rows))}",
        )

    @property
    def closing(self) -> tuple[str, ...]:
        """What the reader must know, what to read and why, and how to make it again."""
        best = {design: self.recommended_in(design) or "none" for design in self.designs}
        read = [f"{design}: read {way}" for design, way in best.items()] if len(set(best.values())) > 1 else []
        advice = f"Read {self.recommended}: {self.reason}." if self.recommended else f"Read none: {self.reason}."
        messages = (f"{row.method} failed, first with: {row.message}" for row in self.rows if row.message)
        seed = f"seed {self.seed}, digest {self.digest[:16]}"
        return (*self.notes, *dict.fromkeys(messages), *read, advice, seed)

    def __str__(self) -> str:
        tables = (("", design, _HEAD, *map(_line, self.of_design(design))) for design in self.designs)
        return "\n".join([*self.preamble, *(line for table in tables for line in table), "", *self.closing])


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in values.items()}


# --- read back ----------------------------------------------------------------------------------

LARGEST_FILE = 2**24  # bytes of a certificate


def _text_of(path: str | Path) -> str:
    content = Path(path).read_bytes() if Path(path).stat().st_size <= LARGEST_FILE else None
    if content is None:
        raise ValueError(f"it has more than {LARGEST_FILE:,} bytes")
    return content.decode("utf-8")


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0].rstrip(".")


def _read(document: Any) -> Certificate:
    """Return the certificate of a parsed file: its fields, their types, and verdicts that follow from the counts."""
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise TypeError("it has no list of cells")
    document["rows"] = [_typed(cell, Row, "a cell") for cell in document.pop("cells")]
    certificate: Certificate = _typed(document, Certificate, "it")
    for row in certificate.rows:
        _refuse_forged(row, certificate)
    sound = {way for way, own in _by_way(certificate.rows).items() if all(row.usable for row in own)}
    if certificate.recommended is not None and certificate.recommended not in sound:
        raise ValueError(f"{certificate.recommended!r} is recommended and is not certified in every design")
    return certificate


def _typed(values: Any, target: type[Any], place: str) -> Any:
    """Return the record of a class made of plain values, NaN where a number is null; refuse other fields and types."""
    from msgspec import ValidationError, convert

    if not isinstance(values, dict):
        raise TypeError(f"{place} is {type(values).__name__}, not a record")
    known = {f.name: f for f in fields(target)}
    for name in values:
        if name not in known:
            raise ValueError(f"{place} has an unknown field {str(name)[:40]!r}")
    filled = {name: math.nan if v is None and known[name].type == "float" else v for name, v in values.items()}
    try:
        return convert(filled, target)
    except ValidationError as error:
        raise ValueError(str(error)) from error


def _refuse_forged(row: Row, certificate: Certificate) -> None:
    """Refuse a row whose size or verdict is not what the rule makes of its counts."""
    told = certificate.config
    looks = told.get("first", BLOCK), told.get("maximum")
    same = {"alpha": certificate.alpha, "tolerance": certificate.tolerance, "delta": certificate.delta}
    rules = {_looking(same, end, looks) for end in (CLOSED_FORM_MAXIMUM, BOOTSTRAP_MAXIMUM)}
    if not any(_follows(row, rule) for rule in rules):
        raise ValueError(
            f"the verdict {row.verdict!r} of {row.method} in {row.design!r} does not follow from its counts"
        )


def _follows(row: Row, rule: Rule) -> bool:
    R, missing, smallest = row.replicates, row.not_computable, float("cannot reject" in row.flags)
    if R < 1 or not 0 <= missing <= row.rejections <= R or not (row.exact or R in rule.looks):
        return False
    judged = (
        judge_exact(row.rejections / R, R, rule, not_computable=missing / R, smallest_pvalue=smallest)
        if row.exact
        else judge(row.rejections, R, rule, not_computable=missing, smallest_pvalue=smallest)
    )
    numbers = ("size", "size_low", "size_high", "inflation")
    alike = all(math.isclose(getattr(row, n), getattr(judged, n), rel_tol=1e-9, abs_tol=1e-12) for n in numbers)
    return alike and row.verdict == judged.verdict


# --- looks --------------------------------------------------------------------------------------


def certify_scenarios(
    scenarios: Sequence[Scenario],
    *,
    alpha: float = 0.05,
    tolerance: float = 1.25,
    seed: int = 0,
    first: int = BLOCK,
    maximum: int | None = None,
    store: Store | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    config: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
) -> Certificate:
    """Return the certificate of every scenario: replicates are added until each method's verdict is known.

    Parameters
    ----------
    scenarios : sequence of Scenario
    alpha, tolerance : float
        Nominal size, and the tolerated inflation κ.
    seed : int
        The seed the scenarios' trials were made with, recorded.
    first, maximum : int
        Replicates of the first look, a multiple of 500, and most replicates; left out, 64,000 for closed-form methods
        and 8,000 for bootstraps and functions of rows.
    store, workers, progress
        See `runner.run_chunks`.
    config, data : mapping
        What was asked and what the data are, recorded.
    """
    rows: list[Row] = []
    tables: dict[Key, Array] = {}
    check_workers(workers)
    run = partial(run_chunks, store=store, workers=workers, progress=progress)
    for scenario in scenarios:
        judged, made = _certify_one(
            scenario, [_rule(method, alpha, tolerance, (first, maximum)) for method in scenario.trial.methods], run
        )
        rows += judged
        tables |= made
    recommended, reason = _recommend(rows)
    return Certificate(
        rows=tuple(rows),
        recommended=recommended,
        reason=reason,
        alpha=alpha,
        tolerance=tolerance,
        delta=Rule(alpha=alpha, tolerance=tolerance).delta,
        seed=seed,
        digest=digest(tables),
        config={"first": first, "maximum": maximum} | dict(config or {}),
        data=dict(data or {}),
        versions={"lyra": __version__, "numpy": np.__version__},
        notes=tuple(dict.fromkeys(note for scenario in scenarios for note in scenario.notes)),
    )


def refuse_rule(*, alpha: float, tolerance: float, first: int, maximum: int | None) -> None:
    """Refuse a rule that cannot be, before anything is drawn."""
    _looking({"alpha": alpha, "tolerance": tolerance}, CLOSED_FORM_MAXIMUM, (first, maximum))


def _rule(method: Method, alpha: float, tolerance: float, looks: tuple[int, int | None]) -> Rule:
    end = CLOSED_FORM_MAXIMUM if is_closed_form(method) else BOOTSTRAP_MAXIMUM
    return _looking({"alpha": alpha, "tolerance": tolerance}, end, looks)


def _looking(same: Mapping[str, float], end: int, looks: tuple[int, int | None]) -> Rule:
    """Return the rule of a method that is given `end` replicates where no other maximum was asked for."""
    first, asked = looks
    check_looks(end if asked is None else asked, first)
    if first % BLOCK:
        raise InputError(f"first={first} is not a multiple of {BLOCK}, the replicates of a block: round it up.")
    most = end if asked is None else asked if end == CLOSED_FORM_MAXIMUM else min(end, asked)
    return Rule(**same, maximum=most, first=min(first, most))


def _certify_one(
    scenario: Scenario, rules: Sequence[Rule], run: Callable[..., dict[Key, Array]]
) -> tuple[list[Row], dict[Key, Array]]:
    """Return the rows of one cell and the tables they were judged from, asking `run` for blocks look by look."""
    trial = scenario.trial
    every = trial.every_assignment()
    if every is not None:
        rows = [_row(scenario, m, every[:, m], rule, exact=True) for m, rule in enumerate(rules)]
        return rows, {(trial.cell, 0): every}
    done: dict[int, Row] = {}
    seen: list[list[Array]] = [[] for _ in rules]
    made: dict[Key, Array] = {}
    trial.source.numbers  # noqa: B018  what a source works out once travels to the workers with it
    for look in sorted({look for rule in rules for look in rule.looks}):
        active = [m for m in range(len(rules)) if m not in done]
        if not active:
            break
        keys = [(trial.cell, block) for block in range(len(made), -(-look // BLOCK))]
        tables = run(partial(_block, trial, active), keys)
        made |= tables
        for place, m in enumerate(active):
            seen[m] += [tables[key][:, place] for key in keys]
            if look in rules[m].looks:
                row = _row(scenario, m, np.concatenate(seen[m])[:look], rules[m], exact=False)
                if row.verdict != "go on":
                    done[m] = row
    return [done[m] for m in range(len(rules))], made


def _block(trial: Any, active: Sequence[int], _: int, block: int) -> Array:
    return np.asarray(trial.block(active, block))


def _row(scenario: Scenario, m: int, table: Array, rule: Rule, *, exact: bool) -> Row:
    trial = scenario.trial
    estimate, se, pvalue, half = (table[:, COLUMNS.index(name)] for name in COLUMNS)
    missing = np.isnan(pvalue)
    rejections = int(np.count_nonzero(missing | (pvalue <= rule.alpha * (1 + 1e-12))))
    smallest = trial.smallest_pvalue(trial.methods[m], scenario.n_clusters)
    R = table.shape[0]
    verdict = (
        judge_exact(rejections / R, R, rule, not_computable=missing.mean(), smallest_pvalue=smallest)
        if exact
        else judge(rejections, R, rule, not_computable=int(missing.sum()), smallest_pvalue=smallest)
    )
    first = int(np.argmax(missing))
    return Row(
        design=scenario.design,
        method=method_name(trial.methods[m]),
        replicates=R,
        rejections=rejections,
        size=verdict.size,
        size_low=verdict.size_low,
        size_high=verdict.size_high,
        inflation=verdict.inflation,
        mean_se=_mean(se),
        sd_estimate=float(np.nanstd(estimate)) if not np.isnan(estimate).all() else math.nan,
        coverage=_mean(np.where(np.isnan(half), np.nan, np.abs(estimate) <= half)),
        bias=_mean(estimate),
        width=2.0 * _mean(half),
        not_computable=int(missing.sum()),
        verdict=verdict.verdict,
        flags=(*verdict.flags, *scenario.flags_of(m)),
        analysis=scenario.analysis,
        message=trial.first_failure(m, *divmod(first, BLOCK)) if missing.any() else "",
        ignores_clusters=scenario.ignores_clusters(m),
    )


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


def _recommend(rows: Sequence[Row]) -> tuple[str | None, str]:
    """Return the method (and analysis) usable in every cell with the shortest intervals; and why."""
    ways = _by_way(rows)
    widths = {way: sum(row.width for row in own) / len(own) for way, own in ways.items() if all(r.usable for r in own)}
    if not widths:
        return None, _why_none(ways)
    best = min(widths, key=lambda way: (math.isnan(widths[way]), widths[way]))
    if len(widths) == 1:
        return best, "the only one that holds its size and ever rejects in every design"
    shortest = f"its 95 % intervals are the shortest, {widths[best]:.4g} wide on average"
    return best, f"of the certified ({listed(widths)}) {shortest}"


def _why_none(ways: Mapping[str, Sequence[Row]]) -> str:
    unsettled = [way for way, own in ways.items() if worst_verdict(own) == "inconclusive"]
    if unsettled:
        return f"no method is certified in every design yet, and more replicates may settle {listed(unsettled)}"
    blind = [way for way, own in ways.items() if worst_verdict(own) == "certified"]
    if blind:
        told = "rows of a cluster may be alike, and no method that allows for it is certified in every design"
        return f"{told} ({listed(blind)} does not)"
    return "no method both holds its size and ever rejects in every design: more clusters are the remedy"


def _by_way(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each method (and analysis), one a design."""
    ways: dict[str, list[Row]] = {}
    for row in rows:
        ways.setdefault(", ".join(part for part in (row.method, row.analysis) if part), []).append(row)
    return ways


def worst_verdict(rows: Sequence[Row]) -> str:
    """Return the least favourable verdict of these rows."""
    return max((row.verdict for row in rows), key=FAVOUR.index)


# --- words --------------------------------------------------------------------------------------


def _words(source: Any) -> str:
    """Return a described world as it would be written in Python, or a word as it is."""
    if not isinstance(source, Mapping):
        return str(source)
    if "kind" not in source:
        return "; ".join(map(_words, _merged(list(source.values()))))
    told = ", ".join(f"{key}={value}" for key, value in source.items() if key != "kind")
    return f"{source['kind']}({told})"


def _merged(worlds: Sequence[Any]) -> Sequence[Any]:
    """Return one description of worlds that differ in the values of some fields alone, or the worlds as they are."""
    if not all(isinstance(world, Mapping) for world in worlds) or len({world["kind"] for world in worlds}) > 1:
        return worlds
    keys = dict.fromkeys(key for world in worlds for key in world)
    values = {key: list(dict.fromkeys(str(world.get(key, "its default")) for world in worlds)) for key in keys}
    return [{key: told[0] if len(told) == 1 else f"[{', '.join(told)}]" for key, told in values.items()}]


def _counted(data: Mapping[str, Any]) -> str:
    """Return what is known of the size of the user's data."""
    dropped = data.get("dropped_rows")
    left_out = f" ({dropped:,} left out for a missing value)" if dropped else ""
    rows = f", {data['rows']:,} rows{left_out}" if "rows" in data else ""
    return rows + (f" in {data['clusters']:,} clusters" if "clusters" in data else "")


_HEAD = (
    f"  {'method':<14}{'verdict':<14}{'size':>8}{'interval':>20}{'inflation':>11}{'SE/sd':>8}{'coverage':>10}"
    f"{'width':>10}{'replicates':>12}"
)


def _line(row: Row) -> str:
    flags = f"  {'; '.join(row.flags)}" if row.flags else ""
    interval = "all assignments" if row.exact else f"[{row.size_low:.4f}, {row.size_high:.4f}]"
    return (
        f"  {row.method:<14}{row.verdict:<14}{row.size:>8.4f}{interval:>20}{row.inflation:>11.2f}{row.se_ratio:>8.3f}"
        f"{row.coverage:>10.3f}{row.width:>10.4g}{row.replicates:>12,}{flags}"
    )
