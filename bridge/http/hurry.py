"""How long one request may wait for the contact center, all its questions together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import g, request

from bridge.http.current import services

if TYPE_CHECKING:
    from flask import Flask

TO_LOOK: Final = 25.0
TO_CHANGE: Final = 60.0
"""Seconds; changes are made one by one, and what breaks off between two of them is half done."""


def install(app: Flask) -> None:
    """Let no request of `app` leave its hurry to the next one of its thread."""
    app.teardown_request(lambda _fault: take_time())


def hurry_up() -> None:
    """Let what this request asks of others end in time, from now on; a contact center may be slow without an end."""
    if "hurry" not in g:
        g.hurry = services().outbound.in_a_hurry(TO_LOOK if request.method in {"GET", "HEAD"} else TO_CHANGE)
        g.hurry.__enter__()


def take_time() -> None:
    """End the hurry, for what has limits of its own."""
    hurry = g.pop("hurry", None)
    if hurry is not None:
        hurry.__exit__(None, None, None)
