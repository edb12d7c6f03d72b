"""What a former release keeps, made by its own code: runs in that release's folder, with its own tests' kit.

Arguments: the database's URL, ``database`` or the URL of a Redis, and the file for what the browsers and the platform
have in their hands.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from bridge.access.api_keys import Wanted
from bridge.core.model import Secret
from tests.kit.desk import operator
from tests.kit.house import build_house, demo_settings

if TYPE_CHECKING:
    from tests.kit.browser import Browser

CONNECTION = "globex"
SECRET = "the key of a picture of a former release"
_TEN_YEARS = 10 * 365 * 86_400


def main(database: str, sessions: str, told: str) -> None:
    """Let a bridge work for a moment: one agent is signed in, one has left, one is on the way, somebody administers."""
    settings = demo_settings(Path(mkdtemp()), connections=(CONNECTION,))
    store = settings.store.model_copy(update={"database": database, "sessions": sessions})
    house = build_house(replace(settings, store=store, secret_keys=(Secret(SECRET),)))
    agent, leaver, newcomer = house.browser(), house.browser(), house.browser()
    assert agent.sign_in(CONNECTION).url.endswith("/softphone")
    house.clock.advance(20)
    assert agent.post("/session/renew").status_code == 200
    leaver.sign_in(CONNECTION, "fang")
    assert leaver.post("/logout").status_code == 303
    arrival = newcomer.choose(newcomer.begin(CONNECTION), "fang", follow=False).headers["Location"]
    entry = house.services.register.entry(CONNECTION)
    wanted = Wanted({entry.name: entry.first_version}, ("sessions",), _TEN_YEARS, "picture", label="picture")
    key, text = house.services.api_keys.make(wanted)
    hands = {
        "at": house.clock(),
        "agent": _cookies(agent),
        "leaver": _cookies(leaver),
        "newcomer": _cookies(newcomer),
        "administrator": _cookies(operator(house)),
        "arrival": arrival,
        "api_key": text,
        "api_key_id": key.id,
        "journal": sorted(record.event for record in house.journal()),
    }
    Path(told).write_text(json.dumps(hands, indent=1) + "\n", "utf-8")
    house.services.session_store.close()
    house.services.database.close()


def _cookies(browser: Browser) -> list[dict[str, str | None]]:
    kept = ("name", "value", "domain", "path")
    return [{name: getattr(cookie, name) for name in kept} for cookie in browser.wire.cookies]


if __name__ == "__main__":
    main(*sys.argv[1:])
