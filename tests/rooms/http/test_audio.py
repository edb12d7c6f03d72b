"""Sound on its way out: in one piece where that frees the thread, few listeners at once, and one row for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.instance import instance_of
from bridge.calls.listeners import Listener
from bridge.core.contact_center_errors import RecordingUnreachable
from bridge.core.errors import RateLimited
from bridge.http import audio
from bridge.sandbox.recordings import wav_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Response

    from bridge.sandbox.call_stories import Call
    from bridge.sandbox.calls import CallLog
    from tests.kit.house import House

AGENT = Listener("agent", "contoso", "lin@contoso.example")
KEY = Listener("api_key", "contoso", "k1")


@pytest.fixture
def log(house: House) -> CallLog:
    found = house.world.calls["ccc_xp_demo"]
    found.clear()
    return found


def answer(house: House, call: Call, listener: Listener = AGENT, byte_range: str = "") -> Response:
    headers = {"Range": byte_range} if byte_range else {}
    with house.app.test_request_context("/sound", headers=headers):
        instance = instance_of(house.services.connections.get("contoso"))
        return audio.audio_answer(instance, call.acid, call.connection_id, listener)


@pytest.mark.parametrize(
    ("asked", "kind", "told"),
    [
        ("bytes=0-", AGENT, (206, 0, 1000)),
        ("bytes=500-", AGENT, (206, 500, 1500)),
        ("bytes=500-599", AGENT, (206, 500, 600)),
        ("bytes=500-9999", AGENT, (206, 500, 1500)),
        ("bytes=-100", AGENT, (206, -100, None)),
        ("bytes=-5000", AGENT, (200, 0, None)),
        ("", AGENT, (200, 0, None)),
        ("bytes=500-", KEY, (206, 500, None)),
        ("bytes=-5000", KEY, (206, -5000, None)),
    ],
    ids=["all", "rest", "part", "much", "end", "long-end", "none", "rest-for-a-program", "long-end-for-a-program"],
)
def test_a_player_gets_no_more_than_a_piece_of_what_it_asks_for(
    house: House,
    log: CallLog,
    monkeypatch: pytest.MonkeyPatch,
    *,
    asked: str,
    kind: Listener,
    told: tuple[int, int, int | None],
) -> None:
    monkeypatch.setattr(audio, "PIECE", 1000)
    call = log.add()
    response, (status, first, last) = answer(house, call, kind, asked), told
    assert (response.status_code, response.get_data()) == (status, wav_of(call)[first:last])
    assert response.content_length == len(response.get_data())
    assert ("Content-Range" in response.headers) == (status == 206)
    response.close()


def test_a_piece_leaves_no_seat_taken_and_no_line_open(house: House, log: CallLog) -> None:
    call = log.add()
    answers = [answer(house, call, byte_range="bytes=0-99") for _ in range(3)]
    # One piece is all that the server is handed: it waits for no reader.
    assert {len(list(one.response)) for one in answers} == {1}


def test_whoever_reads_more_than_a_piece_keeps_a_seat_until_the_end(
    house: House, log: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "PIECE", 1000)
    call = log.add()
    first, second = answer(house, call), answer(house, call)
    with pytest.raises(RateLimited):
        answer(house, call)
    answer(house, call, KEY).close()
    first.close()
    answer(house, call).close()
    second.close()


def test_parts_are_one_row_of_the_journal_whichever_comes_first(house: House, log: CallLog) -> None:
    call = log.add()
    for asked in ("bytes=1-", "bytes=0-0", "", "bytes=0-"):
        answer(house, call, byte_range=asked)
    (row,) = [one for one in house.journal() if one.event == "recording_opened"]
    assert (row.person, row.connection, row.details["call"]) == (AGENT.name, "contoso", call.acid)


def test_a_sound_that_breaks_off_within_a_piece_is_an_error_and_no_shorter_sound(house: House, log: CallLog) -> None:
    call = log.add()
    house.world.faults.set("recordings", "cut_short", times=1)
    with pytest.raises(RecordingUnreachable):
        answer(house, call)


def test_a_sound_that_breaks_off_later_ends_and_is_noted(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"some"
        raise RecordingUnreachable

    journal: Any = house.services.journal
    assert list(audio._flowing(chunks(), AGENT, journal)) == [b"some"]
    assert "recording_broken_off" in capsys.readouterr().out
