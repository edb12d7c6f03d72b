"""A peer: company sign-in as Authlib's documentation shows it for Flask, with Flask-Session's sessions in Redis.

See https://docs.authlib.org/en/latest/client/flask.html and https://flask-session.readthedocs.io/en/latest/; the page
is one line. ``/login/exchange`` adds what a plain bridge would: `requests.post` to the token exchange.
"""

from __future__ import annotations

import os
from typing import Any

import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, render_template_string, session, url_for
from flask_session import Session
from redis import Redis

from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET, TOKEN_EXCHANGE
from tests.bench.world import EXCHANGE_URL, ISSUER, REDIS

_PAGE = "<!doctype html><title>Phone</title><p>Signed in as {{ account_name }}.</p>"


def create_app() -> Flask:
    """Return the application for the upstreams that the environment names."""
    app = Flask(__name__)
    app.secret_key = "a secret of the benchmark, of no use elsewhere"
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=Redis.from_url(os.environ[REDIS]))
    Session(app)
    oauth = OAuth(app)
    oauth.register(
        "idp",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        server_metadata_url=f"{os.environ[ISSUER]}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
    )
    _add_sign_in(app, oauth)
    _add_pages(app)
    return app


def _add_sign_in(app: Flask, oauth: OAuth) -> None:
    @app.get("/login")
    def login() -> Any:
        return oauth.idp.authorize_redirect(url_for("callback", _external=True))

    @app.get("/login/exchange")
    def login_with_exchange() -> Any:
        return oauth.idp.authorize_redirect(url_for("callback_with_exchange", _external=True))

    @app.get("/callback")
    def callback() -> Any:
        _sign_in(oauth)
        return redirect(url_for("softphone"), 303)

    @app.get("/callback/exchange")
    def callback_with_exchange() -> Any:
        fuyun = _exchange(_sign_in(oauth))
        response = redirect(url_for("softphone"), 303)
        response.set_cookie("AC_TOKEN", fuyun["access_token"], httponly=True, samesite="Lax")
        return response


def _add_pages(app: Flask) -> None:
    @app.get("/softphone")
    def softphone() -> Any:
        if "account_name" not in session:
            return redirect(url_for("login"))
        return render_template_string(_PAGE, account_name=session["account_name"])

    @app.get("/session")
    def show() -> Any:
        if "account_name" not in session:
            return jsonify(error="session_missing"), 401
        return jsonify(account_name=session["account_name"])


def _sign_in(oauth: OAuth) -> str:
    token = oauth.idp.authorize_access_token()
    session["account_name"] = token["userinfo"]["email"]
    session["token"] = {name: token[name] for name in ("access_token", "refresh_token", "expires_at")}
    return str(token["access_token"])


def _exchange(access_token: str) -> dict[str, Any]:
    answer = requests.post(
        os.environ[EXCHANGE_URL],
        data={"grant_type": TOKEN_EXCHANGE, "subject_token": access_token, "subject_issuer": "plain"},
        auth=(CLIENT_ID, CLIENT_SECRET),
        timeout=10,
    )
    answer.raise_for_status()
    return dict(answer.json())
