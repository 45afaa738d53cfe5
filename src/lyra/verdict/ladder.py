"""One coefficient under one method after another, what each is certified to be, and which line to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lyra.base.result import HEADS, Told
from lyra.base.text import laid_out, listed, option
from lyra.base.warn import warn
from lyra.errors import InputError, UnidentifiedWarning
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.diagnosis import Diagnosis, diagnose
from lyra.robust.exact.lines import ExactLines
from lyra.robust.inference import infer
from lyra.robust.methods import LADDER
from lyra.robust.randomised import RandomisationTest
from lyra.robust.wild.bootstrap import WildBootstrap
from lyra.verdict.advice import Advice, advise
from lyra.verdict.certificate import Certificate
from lyra.verdict.judged import NOT_COMPUTABLE, Judged, judged_exactly, judged_lines, largest_icc
from lyra.verdict.rung import COLUMNS, Rung, bootstrapped, calibrated, drawn, inferred

__all__ = ["LADDER", "Ladder", "climb"]

EXACTLY = "Worst sizes: the largest share of true nulls that a line flags in any of these worlds, computed exactly."


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Ladder(Told):
    """One coefficient under one method after another.

    Attributes
    ----------
    term : str
        The coefficient.
    rungs : tuple of Rung
        A line a method.
    level : float
        Coverage of the intervals.
    n_rows, n_clusters, dropped_rows : int
        Rows and clusters used, and rows left out.
    arms : (int, int) or None
        Clusters treated and not, when the term has two values and is constant within clusters.
    moulton : float
        SE(CV1) / SE(iid): how many times too small the naive standard error is [1]_.
    diagnosis : Diagnosis
        What the clusters can bear, with the dangers of this coefficient.
    exact : ExactLines or None
        Its lines with an exact law in the worlds of a family: what is read is chosen among them.
    tolerance : float
        How many times the nulls it claims to flag a line may flag in those worlds and be read.
    cautions : tuple of str
        Where these data do not look like those worlds; nothing is chosen by it.
    judged : mapping of str to Judged
        What exact sizes, or a certificate, say of the methods.
    judged_on : tuple of str
        The designs that certificate tried.
    judged_up_to : float
        The largest intraclass correlation it simulated.
    judged_notes : tuple of str
        What it leaves out.
    simulated : tuple of str
        The methods it was asked about because they have no exact size.
    assigned : str
        How clusters were drawn to be treated, where lines rest on it.

    References
    ----------
    .. [1] B. R. Moulton (1986), Random group effects and the precision of regression estimates. Journal of
       Econometrics 32, 385-397.
    """

    term: str
    rungs: tuple[Rung, ...]
    level: float
    n_rows: int
    n_clusters: int
    dropped_rows: int
    arms: tuple[int, int] | None
    moulton: float
    diagnosis: Diagnosis
    exact: ExactLines | None = None
    tolerance: float = 1.0
    cautions: tuple[str, ...] = ()
    judged: Mapping[str, Judged] = field(default_factory=dict)
    judged_on: tuple[str, ...] = ()
    judged_up_to: float = 0.0
    judged_notes: tuple[str, ...] = ()
    simulated: tuple[str, ...] = ()
    assigned: str = ""

    def __getitem__(self, method: str) -> Rung:
        for rung in self.rungs:
            if rung.method == method:
                return rung
        known = ", ".join(rung.method for rung in self.rungs)
        raise InputError(f"{method!r} is not on this ladder: it has {known}.")

    @property
    def advice(self) -> Advice:
        """Which line to read, and why: every page, document and printed result says this and nothing else."""
        return advise(self)

    def with_exact(self, exact: ExactLines, *, tolerance: float, cautions: tuple[str, ...]) -> Ladder:
        """Return the ladder with the exact sizes of its lines, and the calibrated lines that were asked for."""
        stars = tuple(calibrated(line.test, self.level) for line in exact.lines if line.test is not None)
        rungs = (*self.rungs, *stars)
        return replace(
            self,
            rungs=rungs,
            exact=exact,
            tolerance=tolerance,
            cautions=cautions,
            judged={**self.judged, **judged_exactly(exact, rungs)},
        )

    def with_bootstrap(self, boot: WildBootstrap) -> Ladder:
        """Return the ladder with a line for a wild cluster bootstrap of the same coefficient."""
        return replace(self, rungs=(*self.rungs, bootstrapped(boot, self.term, self.level)))

    def with_randomisation(self, *tests: RandomisationTest, assumed: bool = False) -> Ladder:
        """Return the ladder with a line for each randomisation test of the same coefficient.

        With `assumed` nobody said that clusters were drawn, and the lines say so.
        """
        how = f"the treatment was drawn as declared ({tests[0].design})"
        if assumed:
            how = f"clusters were drawn, for which nobody vouched: say how with {option('design')}"
        return replace(
            self,
            rungs=(*self.rungs, *(drawn(test, self.level, assumed=assumed) for test in tests)),
            assigned=f"RI-t and RI-beta are exact for no effect on anyone if {how}.",
        )

    def with_judged(self, judged: Mapping[str, Judged], how: str) -> Ladder:
        """Return the ladder with verdicts on its drawn lines, and how they were found."""
        return replace(self, judged={**self.judged, **judged}, assigned=f"{self.assigned} {how}")

    def with_certificate(self, certificate: Certificate) -> Ladder:
        """Return the ladder with what a certificate says of the methods that have no exact size."""
        simulated = judged_lines(certificate, self.rungs)
        return replace(
            self,
            judged={**simulated, **self.judged},
            simulated=tuple(method for method in simulated if method not in self.judged),
            judged_on=certificate.designs,
            judged_up_to=largest_icc(certificate, self.diagnosis),
            judged_notes=certificate.notes,
        )

    def tidy(self) -> dict[str, list[Any]]:
        """Return columns method, estimate, std_error, statistic, p_value, conf_low, conf_high, dof, law."""
        return {name: [getattr(rung, name) for rung in self.rungs] for name in COLUMNS}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values."""
        columns = self.tidy()
        treated, control = self.arms or (None, None)
        advice = self.advice
        return {
            "n_rows": self.n_rows,
            "n_clusters": self.n_clusters,
            "dropped_rows": self.dropped_rows,
            "term": self.term,
            "ladder": [
                dict(zip(columns, line, strict=True)) | _told(self.judged.get(line[0]))
                for line in zip(*columns.values(), strict=True)
            ],
            "diagnostics": {
                "level": self.level,
                "treated_clusters": treated,
                "control_clusters": control,
                "moulton_ratio": self.moulton,
                "dangers": list(self.diagnosis.dangers),
                "other_terms": list(self.other_terms),
                "notes": list(self.judged_notes),
                "family": None if self.exact is None else self.exact.words,
                "cautions": list(self.cautions),
                "read": advice.method,
                "reason": advice.reason,
                "advice": str(advice),
            },
        }

    def __str__(self) -> str:
        width = max(6, *(len(rung.method) for rung in self.rungs))
        laws = max(map(len, ("law", *(rung.law for rung in self.rungs))))
        layout = (f"<{width}", *[">12"] * len(HEADS), f"<{laws + 4}", "")
        told = self.verdicts if self.judged else [""] * len(self.rungs)
        rows = [
            (rung.method, *(f"{getattr(rung, head):.5g}" for head in HEADS), f"  {rung.law}", verdict)
            for rung, verdict in zip(self.rungs, told, strict=True)
        ]
        table = laid_out(layout, ("method", *HEADS, "  law", "certificate (worst size)" if self.judged else ""), rows)
        return "\n".join((self.term, *table, self.explain()))

    def explain(self) -> str:
        """Return in words what a reader must know beside the lines, the dangers, and which line to read."""
        return "\n".join((*self.facts, self.diagnosis.explain(), str(self.advice)))

    def _answer(self) -> str:
        methods = ", ".join(rung.method for rung in self.rungs)
        read = f"read {self.advice.method}" if self.advice.method else "read no line"
        return f"{self.term} {self.rungs[0].estimate:.4g} by {methods}; {read}"

    def _tried(self) -> str:
        """Say what lines without an exact size were simulated on."""
        if self.exact is None:
            return _tried(self.judged_on)
        names, worlds = listed(self.simulated), len(self.judged_on)
        return f"{names}: the largest share of true nulls flagged in {worlds} such worlds, simulated."

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What the certificate says of each line, with its size; a dash where it was not asked."""
        return tuple(str(self.judged.get(rung.method, "-")) for rung in self.rungs)

    @property
    def other_terms(self) -> tuple[str, ...]:
        """The other coefficients of the fit, the constant left out."""
        d = self.diagnosis
        return tuple(name for j, name in enumerate(d.names) if name != self.term and j != d.unit)

    @property
    def facts(self) -> tuple[str, ...]:
        """What a reader must know beside the lines: rows, clusters, arms, the Moulton ratio, other coefficients."""
        left_out = f" ({self.dropped_rows:,} left out for a missing value)" if self.dropped_rows else ""
        drawn = f": {self.arms[0]} treated, {self.arms[1]} not" if self.arms else ""
        ratio = NOT_COMPUTABLE if np.isnan(self.moulton) else f"{self.moulton:.3g}"
        others = f"Other coefficients (asked for with {option('term')}): {listed(self.other_terms)}"
        return (
            f"{self.n_rows:,} rows{left_out}, {self.n_clusters:,} clusters{drawn}",
            f"Moulton ratio SE(CV1)/SE(iid) = {ratio}",
            *([others] if self.other_terms else []),
            *([] if self.exact is None else [f"{EXACTLY} {self.exact.words}"]),
            *([self._tried()] if self.judged_on and (self.exact is None or self.simulated) else []),
            *self.judged_notes,
            *([self.assigned] if self.assigned else []),
            *self.cautions,
        )


def climb(fit: Fit, j: int, *, methods: Sequence[str] = LADDER, level: float = 0.95) -> Ladder:
    """Return coefficient j of a fit under each method, with its own law.

    Warns
    -----
    UnidentifiedWarning
        Lines without an answer, in one sentence; of other coefficients nothing is said.
    """
    found = {method: infer(fit, variant=method, about=()) for method in dict.fromkeys(("iid", "CV1", *methods))}
    with np.errstate(divide="ignore", invalid="ignore"):
        moulton = float(np.divide(found["CV1"].se[j], found["iid"].se[j]))
    diagnosis = diagnose(fit).about(fit.names[j])
    rungs = tuple(inferred(found[method], j, level) for method in methods)
    _warn_of(rungs, diagnosis, j)
    return Ladder(
        term=fit.names[j],
        rungs=rungs,
        level=level,
        n_rows=fit.N,
        n_clusters=fit.G,
        dropped_rows=fit.moments.dropped_rows,
        arms=diagnosis.treated_clusters.get(fit.names[j]),
        moulton=moulton if np.isfinite(moulton) else np.nan,
        diagnosis=diagnosis,
    )


def _warn_of(rungs: Sequence[Rung], diagnosis: Diagnosis, j: int) -> None:
    lost = [rung.method for rung in rungs if not rung.computable]
    if not lost:
        return
    alone = [str(case.cluster) for case in diagnosis.unidentified if j in case.coefficients]
    why = f": without cluster {listed(alone, 4)} there is no estimate of it" if alone else ""
    warn(
        f"{' and '.join(lost)} {'is' if len(lost) == 1 else 'are'} not computable for {diagnosis.names[j]!r}{why}.",
        UnidentifiedWarning,
    )


def _tried(designs: Sequence[str]) -> str:
    """Return what a certificate tried, what its designs have in common said once."""
    head = designs[0].split(", ")[0]
    same = len(designs) > 1 and all(design.startswith(f"{head}, ") for design in designs)
    told = f"{head}, {' or '.join(d.removeprefix(f'{head}, ') for d in designs)}" if same else "; ".join(designs)
    return f"Certificate: the largest share of true nulls flagged on {told}"


def _told(judged: Judged | None) -> dict[str, Any]:
    if judged is None:
        return {}
    told = ("verdict", "size", "size_low", "size_high", "exact", "worst", "set_by", "power")
    return {name: getattr(judged, name) for name in told}
