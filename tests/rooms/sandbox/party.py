"""A correct relying party for the sandbox's tests: speaks OAuth over Flask's test client and checks nothing."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from bridge.sandbox.registrations import COMPANIES

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from bridge.sandbox.world import World

TENANT = "1f0c5a52-7a3e-4c1e-9a55-3d0a6d6f1e11"
VERIFIER = "a-code-verifier-that-is-long-enough-for-rfc-7636"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


class Clock:
    """Stands at one moment until it is moved."""

    def __init__(self) -> None:
        self.moment = 1_790_000_000.0

    def __call__(self) -> float:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += seconds


@dataclass
class Party:
    """The bridge's part at one connection; `tenant` matters at Microsoft only."""

    world: World
    http: FlaskClient
    connection: str
    tenant: str = TENANT

    @property
    def redirect_uri(self) -> str:
        return f"http://localhost:5000/callback/{self.connection}"

    def path(self, endpoint: str) -> str:
        path: str = getattr(self.world.manners[self.connection].paths, endpoint)
        return path.replace("{tenant}", self.tenant)

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """Return a good authorization request; a change to None drops the parameter."""
        client = self.world.client_of(self.connection)
        good: dict[str, str | None] = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": COMPANIES[self.connection].scope,
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in good.items() if value is not None}

    def authorize(self, **changes: str | None) -> TestResponse:
        """Open the authorize page."""
        return self.http.get(self.path("authorize"), query_string=self.parameters(**changes))

    def pick(self, person: str = "lin", **changes: str | None) -> TestResponse:
        """Press a person's button on the authorize page."""
        return self.press({"person": person}, **changes)

    def press(self, button: dict[str, str], **changes: str | None) -> TestResponse:
        """Press any button on the authorize page."""
        return self.http.post(f"{self.path('authorize')}?{urlencode(self.parameters(**changes))}", data=button)

    def code(self, person: str = "lin", **changes: str | None) -> str:
        """Return a fresh code."""
        return answer_of(self.pick(person, **changes))["code"]

    def token(self, form: dict[str, str], auth: tuple[str, str] | None = None) -> TestResponse:
        """Post to the token endpoint with the right Basic pair, or another."""
        client = self.world.client_of(self.connection)
        pair = auth or (client.client_id, client.client_secret)
        return self.http.post(self.path("token"), data=form, auth=pair)

    def redeem(self, code: str, **changes: str) -> TestResponse:
        """Redeem a code."""
        form = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": VERIFIER, **changes}
        return self.token({"grant_type": "authorization_code", **form})

    def refresh(self, refresh_token: str, **more: str) -> TestResponse:
        """Use a refresh token."""
        return self.token({"grant_type": "refresh_token", "refresh_token": refresh_token, **more})

    def tokens(self, person: str = "lin", **changes: str | None) -> dict[str, Any]:
        """Sign in and return the token answer."""
        return body_of(self.redeem(self.code(person, **changes)))

    def userinfo(self, access_token: str) -> TestResponse:
        """Ask the user endpoint."""
        return self.http.get(self.path("userinfo"), headers={"Authorization": f"Bearer {access_token}"})

    def exchange(self, subject_token: str, *, auth: tuple[str, str] | None = None, **changes: str) -> TestResponse:
        """Ask Fuyun; a change to the empty text drops the field."""
        app = self.world.fuyun_of(self.connection)
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "scope": "user_management,hotline",
            "redirect_url": self.redirect_uri,
            "subject_token": subject_token,
            "subject_issuer": self.connection,
            **changes,
        }
        pair = auth or (app.client_id, app.client_secret)
        sent = {name: value for name, value in form.items() if value}
        return self.http.post("/oauth/token_exchange", data=sent, auth=pair)

    def fuyun_token(self, person: str = "lin") -> str:
        """Walk the whole road and return Fuyun's token."""
        token: str = body_of(self.exchange(self.tokens(person)["access_token"]))["access_token"]
        return token


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def body_of(response: TestResponse) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    body = response.get_json()
    assert isinstance(body, dict), response.get_data(as_text=True)
    return body


def fields_of(response: TestResponse) -> list[tuple[str, str]]:
    """Return the parameters of a redirect back, repeated ones too."""
    assert response.status_code == 302, response.get_data(as_text=True)
    return parse_qsl(urlsplit(response.location).query, keep_blank_values=True)


def answer_of(response: TestResponse) -> dict[str, str]:
    """Return the parameters of a redirect back."""
    return dict(fields_of(response))
