"""The house's own rules, held by a machine: direction of imports, size of rooms, names on doors."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "bridge").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_imports_keep_their_contracts() -> None:
    lint = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))",
    ]
    told = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_file_fits_on_a_few_screens(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    assert [node.name for node in functions(path) if lines_of(node) > LONGEST_FUNCTION] == []


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_name_says_what_is_inside(path: Path) -> None:
    assert EMPTY_NAMES.isdisjoint({path.stem, *path.relative_to(ROOT).parent.parts})


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_file_begins_with_its_sign(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


ROOMS = [path for path in FILES if path.name == "__init__.py" and path.parent != ROOT / "bridge"]


@pytest.mark.parametrize("path", ROOMS, ids=[path.parent.name for path in ROOMS])
def test_a_door_holds_its_sign_and_nothing_else(path: Path) -> None:
    assert len(ast.parse(path.read_text("utf-8")).body) == 1


def test_most_functions_are_short() -> None:
    lengths = sorted(lines_of(node) for path in FILES for node in functions(path))
    assert lengths[len(lengths) // 2] <= 12
    assert lengths[len(lengths) * 9 // 10] <= 35
