"""What a switchback recovers under carry-over: `python -m bench.carryover` prints a Markdown table; about a minute.

Ten regions of 20 users a window, 48 windows, shocks of a region's window that last (AR(1) .8) and hold 2 % of the
variance. Half of the total effect of .2 carries over from the window before. Analyses cluster by what was randomised.
"""

from __future__ import annotations

import numpy as np

import lyra
from lyra.designs import Switchback
from lyra.verdict.performance import Row

WORLD = lyra.World(
    10, cluster_size=20, windows=48, icc=0.0, icc_window=0.02, ar1=0.8, effect=0.1, carryover=0.1, carryover_decay=0.0
)
DESIGNS = (
    Switchback(1),
    Switchback(1, "alternating"),
    Switchback(2, "alternating"),
    Switchback(4),
    Switchback(4, "alternating"),
    Switchback(4, washout=1),
    Switchback(4, "alternating", washout=1),
    Switchback(12),
    Switchback(12, washout=1),
)
HEADS = (
    "block, washout, pattern",
    "E estimate / total",
    "closed form",
    "size of the total effect's test",
    "coverage",
    "bias",
    "verdict",
)
METHOD = "CV1"
REPLICATES = 8_000


def recovered(design: Switchback, W: int, decay: float, share: float) -> float:
    """Return E estimate / total effect, `share` of which carries over, of that `decay` from one window to the next.

    In window j of a block, from 0, 1 − φ^j of what is carried over comes from its own arm and φ^j from blocks before:
    coins cancel, and of arms in turn it is the one against, but for the first block, which has none before it. For
    φ = 0 and coins this is (τ + γ(L − 1)/L)/(τ + γ).
    """
    gained: list[float] = []
    for k in range(W // design.block):
        before = 0.0
        if design.pattern == "alternating":
            for i in range(k):
                before = decay**design.block * before + (1 - decay**design.block) * (-1.0) ** (k - i)
        gained += [1 - decay**j + decay**j * before for j in range(design.washout, design.block)]
    return 1 - share + share * float(np.mean(gained))


def line(design: Switchback, row: Row) -> str:
    """Return the line of a design in Markdown."""
    error = row.sd_estimate / np.sqrt(row.replicates) / row.truth
    cells = (
        f"{design.block}, {design.washout}, {design.pattern}",
        f"{100 * row.recovers:.1f} % ± {100 * error:.1f}",
        f"{100 * recovered(design, WORLD.windows, WORLD.carryover_decay, 0.5):.1f} %",
        f"{row.size:.3f}",
        f"{row.coverage:.3f}",
        f"{row.bias:+.3f}",
        row.verdict,
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    cert = lyra.certify(
        WORLD, list(DESIGNS), methods=[METHOD], cluster_by="unit", seed=1, first=REPLICATES, maximum=64_000
    )
    print(next(told for told in cert.preamble if told.startswith("Estimand")))
    print(f"\n{METHOD}, {REPLICATES:,} replicates or more a design.\n")
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
    for design, row in zip(DESIGNS, cert.rows, strict=True):
        print(line(design, row))


if __name__ == "__main__":
    main()
