"""What only real sockets can do: drip, fall silent, break off. Each row's calls have less than a second in all."""

from __future__ import annotations

import gzip
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from bridge.app import create_app
from bridge.outbound import Limits, Outbound
from bridge.sandbox.world import World
from tests.kit.clock import Clock
from tests.kit.hostile import Does, Hostile, Provider, Reply, breaks, connection, dripping, late
from tests.kit.house import House, demo_settings
from tests.kit.mounted import Mounted
from tests.refusals.refused import (
    EXCHANGE_ANSWER_INVALID,
    EXCHANGE_UNREACHABLE,
    EXCHANGED,
    IDP_ANSWER_INVALID,
    IDP_UNREACHABLE,
    INFORMED,
    KNOWN,
    PROBLEM,
    REDEEMED,
    USERINFO_INVALID,
    Row,
    assert_refused,
    sign_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMITS: Final = Limits(connect=10, read=0.8, deadline=1)

HALF: Final = Reply(body=b'{"access_token": "half', headers={"Content-Length": "100"}, measured=False)
BOMB: Final = Reply(body=gzip.compress(b" " * 8_000_000, 1), headers={"Content-Encoding": "gzip"})
NO_GZIP: Final = Reply(body=b"plain", headers={"Content-Encoding": "gzip"})

ROWS: Final = [
    Row("discovery drips", IDP_UNREACHABLE, KNOWN, Does(discovery=dripping(0.05)), "http://127.0.0.1"),
    Row("discovery falls silent", IDP_UNREACHABLE, KNOWN, Does(discovery=late(2)), "none in time"),
    Row("token endpoint drips", IDP_UNREACHABLE, REDEEMED, Does(token=dripping(0.05))),
    Row("token endpoint drips without a length", IDP_UNREACHABLE, REDEEMED, Does(token=dripping(0.05, measured=False))),
    Row("token endpoint falls silent", IDP_UNREACHABLE, REDEEMED, Does(token=late(2)), "none in time"),
    Row("token endpoint hangs up", IDP_UNREACHABLE, REDEEMED, Does(token=breaks(ConnectionResetError()))),
    Row("token endpoint breaks off", IDP_UNREACHABLE, REDEEMED, Does(token=lambda _: HALF), "a broken connection"),
    Row("token endpoint packs a bomb", IDP_ANSWER_INVALID, REDEEMED, Does(token=lambda _: BOMB), "a larger answer"),
    Row("token endpoint lies about its packing", IDP_ANSWER_INVALID, REDEEMED, Does(token=lambda _: NO_GZIP)),
    Row("UserInfo drips", IDP_UNREACHABLE, INFORMED, Does(userinfo=dripping(0.05))),
    Row("UserInfo packs a bomb", USERINFO_INVALID, INFORMED, Does(userinfo=lambda _: BOMB), "a larger answer"),
    Row("Fuyun drips", EXCHANGE_UNREACHABLE, EXCHANGED, Does(exchange=dripping(0.05))),
    Row("Fuyun drips without a length", EXCHANGE_UNREACHABLE, EXCHANGED, Does(exchange=dripping(0.05, measured=False))),
    Row("Fuyun falls silent", EXCHANGE_UNREACHABLE, EXCHANGED, Does(exchange=late(2)), "none in time"),
    Row("Fuyun hangs up", EXCHANGE_UNREACHABLE, EXCHANGED, Does(exchange=breaks(ConnectionResetError()))),
    Row("Fuyun breaks off", EXCHANGE_UNREACHABLE, EXCHANGED, Does(exchange=lambda _: HALF), "a broken connection"),
    Row("Fuyun packs a bomb", EXCHANGE_ANSWER_INVALID, EXCHANGED, Does(exchange=lambda _: BOMB), "a larger answer"),
]


class Silent(WSGIRequestHandler):
    protocol_version = "HTTP/1.0"  # an answer without a length then ends with its connection

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 — werkzeug's signature
        """Say nothing."""


@pytest.fixture(scope="module")
def origin(hostile: Hostile) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, hostile, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def hostile() -> Hostile:
    return Hostile()


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory, hostile: Hostile, origin: str) -> Iterator[House]:
    for at, row in enumerate(ROWS):
        name = f"r{at}"
        hostile.providers[name] = Provider(connection(name, origin), row.does, origin)
    connections = tuple(provider.connection for provider in hostile.providers.values())
    settings = replace(demo_settings(tmp_path_factory.mktemp("wired")), connections=connections)
    outbound, clock, adapter = Outbound(limits=LIMITS), Clock(), Mounted()
    app = create_app(settings, outbound=outbound, now=clock)
    adapter.mount(settings.public_url, app)
    yield House(app, settings, World(), adapter, clock, [])
    outbound.close()
    app.extensions["bridge"].database.close()


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_bad_line_is_refused(wired: House, hostile: Hostile, row: Row) -> None:
    provider, kept = hostile.providers[f"r{ROWS.index(row)}"], wired.rows()
    answer = sign_in(wired.browser(), provider, PROBLEM)
    assert_refused(answer, row.refusal, provider.secrets, row.says)
    assert tuple(received.endpoint for received in provider.received) == row.asked
    assert wired.rows() == kept
