"""SECURITY.md names the test behind each answer; a name that leads nowhere would be an empty promise."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = (ROOT / "SECURITY.md").read_text("utf-8")
REFERENCE: Final = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
# The subsections of RFC 9700's sections 2 (best practices) and 4 (attacks and mitigations), the attackers of section 3.
SECTIONS: Final = {
    "2.1", "2.1.1", "2.1.2", "2.2.1", "2.2.2", "2.3", "2.4", "2.5", "2.6",
    *(f"4.{number}" for number in range(1, 18)), *(f"A{number}" for number in range(1, 6)),
}  # fmt: skip


@cache
def _functions_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_reference_leads_to_a_test() -> None:
    references = REFERENCE.findall(DOCUMENT)
    assert len(references) > 60
    lost = [
        f"{path}::{name}"
        for path, name in references
        if not (ROOT / path).is_file() or (name and name not in _functions_in(path))
    ]
    assert lost == []


def test_every_section_of_rfc_9700_is_answered_with_a_test() -> None:
    rows = [line.split(" | ") for line in DOCUMENT.splitlines() if re.match(r"\| ([24]\.\d|A\d:)", line)]
    assert {row[0].removeprefix("| ").partition(":")[0] for row in rows} == SECTIONS
    assert [row[0] for row in rows if not REFERENCE.search(row[-1])] == []
