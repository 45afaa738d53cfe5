"""How many replicates a method is given, and at which looks it is judged."""

from __future__ import annotations

from dataclasses import replace

from lyra.errors import InputError
from lyra.trials.trial import BLOCK, Candidate, is_closed_form
from lyra.verdict.rule import Rule
from lyra.verdict.rule import looks as check_looks

__all__ = ["refuse_rule", "rule_of", "rules_of"]

CLOSED_FORM_MAXIMUM = 64_000
BOOTSTRAP_MAXIMUM = 8_000


def refuse_rule(*, alpha: float, tolerance: float, first: int, maximum: int | None) -> None:
    """Refuse a rule that cannot be, before anything is drawn."""
    _given(Rule(alpha=alpha, tolerance=tolerance), CLOSED_FORM_MAXIMUM, (first, maximum))


def rule_of(method: Candidate, tolerated: Rule, looks: tuple[int, int | None]) -> Rule:
    """Return the rule a method is judged by: what is tolerated, and the looks that its cost allows.

    Parameters
    ----------
    method : str or callable
    tolerated : Rule
        Its α, tolerance and error.
    looks : (int, int or None)
        The first look and the most replicates that were asked for.
    """
    return _given(tolerated, CLOSED_FORM_MAXIMUM if is_closed_form(method) else BOOTSTRAP_MAXIMUM, looks)


def rules_of(tolerated: Rule, looks: tuple[int, int | None]) -> set[Rule]:
    """Return the rules that methods of either cost are judged by."""
    return {_given(tolerated, end, looks) for end in (CLOSED_FORM_MAXIMUM, BOOTSTRAP_MAXIMUM)}


def _given(tolerated: Rule, end: int, looks: tuple[int, int | None]) -> Rule:
    """Return the rule of a method that is given `end` replicates where no other maximum was asked for."""
    first, asked = looks
    check_looks(end if asked is None else asked, first)
    if first % BLOCK:
        raise InputError(f"first={first} is not a multiple of {BLOCK}, the replicates of a block: round it up.")
    most = end if asked is None else asked if end == CLOSED_FORM_MAXIMUM else min(end, asked)
    return replace(tolerated, maximum=most, first=min(first, most))
