"""Addresses of our own static files, which change with the file: such an answer may be kept for good."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import current_app, request, url_for

if TYPE_CHECKING:
    from collections.abc import Mapping

FOR_GOOD: Final = "public, max-age=31536000, immutable"
_STATIC: Final = "static"
_DIGITS: Final = 12


@cache
def static_url(filename: str) -> str:
    """Return the address of a file below ``static/``, with its version."""
    return url_for(_STATIC, filename=filename, v=_versions(str(current_app.static_folder))[filename])


def is_for_good() -> bool:
    """Say whether this request names the very version that it gets; what another release's page names it does not."""
    if request.endpoint != _STATIC or not request.view_args:
        return False
    version = _versions(str(current_app.static_folder)).get(request.view_args["filename"])
    return version is not None and request.args.get("v") == version


@cache
def _versions(folder: str) -> Mapping[str, str]:
    """Return the beginning of every file's digest, by its path below the folder."""
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()[:_DIGITS] for path in files}
