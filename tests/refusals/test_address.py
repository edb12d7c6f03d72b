"""What a request claims about our own address counts for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.kit.house import House

HOSTS = (
    "evil.example",
    "a" * 64,
    ".x",
    "a..b",
    "[::1",
    "evil.example:99999",
    "evil.example/path",
    "user@evil.example",
    "",
)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/", "/login", "/login/globex", "/login//globex", "/nosuch", "/softphone"])
def test_a_foreign_host_header_changes_no_answer(shared: House, host: str, path: str) -> None:
    client = shared.app.test_client()
    answer = client.get(path, headers={"Host": host, "Accept": "text/html", "X-Forwarded-Host": "evil.example"})
    assert answer.status_code in {200, 302, 303, 404}
    assert "evil.example" not in answer.headers.get("Location", "")
    assert "evil.example" not in answer.text


def test_another_spelling_of_a_connection_leads_to_its_own(shared: House) -> None:
    answer = shared.browser().open("/login/GLOBEX?next=/softphone?x=1&prompt=login", follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login/globex?next=/softphone?x%3D1&prompt=login")
