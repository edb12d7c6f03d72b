"""A platform's back end: it holds an API key and asks the bridge for its agents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from bridge.access.api_keys import Wanted

if TYPE_CHECKING:
    from requests.models import Response

    from tests.kit.house import House

EVERYTHING = ("token", "sessions", "agents", "agents:write", "calls", "calls:numbers")


@dataclass
class Platform:
    """One back end with one key.

    Args:
        key: the text of the API key.
        key_id: names it to people.
    """

    house: House
    key: str
    key_id: str = ""

    def __post_init__(self) -> None:
        self.wire = requests.Session()
        self.wire.trust_env = False
        self.wire.mount("http://", self.house.adapter)
        self.wire.mount("https://", self.house.adapter)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Send a request below ``/api/v1``; `body` as JSON, `headers` instead of the usual ones."""
        sent = {"Authorization": f"Bearer {self.key}"} | headers
        sent = {name: value for name, value in sent.items() if value}
        url = f"{self.house.settings.public_url}/api/v1{path}"
        return self.wire.request(method, url, json=body, headers=sent, allow_redirects=False, timeout=30)

    def token(self, connection: str, account_name: str, **headers: str) -> Response:
        """Ask for an agent's Fuyun token."""
        return self.ask("POST", f"/connections/{connection}/token", {"account_name": account_name}, **headers)

    def handoff(self, connection: str, account_name: str, **more: str) -> Response:
        """Ask for a hand-off."""
        return self.ask("POST", f"/connections/{connection}/handoff", {"account_name": account_name, **more})


def platform_of(
    house: House,
    *connections: str,
    scopes: tuple[str, ...] = EVERYTHING,
    networks: tuple[str, ...] = (),
    lifetime: float = 90 * 86_400,
) -> Platform:
    """Make an API key in a house and give it to a platform."""
    services = house.services
    grants = {entry.name: entry.first_version for entry in map(services.register.entry, connections)}
    wanted = Wanted(grants, scopes, lifetime, "operator", "test", networks)
    key, text = services.api_keys.make(wanted)
    return Platform(house, text, key.id)
