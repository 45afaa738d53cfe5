"""The questions that a picture of the atlas answers: what varies, and what is held as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lyra.verdict.atlas.laws import LAWS

__all__ = ["QUESTIONS", "Question"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the table.

    Attributes
    ----------
    key : str
        The name of its picture.
    asked : str
        The question.
    along : str
        The column that varies.
    varies_too : tuple of str
        Columns that vary with it.
    held : mapping of str to value
        What the other columns should be, where the table has a choice.
    only : tuple of str
        Values of `along`, in their order; empty for all that there are.
    """

    key: str
    asked: str
    along: str
    varies_too: tuple[str, ...] = ()
    held: Mapping[str, object] = field(default_factory=dict)
    only: tuple[str, ...] = ()


FIFTH = {"by": "cluster", "clusters": 20, "treated": 4, "share": 0.2, "sizes": "equal", "law": "normal", "icc": 0.05}

QUESTIONS = (
    Question(
        key="clusters",
        asked="How does size depend on the number of clusters?",
        along="clusters",
        varies_too=("treated",),
        held=FIFTH | {"share": 0.5},
    ),
    Question(
        key="treated",
        asked="What happens when few clusters are treated?",
        along="treated",
        varies_too=("share",),
        held=FIFTH | {"clusters": 50},
    ),
    Question(
        key="sizes",
        asked="What happens when clusters are of unequal sizes?",
        along="sizes",
        held=FIFTH,
        only=("equal", "lognormal", "giant"),
    ),
    Question(
        key="arms",
        asked="What happens when one arm is more variable?",
        along="law",
        varies_too=("icc",),
        held=FIFTH,
        only=("others-noisier", "normal", "treated-noisier"),
    ),
    Question(
        key="law",
        asked="What does the law of the errors do?",
        along="law",
        varies_too=("icc",),
        held=FIFTH,
        only=tuple(law for law in LAWS if not law.endswith("noisier")),
    ),
)
"""The questions that one panel of the table answers, in the order of the page."""
