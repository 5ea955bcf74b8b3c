"""The shape of the source: small files, small functions, one subject each."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import zenml

PACKAGE = Path(zenml.__file__).parent
PROJECT = PACKAGE.parent.parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
MARKED = sorted(
    path
    for folder in ("src", "tests", "benchmarks", "examples")
    for path in (PROJECT / folder).rglob("*")
    if path.suffix in {".py", ".pyi", ".sql", ".md"}
)

MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 80
MOST_PARAMETERS = 8
MANY_OPTIONS = {
    ("declare/step.py", "step"),
    ("declare/pipeline.py", "pipeline"),
    ("client/metadata.py", "log_metadata"),
    ("config/schedule.py", "__init__"),
}
"""The functions whose parameters are the user's options."""
NAMES_WITHOUT_A_SUBJECT = {"utils", "util", "common", "misc", "helpers", "helper", "manager", "managers"}
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_of(path: Path) -> list[Function]:
    return [node for node in ast.walk(tree_of(path)) if isinstance(node, Function)]


def parameters_of(function: Function) -> int:
    """Count the parameters a caller sees: `self` and `cls` are none."""
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    variadic = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return len([name for name in names if name not in {"self", "cls"}]) + len(variadic)


def test_there_are_sources() -> None:
    assert len(SOURCES) > 50


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_file_is_not_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_function_is_not_longer_than_80_lines(path: Path) -> None:
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions_of(path)}

    assert {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION} == {}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_function_takes_at_most_8_parameters(path: Path) -> None:
    counts = {
        node.name: parameters_of(node)
        for node in functions_of(path)
        if (name_of(path), node.name) not in MANY_OPTIONS
    }

    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_is_named_after_its_subject(path: Path) -> None:
    names = {path.stem, *path.relative_to(PACKAGE).parts[:-1]}

    assert not names & NAMES_WITHOUT_A_SUBJECT
    assert not any(name.endswith(("_utils", "_helpers", "_manager")) for name in names)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_says_what_it_is_for(path: Path) -> None:
    """An empty `__init__.py` says nothing, because it is nothing."""
    tree = tree_of(path)

    assert not tree.body or ast.get_docstring(tree)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_module_lies_one_level_deep(path: Path) -> None:
    """If a folder wants a sub-folder, it is two folders."""
    assert len(path.relative_to(PACKAGE).parts) <= 2


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=name_of)
def test_package_is_empty_or_a_lazy_table(path: Path) -> None:
    """A package holds a docstring, constants, imports for the type checker, and `__getattr__`; no logic."""
    surprising = [node for node in tree_of(path).body if not is_part_of_a_lazy_table(node)]

    assert [ast.unparse(node) for node in surprising] == []


def is_part_of_a_lazy_table(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.ImportFrom):
        return node.module in {"__future__", "typing"}
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return not any(isinstance(part, ast.Call) for part in ast.walk(node.value or node))
    return isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__dir__"}


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_nothing_is_marked_as_unfinished(path: Path) -> None:
    found = [line for line in path.read_text(encoding="utf-8").splitlines() if MARKS.search(line)]

    assert found == []
