"""Everything that is true outside the bridge: who exists, what is registered, what was issued, what came in."""

from __future__ import annotations

import threading
import time
from collections import ChainMap, Counter, deque
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from bridge.sandbox.acs3 import ACCESS_KEYS, AccessKey
from bridge.sandbox.aiccs_wire import Quota
from bridge.sandbox.calls import CallLog
from bridge.sandbox.contact_center import ContactCenter
from bridge.sandbox.demo import demo_config
from bridge.sandbox.faults import Faults
from bridge.sandbox.grants import Grants
from bridge.sandbox.idp_manners import MANNERS
from bridge.sandbox.idp_notices import Notice, back_door, front_door, logout_claims, post_form
from bridge.sandbox.keys import KeyRing
from bridge.sandbox.people import CAST, DISPLAY_NAMES, FROZEN, Agent, Person
from bridge.sandbox.registrations import (
    COMPANIES,
    INSTANCE_ID,
    FuyunApplication,
    OAuthClient,
    fuyun_callback,
    is_admitted,
    workbench_callback,
)
from bridge.sandbox.staffing import furnish, staff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.sandbox.grants import BrowserSession
    from bridge.sandbox.idp_manner import Manner

__all__ = ["FUYUN", "Request", "World", "demo_config"]

FUYUN: Final = "fuyun"
"""Whose keys sign Fuyun's tokens; beside the connections' names in `World.keys`."""

_REMEMBERED: Final = 2000
_PATHS: Final = 1000
_IDS: Final = 20_000
_FIRST_AGENT_ID: Final = 25780001


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came in, with values, for tests to look at; `scheme` is Authorization's first word."""

    method: str
    path: str
    query: dict[str, list[str]] = field(repr=False)
    form: dict[str, list[str]] = field(repr=False)
    scheme: str = ""
    content_type: str = ""
    at: float = 0.0


