"""What the bridge imports is what `pyproject.toml` asks for: in a developer's environment nobody would miss it."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.structure.test_house import trees

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT: Final = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
# What cannot be had without the one that brings it, and whose versions that one chooses.
COMES_WITH: Final = {
    "certifi": "requests",
    "itsdangerous": "flask",
    "markupsafe": "flask",
    "pydantic-core": "pydantic",
    "urllib3": "requests",
    "werkzeug": "flask",
    "wtforms": "flask-wtf",
}
LOADED_BY_OTHERS: Final = {"psycopg"}
"""SQLAlchemy imports it, by the address of the database."""


def test_whatever_is_imported_also_lazily_is_a_dependency_and_the_other_way_round() -> None:
    declared = named(
        [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    )
    distributions = packages_distributions()
    used = {module: {canonicalize_name(one) for one in distributions[module]} for module in imported()}
    assert [module for module, of in used.items() if not of & (declared | set(COMES_WITH))] == []
    assert declared - set().union(*used.values()) == LOADED_BY_OTHERS


def test_what_comes_with_another_one_does() -> None:
    assert [one for one, bringing in COMES_WITH.items() if one not in named(requires(bringing) or [])] == []


def imported() -> set[str]:
    """Return the packages of others that the bridge imports, anywhere in a file."""
    ours = {"bridge", "_typeshed", *sys.stdlib_module_names}
    return {name.partition(".")[0] for tree in trees().values() for name in modules_in(tree)} - ours


def modules_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def named(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements}
