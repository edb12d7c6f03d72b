"""Chunks of answers, as servers may write them and as they may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import IdpAnswerInvalid, IdpUnreachable
from bridge.outbound import FailAs, Limits, Outbound
from tests.rooms.loopback import answering, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILURES = FailAs(IdpUnreachable, IdpAnswerInvalid)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def outbound() -> Iterator[Outbound]:
    way_out = Outbound(limits=Limits(connect=20, read=20, deadline=60))
    yield way_out
    way_out.close()


def test_chunks_are_joined(outbound: Outbound) -> None:
    with serving(answering(HEAD + b'5\r\n{"a":\r\n3;x=y\r\n 1}\r\n0\r\n\r\n')) as server:
        assert outbound.get(server.url(), FAILURES).json_object() == {"a": 1}


def test_a_chunk_of_less_than_nothing_is_none(outbound: Outbound) -> None:
    with serving(answering(HEAD + b'-1\r\n{"a": 1}\r\n0\r\n\r\n')) as server, pytest.raises(IdpUnreachable) as refusal:
        outbound.get(server.url(), FAILURES)
    assert refusal.value.received == "a broken connection"
