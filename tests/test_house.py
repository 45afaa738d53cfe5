"""The house: a folder imports only folders above it in the listing, and what is public is pinned."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lyra

HOUSE = Path(lyra.__file__).parent
FOLDERS = sorted(folder.name for folder in HOUSE.iterdir() if (folder / "__init__.py").exists())
DOORS = {"__init__", "__main__", "certifying", "cli", "config", "errors", "fitting", "planning", "se", "version"}
PUBLIC = [
    "Certificate",
    "Moments",
    "PowerAnalysis",
    "Regression",
    "RegressorWorld",
    "World",
    "__version__",
    "certify",
    "fit",
    "fit_moments",
    "power",
]


def imported(path: Path) -> Iterator[str]:
    """The modules of lyra that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lyra"):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("lyra"))


def upward(folder: str, modules: Iterator[str]) -> list[str]:
    """The imports of a folder's file that are not of a folder above it, of errors or of the version."""
    rooms = {module: module.split(".")[1] for module in modules if "." in module}
    return [m for m, room in rooms.items() if room not in {"errors", "version", "__version__"} and room > folder]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_folders_above_it_in_the_listing(folder):
    for path in sorted((HOUSE / folder).rglob("*.py")):
        modules = list(imported(path))
        assert upward(folder, iter(modules)) == [], path
        rooms = {module.split(".")[1] for module in modules if module.count(".")}
        assert rooms <= {*FOLDERS, "errors", "version", "__version__"}, f"{path} goes out by a door"


def test_an_upward_import_is_seen():
    assert upward("moments", iter(["lyra.robust.inference", "lyra.base.arrays", "lyra.errors.InputError"])) == [
        "lyra.robust.inference"
    ]


def test_the_files_at_the_root_are_the_doors():
    assert {path.stem for path in HOUSE.glob("*.py")} == DOORS


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_says_its_sentence(folder):
    assert (ast.get_docstring(ast.parse((HOUSE / folder / "__init__.py").read_text(encoding="utf-8"))) or "").endswith(
        (".", "`", ")")
    )


def test_what_is_public_is_this():
    assert lyra.__all__ == PUBLIC
