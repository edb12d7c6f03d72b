"""An administrator ends what an agent works with: the open page hears it, and nothing in flight brings it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.fuyun.exchange import FuyunExchange
from tests.journeys.steps import another_tab, records, refused, signed_in
from tests.kit.desk import act, operator

if TYPE_CHECKING:
    import pytest

    from bridge.core.model import FuyunApp, FuyunToken, SubjectToken
    from tests.kit.browser import Browser
    from tests.kit.house import House

END = "/admin/connections/globex/sessions/end"


def end(house: House, console: Browser) -> None:
    """End the one session that there is, as the console does."""
    (session,) = records(house)
    assert act(console, END, {"handle": session.handle}).status_code == 303


def test_the_open_page_hears_it_and_gives_its_cookies_back(house: House) -> None:
    agent = signed_in(house)
    other = another_tab(house, agent)
    end(house, operator(house))
    for tab in (agent, other):
        assert refused(tab.fetch("/session")) == (401, "session_ended")
        assert not {"AC_TOKEN", "bridge_session"} & tab.cookies().keys()
    assert agent.open("/softphone", follow=False).headers["Location"].startswith("/login")


def test_a_renewal_that_was_under_way_does_not_bring_it_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    agent, console, exchange = signed_in(house), operator(house), FuyunExchange.exchange

    def slow(self: FuyunExchange, app: FuyunApp, subject: SubjectToken) -> FuyunToken:
        token = exchange(self, app, subject)
        end(house, console)
        return token

    monkeypatch.setattr(FuyunExchange, "exchange", slow)
    answer = agent.post("/session/renew")
    assert refused(answer) == (401, "session_ended")
    assert not {"AC_TOKEN", "bridge_session"} & agent.cookies().keys()
    assert records(house) == []


def test_whoever_it_was_can_sign_in_anew(house: House) -> None:
    agent = signed_in(house)
    end(house, operator(house))
    assert agent.sign_in("globex").url.endswith("/softphone")
    assert agent.fetch("/session").status_code == 200


def test_an_administrator_may_be_the_agent_too(house: House) -> None:
    both = operator(house)
    both.sign_in("globex")
    end(house, both)
    assert both.open("/admin/sessions").status_code == 200
    assert both.fetch("/session").status_code == 401
