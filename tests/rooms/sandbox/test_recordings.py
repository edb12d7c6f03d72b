"""Recordings: real sound behind signed links, in parts where asked, and refusals in the storage's XML."""

from __future__ import annotations

import hashlib
import io
import wave
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from bridge.sandbox.call_stories import GAVE_UP_IN_QUEUE
from bridge.sandbox.recordings import recording_url, wav_of
from bridge.sandbox.registrations import INSTANCE_ID

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from bridge.sandbox.call_stories import Call
    from bridge.sandbox.world import World
    from tests.rooms.sandbox.party import Clock
    from tests.rooms.sandbox.vendor import Vendor


@pytest.fixture
def call(world: World) -> Call:
    return world.calls[INSTANCE_ID].add("lin@contoso.example")


@pytest.fixture
def link(world: World, call: Call) -> str:
    return recording_url(world, world.calls[INSTANCE_ID], call)


def refused(answer: TestResponse) -> tuple[int, str]:
    text = answer.get_data(as_text=True)
    assert answer.mimetype == "application/xml"
    return answer.status_code, text.partition("<Code>")[2].partition("</Code>")[0]


def altered(link: str, **changes: str) -> str:
    """Return a link with other parameters; an empty one drops the parameter."""
    parts = urlsplit(link)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return f"{parts.path}?{urlencode({name: value for name, value in query.items() if value})}"


def test_a_recording_is_sound_of_the_calls_length(http: FlaskClient, link: str, call: Call) -> None:
    answer = http.get(link)
    with wave.open(io.BytesIO(answer.data)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 8000, 16000)
    digest = hashlib.md5(answer.data, usedforsecurity=False).hexdigest().upper()
    assert (answer.status_code, answer.mimetype, answer.headers["ETag"]) == (200, "audio/wav", f'"{digest}"')
    assert answer.content_length == len(answer.data)
    assert answer.data == wav_of(call)


def test_two_connections_sound_differently(world: World, call: Call) -> None:
    assert len({wav_of(one) for one in (call, *(world.calls[INSTANCE_ID].add() for _ in range(3)))}) == 4


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "part"),
    [
        ("bytes=0-99", 206, "bytes 0-99/32044", slice(0, 100)),
        ("bytes=32000-", 206, "bytes 32000-32043/32044", slice(32000, None)),
        ("bytes=-44", 206, "bytes 32000-32043/32044", slice(32000, None)),
        ("bytes=32044-", 416, "bytes */32044", None),
    ],
    ids=["first", "rest", "last", "beyond"],
)
def test_a_part_may_be_asked(  # noqa: PLR0917
    http: FlaskClient, link: str, call: Call, asked: str, status: int, content_range: str, part: slice | None
) -> None:
    answer = http.get(link, headers={"Range": asked})
    assert (answer.status_code, answer.headers["Content-Range"]) == (status, content_range)
    if part is None:
        assert refused(answer) == (416, "InvalidRange")
    else:
        assert answer.data == wav_of(call)[part]
        assert answer.content_length == len(answer.data)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}, "SignatureDoesNotMatch"),
        ({"Expires": "1990000000"}, "SignatureDoesNotMatch"),
        ({"OSSAccessKeyId": "another"}, "SignatureDoesNotMatch"),
        ({"Signature": ""}, "AccessDenied"),
        ({"Expires": "tomorrow"}, "AccessDenied"),
    ],
    ids=["signature", "longer", "key", "unsigned", "no_time"],
)
def test_a_link_that_was_altered_is_refused(http: FlaskClient, link: str, changes: dict[str, str], code: str) -> None:
    assert refused(http.get(altered(link, **changes))) == (403, code)


def test_a_link_is_good_for_a_while(http: FlaskClient, link: str, clock: Clock) -> None:
    clock.advance(3600)
    assert http.get(link).status_code == 200
    clock.advance(1)
    answer = http.get(link)
    assert refused(answer) == (403, "AccessDenied")
    assert b"Request has expired." in answer.data


def test_what_was_never_recorded_or_not_yet_is_not_there(http: FlaskClient, world: World) -> None:
    log = world.calls[INSTANCE_ID]
    for call in (log.add(course=GAVE_UP_IN_QUEUE), log.add(ended=5)):
        assert refused(http.get(recording_url(world, log, call))) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    ("fault", "settings", "told"),
    [("expired_link", {}, (403, "application/xml")), ("http_500", {"status": 503}, (503, "text/plain"))],
    ids=["expired", "line"],
)
def test_recordings_have_faults_of_their_own_and_of_the_line(  # noqa: PLR0917
    http: FlaskClient, world: World, link: str, fault: str, settings: dict[str, Any], told: tuple[int, str]
) -> None:
    world.faults.set("recordings", fault, connection="contoso", **settings)
    answer = http.get(link)
    assert (answer.status_code, answer.mimetype) == told


def test_a_recording_cut_short_promises_more_than_it_sends(vendor: Vendor) -> None:
    log = vendor.world.calls[INSTANCE_ID]
    link = recording_url(vendor.world, log, log.add())
    vendor.world.faults.set("recordings", "cut_short", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(link, timeout=60)
    assert len(requests.get(link, timeout=60).content) == 32044
