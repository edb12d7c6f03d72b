"""The services of the running application, for views and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from flask import current_app

if TYPE_CHECKING:
    from flask import Flask

    from bridge.services import Services

EXTENSION: Final = "bridge"


def services() -> Services:
    """Return what `app` put together."""
    return cast("Services", current_app.extensions[EXTENSION])


def services_of(app: Flask) -> Services:
    """Return them for what knows its application, past Flask's stand-in for the one of this moment."""
    return cast("Services", app.extensions[EXTENSION])
