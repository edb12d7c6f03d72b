"""Filled-in connection forms of each kind, and what a form's page says at which field."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from requests import Response

    from tests.kit.browser import Browser

TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
IDP_SECRET = "idp-secret-that-no-page-may-show"
FUYUN_SECRET = "fuyun-secret-that-no-page-may-show"
COMMON = {
    "title": "Contoso Ltd",
    "name": "fresh",
    "mapping_field": "email",
    "domains": "contoso.example, contoso.test",
    "instance_id": "ccc_xp_1",
    "mode": "oauth",
    "idp_client_id": "bridge",
    "idp_client_secret": IDP_SECRET,
    "idp_client_secret_expires": "2027-01-31",
    "fuyun_client_id": "app",
    "fuyun_client_secret": FUYUN_SECRET,
    "fuyun_scope": "user_management,hotline",
    "fuyun_token_exchange_url": "https://signin.rhinokeen.com/oauth/token_exchange",
    "jwt_lifetime": "120s",
    "aiccs_endpoint": "aiccs.aliyuncs.com",
}
KINDS = {
    "microsoft": {"idp_tenant": TENANT, "idp_cloud": "global", "idp_allowed_tenants": ""},
    "salesforce": {"idp_host": "acme.my.salesforce.com", "idp_organization_id": "00D000000000001AAA"},
    "oidc": {"idp_issuer": "https://idp.contoso.example"},
    "oauth2": {
        "idp_authorization_endpoint": "https://idp.contoso.example/authorize",
        "idp_token_endpoint": "https://idp.contoso.example/token",
        "idp_userinfo_endpoint": "https://idp.contoso.example/me",
        "idp_subject_field": "data.id",
    },
}


def filled(kind: str, **changes: str) -> dict[str, str]:
    """Return a good form of a kind with `changes`."""
    return {**COMMON, **KINDS[kind], **changes}


def shown(page: Response) -> dict[str, str]:
    """Return what the fields of a form's page hold."""
    found = {}
    for tag in re.findall(r"<input\b[^>]*>", page.text):
        name, value = (re.search(rf'\b{word}="([^"]*)"', tag) for word in ("name", "value"))
        kind = re.search(r'\btype="([^"]*)"', tag)
        is_chosen = kind is None or kind[1] not in {"radio", "checkbox"} or " checked" in tag
        if name and value and is_chosen:
            found[name[1]] = unescape(value[1])
    for name, inner in re.findall(r'<select[^>]*?name="([^"]*)".*?>(.*?)</select>', page.text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', inner)
        found[name] = chosen[1] if chosen else ""
    return found


def told(page: Response, kind: str = "fault") -> dict[str, str]:
    """Return the first fault (or warning) that stands at each field."""
    found: dict[str, str] = {}
    pattern = rf'id="(\w+)-{kind}-\d+">.*?<span>(.*?)</span>'
    for name, sentence in re.findall(pattern, page.text, re.DOTALL):
        found.setdefault(name, unescape(sentence))
    return found


def sent(browser: Browser, path: str, data: dict[str, str]) -> Response:
    """Open a form's page, and send the form with `data` in the place of what it shows."""
    page = browser.open(path)
    assert page.status_code == 200, page.text
    return browser.submit(path, shown(page) | data, follow=False)
