"""The README's table of error codes, made from the code: ``python -m tests.structure.error_table`` writes it."""

from __future__ import annotations

from typing import Final

from flask import Flask
from flask_babel import Babel

from bridge.core.every_error import every_error
from bridge.http.texts import explain
from tests.structure.readme_table import put_table, table_at

_MARK: Final = "errors"


def table() -> str:
    """Return the Markdown table of all codes by name, since the order of the classes depends on who loads them."""
    lines = ["| Code | Status | What happened | Who can fix it, and how |", "| --- | --- | --- | --- |"]
    app = Flask("texts")
    Babel(app, default_locale="en")
    with app.test_request_context():
        for code, error in sorted(every_error().items()):
            text = explain(code)
            lines.append(f"| `{code}` | {error.status} | {text.title}. {text.detail} | {text.who}. {text.advice} |")
    return "\n".join(lines)


def written() -> str:
    """Return the table that stands in the README."""
    return table_at(_MARK)


def write() -> None:
    """Put the table into the README."""
    put_table(_MARK, table())


if __name__ == "__main__":
    write()
