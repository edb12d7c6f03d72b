"""What a browser says that it is, in the few words by which an administrator tells two of them apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flask import Request

# In this order: everybody claims to be Chrome and Safari as well.
_BROWSERS: Final = (
    ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("QQ Browser", r"QQBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+).*Safari/"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("macOS", "Mac OS X"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)


def device_of(request: Request) -> str:
    """Return browser and system such as ``Chrome 131, Windows``; empty where the browser does not tell."""
    told = request.headers.get("User-Agent", "")[:1024]
    found = ((name, re.search(pattern, told)) for name, pattern in _BROWSERS)
    browser = next((f"{name} {match[1][:4]}" for name, match in found if match), "")
    system = next((name for name, sign in _SYSTEMS if sign in told), "")
    return ", ".join(filter(None, (browser, system)))
