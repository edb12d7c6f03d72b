"""The yardstick: company sign-in as Authlib's documentation shows it for Flask, and `requests.post` to the exchange.

See https://docs.authlib.org/en/latest/client/flask.html; the session is Flask's cookie, the page is one line.
"""

from __future__ import annotations

import os
from typing import Any

import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, render_template_string, session, url_for

from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET, TOKEN_EXCHANGE

ISSUER = "BENCH_ISSUER"
EXCHANGE_URL = "BENCH_EXCHANGE_URL"
BARE = "/bare"
"""A view that does nothing: the least that Flask and the server cost on this machine."""
_PAGE = "<!doctype html><title>Phone</title><p>Signed in as {{ account_name }}.</p>"


def create_app() -> Flask:
    """Return the application for the upstreams that the environment names."""
    app = Flask(__name__)
    app.secret_key = "a secret of the benchmark, of no use elsewhere"
    oauth = OAuth(app)
    oauth.register(
        "idp",
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        server_metadata_url=f"{os.environ[ISSUER]}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile email offline_access", "code_challenge_method": "S256"},
    )
    _add_views(app, oauth)
    return app


def _add_views(app: Flask, oauth: OAuth) -> None:
    @app.get("/login")
    def login() -> Any:
        return oauth.idp.authorize_redirect(url_for("callback", _external=True))

    @app.get("/callback")
    def callback() -> Any:
        token = oauth.idp.authorize_access_token()
        fuyun = _exchange(token["access_token"])
        session["account_name"] = token["userinfo"]["email"]
        response = redirect(url_for("softphone"), 303)
        response.set_cookie("AC_TOKEN", fuyun["access_token"], httponly=True, samesite="Lax")
        return response

    @app.get("/softphone")
    def softphone() -> Any:
        if "account_name" not in session:
            return redirect(url_for("login"))
        return render_template_string(_PAGE, account_name=session["account_name"])

    @app.get(BARE)
    def bare() -> Any:
        return jsonify(status="ok")

    @app.get("/session")
    def show() -> Any:
        if "account_name" not in session:
            return jsonify(error="session_missing"), 401
        return jsonify(account_name=session["account_name"])


def _exchange(access_token: str) -> dict[str, Any]:
    answer = requests.post(
        os.environ[EXCHANGE_URL],
        data={"grant_type": TOKEN_EXCHANGE, "subject_token": access_token, "subject_issuer": "plain"},
        auth=(CLIENT_ID, CLIENT_SECRET),
        timeout=10,
    )
    answer.raise_for_status()
    return dict(answer.json())
