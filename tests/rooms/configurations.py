"""Configuration files for tests: a good one, and copies of it with single keys changed."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

GONE = object()
SECRET = "a-secret-that-must-never-be-shown"
TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"

GOOD: dict[str, Any] = {
    "public_url": "https://phone.example.com",
    "secret_keys": [SECRET * 2],
    "connections": [
        {
            "name": "contoso",
            "instance_id": "ccc_xp_1",
            "domains": ["contoso.example"],
            "idp": {
                "kind": "oidc",
                "issuer": "https://idp.contoso.example",
                "client_id": "bridge",
                "client_secret": SECRET,
            },
            "fuyun": {"client_id": "app", "client_secret": SECRET},
        }
    ],
}
MICROSOFT = {"kind": "microsoft", "tenant": TENANT, "client_id": "bridge", "client_secret": SECRET}
SALESFORCE = {"kind": "salesforce", "host": "acme.my.salesforce.com", "client_id": "bridge", "client_secret": SECRET}
OAUTH2 = {
    "kind": "oauth2",
    "client_id": "bridge",
    "client_secret": SECRET,
    "authorization_endpoint": "https://idp.example/authorize",
    "token_endpoint": "https://idp.example/token",
    "userinfo_endpoint": "https://idp.example/me",
}


def changed(changes: dict[str, Any], base: dict[str, Any] = GOOD) -> dict[str, Any]:
    """Return a copy of `base` where each dotted path has its new value, or is GONE."""
    document = copy.deepcopy(base)
    for path, value in changes.items():
        *above, last = (int(step) if step.isdecimal() else step for step in path.split("."))
        home: Any = document
        for step in above:
            home = home.setdefault(step, {}) if isinstance(home, dict) else home[step]
        if value is GONE:
            del home[last]
        elif isinstance(home, list) and last == len(home):
            home.append(value)
        else:
            home[last] = copy.deepcopy(value)
    return document


def toml(value: Any, *, top: bool = True) -> str:
    """Write `value` as TOML; below the top every table is an inline one."""
    if isinstance(value, dict):
        pairs = [f"{json.dumps(name)} = {toml(inner, top=False)}" for name, inner in value.items()]
        return "\n".join(pairs) + "\n" if top else "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner, top=False) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def written(folder: Path, changes: dict[str, Any] | None = None) -> Path:
    """Write the good configuration with `changes` into `folder`."""
    path = folder / "bridge.toml"
    path.write_text(toml(changed(changes or {})), "utf-8")
    return path