class World:
    """The state of the sandbox; methods are thread-safe.

    Args:
        now: the clock of everybody out there.

    Attributes:
        single_sign_on: whoever has a session at a provider is not asked again.
        rotation_grace: seconds in which a replaced refresh token may be used again without harm.
        send: posts a form on a provider's behalf and returns the status, 0 for no answer; replaced in one process.
    """

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.base_url = "http://localhost:5100"
        self.faults = Faults()
        self.requests: deque[Request] = deque(maxlen=_REMEMBERED)
        self._counted: Counter[str] = Counter()
        self.instance_ids = {one.instance_id for one in COMPANIES.values()}
        self.any_loopback = True
        self.single_sign_on = False
        self.rotation_grace = 0
        self.send: Callable[[str, dict[str, str]], int] = post_form
        self.clients: dict[str, OAuthClient] = {one.client.client_id: one.client for one in COMPANIES.values()}
        self.fuyun_apps: dict[str, FuyunApplication] = {one.fuyun.client_id: one.fuyun for one in COMPANIES.values()}
        self.access_keys: dict[str, AccessKey] = {key.access_key_id: key for key in ACCESS_KEYS.values()}
        self._begin()

    def _begin(self) -> None:
        self.manners: dict[str, Manner] = {
            name: MANNERS[one.kind](self.base_url, one.domain) for name, one in COMPANIES.items()
        }
        self.keys = {name: KeyRing(name) for name in (*COMPANIES, FUYUN)}
        self.grants = {name: Grants(self.clock) for name in COMPANIES}
        self.people: dict[str, Person] = {person.key: person for person in CAST}
        self.openapi_quota = Quota()
        self.last_redirect_uri: dict[str, str] = {}
        self._used_jti: dict[str, float] = {}
        self._open_contact_centers()

    def _open_contact_centers(self) -> None:
        ids = count(_FIRST_AGENT_ID)
        self.contact_centers = {
            one.instance_id: ContactCenter(one.instance_id, position, lambda: next(ids))
            for position, one in enumerate(COMPANIES.values())
        }
        for name, company in COMPANIES.items():
            furnish(self.contact_centers[company.instance_id])
            for key, display_name in DISPLAY_NAMES.items():
                account_name = self.account_name(name, key)
                self.add_agent(account_name, display_name, frozen=key in FROZEN, instance_id=company.instance_id)
        for company in COMPANIES.values():
            staff(self.contact_centers[company.instance_id], company)
        self.calls = {name: CallLog(one, self.clock, self.lock) for name, one in self.contact_centers.items()}

    def clock(self) -> float:
        """Return the time out there; `now` may be replaced, this method stays."""
        return self.now()

    def settle(self, base_url: str, now: Callable[[], float]) -> None:
        """Move the world to its address and clock; `create_sandbox` calls it."""
        with self.lock:
            self.base_url, self.now = base_url.rstrip("/"), now
            for manner in self.manners.values():
                manner.base_url = self.base_url

    def reset(self) -> None:
        """Begin anew: people, agents, keys, tokens, faults, requests, and what the portal's page can alter.

        Callbacks stay registered, and applications of platforms that joined at the start stay whole.
        """
        with self.lock:
            self.faults.clear()
            self.requests.clear()
            self._counted.clear()
            for company in COMPANIES.values():
                urls = self.fuyun_of(company.name).redirect_urls
                self.fuyun_apps[company.fuyun.client_id] = replace(company.fuyun, redirect_urls=urls)
            self._begin()

    # registrations

    def register(self, connection: str, redirect_uri: str) -> None:
        """Register a redirect URI at the connection's provider, and as the callback of its Fuyun application."""
        with self.lock:
            client, app = self.client_of(connection), self.fuyun_of(connection)
            self.clients[client.client_id] = replace(client, redirect_uris=client.redirect_uris | {redirect_uri})
            self.fuyun_apps[app.client_id] = replace(app, redirect_urls=app.redirect_urls | {redirect_uri})

    def register_everywhere(self, public_url: str) -> None:
        """Register the callbacks of a bridge at this public URL for every connection."""
        for connection in COMPANIES:
            self.register(connection, f"{public_url}/callback/{connection}")

    def use_jwt(self, connection: str, issuer: str, public_key: str) -> None:
        """Put the connection's Fuyun application into JWT mode with this issuer and PEM public key."""
        self._save(connection, mode="jwt", jwt_issuer=issuer, jwt_public_key=public_key)

    def replace_public_key(self, connection: str, public_key: str) -> None:
        """Put another public key into the portal's one key field."""
        self._save(connection, jwt_public_key=public_key)

    def expect_exp_in(self, connection: str, unit: str) -> None:
        """Let Fuyun insist on ``exp`` in one of `registrations.EXP_UNITS`."""
        self._save(connection, exp_unit=unit)

    def _save(self, connection: str, **fields: str) -> None:
        with self.lock:
            app = self.fuyun_of(connection)
            self.fuyun_apps[app.client_id] = replace(app, **fields)  # type: ignore[arg-type]  # texts all of them

    def client_of(self, connection: str) -> OAuthClient:
        """Return the bridge's client at the connection's provider."""
        return next(client for client in self.clients.values() if client.connection == connection)

    def fuyun_of(self, connection: str) -> FuyunApplication:
        """Return the connection's Fuyun application."""
        return next(app for app in self.fuyun_apps.values() if app.app_name == connection)

    def admits_redirect(self, client: OAuthClient, redirect_uri: str) -> bool:
        """Compare a redirect URI with the registered ones."""
        registered = client.redirect_uris | self.fuyun_redirect_urls(client.connection)
        return is_admitted(redirect_uri, registered, client.connection, any_loopback=self.any_loopback)

    def fuyun_redirect_urls(self, connection: str) -> frozenset[str]:
        """Return the two redirect URLs of Fuyun's own, as its portal shows them."""
        return frozenset({self.fuyun_callback(connection), self.workbench_callback(connection)})

    def fuyun_callback(self, connection: str) -> str:
        """Return Fuyun's own redirect URL for its open API: mode frontend."""
        return fuyun_callback(self.base_url, connection)

    def workbench_callback(self, connection: str) -> str:
        """Return Fuyun's own redirect URL for the XP workbench."""
        return workbench_callback(self.base_url, connection)

    # people and agents

    def person(self, connection: str, key: str) -> Person | None:
        """Return a person as the connection's company employs them."""
        person = self.people.get(key)
        return person.at(COMPANIES[connection].domain) if person else None

    def userinfo(self, connection: str, key: str, scopes: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the UserInfo answer about a person, with all of the company's usual scopes by default."""
        person = self.person(connection, key)
        if person is None:
            return {}
        client = self.client_of(connection)
        return self.manners[connection].userinfo(
            person, client.client_id, scopes or tuple(COMPANIES[connection].scope.split())
        )

    def userinfo_by_token(self, connection: str, access_token: str) -> dict[str, Any] | None:
        """Return what the connection's user endpoint says to an access token; None where it refuses the token."""
        grant = self.grants[connection].bearer(access_token)
        if grant is None:
            return None
        return self.userinfo(connection, grant.person_key, grant.scopes) or None

    def account_name(self, connection: str, key: str) -> str:
        """Return the AccountName that the connection's mapping field yields for a person; empty without one."""
        return account_at(self.userinfo(connection, key), self.fuyun_of(connection).mapping_field)

    def add_person(self, person: Person) -> None:
        """Let somebody else have accounts."""
        with self.lock:
            self.people[person.key] = person

    @property
    def agents(self) -> Mapping[str, Agent]:
        """The agents of all instances by account name, the first instance's first."""
        return ChainMap(*(center.agents for center in reversed(self.contact_centers.values())))

    def add_agent(
        self, account_name: str, display_name: str = "", *, frozen: bool = False, instance_id: str = ""
    ) -> Agent:
        """Create an agent, or replace the one of this name.

        Args:
            instance_id: by default the instance that knows the name, else `INSTANCE_ID`.
        """
        with self.lock:
            center = self.contact_centers[instance_id] if instance_id else self._center_of(account_name)
            return center.hire(account_name, display_name or account_name, frozen=frozen)

    def remove_agent(self, account_name: str) -> None:
        """Delete an agent."""
        with self.lock:
            self._center_of(account_name).dismiss(account_name)

    def freeze(self, account_name: str, *, frozen: bool = True) -> None:
        """Freeze or thaw an agent."""
        with self.lock:
            self._center_of(account_name).change(account_name, frozen=frozen)

    def _center_of(self, account_name: str) -> ContactCenter:
        centers = self.contact_centers
        return next((one for one in centers.values() if one.knows(account_name)), centers[INSTANCE_ID])

    def limit_openapi(self, per_second: int, *, retry_after: int = 0) -> None:
        """Throttle each account's calls of the OpenAPI; `retry_after` milliseconds are told, 0 for not telling."""
        self.openapi_quota = Quota(per_second, retry_after)

    def dismiss(self, key: str) -> None:
        """Let every provider end a person's sessions and tokens, and forget the account."""
        with self.lock:
            self.people.pop(key, None)
            for grants in self.grants.values():
                grants.revoke_person(key)

    def leave(self, key: str) -> list[dict[str, object]]:
        """Let a person leave the company: dismissed everywhere, and told to the bridge where a provider can tell."""
        able = [name for name, manner in self.manners.items() if manner.backchannel_logout]
        notices = [notice for name in able for notice in self._end_sessions(name, key)]
        self.dismiss(key)
        return self._tell(notices)

    # sessions at the providers

    def sign_out(self, connection: str, key: str) -> list[dict[str, object]]:
        """End a person's sessions at a provider and post a logout token for each to the bridge last seen."""
        return self._tell(self._end_sessions(connection, key))

    def logout_token(self, connection: str, key: str, sid: str = "", **overrides: object) -> str:
        """Return a logout token for a person, or for one of their sessions; an override None drops a claim."""
        client_id = self.client_of(connection).client_id
        claims = logout_claims(self.manners[connection], self.people[key], client_id, sid, self.now()) | overrides
        present = {name: value for name, value in claims.items() if value is not None}
        return self.keys[connection].current.sign(present, typ="logout+jwt")

    def front_doors(self, connection: str, sessions: Iterable[BrowserSession]) -> list[str]:
        """Return what the provider's logout page opens in frames; nothing where a provider has no such page."""
        manner, redirect_uri = self.manners[connection], self.last_redirect_uri.get(connection, "")
        if not manner.frontchannel_logout or not redirect_uri:
            return []
        known = [(self.people[one.person_key], one.sid) for one in sessions if one.person_key in self.people]
        return [front_door(redirect_uri, manner.issuer(manner.tenant_of(person)), sid) for person, sid in known]

    def _end_sessions(self, connection: str, key: str) -> list[Notice]:
        address = back_door(self.last_redirect_uri.get(connection, ""))
        ended = self.grants[connection].end_sessions(key)
        return [Notice(address, self.logout_token(connection, key, one.sid)) for one in ended if address]

    def _tell(self, notices: list[Notice]) -> list[dict[str, object]]:
        return [{"to": one.to, "status": self.send(one.to, {"logout_token": one.logout_token})} for one in notices]

    # tokens

    def rotate_keys(self, connection: str | None = None, *, keep_old: bool = False, same_kid: bool = False) -> None:
        """Sign with new keys, at one provider or all; see `KeyRing.rotate`."""
        for name in [connection] if connection else COMPANIES:
            self.keys[name].rotate(keep_old=keep_old, same_kid=same_kid)

    def is_first_use(self, jti: str, until: float) -> bool:
        """Remember a JWT's id until it expires; False when it was seen before."""
        with self.lock:
            now = self.now()
            if self._used_jti.get(jti, now) > now:
                return False
            if len(self._used_jti) >= _IDS:
                alive = {one: end for one, end in self._used_jti.items() if end > now}
                # As many as that within their lives are a flood, and the oldest of it is the least missed.
                self._used_jti = dict(list(alive.items())[-_IDS // 2 :])
            self._used_jti.pop(jti, None)
            self._used_jti[jti] = until
            return True

    # requests

    def record(self, request: Request) -> None:
        """Count a request and remember it for a while."""
        with self.lock:
            self.requests.append(request)
            if request.path in self._counted or len(self._counted) < _PATHS:
                self._counted[request.path] += 1

    def count(self, path_suffix: str) -> int:
        """Return how many requests went to a path with this end, forgotten ones too."""
        with self.lock:
            return sum(times for path, times in self._counted.items() if path.endswith(path_suffix))

    def requests_to(self, path_suffix: str) -> list[Request]:
        """Return the remembered requests to a path with this end, oldest first."""
        with self.lock:
            return [request for request in self.requests if request.path.endswith(path_suffix)]


def account_at(document: dict[str, Any], path: str) -> str:
    """Read a dotted path; a number becomes text, anything else but text becomes empty."""
    value: Any = document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    return str(value).strip()
