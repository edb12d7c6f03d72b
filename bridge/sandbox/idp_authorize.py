"""The authorization endpoint: checks the request, lets a person be picked, sends the browser back."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from flask import Response, make_response, render_template, request

from bridge.sandbox.faults import WIRE
from bridge.sandbox.grants import BrowserSession, Grant, OAuthRefusal
from bridge.sandbox.idp_microsoft import Microsoft
from bridge.sandbox.wire import only_once, staged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.sandbox.faults import Drawn
    from bridge.sandbox.idp_manner import Manner
    from bridge.sandbox.people import Person
    from bridge.sandbox.registrations import OAuthClient
    from bridge.sandbox.world import World

_AT_THE_DOOR: Final = frozenset({*WIRE, "error_access_denied"})
_ON_THE_WAY_BACK: Final = frozenset(
    {"foreign_iss_parameter", "no_iss_parameter", "duplicate_code", "wrong_state", "no_state"}
)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS: Final = frozenset({"none", "login", "select_account", "consent"})
_MODES: Final = frozenset({"", "query", "fragment", "form_post"})


class RefusedAtTheDoor(Exception):
    """The client or its redirect URI is not known: the browser must not be sent anywhere (RFC 6749 section 4.1.2.1)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A checked authorization request."""

    client: OAuthClient
    redirect_uri: str
    state: str
    response_mode: str
    scopes: tuple[str, ...] = ()
    nonce: str = ""
    code_challenge: str = ""
    prompts: frozenset[str] = frozenset()
    login_hint: str = ""
    tenant: str = ""


class Authorization:
    """The endpoint that browsers visit."""

    def __init__(self, world: World, connection: str) -> None:
        self.world = world
        self.connection = connection

    @property
    def manner(self) -> Manner:
        """The provider's manner, of the world as it is now."""
        return self.world.manners[self.connection]

    def answer(self, tenant: str = "") -> Response:
        """Show the page, or send the browser back with a code or an error."""

        def answer(drawn: Drawn) -> Response:
            try:
                return self._answer(tenant, drawn)
            except (RefusedAtTheDoor, OAuthRefusal) as refusal:
                return make_response(render_template("refused.html", manner=self.manner, reason=str(refusal)), 400)

        return staged(self.world, "authorize", self.connection, answer, among=_AT_THE_DOOR)

    def _answer(self, tenant: str, drawn: Drawn) -> Response:
        picked: Mapping[str, str] = request.form if request.method == "POST" and request.args else {}
        # OpenID Connect Core section 3.1.2.1: the request itself may come as a form, too.
        parameters = only_once((request.args or request.form).lists())
        wish = self._known_client(parameters, tenant)
        try:
            wish = self._checked(wish, parameters)
            session = self._session(wish, picked, drawn)
        except OAuthRefusal as refusal:
            return self._back(wish, {"error": refusal.error, "error_description": refusal.description})
        return self._back_with_code(wish, session) if session else self._page(wish)

    def _known_client(self, parameters: dict[str, str], tenant: str) -> Wish:
        client = self.world.clients.get(parameters.get("client_id", ""))
        redirect_uri = parameters.get("redirect_uri", "")
        if isinstance(self.manner, Microsoft) and not self.manner.knows(tenant):
            raise RefusedAtTheDoor(f"AADSTS90002: Tenant '{tenant}' not found.")
        if client is None or client.connection != self.connection:
            raise RefusedAtTheDoor("This client_id is not registered here.")
        if not self.world.admits_redirect(client, redirect_uri):
            raise RefusedAtTheDoor("This redirect_uri is not registered for the client. It is compared exactly.")
        mode = parameters.get("response_mode", "")
        known_mode = mode if mode in _MODES else ""
        return Wish(client, redirect_uri, parameters.get("state", ""), known_mode, tenant=tenant)

    def _checked(self, wish: Wish, parameters: dict[str, str]) -> Wish:
        if parameters.get("response_type") != "code":
            raise OAuthRefusal("unsupported_response_type", "Only response_type=code is served.")
        if parameters.get("response_mode", "") not in _MODES:
            raise OAuthRefusal("invalid_request", "This response_mode is not served.")
        if {"request", "request_uri"} & parameters.keys():
            raise OAuthRefusal("request_not_supported", "Request objects are not served.")
        return replace(
            wish,
            scopes=self._checked_scopes(parameters.get("scope", "")),
            code_challenge=_checked_challenge(parameters),
            prompts=_checked_prompts(parameters.get("prompt", "")),
            nonce=parameters.get("nonce", ""),
            login_hint=parameters.get("login_hint", ""),
        )

    def _checked_scopes(self, scope: str) -> tuple[str, ...]:
        scopes = tuple(dict.fromkeys(scope.split()))
        if not scopes and isinstance(self.manner, Microsoft):
            raise RefusedAtTheDoor("AADSTS900144: The request body must contain the following parameter: 'scope'.")
        if self.manner.speaks_openid and "openid" not in scopes:
            raise OAuthRefusal("invalid_scope", "The scope openid is missing.")
        unknown = [one for one in scopes if one not in self.manner.scopes]
        if unknown:
            raise OAuthRefusal("invalid_scope", f"Unknown scope: {' '.join(unknown)}")
        return scopes

    def _session(self, wish: Wish, picked: Mapping[str, str], drawn: Drawn) -> BrowserSession | None:
        """Return whose session answers: the person's just picked, or the browser's where no page may be shown."""
        grants, person_key = self.world.grants[self.connection], picked.get("person", "")
        if "error_access_denied" in drawn or "cancel" in picked:
            raise OAuthRefusal("access_denied", "The person said no.")
        if person_key:
            if self.world.person(self.connection, person_key) is None:
                raise OAuthRefusal("access_denied", "Nobody has this account.")
            return grants.open_session(person_key)
        session = grants.session(request.cookies.get(self._cookie, ""))
        if "none" in wish.prompts:
            if session is None or not self._is_hinted(wish, session.person_key):
                raise OAuthRefusal("login_required", "Nobody is signed in here, and prompt=none forbids asking.")
            return session
        return session if self.world.single_sign_on and not wish.prompts else None

    def _is_hinted(self, wish: Wish, person_key: str) -> bool:
        person = self.world.person(self.connection, person_key)
        return person is not None and (not wish.login_hint or wish.login_hint in self.manner.login_hints(person))

    @property
    def _cookie(self) -> str:
        return f"sandbox_{self.connection}"

    def _page(self, wish: Wish) -> Response:
        people = [self.world.person(self.connection, key) for key in self.world.people]
        known = [person for person in people if person is not None]
        return make_response(
            render_template(
                "authorize.html",
                manner=self.manner,
                wish=wish,
                people=sorted(known, key=lambda person: not self._is_first(wish, person)),
                hinted=[person.key for person in known if wish.login_hint and self._is_hinted(wish, person.key)],
            )
        )

    def _is_first(self, wish: Wish, person: Person) -> bool:
        return bool(wish.login_hint) and self._is_hinted(wish, person.key)

    def _back_with_code(self, wish: Wish, session: BrowserSession) -> Response:
        person = self.world.person(self.connection, session.person_key)
        if person is None:
            return self._back(wish, {"error": "access_denied", "error_description": "The account no longer exists."})
        grant = Grant(
            family=str(uuid.uuid4()),
            client_id=wish.client.client_id,
            person_key=session.person_key,
            scopes=wish.scopes,
            sid=session.sid,
            auth_time=session.auth_time,
            nonce=wish.nonce,
            tenant=self.manner.tenant_of(person),
        )
        if wish.redirect_uri not in self.world.fuyun_redirect_urls(self.connection):
            self.world.last_redirect_uri[self.connection] = wish.redirect_uri
        code = self.world.grants[self.connection].issue_code(grant, wish.redirect_uri, wish.code_challenge)
        response = self._back(
            wish, {"code": code, **({"session_state": session.sid} if self.manner.has_session_state else {})}
        )
        response.set_cookie(self._cookie, session.sid, path=self.manner.prefix, httponly=True, samesite="Lax")
        return response

    def _back(self, wish: Wish, answer: dict[str, str]) -> Response:
        fields = list(answer.items()) + ([("state", wish.state)] if wish.state else [])
        if self.manner.sends_iss:
            fields.append(("iss", self.manner.issuer(wish.tenant)))  # RFC 9207
        drawn = self.world.faults.draw("authorize", self.connection, _ON_THE_WAY_BACK)
        fields = _spoiled(fields, drawn)
        if wish.response_mode == "form_post":
            return make_response(render_template("form_post.html", target=wish.redirect_uri, fields=fields))
        mark = "#" if wish.response_mode == "fragment" else "&" if "?" in wish.redirect_uri else "?"
        location = wish.redirect_uri + mark + urlencode(fields)
        return Response(b"", 302, {"Location": location, "Cache-Control": "no-store"})


def _spoiled(fields: list[tuple[str, str]], drawn: Drawn) -> list[tuple[str, str]]:
    dropped = {"iss"} if {"foreign_iss_parameter", "no_iss_parameter"} & drawn.keys() else set()
    dropped |= {"state"} if {"wrong_state", "no_state"} & drawn.keys() else set()
    kept = [field for field in fields if field[0] not in dropped]
    if "foreign_iss_parameter" in drawn:
        kept.append(("iss", "https://evil.example"))
    if "wrong_state" in drawn:
        kept.append(("state", "a-state-of-somebody-else"))
    if "duplicate_code" in drawn:
        kept.append(("code", "another-code"))
    return kept


def _checked_challenge(parameters: dict[str, str]) -> str:
    challenge, method = parameters.get("code_challenge", ""), parameters.get("code_challenge_method", "")
    if not challenge and not method:
        return ""
    if method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise OAuthRefusal("invalid_request", "Only a code_challenge with method S256 is served (RFC 7636).")
    return challenge


def _checked_prompts(prompt: str) -> frozenset[str]:
    prompts = frozenset(prompt.split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise OAuthRefusal("invalid_request", "prompt holds an unknown value, or none beside another.")
    return prompts
