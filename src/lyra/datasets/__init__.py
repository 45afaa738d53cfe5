"""Data shipped with lyra, for the demo, the guides and the tests."""

from pathlib import Path

__all__ = ["social_insure"]


def social_insure() -> Path:
    """Return the path of the insurance experiment, a csv: 1,410 rice farmers in 166 villages; see README.md there.

    Examples
    --------
    >>> with social_insure().open() as file:
    ...     file.readline().split(",")[:3]
    ['address', 'village', 'takeup_survey']
    """
    return Path(__file__).with_name("social_insure.csv")
