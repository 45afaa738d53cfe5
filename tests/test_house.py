"""The house: which way imports go, what is public, how long things are, and in what words lyra refuses."""

from __future__ import annotations

import ast
import io
import re
import statistics
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lyra
from lyra.data.units import Units

HOUSE = Path(lyra.__file__).parent
FOLDERS = sorted(folder.name for folder in HOUSE.iterdir() if (folder / "__init__.py").exists())
DOORS = {
    "certificate",
    "certifying",
    "cli",
    "commands",
    "config",
    "fitted",
    "fitting",
    "planning",
    "plans",
    "se",
    "surveying",
    "typed",
}
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
    assert {path.stem for path in HOUSE.glob("*.py")} == DOORS | {"__init__", "__main__", "errors", "version"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_says_its_sentence(folder):
    assert (ast.get_docstring(ast.parse((HOUSE / folder / "__init__.py").read_text(encoding="utf-8"))) or "").endswith(
        (".", "`", ")")
    )


def test_what_is_public_is_this():
    assert lyra.__all__ == PUBLIC


# --- modules ------------------------------------------------------------------------------------


@lru_cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def told_to_the_type_checker_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def modules_imported(node: ast.AST, known: set[str]) -> Iterator[str]:
    """The modules of lyra imported below a node: of `from package import module`, the module."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == "lyra":
            for name in child.names:
                whole = f"{child.module}.{name.name}"
                yield whole if whole in known else str(child.module)
        elif isinstance(child, ast.Import):
            yield from (name.name for name in child.names if name.name in known)
        elif not told_to_the_type_checker_alone(child):
            yield from modules_imported(child, known)


def test_no_modules_import_each_other_in_a_circle():
    known = {module_of(path) for path in sources()}
    graph = {module_of(path): set(modules_imported(parsed(path), known)) for path in sources()}
    TopologicalSorter(graph).prepare()


def test_a_circle_is_seen():
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


# --- length -------------------------------------------------------------------------------------

MOST_LINES = 300
LONGEST_FUNCTION, NINE_IN_TEN, MEDIAN = 45, 13, 5


def lines_of_code(source: str) -> set[int]:
    """The lines that hold code: neither blank, nor a comment, nor a docstring."""
    space = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in space:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            held.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return held


def function_lengths() -> dict[str, int]:
    """Of every function, the lines of code in its body."""
    lengths = {}
    for path in sources():
        code = lines_of_code(path.read_text(encoding="utf-8"))
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                body = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
                lengths[f"{module_of(path)}.{node.name}:{node.lineno}"] = len(code.intersection(body))
    return lengths


def test_files_are_short():
    lines = {str(path.relative_to(HOUSE)): path.read_text(encoding="utf-8").count("\n") for path in sources()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_functions_are_short():
    lengths = function_lengths()
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}
    assert statistics.median(lengths.values()) <= MEDIAN
    assert sorted(lengths.values())[int(0.9 * len(lengths))] <= NINE_IN_TEN


def test_docstrings_and_comments_are_no_code():
    source = 'def f():\n    """Words\n    over lines."""\n    # more\n\n    return (1,\n            2)\n'
    assert lines_of_code(source) == {1, 6, 7}


# --- dataclasses --------------------------------------------------------------------------------

MOST_FIELDS = 4
NO_FIELD = ("ClassVar", "KW_ONLY")
FIRST_BY_POSITION = {"World", "Units"}  # World(50, ...) and Units(cities, ...) read as sentences


def dataclasses_of(path: Path) -> Iterator[tuple[ast.ClassDef, str]]:
    """The dataclasses of a file, each with its decorator as it is written."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef):
            written = [ast.unparse(each) for each in node.decorator_list]
            yield from ((node, each) for each in written if each.startswith("dataclass"))


def fields_of(node: ast.ClassDef) -> list[str]:
    """The names of a dataclass's fields."""
    held = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    return [ast.unparse(each.target) for each in held if not ast.unparse(each.annotation).startswith(NO_FIELD)]


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_more_than_four_fields_are_given_by_name(path):
    for node, decorator in dataclasses_of(path):
        if len(fields_of(node)) > MOST_FIELDS and node.name not in FIRST_BY_POSITION:
            assert "kw_only=True" in decorator, f"{node.name} has {len(fields_of(node))} fields: make them keyword-only"


def test_a_world_and_units_take_one_value_by_position():
    assert lyra.World.__match_args__ == ("n_clusters",)
    assert Units.__match_args__ == ("cluster",)


# --- types --------------------------------------------------------------------------------------

API = [
    *(HOUSE / name for name in ("certifying.py", "fitting.py", "planning.py", "se.py")),
    *(HOUSE / "moments" / "moments.py", HOUSE / "datasets" / "__init__.py"),
    *(HOUSE / "designs").glob("*.py"),
    *(HOUSE / "simulation").glob("*world.py"),
    *(HOUSE / "robust").rglob("*.py"),
    *(HOUSE / "verdict" / name for name in ("certificate.py", "ladder.py")),
]
HANDED_IN = {
    "X",
    "assignments",
    "periods",
    "treatment",
    "window",
    "larger",
    "stratum",
    "bootstrap_clusters",
    "clusters",
    "coarse",
    "data",
    "label",
    "labels",
    "subject",
    "table",
    "y",
}
"""Tables and arrays, of whatever kind the user has them."""


def public_functions(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """The functions and methods below a module whose names, and whose classes' names, are public."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef)) and not child.name.startswith("_"):
            if isinstance(child, ast.FunctionDef):
                yield child
            else:
                yield from public_functions(child)


def untyped(function: ast.FunctionDef) -> Iterator[str]:
    """The parameters that may be anything: `Any`, but not an array of any kind."""
    given = function.args
    for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
        if each is not None and each.annotation is not None:
            annotation = ast.unparse(each.annotation).replace("NDArray[Any]", "")
            if re.search(r"\bAny\b", annotation):
                yield each.arg


@pytest.mark.parametrize("path", API, ids=module_of)
def test_only_tables_and_arrays_may_be_anything(path):
    for function in public_functions(parsed(path)):
        assert set(untyped(function)) <= HANDED_IN, f"{function.name} in {path}"


NAMED_ONCE = re.compile(r"NDArray\[np\.(float64|bool_|intp|int32)\]")


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_the_usual_arrays_have_one_name(path):
    found = NAMED_ONCE.findall(path.read_text(encoding="utf-8"))
    assert not found or module_of(path) == "lyra.base.arrays", "they are Array, Bools and Codes"


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_a_warning_finds_the_users_line_by_itself(path):
    text = path.read_text(encoding="utf-8")
    assert "stacklevel" not in text
    assert "warnings.warn(" not in text, "warn with lyra.base.warn"


# --- words --------------------------------------------------------------------------------------

KINDS = {name for name in lyra.errors.__all__ if not name.endswith("Warning")}
"""What is raised, or returned to be raised."""
HANDED_ON = {"error", "sentence.format", "unfit[name]", "next(iter(unfit"}
"""Sentences made where they cannot be read here, and tested there word for word."""


def sentences(tree: ast.Module) -> Iterator[ast.expr]:
    """The text of every refusal and warning of a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).split(".")[-1] in KINDS | {"warn"}:
            yield node.args[0]


def endings(text: ast.expr, tree: ast.Module) -> Iterator[str]:
    """How a text ends, whichever of its ways it takes; what cannot be read here is shown as it is written."""
    match text:
        case ast.Constant(value=str(words)):
            yield words
        case ast.JoinedStr(values=[*parts]):
            yield from _end_of_parts(parts, tree)
        case ast.IfExp(body=one, orelse=other):
            yield from (*endings(one, tree), *endings(other, tree))
        case ast.BinOp(op=ast.Add(), right=last):
            yield from endings(last, tree)
        case ast.Name(id=name) if found := _assigned(name, tree):
            for value in found:
                yield from endings(value, tree)
        case ast.Call(func=ast.Name(id=name)) if found := _returned(name, tree):
            for value in found:
                yield from endings(value, tree)
        case _:
            yield f"<{ast.unparse(text)}>"


def _end_of_parts(parts: list[ast.expr], tree: ast.Module) -> Iterator[str]:
    """How an f-string ends: the first line of it, where a picture of the place follows."""
    first = next((part for part in parts if isinstance(part, ast.Constant) and "\n" in str(part.value)), None)
    if first is not None:
        yield str(first.value).partition("\n")[0]
    elif isinstance(parts[-1], ast.FormattedValue):
        yield from endings(parts[-1].value, tree)
    else:
        yield from endings(parts[-1], tree)


def _assigned(name: str, tree: ast.Module) -> list[ast.expr]:
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return [each.value for each in assigned if [ast.unparse(target) for target in each.targets] == [name]]


def _returned(name: str, tree: ast.Module) -> list[ast.expr]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    returns = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Return)]
    return [each.value for each in returns if each.value is not None]


