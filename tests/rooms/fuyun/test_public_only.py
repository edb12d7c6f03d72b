"""An exchange address that was entered in the console: secret and token go to public addresses alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.core.errors import ExchangeAnswerInvalid
from bridge.core.model import FuyunApp, Secret, SubjectToken
from bridge.fuyun.exchange import FuyunExchange
from bridge.outbound import Outbound
from tests.kit.mounted import Mounted

SUBJECT = SubjectToken("00D000000000001!AQ.a", "contoso")
INSIDE, OUTSIDE = "https://inside.example", "https://signin.example"


def fuyun(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with a token."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"access_token": "at", "token_type": "bearer", "expires_in": 60}).encode()]


@pytest.fixture
def exchange() -> FuyunExchange:
    mounted = Mounted()
    mounted.private.add("inside.example")
    for origin in (INSIDE, OUTSIDE):
        mounted.mount(origin, fuyun)
    return FuyunExchange(Outbound(adapter=mounted), lambda: 1_800_000_000)


def app(origin: str, *, public_only: bool) -> FuyunApp:
    url = f"{origin}/oauth/token_exchange"
    return FuyunApp("idp_1", Secret("an-invented-secret"), token_exchange_url=url, public_only=public_only)


def test_an_exchange_inside_is_not_asked(exchange: FuyunExchange) -> None:
    with pytest.raises(ExchangeAnswerInvalid) as refusal:
        exchange.exchange(app(INSIDE, public_only=True), SUBJECT)
    assert (refusal.value.expected, refusal.value.received) == ("a public address", "a private one")


@pytest.mark.parametrize(("origin", "public_only"), [(OUTSIDE, True), (INSIDE, False)], ids=["outside", "of the file"])
def test_any_other_exchange_is_asked(exchange: FuyunExchange, origin: str, *, public_only: bool) -> None:
    assert exchange.exchange(app(origin, public_only=public_only), SUBJECT).access_token == "at"
