"""Secrets are compared in constant time: what is called one stands beside ``==`` only where a table says why it may."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BRIDGE: Final = Path(__file__).parents[2] / "bridge"
_SECRET: Final = re.compile(
    r"(^|_)(secrets?|tokens?|passwords?|nonce|verifier|mac|signature|csrf|api_key|key_hash|id_hash)$"
)
_TESTED: Final = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
_READERS: Final = ("reveal", "encode", "strip", "lower", "get", "pop")
_LOOKED_UP: Final = "a digest, which tells nothing of what it was made from, asked of the database's index"
_BOTH_OURS: Final = "nobody learns anything: both are kept here already, or were entered by who may change them"
ALLOWED: Final = {
    "answers.py: api_answers.c.id_hash == one.id_hash": _LOOKED_UP,
    "answers.py: record.get('id') != row.id_hash": _BOTH_OURS,
    "api_keys.py: api_keys.c.key_hash == _hash(text)": _LOOKED_UP,
    "api_keys.py: record.pop('key_hash') != row.key_hash": _BOTH_OURS,
    "sessions.py: table.c.id_hash == _hash(session_id)": _LOOKED_UP,
    "sessions.py: table.c.id_hash == _hash(former)": _LOOKED_UP,
    "sessions.py: admin_sessions.c.id_hash == _hash(session_id)": _LOOKED_UP,
    "sessions.py: record.pop('id') != row.id_hash": _BOTH_OURS,
    "database.py: _B.id_hash == bindparam('wanted')": _LOOKED_UP,
    "database.py: _B.id_hash == blob.id_hash": _LOOKED_UP,
    "changes.py: secret not in entered": "the name of a field",
    "document.py: value == former_secrets.get(key, '')": _BOTH_OURS,
    "instance.py: one.access.access_key_secret == other.access.access_key_secret": _BOTH_OURS,
    "register.py: secret == older": _BOTH_OURS,
    "renewal.py: self._sessions.load(session.id).tokens.refresh_token != session.tokens.refresh_token": _BOTH_OURS,
}


def comparisons() -> Iterator[str]:
    """Yield each comparison of something that is called a secret with something that is no constant."""
    for path in sorted(BRIDGE.rglob("*.py")):
        if "sandbox" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Compare) and _is_doubtful(node):
                    yield f"{path.name}: {ast.unparse(node)}"


def _is_doubtful(node: ast.Compare) -> bool:
    sides = [node.left, *node.comparators]
    if any(isinstance(side, ast.Constant) for side in sides) or not isinstance(node.ops[0], _TESTED):
        return False
    # `"x" in secrets` asks for a key's name.
    is_search = isinstance(node.ops[0], ast.In | ast.NotIn)
    return any(_SECRET.search(_name(side)) for side in (sides[:1] if is_search else sides))


def _name(side: ast.expr) -> str:
    if isinstance(side, ast.Call):
        reads = isinstance(side.func, ast.Attribute) and side.func.attr in _READERS
        return _name(side.func.value if reads and isinstance(side.func, ast.Attribute) else side.func)
    if isinstance(side, ast.Attribute):
        return side.attr
    if isinstance(side, ast.Subscript):
        return str(side.slice.value) if isinstance(side.slice, ast.Constant) else _name(side.value)
    return side.id if isinstance(side, ast.Name) else ""


def test_no_secret_is_compared_letter_by_letter() -> None:
    found = set(comparisons())
    assert found - ALLOWED.keys() == set(), "use hmac.compare_digest, or say here why nobody can learn from the time"
    assert ALLOWED.keys() - found == set()
