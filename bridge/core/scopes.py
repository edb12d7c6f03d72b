"""What an API key can be good for."""

from __future__ import annotations

from typing import Final

SCOPES: Final = {
    "token": "Fuyun tokens and hand-offs for any agent of the connection",
    "sessions": "who is signed in, and the end of their sessions",
    "agents": "agents of the contact center",
    "calls": "calls and recordings of the contact center (no operation uses it yet)",
}
"""Each scope and what it opens, in the order in which people read them."""
