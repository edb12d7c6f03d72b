"""A Flask view that does nothing: the least that Flask and the server cost on this machine."""

from __future__ import annotations

from flask import Flask, Response, jsonify

from tests.bench.world import BARE


def create_app() -> Flask:
    """Return the application of one view."""
    app = Flask(__name__)

    @app.get(BARE)
    def bare() -> Response:
        return jsonify(status="ok")

    return app
