"""What every refusal has in common, whoever misbehaved."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from tests.kit.hostile import ORIGIN, Does, Hostile, Provider, connection
from tests.kit.house import BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from requests.models import Response

    from tests.kit.browser import Browser
    from tests.kit.house import House

Refusal = tuple[str, int]

KNOWN: Final = ("openid-configuration",)
REDEEMED: Final = (*KNOWN, "token")
VERIFIED: Final = (*REDEEMED, "jwks")
REFETCHED: Final = (*VERIFIED, "jwks")
INFORMED: Final = (*VERIFIED, "userinfo")
EXCHANGED: Final = (*INFORMED, "token_exchange")

IDP_ERROR: Final = ("idp_error", 400)
IDP_UNREACHABLE: Final = ("idp_unreachable", 504)
IDP_ANSWER_INVALID: Final = ("idp_answer_invalid", 502)
BROUGHT_INVALID: Final = ("idp_answer_invalid", 400)
ID_TOKEN_INVALID: Final = ("id_token_invalid", 502)
USERINFO_INVALID: Final = ("userinfo_invalid", 502)
TENANT_NOT_ALLOWED: Final = ("tenant_not_allowed", 403)
MAPPING_FIELD_MISSING: Final = ("mapping_field_missing", 403)
EXCHANGE_REJECTED: Final = ("exchange_rejected", 502)
EXCHANGE_UNREACHABLE: Final = ("exchange_unreachable", 504)
EXCHANGE_ANSWER_INVALID: Final = ("exchange_answer_invalid", 502)
AGENT_MISMATCH: Final = ("agent_mismatch", 403)
STATE_UNKNOWN: Final = ("state_unknown", 400)
STATE_EXPIRED: Final = ("state_expired", 400)
REQUEST_INVALID: Final = ("request_invalid", 400)
CSRF_FAILED: Final = ("csrf_failed", 403)
SESSION_MISSING: Final = ("session_missing", 401)
SESSION_ENDED: Final = ("session_ended", 401)
LOGIN_REQUIRED: Final = ("login_required", 401)
CONNECTION_UNKNOWN: Final = ("connection_unknown", 404)
CONNECTION_DISABLED: Final = ("connection_disabled", 404)

PAGE: Final = {"Accept": "text/html,*/*;q=0.8"}
PROBLEM: Final = {"Accept": "application/json"}
DEPARTURE: Final = 302
_SHORT: Final = 10

_CODE_ON_PAGE: Final = re.compile(r'<dt>Code</dt><dd><code class="hb-code">([a-z_]+)</code>')
_REFERENCE_ON_PAGE: Final = re.compile(r'<dt>Reference</dt><dd><code class="hb-code">[2-9A-Z]{10}</code>')

_HANDED_OUT: Final = re.compile(r"(bridge_session|AC_TOKEN)=[^;]")


@dataclass(frozen=True, slots=True)
class Row:
    """One misbehaviour.

    Args:
        asked: the endpoints that the bridge may still ask, in order; the last one's answer is what it refuses.
        says: a text that the refusal shows, so that an admin can put it right.
    """

    id: str
    refusal: Refusal
    asked: tuple[str, ...]
    does: Does
    says: str = ""
    mapping_field: str = "email"
    idp: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.id


def providers_of(rows: Iterable[Row]) -> dict[str, Provider]:
    """Return a provider of its own for each row, by the row's name."""
    return {
        row.id: Provider(connection(f"r{at}", mapping_field=row.mapping_field, **row.idp), row.does)
        for at, row in enumerate(rows)
    }


def beside(folder: Path, providers: Iterable[Provider], public_url: str = BRIDGE) -> House:
    """Return a house whose only connections are those to these hostile providers."""
    hostile = Hostile()
    hostile.providers.update({provider.name: provider for provider in providers})
    connections = tuple(provider.connection for provider in hostile.providers.values())
    house = build_house(replace(demo_settings(folder, public_url), connections=connections))
    house.adapter.mount(ORIGIN, hostile)
    return house


def assert_row(house: House, provider: Provider, row: Row) -> None:
    """Sign in at a misbehaving provider, as a person and as a script, and check the refusal and what led to it."""
    since, kept = len(house.calls), house.rows()
    as_page = sign_in(house.browser(), provider)
    assert_refused(as_page, row.refusal, provider.secrets, row.says)
    assert endpoints(house, since) == row.asked
    assert_refused(sign_in(house.browser(), provider, PROBLEM), row.refusal, provider.secrets, row.says)
    assert house.rows() == kept


def sign_in(browser: Browser, provider: Provider, headers: Mapping[str, str] = PAGE, query: str = "") -> Response:
    """Go to a hostile provider and come back; returns the bridge's last answer."""
    wire, origin = browser.wire, browser.origin
    departure = wire.get(f"{origin}/login/{provider.name}{query}", headers=headers, allow_redirects=False, timeout=30)
    if departure.status_code != DEPARTURE:
        return departure
    back = provider.come_back(departure.headers["Location"])
    return wire.get(f"{origin}{back}", headers=headers, allow_redirects=False, timeout=30)


def come_back(browser: Browser, connection: str, query: str = "") -> str:
    """Sign in at the sandbox's provider up to the callback, and return the callback's path and query."""
    sent = browser.choose(browser.begin(connection, query), "lin", follow=False)
    return sent.headers["Location"].removeprefix(browser.origin)


def secrets_in(back: str) -> list[str]:
    """Return the code and the state of a callback; no page may repeat them."""
    asked = parse_qs(urlsplit(back).query)
    return [value for name in ("code", "state") for value in asked.get(name, []) if len(value) > _SHORT]


def assert_refused(answer: Response, refusal: Refusal, secrets: Iterable[str] = (), says: str = "") -> None:
    """Check that an answer is this refusal, says what an admin must know, and gives nothing away."""
    code, status = refusal
    is_problem = answer.headers["Content-Type"] == "application/problem+json"
    received = answer.json()["code"] if is_problem else _CODE_ON_PAGE.findall(answer.text)
    assert (received, answer.status_code) == (code if is_problem else [code], status)
    if is_problem:
        assert answer.json()["status"] == status
        assert re.fullmatch("[2-9A-Z]{10}", answer.json()["reference"])
    else:
        assert len(_REFERENCE_ON_PAGE.findall(answer.text)) == 1
    assert_hands_out_nothing(answer)
    shown = unescape(json.dumps(answer.json(), ensure_ascii=False) if is_problem else answer.text)
    assert says in shown
    shown = unquote(shown) + str(answer.headers)
    assert [secret for secret in secrets if secret in shown] == []


def assert_hands_out_nothing(answer: Response) -> None:
    """Check that an answer starts no session and holds no Fuyun token."""
    assert _HANDED_OUT.search(answer.headers.get("Set-Cookie", "")) is None


def endpoints(house: House, since: int) -> tuple[str, ...]:
    """Return the last path segments of what the bridge asked since a point of `house.calls`."""
    return tuple(url.rsplit("/", 1)[1] for _, url in house.calls[since:])
