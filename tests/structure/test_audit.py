"""What the audit would find, if it were there."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.structure.audit import faults_told, secrets_in, too_old, tree

if TYPE_CHECKING:
    from pathlib import Path

MENDED: dict[str, dict[str, object]] = {"urllib3": {"in": "2.10.0", "advisories": ["CVE-0000-0001"]}}


def test_a_locked_version_without_a_known_correction_is_a_fault() -> None:
    assert list(too_old({"urllib3": "2.9.9"}, MENDED)) == ["urllib3 2.9.9 is older than 2.10.0: ['CVE-0000-0001']"]
    assert list(too_old({"urllib3": "2.10.0", "other": "1"}, MENDED)) == []


KNOWN = '{"name": "flask", "version": "3.1.0", "vulns": []}'
FAULTY = '{"name": "urllib3", "version": "2.9.9", "vulns": [{"id": "CVE-0000-0001", "fix_versions": ["2.10.0"]}]}'
UNKNOWN = '{"name": "flask", "skip_reason": "Dependency not found on the index"}'


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(f'{{"dependencies": [{KNOWN}, {FAULTY}]}}', ["urllib3 2.9.9: CVE-0000-0001"], id="a_fault"),
        pytest.param(f'{{"dependencies": [{KNOWN}, {UNKNOWN}]}}', [], id="no_fault"),
        pytest.param(f'{{"dependencies": [{UNKNOWN}]}}', None, id="a_service_that_knows_nothing"),
        pytest.param("", None, id="no_answer"),
    ],
)
def test_an_advisory_service_is_believed_where_it_knows_the_packages(answer: str, told: list[str] | None) -> None:
    assert faults_told(answer) == told


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("ghp_" + "0123456789" + "abcdefghijABCDEFGHIJ012345", id="github"),
        pytest.param("hlb_" + "0123456789ab_" + "0123456789abcdef" * 4, id="api_key"),
        pytest.param("LTAI" + "5t0123456789" + "ABCDEFGH", id="access_key_id"),
    ],
)
def test_a_secret_in_the_tree_is_found_and_not_told(tmp_path: Path, secret: str) -> None:
    planted = tmp_path / "notes.md"
    planted.write_text(f"# Notes\n\ntoken: {secret}\n", "utf-8")
    (tmp_path / "plain.md").write_text("A token is no secret by being called one: token = something\n", "utf-8")
    (found,) = secrets_in(tmp_path.iterdir())
    assert found.startswith(f"{planted}:3 ")
    assert secret not in found


def test_a_file_that_nobody_has_added_yet_is_looked_at_too(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)  # noqa: S607
    (tmp_path / ".gitignore").write_text("mine\n", "utf-8")
    for name in ("new", "mine"):
        (tmp_path / name).touch()
    assert {path.name for path in tree(tmp_path)} == {".gitignore", "new"}
