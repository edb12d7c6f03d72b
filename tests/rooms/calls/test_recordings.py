"""Recordings through the official SDK and the sandbox's store: what there is, how it is read, what is refused."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.aiccs.calls import Recording
from bridge.calls.links import fetchable
from bridge.calls.recordings import SETTLES_IN
from bridge.core.contact_center_errors import (
    CallUnknown,
    RecordingInvalid,
    RecordingMissing,
    RecordingNotReady,
    RecordingUnreachable,
)
from bridge.core.model import AiccsAccess, Secret
from bridge.sandbox import recordings as recordings_of_sandbox
from bridge.sandbox.call_stories import GAVE_UP_IN_QUEUE
from bridge.sandbox.recordings import wav_of

if TYPE_CHECKING:
    from bridge.aiccs.calls import Calls
    from bridge.aiccs.instance import Instance
    from bridge.calls.recordings import Recordings
    from bridge.core.errors import BridgeError
    from bridge.sandbox.call_stories import Call
    from bridge.sandbox.calls import CallLog
    from tests.kit.house import House

ACCESS = AiccsAccess(Secret("id"), Secret("secret"))


def read(recordings: Recordings, instance: Instance, call: Call, byte_range: str = "") -> tuple[int, str, str, bytes]:
    with recordings.open(instance, call.acid, call.connection_id, byte_range=byte_range) as sound:
        return sound.status, sound.content_type, sound.content_range, b"".join(sound.chunks)


class TestWhatThereIs:
    def test_an_answered_call_has_its_recordings(
        self, recordings: Recordings, calls: Calls, instance: Instance, log: CallLog
    ) -> None:
        call = log.add(ended=120)
        held = recordings.of(instance, calls.find(instance, call.acid))
        assert (held.state, [one.connection_id for one in held.recordings]) == ("ready", [call.connection_id])
        assert "Signature" not in repr(call)

    @pytest.mark.parametrize(
        ("ended", "state"), [(5, "not_ready"), (SETTLES_IN + 5, "none")], ids=["just-now", "long-ago"]
    )
    def test_a_call_without_one_may_get_it_for_a_while(
        self, recordings: Recordings, calls: Calls, instance: Instance, log: CallLog, *, ended: float, state: str
    ) -> None:
        log.recording_delay = 86_400
        call = log.add(ended=ended)
        assert recordings.of(instance, calls.find(instance, call.acid)).state == state

    def test_a_call_that_goes_on_is_not_ready(
        self, house: House, recordings: Recordings, calls: Calls, instance: Instance, log: CallLog
    ) -> None:
        log.recording_delay = 86_400
        rows = calls.find(instance, log.add(ended=7200).acid)
        assert recordings.of(instance, [replace(rows[0], ended_at=None, talk_seconds=None)]).state == "not_ready"

    def test_nobody_is_asked_for_a_call_that_nobody_answered(
        self, house: House, recordings: Recordings, calls: Calls, instance: Instance, log: CallLog
    ) -> None:
        rows = calls.find(instance, log.add(course=GAVE_UP_IN_QUEUE).acid)
        house.calls.clear()
        assert (recordings.of(instance, rows).state, house.calls) == ("none", [])


class TestListening:
    def test_the_whole_comes_as_sound(self, recordings: Recordings, instance: Instance, log: CallLog) -> None:
        call = log.add(ended=120)
        assert read(recordings, instance, call) == (200, "audio/wav", "", wav_of(call))

    def test_a_part_comes_where_one_plain_range_is_asked_for(
        self, recordings: Recordings, instance: Instance, log: CallLog
    ) -> None:
        call = log.add(ended=120)
        whole = wav_of(call)
        status, _, content_range, body = read(recordings, instance, call, "bytes=10-19")
        assert (status, content_range, body) == (206, f"bytes 10-19/{len(whole)}", whole[10:20])

    @pytest.mark.parametrize(
        "byte_range",
        ["bytes=0-1,5-6", "lines=1-2", "bytes=9-\r\nX-Evil: 1", "bytes=99999999-"],
        ids=["two", "other-unit", "header", "behind-the-end"],
    )
    def test_any_other_range_is_answered_with_the_whole(
        self, recordings: Recordings, instance: Instance, log: CallLog, byte_range: str
    ) -> None:
        call = log.add(ended=120)
        assert read(recordings, instance, call, byte_range) == (200, "audio/wav", "", wav_of(call))

    @pytest.mark.parametrize("encoding", ["gzip", "deflate, br", "x-unknown"])
    def test_a_packed_recording_is_refused_before_it_is_read(
        self, recordings: Recordings, instance: Instance, log: CallLog, monkeypatch: pytest.MonkeyPatch, encoding: str
    ) -> None:
        call = log.add(ended=120)
        fill = recordings_of_sandbox._file

        def packed(content: bytes) -> Any:
            answer = fill(content)
            answer.headers["Content-Encoding"] = encoding
            return answer

        monkeypatch.setattr(recordings_of_sandbox, "_file", packed)
        with pytest.raises(RecordingInvalid):
            read(recordings, instance, call)

    def test_a_link_that_has_expired_is_asked_for_anew_once(
        self, house: House, recordings: Recordings, instance: Instance, log: CallLog
    ) -> None:
        call = log.add(ended=120)
        house.world.faults.set("recordings", "expired_link", times=1)
        assert hashlib.sha256(read(recordings, instance, call)[3]).digest() == hashlib.sha256(wav_of(call)).digest()
        assert [path for method, path in house.calls if "/recordings/" in path][1:]

    def test_what_the_listener_raises_passes_through(
        self, recordings: Recordings, instance: Instance, log: CallLog
    ) -> None:
        call = log.add(ended=120)

        def listen() -> None:
            with recordings.open(instance, call.acid, call.connection_id) as sound:
                next(sound.chunks)
                raise OSError("the disk is full")

        with pytest.raises(OSError, match="the disk is full"):
            listen()


class TestRefusals:
    def test_what_is_not_there_says_why(self, recordings: Recordings, instance: Instance, log: CallLog) -> None:
        old, fresh, missed = log.add(ended=86_400), log.add(ended=2), log.add(ended=99, course=GAVE_UP_IN_QUEUE)
        for call_id, connection_id, kind in (
            ("404", "404", CallUnknown),
            (old.acid, "404", RecordingMissing),
            (missed.acid, missed.connection_id, RecordingMissing),
            (fresh.acid, fresh.connection_id, RecordingNotReady),
        ):
            with pytest.raises(kind), recordings.open(instance, call_id, connection_id):
                pass

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            ("expired_link", RecordingInvalid),
            ("html", RecordingInvalid),
            ("redirect", RecordingInvalid),
            ("http_500", RecordingUnreachable),
            ("throttled_429", RecordingUnreachable),
            ("json_list", RecordingInvalid),
        ],
        ids=["expired", "html", "redirect", "500", "429", "json"],
    )
    def test_what_is_no_recording_is_refused_without_its_link(
        self,
        house: House,
        recordings: Recordings,
        instance: Instance,
        log: CallLog,
        *,
        fault: str,
        kind: type[BridgeError],
    ) -> None:
        call = log.add(ended=120)
        house.world.faults.set("recordings", fault)
        with pytest.raises(kind) as refusal:
            read(recordings, instance, call)
        told = f"{refusal.value} {traceback.format_exception(refusal.value)[-1]}"
        assert not [word for word in ("Signature", "OSSAccessKeyId", ".wav") if word in told]

    def test_a_link_elsewhere_is_not_followed(
        self, house: House, recordings: Recordings, instance: Instance, log: CallLog
    ) -> None:
        found = Recording("1", "2", None, None, "http://10.0.0.1/secret")
        with pytest.raises(RecordingInvalid), recordings.open_found(instance, found):
            pass
        assert house.calls == []


@pytest.mark.parametrize(
    ("link", "fetched"),
    [
        ("http://a.oss-cn-shanghai.aliyuncs.com/x.wav?Expires=1&a=b%2F", "https://a.oss-cn-shanghai.aliyuncs.com/x.wav?Expires=1&a=b%2F"),
        ("https://A.aliyuncs.com:443/x", "https://a.aliyuncs.com/x"),
        ("http://a.aliyuncs.com:80/x#part", "https://a.aliyuncs.com/x"),
        ("https://aiccs.aliyuncs.com./x", "https://aiccs.aliyuncs.com/x"),
        ("http://localhost:5100/x", "http://localhost:5100/x"),
    ],
    ids=["http", "port", "port-80", "dot", "loopback"],
)  # fmt: skip
def test_links_are_fetched_over_tls_except_on_this_machine(link: str, fetched: str) -> None:
    access = replace(ACCESS, endpoint="localhost:5100", protocol="http") if "localhost" in link else ACCESS
    assert fetchable(link, access) == fetched


@pytest.mark.parametrize(
    "link",
    [
        "https://aliyuncs.com/x",
        "https://evilaliyuncs.com/x",
        "https://a.aliyuncs.com.evil.example/x",
        "https://evil.example/?a.aliyuncs.com",
        "https://a.aliyuncs.com@evil.example/x",
        "https://evil.example\\@a.aliyuncs.com/x",
        "https://a.aliyuncs.com:8443/x",
        "http://localhost/x",
        "http://127.0.0.1:5100/x",
        "https://[::1]/x",
        "https://a.aliyuncs.com/x y",
        "ftp://a.aliyuncs.com/x",
        "https://a.aliyuncs.com",
        "//a.aliyuncs.com/x",
        "",
    ],
    ids=[
        "bare-domain",
        "suffix",
        "prefix",
        "query",
        "user",
        "backslash",
        "port",
        "loopback",
        "loopback-port",
        "ipv6",
        "space",
        "scheme",
        "no-path",
        "no-scheme",
        "empty",
    ],
)
def test_links_that_lead_elsewhere_are_refused(link: str) -> None:
    with pytest.raises(RecordingInvalid) as refusal:
        fetchable(link, ACCESS)
    assert not link or link not in str(refusal.value)


def test_plain_http_to_this_machine_needs_its_very_port() -> None:
    access = replace(ACCESS, endpoint="localhost:5100", protocol="http")
    with pytest.raises(RecordingInvalid):
        fetchable("http://localhost:5101/x", access)