def unfinished(tree: ast.Module) -> list[str]:
    """The refusals and warnings that do not end with a full stop."""
    told = [(text.lineno, end) for text in sentences(tree) for end in endings(text, tree)]
    handed_on = tuple(f"<{each}" for each in HANDED_ON)
    return [f"line {line}: {end}" for line, end in told if not end.endswith(".") and not end.startswith(handed_on)]


@pytest.mark.parametrize("path", sources(), ids=module_of)
def test_a_refusal_is_a_sentence_with_a_full_stop(path):
    assert unfinished(parsed(path)) == []


@pytest.mark.parametrize(
    "code",
    [
        "raise InputError('no stop')",
        "raise InputError(f'{n} is odd: give {remedy}')",
        "raise DataError('one.' if n else 'other')",
        "def why():\n    return f'{n} rows'\nraise DataError(why())",
        "def why():\n    return DataError(f'{n} rows')",
        "text = 'no stop'\nwarn(text, LyraWarning)",
        "raise FormulaError(f'{sentence}\\n  {place}')",
    ],
)
def test_a_refusal_without_a_full_stop_is_seen(code):
    assert unfinished(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "raise InputError(f'{n} is odd: give {remedy}.')",
        "def why():\n    return f'{n} rows.'\nraise DataError(why())",
        "raise FormulaError(f'{sentence}.\\n  {place}')",
        "raise TypeError('of others')",
    ],
)
def test_a_sentence_is_taken_for_one(code):
    assert unfinished(ast.parse(code)) == []
