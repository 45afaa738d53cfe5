"""One coefficient under one method after another, what each is certified to be, and which line to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lyra.certificate import Certificate, worst_verdict
from lyra.errors import InputError
from lyra.ols import Fit
from lyra.treatment import arms, cluster_values, column_sums
from lyra.wald import Inference, infer
from lyra.wild import WildBootstrap

__all__ = ["LADDER", "Advice", "Judged", "Ladder", "Rung", "climb"]

LADDER = ("iid", "CV1", "CV2", "CV3")
PREFERRED = ("CV2", "CV3", "CV3J", "CV1", "CV0")
AUTHORS = ("rademacher", "webb", "mammen")
FEWEST_DOF = 4.0  # below which Satterthwaite's law is itself rough [Tipton 2015, Psychological Methods 20, 375-393]


@dataclass(frozen=True, slots=True)
class Rung:
    """One method's answer: estimate, standard error, t statistic, two-sided p-value, interval and law."""

    method: str
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float
    dof: float
    law: str

    @property
    def computable(self) -> bool:
        """Whether the method has an answer."""
        return bool(np.isfinite(self.std_error))


@dataclass(frozen=True, slots=True)
class Judged:
    """What a certificate says of one method: its worst verdict, and its largest size with that one's interval.

    `usable` when it is certified throughout and ever rejects; `alpha` is the size it claims.
    """

    verdict: str
    size: float
    size_low: float
    size_high: float
    alpha: float
    usable: bool

    def __str__(self) -> str:
        return f"{self.verdict} ({self.size:.3f})"


@dataclass(frozen=True, slots=True)
class Advice:
    """Which line to read, None when none can be trusted, and why."""

    method: str | None
    reason: str

    def __str__(self) -> str:
        return f"Read {self.method}: {self.reason}" if self.method else f"Read no line: {self.reason}"


@dataclass(frozen=True, slots=True)
class Ladder:
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
    judged : mapping of str to Judged
        What a certificate says of the methods; empty without one.
    judged_on : tuple of str
        The designs that certificate tried.

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
    judged: Mapping[str, Judged] = field(default_factory=dict)
    judged_on: tuple[str, ...] = ()

    def __getitem__(self, method: str) -> Rung:
        for rung in self.rungs:
            if rung.method == method:
                return rung
        known = ", ".join(rung.method for rung in self.rungs)
        raise InputError(f"{method!r} is not on this ladder: it has {known}.")

    @property
    def advice(self) -> Advice:
        """Which line to read, and why."""
        return _advised(self)

    def with_bootstrap(self, boot: WildBootstrap) -> Ladder:
        """Return the ladder with a line for a wild cluster bootstrap of the same coefficient."""
        return replace(self, rungs=(*self.rungs, _bootstrapped(boot, self)))

    def with_certificate(self, certificate: Certificate) -> Ladder:
        """Return the ladder with what a certificate says of its methods; its advice is read from that."""
        return replace(self, judged=_judged(certificate), judged_on=certificate.designs)

    def tidy(self) -> dict[str, list[Any]]:
        """Return columns method, estimate, std_error, statistic, p_value, conf_low, conf_high, dof, law."""
        return {name: [getattr(rung, name) for rung in self.rungs] for name in Rung.__slots__}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values."""
        columns = self.tidy()
        treated, control = self.arms or (None, None)
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
                "read": self.advice.method,
                "reason": self.advice.reason,
            },
        }

    def __str__(self) -> str:
        width = max(len(rung.method) for rung in (*self.rungs, self.rungs[0]))
        heads = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")
        lines = [self.term, f"{'method':<{max(width, 6)}}" + "".join(f"{head:>12}" for head in heads) + "  law"]
        for rung in self.rungs:
            cells = "".join(f"{getattr(rung, head):>12.5g}" for head in heads)
            lines.append(f"{rung.method:<{max(width, 6)}}{cells}  {rung.law}")
        return "\n".join([*lines, *self.facts, str(self.advice)])

    @property
    def facts(self) -> tuple[str, ...]:
        """What a reader must know beside the lines: rows, clusters, arms, the Moulton ratio."""
        left_out = f" ({self.dropped_rows:,} left out for a missing value)" if self.dropped_rows else ""
        drawn = f": {self.arms[0]} treated, {self.arms[1]} not" if self.arms else ""
        tried = f"Certificate: the share of true nulls flagged, at worst, on {'; '.join(self.judged_on)}"
        return (
            f"{self.n_rows:,} rows{left_out}, {self.n_clusters:,} clusters{drawn}",
            f"Moulton ratio SE(CV1)/SE(iid) = {self.moulton:.3g}",
            *([tried] if self.judged_on else []),
        )


def climb(fit: Fit, j: int, *, methods: Sequence[str] = LADDER, level: float = 0.95) -> Ladder:
    """Return coefficient j of a fit under each method, with its own law."""
    naive, clustered = (float(infer(fit, variant=variant).se[j]) for variant in ("iid", "CV1"))
    return Ladder(
        term=fit.names[j],
        rungs=tuple(_rung(infer(fit, variant=method), j, level) for method in methods),
        level=level,
        n_rows=fit.N,
        n_clusters=fit.G,
        dropped_rows=fit.moments.dropped_rows,
        arms=_arms(fit, j),
        moulton=clustered / naive,
    )


def _rung(inference: Inference, j: int, level: float) -> Rung:
    low, high = inference.conf_int(level)[j]
    return Rung(
        inference.variant,
        float(inference.coef[j]),
        float(inference.se[j]),
        float(inference.statistic[j]),
        float(inference.pvalue[j]),
        float(low),
        float(high),
        float(inference.dof[j]),
        _law(inference, j),
    )


def _law(inference: Inference, j: int) -> str:
    if np.isnan(inference.dof[j]):
        return "not computable"
    return f"{inference.law(j)}, Satterthwaite" if inference.dof_rule == "satterthwaite" else inference.law(j)


def _arms(fit: Fit, j: int) -> tuple[int, int] | None:
    """Return how many clusters have the larger of two values in column j and how many the smaller."""
    upper = arms(cluster_values(column_sums(fit), fit.moments.sizes)[:, j])
    return None if upper is None else (int(upper.sum()), int(fit.G - upper.sum()))


def _bootstrapped(boot: WildBootstrap, ladder: Ladder) -> Rung:
    """Return a bootstrap's line: the standard error of its t, and the interval its test inverts to."""
    name = f"{'WCR' if boot.restricted else 'WCU'}-{boot.kind}"
    low, high = boot.conf_int(ladder.level)
    estimate, null = float(np.asarray(boot.estimate).ravel()[0]), float(np.asarray(boot.h0).ravel()[0])
    weights = boot.weights.title() if boot.weights in AUTHORS else boot.weights
    draws = f"all {boot.n_draws:,} {weights} patterns" if boot.enumerated else f"{boot.n_draws:,} {weights} draws"
    return Rung(
        name,
        estimate,
        abs((estimate - null) / boot.statistic) if boot.statistic else np.nan,
        boot.statistic,
        boot.pvalue,
        float(low),
        float(high),
        np.nan,
        draws,
    )


