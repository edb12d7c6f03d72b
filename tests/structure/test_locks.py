"""The lock files: everything pinned with its hashes, and no word of where the packages came from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def locked(name: str) -> dict[str, str]:
    """Return package names with the version that is pinned."""
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", text, re.MULTILINE))


def wanted(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=! ]", requirement, maxsplit=1)[0] for requirement in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_no_host_and_no_path_of_a_machine(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert re.findall(r"://|@|^-|--(?!hash=)|\bfile:|(?<!\w)/|localhost|\.local\b", text, re.MULTILINE) == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_each_package_with_hashes(name: str) -> None:
    entries = re.split(r"^(?=\S)", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
    for entry in filter(None, entries):
        assert re.match(r"[a-z0-9.-]+==\S+ (; [^\\]+ )?\\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n?)+\Z", entry), entry


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    run_time = wanted(project["project"]["dependencies"])
    assert run_time <= locked("requirements.lock").keys(), "run: make lock"
    assert wanted(project["dependency-groups"]["dev"]) <= locked("requirements-dev.lock").keys(), "run: make lock"


def test_both_locks_agree() -> None:
    dev = locked("requirements-dev.lock")
    assert {name: dev.get(name) for name in locked("requirements.lock")} == locked("requirements.lock")
