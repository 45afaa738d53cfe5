from __future__ import annotations

from dataclasses import dataclass

import pytest

from lyra.data.toml import converted, refuse_unknown, toml_of
from lyra.errors import DataError, InputError


@dataclass(frozen=True)
class Plan:
    clusters: int
    sizes: tuple[str, ...] = ()


def test_a_file_is_its_tables(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('seed = 3\n[[cells]]\nlaw = ["t3"]\n')
    assert toml_of(file) == {"seed": 3, "cells": [{"law": ["t3"]}]}


def test_what_is_no_toml_is_refused_by_its_path(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text("seed =\n")
    with pytest.raises(DataError, match=r"a.toml' is not TOML: Invalid value \(at line 1, column 7\)\.$"):
        toml_of(file)
    with pytest.raises(DataError, match=r"none.toml' cannot be read \(No such file or directory\): check the path\.$"):
        toml_of(tmp_path / "none.toml")


def test_a_table_is_a_record_of_the_right_types():
    assert converted({"clusters": 3, "sizes": ["equal"]}, Plan, "plan") == Plan(3, ("equal",))
    with pytest.raises(InputError, match=r"plan does not fit: Expected `int`, got `str` - at `plan.clusters`\.$"):
        converted({"clusters": "3"}, Plan, "plan")


def test_an_unknown_field_is_refused_with_the_one_meant():
    with pytest.raises(InputError, match=r"^plan has an unknown field 'clutsers': did you mean 'clusters'\?"):
        refuse_unknown({"clutsers": 1}, ["clusters", "sizes"], "plan")


def test_a_refusal_of_the_whole_record_is_handed_on(tmp_path):
    @dataclass(frozen=True)
    class Odd:
        n: int

        def __post_init__(self):
            raise InputError(f"n = {self.n} is even.")

    with pytest.raises(InputError, match=r"^n = 2 is even\.$"):
        converted({"n": 2}, Odd, "")