def _judged(certificate: Certificate) -> dict[str, Judged]:
    found = {}
    for method in dict.fromkeys(row.method for row in certificate.rows):
        own = [row for row in certificate.rows if row.method == method]
        worst = max(own, key=lambda row: row.size)
        usable = all(row.usable for row in own)
        found[method] = Judged(
            worst_verdict(own), worst.size, worst.size_low, worst.size_high, certificate.alpha, usable
        )
    return found


def _told(judged: Judged | None) -> dict[str, Any]:
    if judged is None:
        return {}
    return {name: getattr(judged, name) for name in ("verdict", "size", "size_low", "size_high")}


# --- which line to read -------------------------------------------------------------------------


def _advised(ladder: Ladder) -> Advice:
    return _certified(ladder) if ladder.judged else _by_rule(ladder)


def _certified(ladder: Ladder) -> Advice:
    """Read the advice from the certificate: of the methods that hold their size here, the shortest interval."""
    sound = [r for r in ladder.rungs if r.computable and r.method in ladder.judged and ladder.judged[r.method].usable]
    if sound:
        best = min(sound, key=lambda rung: (np.isnan(rung.conf_low), rung.conf_high - rung.conf_low))
        certified = ", ".join(rung.method for rung in sound)
        beside = f"; of the certified ({certified}) its interval is the shortest" if len(sound) > 1 else ""
        judged = ladder.judged[best.method]
        flags = f"flags a true null {100 * judged.size:.1f} % of the time at {100 * judged.alpha:g} %"
        return Advice(best.method, f"on this design it {flags}{beside}.")
    rule = _by_rule(ladder)
    open_still = rule.method in ladder.judged and ladder.judged[rule.method or ""].verdict == "inconclusive"
    if open_still:
        judged = ladder.judged[rule.method or ""]
        told = f"its size, {judged.size:.3f} in [{judged.size_low:.3f}, {judged.size_high:.3f}], is not settled yet"
        return Advice(rule.method, f"{told}; certify for longer. By the design, {rule.reason}")
    closest = min(ladder.judged.items(), key=lambda item: item[1].size)
    told = f"no method is certified on this design; the closest is {closest[0]}, with a size of {closest[1].size:.3f}"
    return Advice(None, f"{told}: use randomisation inference, or more clusters.")


def _by_rule(ladder: Ladder) -> Advice:
    by_method = {rung.method: rung for rung in ladder.rungs}
    clustered = [by_method[method] for method in PREFERRED if method in by_method]
    if not clustered:
        return Advice(None, "none allows for clusters; add CV2 or CV3.")
    missing = [rung.method for rung in clustered if not rung.computable]
    if missing:
        return Advice(
            None,
            f"{ladder.term} has no estimate without one of the clusters ({', '.join(missing)} not computable), "
            "and what is left is far too small; use randomisation inference, or more clusters on each side.",
        )
    best = clustered[0]
    return Advice(best.method, _reason(ladder, best))


def _reason(ladder: Ladder, best: Rung) -> str:
    if ladder.n_clusters == ladder.n_rows:
        return "every cluster is one row, and this line gives each a variance of its own."
    match best.method:
        case "CV2":
            return _reason_for_cv2(ladder, best)
        case "CV3" | "CV3J":
            return "the jackknife over clusters is the last of these to be too small."
        case _:
            return "it allows for clusters, but is too small when they are few or unequal; CV2 and CV3 are not."


def _reason_for_cv2(ladder: Ladder, best: Rung) -> str:
    if best.dof < FEWEST_DOF:
        return (
            f"with caution, for {best.dof:.3g} degrees of freedom say that very few clusters carry {ladder.term}; "
            f"below {FEWEST_DOF:g} no line is sure to hold its level."
        )
    if best.dof < (ladder.n_clusters - 1) / 2:
        return (
            f"its {best.dof:.3g} degrees of freedom know that fewer clusters carry {ladder.term} than the "
            f"{ladder.n_clusters} there are; CV1 and its t({ladder.n_clusters - 1}) do not, and iid ignores clusters."
        )
    return "it is unbiased when rows are alike and takes its law from this design; iid ignores clusters."
