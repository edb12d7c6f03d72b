"""Landing addresses: only pages of our own, whatever browsers make of the address."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.landing import HOME, LONGEST, own_path, safe_landing

OWN = [
    "/softphone",
    "/softphone?record=7&name=%E7%8E%8B",
    "/admin/connections#new",
    "/loginform",
    "/a:b",
    "/" + "a" * (LONGEST - 1),
]
ELSEWHERE = [
    "",
    "softphone",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/a//evil.example",
    "https://evil.example/softphone",
    "javascript:alert(1)",
    "/\tevil.example",
    "/\nevil.example",
    "/soft\rphone",
    "/ softphone",
    "/softphone\u2028",
    "/soft\u200bphone",
    "/../evil",
    "/softphone/../logout",
    "/" + "a" * LONGEST,
    "http:/softphone",
    "@evil.example",
    ".evil.example",
]
NO_PAGES = [
    "/login",
    "/login/contoso",
    "/LOGIN",
    "/logout",
    "/logged-out",
    "/callback/contoso",
    "/session",
    "/session/token",
    "/language/zh",
    "/backchannel-logout/contoso",
    "/frontchannel-logout/contoso",
    "/login?next=/softphone",
]


@pytest.mark.parametrize("wanted", OWN)
def test_a_page_of_our_own_is_kept(wanted: str) -> None:
    assert safe_landing(wanted) == wanted


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_whatever_leads_elsewhere_becomes_the_softphone(wanted: str) -> None:
    assert safe_landing(wanted) == HOME
    assert own_path(wanted, "/other") == "/other"


@pytest.mark.parametrize("wanted", NO_PAGES)
def test_a_step_of_the_sign_in_is_no_place_to_land(wanted: str) -> None:
    assert safe_landing(wanted) == HOME


PIECES = st.sampled_from(
    ["/", "\\", "//", ".", "..", ":", "@", "?", "#", "%2f", "\t", "evil.example", "https:", "[", "x"]
)


@given(wanted=st.text(max_size=30) | st.lists(PIECES, max_size=8).map("".join))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_landing_is_a_path_on_our_own_host(wanted: str) -> None:
    landing = safe_landing(wanted)
    assert landing.startswith("/")
    assert not landing.startswith("//")
    assert not urlsplit(landing).netloc
    # As browsers read it: backslashes are slashes, tabs and newlines are not there.
    seen = landing.replace("\\", "/").translate({9: None, 10: None, 13: None})
    assert urlsplit(urljoin("https://phone.example.com/callback/x", seen)).netloc == "phone.example.com"
