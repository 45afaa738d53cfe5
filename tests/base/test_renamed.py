"""An old keyword is refused in one sentence that says the new one, and a signature is what it was."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields

import pytest

from lyra.base.renamed import old_name, refuse_old, renamed, renamed_fields
from lyra.base.text import spoken_in_the_shell
from lyra.errors import InputError


@renamed(level="cluster_by")
def door(subject: str, *, cluster_by: str = "cluster") -> str:
    """Answer."""
    return f"{subject} by {cluster_by}"


@renamed_fields(level="cluster_by")
@dataclass(frozen=True)
class Record:
    cluster_by: str = "cluster"


def test_the_new_keyword_is_taken_and_the_old_refused():
    assert door("a", cluster_by="unit") == "a by unit"
    with pytest.raises(InputError) as refused:
        door("a", level="unit")
    assert str(refused.value) == "`level` is now `cluster_by`: write cluster_by='unit'."


def test_a_record_refuses_the_old_name_of_a_field():
    assert Record(cluster_by="unit") == Record("unit")
    assert [field.name for field in fields(Record)] == ["cluster_by"]
    with pytest.raises(InputError, match=r"^`level` is now `cluster_by`: write cluster_by='pair'\.$"):
        Record(level="pair")


def test_a_keyword_that_never_was_is_pythons_to_refuse_and_names_the_door():
    with pytest.raises(TypeError, match=r"^door\(\) got an unexpected keyword argument 'levle'$"):
        door("a", levle="unit")
    with pytest.raises(TypeError, match=r"door\(\) missing 1 required positional argument: 'subject'"):
        door()


def test_the_signature_stays():
    assert str(inspect.signature(door)) == "(subject: 'str', *, cluster_by: 'str' = 'cluster') -> 'str'"
    assert (door.__name__, door.__doc__, door.__module__) == ("door", "Answer.", __name__)


def test_in_the_shell_it_is_said_as_it_is_typed():
    with spoken_in_the_shell(), pytest.raises(InputError) as refused:
        refuse_old("level", "cluster_by", "unit")
    assert str(refused.value) == "`--level` is now `--cluster-by`: write --cluster-by unit."
    assert old_name("param", "term") == "`param` is now `term`"
