"""Canaille, an OpenID provider that we did not write, on a port of this machine.

pytest-iam's own fixture keeps Canaille's application context open for the rest of the run; here it is open only while
Canaille is spoken to.
"""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.kit.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from pytest_iam import Server
    from requests.models import Response

    from tests.kit.browser import Browser

CLIENT_ID = "hotline-bridge"
CLIENT_SECRET = "the-secret-that-canaille-knows"
PASSWORD = "correct horse battery staple"


class Canaille:
    """The provider with one user, `lin`, and one client, the bridge."""

    def __init__(self, server: Server, callback: str, signed_out: str) -> None:
        self.server = server
        self.issuer = server.url.rstrip("/")
        with server.app.app_context():
            self._register(callback, signed_out)

    def _register(self, callback: str, signed_out: str) -> None:
        models, backend = self.server.models, self.server.backend
        backend.save(
            models.User(
                user_name="lin",
                formatted_name="Lin Example",
                given_name="Lin",
                family_name="Example",
                emails=["lin@yaal.example"],
                password=PASSWORD,
            )
        )
        client = models.Client(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            client_name="Hotline",
            client_uri="https://phone.example.com",
            redirect_uris=[callback],
            post_logout_redirect_uris=[signed_out],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=["openid", "profile", "email"],
            token_endpoint_auth_method="client_secret_basic",
            id_token_signed_response_alg="RS256",
        )
        backend.save(client)
        backend.update(client, audience=[client])
        backend.save(client)

    @contextmanager
    def changed(self, **attributes: Any) -> Iterator[None]:
        """Let the bridge's client be registered differently for a while."""
        backend, models = self.server.backend, self.server.models
        with self.server.app.app_context():
            client = backend.get(models.Client, client_id=CLIENT_ID)
            former = {name: getattr(client, name) for name in attributes}
            backend.update(client, **attributes)
            backend.save(client)
        try:
            yield
        finally:
            with self.server.app.app_context():
                backend.update(client, **former)
                backend.save(client)

    @contextmanager
    def lin_is_locked(self) -> Iterator[None]:
        """Lock lin's account for a while, as an admin does with somebody who left."""
        self._lock(dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1))
        try:
            yield
        finally:
            self._lock(None)

    def _lock(self, since: dt.datetime | None) -> None:
        with self.server.app.app_context():
            user = self.server.backend.get(self.server.models.User, user_name="lin")
            self.server.backend.update(user, lock_date=since)
            self.server.backend.save(user)

    def revoke_everything(self) -> None:
        """Take every token back, as an admin does who ends somebody's sessions."""
        with self.server.app.app_context():
            for token in self.server.backend.query(self.server.models.Token):
                self.server.backend.update(token, revokation_date=dt.datetime.now(dt.UTC))
                self.server.backend.save(token)

    def rotate_keys(self) -> None:
        """Sign with keys that nobody has seen; the old ones are gone."""
        self.server.app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"] = fresh_keys()

    def forget_everything(self) -> None:
        """Drop all tokens, codes and consents."""
        models, backend = self.server.models, self.server.backend
        with self.server.app.app_context():
            for model in (models.Token, models.AuthorizationCode, models.Consent):
                for one in backend.query(model):
                    backend.delete(one)

    def tokens(self) -> list[Any]:
        """Return every token record, oldest first."""
        with self.server.app.app_context():
            found: list[Any] = self.server.backend.query(self.server.models.Token)
        return sorted(found, key=lambda token: token.issue_date)

    def log_in(self, browser: Browser, page: Response) -> Response:
        """Fill in the provider's own forms, login name and password; returns the page that follows."""
        page = browser.press(page, {"login": "lin"})
        return browser.press(page, {"password": PASSWORD})

    def sign_in(self, browser: Browser, connection: str, query: str = "") -> Response:
        """Go the whole way: name, password, and consent where it is asked for; returns the page where that leads."""
        page = self.log_in(browser, browser.begin(connection, query))
        return browser.press(page, {"answer": "accept"}) if page.url.startswith(self.issuer) else page


def fresh_keys() -> list[dict[str, Any]]:
    """Return one new private key of each kind that ID tokens are signed with today."""
    keys = (
        RSAKey.generate_key(2048, auto_kid=True),
        ECKey.generate_key("P-256", auto_kid=True),
        OKPKey.generate_key("Ed25519", auto_kid=True),
    )
    return [dict(key.as_dict(private=True)) for key in keys]


@contextmanager
def canaille_running(callback: str, signed_out: str) -> Iterator[Canaille]:
    """Run Canaille on a free port, with the bridge registered as its client; http is good enough for loopback."""
    from canaille import create_app  # noqa: PLC0415 — half a second for each worker, of which one wants it
    from canaille.backends import Backend  # noqa: PLC0415 — likewise
    from pytest_iam import Server  # noqa: PLC0415 — likewise

    port = free_port()
    app = create_app(config=_configuration(port))
    _make_tokens_differ(app)
    server = Server(app, port, Backend.instance)
    thread = threading.Thread(target=server.httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
            yield Canaille(server, callback, signed_out)
    finally:
        server.httpd.shutdown()
        server.httpd.server_close()
        thread.join()


def _make_tokens_differ(app: Flask) -> None:
    from canaille.oidc.provider import authorization  # noqa: PLC0415 — loaded as late as all of Canaille

    # Canaille's own access tokens are JWTs without jti: two of one second are the same text, and die together.
    app.config["OAUTH2_ACCESS_TOKEN_GENERATOR"] = True
    authorization.register_token_generator("default", authorization.create_bearer_token_generator(app.config))


def _configuration(port: int) -> dict[str, Any]:
    silent = {"version": 1, "disable_existing_loggers": False, "handlers": {}, "loggers": {}}
    return {
        "TESTING": True,
        "SECRET_KEY": "canaille seals its own cookies with this",
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "LOGGING": silent,
                     "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"]}}},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": fresh_keys()},
    }  # fmt: skip
