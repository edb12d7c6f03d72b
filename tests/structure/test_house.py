"""The house's own rules, held by a machine: direction of imports, size of rooms, names on doors."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "bridge").rglob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


@cache
def trees() -> dict[str, ast.Module]:
    """Return what every file says, by its name; nobody parses them to collect the tests."""
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in FILES}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_imports_keep_their_contracts() -> None:
    lint = [
        sys.executable,
        "-c",
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))",
    ]
    told = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_file_fits_on_a_few_screens() -> None:
    assert [path for path in FILES if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE] == []


def test_a_function_fits_on_a_screen() -> None:
    found = [(name, node.name, lines_of(node)) for name, tree in trees().items() for node in functions(tree)]
    assert [one for one in found if one[2] > LONGEST_FUNCTION] == []


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_a_name_says_what_is_inside() -> None:
    assert [path for path in FILES if EMPTY_NAMES & {path.stem, *path.relative_to(ROOT).parent.parts}] == []


def test_a_file_begins_with_its_sign() -> None:
    assert [name for name, tree in trees().items() if not ast.get_docstring(tree)] == []


def test_a_door_holds_its_sign_and_nothing_else() -> None:
    doors = {name: tree for name, tree in trees().items() if name.endswith("/__init__.py")}
    assert [name for name, tree in doors.items() if len(tree.body) != 1] == ["bridge/__init__.py"]


def test_most_functions_are_short() -> None:
    lengths = sorted(lines_of(node) for tree in trees().values() for node in functions(tree))
    assert lengths[len(lengths) // 2] <= 12
    assert lengths[len(lengths) * 9 // 10] <= 35
