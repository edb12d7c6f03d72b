"""Whoever seals something, or makes a keyed hash, is known to those who rotate the keys."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2] / "bridge"
RESEALED = {
    "access/api_keys.py",
    "access/sessions.py",
    "connections/register.py",
    "http/session.py",
    "provisioning/known_agents.py",
    "signin/agent_session.py",
    "signin/rehearsal.py",
}
"""Keeps records that `signin/resealing.py` rewrites."""
FLEETING = {
    "access/answers.py",
    "access/links.py",
    "app.py",
    "http/guard.py",
    "http/limits.py",
    "http/reach.py",
    "signin/handoff.py",
    "signin/pending.py",
    "web/admin/keeping.py",
    "web/api/calls.py",
}
"""Is over within an hour, or is made anew by the page: nothing of it can be rewritten."""
WITHIN_A_WEEK = {"provisioning/imports.py"}
"""What a change of keys forgets is uploaded again: its rows look up first what was done already."""
COMPARED = {"connections/turns.py"}
"""Tells contents of a day apart, by every key of the ring."""
TOLD = {"connections/domains.py"}
"""Lies at name servers; `keys status` tells of those that nobody has proven yet."""


def test_nothing_is_sealed_that_a_rotation_would_forget() -> None:
    seals = re.compile(r"key_ring\.(seal|signing_keys)\(")
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if seals.search(path.read_text("utf-8"))}
    assert found == RESEALED | FLEETING | WITHIN_A_WEEK | COMPARED | TOLD
