"""Steps that the journeys of signed-in agents share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from requests import Response

    from bridge.settings import Settings
    from bridge.signin.agent_session import AgentSession
    from tests.kit.browser import Browser
    from tests.kit.house import House

Result = TypeVar("Result")


def signed_in(house: House, connection: str = "globex", person: str = "lin") -> Browser:
    """Return a browser that came back from its provider and has not opened the phone's page yet."""
    browser = house.browser()
    back = browser.choose(browser.begin(connection), person, follow=False)
    landed = browser.open(back.headers["Location"], follow=False)
    assert landed.status_code == 303, landed.text
    return browser


def another_tab(house: House, browser: Browser) -> Browser:
    """Return a browser with the same cookies, for a request that was already on its way."""
    tab = house.browser()
    tab.wire.cookies.update(browser.wire.cookies)
    return tab


def records(house: House) -> list[AgentSession]:
    """Return every living agent session, without counting as activity."""
    sessions = house.services.agent_sessions
    return [sessions._living(row) for row in house.services.session_store.every()]


def rehoused(house: House, alter: Callable[[Settings], Settings]) -> House:
    """Return a house with other settings."""
    house.services.database.close()
    return build_house(alter(house.settings))


def housed(folder: Path, **asked: Any) -> Iterator[House]:
    """Build a house for a fixture, and close it."""
    house = build_house(demo_settings(folder, **asked))
    yield house
    house.services.database.close()


def asked(house: House) -> list[str]:
    """Return the last words of what left the bridge since the last time."""
    calls = [url.rsplit("/", 1)[1] for _, url in house.calls]
    house.calls.clear()
    return calls


def refused(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def at_once(acts: list[Callable[[], Result]]) -> list[Result]:
    """Do all acts at the same moment, each in a thread of its own."""
    together = threading.Barrier(len(acts))
    results: list[Result] = []

    def run(act: Callable[[], Result]) -> None:
        together.wait(60)
        results.append(act())

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
