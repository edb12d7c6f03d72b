"""What an administrator does, in short words: enter the console, write a connection, change it, allow people."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.sandbox.registrations import COMPANIES
from tests.kit.house import SANDBOX

if TYPE_CHECKING:
    from requests import Response

    from bridge.access.rules import Allowed
    from bridge.core.model import Connection
    from bridge.settings import Settings
    from tests.kit.browser import Browser
    from tests.kit.house import House

SHELL = "operator at the command line"


def operator(house: House) -> Browser:
    """Return a browser in the console, let in by the link of the command line."""
    browser = house.browser()
    answer = browser.open(f"/admin/enter/{house.services.admin_links.make()}", follow=False)
    assert answer.status_code == 303, answer.text
    return browser


def administrator(house: House, connection: str, person: str = "lin") -> Browser:
    """Return a browser in the console, signed in through a connection."""
    browser = house.browser()
    page = browser.open(f"/login/{connection}/admin")
    back = browser.choose(page, person, follow=False)
    answer = browser.open(back.headers["Location"], follow=False)
    assert answer.status_code == 303, answer.text
    return browser


def form_token(browser: Browser) -> str:
    """Return the console's CSRF token, as its pages carry it."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', browser.open("/admin/again").text)
    return found[1] if found else ""


def act(browser: Browser, path: str, data: dict[str, str] | None = None, *, follow: bool = False) -> Response:
    """Post a form of the console."""
    return browser.submit(path, {"csrf_token": form_token(browser), **(data or {})}, follow=follow)


def table(name: str = "globex", **changes: Any) -> dict[str, Any]:
    """Return the tables that somebody enters for a company of the sandbox; `changes` go to the outermost table."""
    company = COMPANIES[name]
    addresses: dict[str, dict[str, Any]] = {
        "oidc": {"issuer": f"{SANDBOX}/oidc"},
        "oauth2": {
            "authorization_endpoint": f"{SANDBOX}/oauth2/authorize",
            "token_endpoint": f"{SANDBOX}/oauth2/token",
            "userinfo_endpoint": f"{SANDBOX}/oauth2/userinfo",
            "subject_field": "data.id",
        },
    }
    entered = {
        "name": name,
        "title": company.title,
        "mapping_field": company.mapping_field,
        "domains": [company.domain],
        "idp": {
            "kind": company.kind,
            **addresses[company.kind],
            "client_id": company.client.client_id,
            "client_secret": company.client.client_secret,
            "scope": company.scope,
        },
        "fuyun": {
            "client_id": company.fuyun.client_id,
            "client_secret": company.fuyun.client_secret,
            "token_exchange_url": f"{SANDBOX}/oauth/token_exchange",
        },
    }
    return entered | changes


def written(house: House, entered: dict[str, Any]) -> Connection:
    """Return the connection that the tables make."""
    draft = house.services.entry.read(entered, {})
    assert draft.connection is not None, draft.faults
    return draft.connection


def saved(house: House, entered: dict[str, Any], *, active: bool = True) -> int:
    """Save a connection as the shell would, by default for use; return its version."""
    connection, changes = written(house, entered), house.services.changes
    names = {entry.name.lower(): entry.newest_version for entry in house.services.register.entries()}
    based_on = names.get(connection.name.lower(), 0)
    version = changes.save(connection, actor=SHELL, based_on=based_on, at_the_shell=True)
    if active:
        changes.activate(connection.name, version.number, actor=SHELL, without_rehearsal=True)
    return version.number


def allowing(settings: Settings, *rules: Allowed) -> Settings:
    """Return settings whose console these rules open."""
    admin = settings.admin.model_validate(
        {
            "allow": [
                {
                    "connection": rule.connection,
                    "claim": rule.claim,
                    "values": list(rule.values),
                    "role": rule.role,
                    "connections": list(rule.connections),
                }
                for rule in rules
            ]
        }
    )
    return replace(settings, admin=admin)
