"""What an API key can be good for."""

from __future__ import annotations

from typing import Final

SCOPES: Final = {
    "token": "Fuyun tokens and hand-offs for any agent of the connection",
    "sessions": "who is signed in, and the end of their sessions",
    "agents": "agents, skill groups, departments and hotline numbers of the contact center, to read",
    "agents:write": "the same, to create, change and delete",
    "calls": "calls and recordings of the contact center, phone numbers masked",
    "calls:numbers": "whole phone numbers of those calls; each request for them is journaled",
}
"""Each scope and what it opens, in the order in which people read them."""
