"""What Fuyun and the contact center send: the exchange, the OpenAPI's answers, recordings and their links."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from urllib3.util import parse_url

from bridge.aiccs.calls import CallSearch, Recording
from bridge.aiccs.client import ContactCenter
from bridge.aiccs.contact_center import ContactCenterDesk, contact_center_desk
from bridge.aiccs.instance import Instance
from bridge.calls.links import fetchable
from bridge.calls.recordings import Recordings, _within
from bridge.core.contact_center_errors import RecordingInvalid
from bridge.core.errors import BridgeError
from bridge.core.model import AccountName, AiccsAccess, FuyunApp, Secret, SubjectToken
from bridge.fuyun.exchange import FuyunExchange, check_agent
from tests.fuzz.answering import ORIGIN, server, way_out
from tests.fuzz.provider_targets import NOW, assert_told

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_HOST: Final = urlsplit(ORIGIN).netloc
_APP: Final = FuyunApp("app", Secret("a secret of the app"), token_exchange_url=f"{ORIGIN}/oauth/token_exchange")
_ACCESS: Final = AiccsAccess(Secret("key"), Secret("secret of the key"), _HOST, requests_per_second=1_000_000)
_INSTANCE: Final = Instance(_ACCESS, "ccc_xp_demo")
_MOST: Final = 1000
_RANGE: Final = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_NO_CONTROLS: Final = re.compile(r"[ -~]*")


def exchange(data: bytes) -> None:
    """An exchange answer gives a token that fits into a cookie, or is refused; its user name is compared at most."""
    server().reply = data
    try:
        token = FuyunExchange(way_out(), lambda: NOW).exchange(_APP, SubjectToken("subject", "crm"))
        assert token.access_token.strip()
        assert token.access_token.isascii()
        assert token.access_token.isprintable()
        assert token.expires_at > NOW
        check_agent(token, AccountName("lin@contoso.example"))
    except BridgeError as refusal:
        assert_told(refusal)


def openapi_answer(data: bytes) -> None:
    """An answer of the contact center is read by the operation that the first line names, or refused."""
    operation, _, server().reply = data.partition(b"\n")
    ask = _operations().get(operation.decode("latin-1"))
    if ask is None:
        return
    try:
        repr(ask())
    except BridgeError as refusal:
        assert_told(refusal)


def recording(data: bytes) -> None:
    """A store's answer is sound with plain headers and of the length that it says, or is refused."""
    server().reply = data
    recordings = Recordings(way_out(), _desk().calls, lambda: NOW)
    found = Recording("call", "connection", None, None, f"{ORIGIN}/recording.wav")
    try:
        with recordings.open_found(_INSTANCE, found) as sound:
            assert sound.content_type.startswith("audio/")
            assert _NO_CONTROLS.fullmatch(f"{sound.content_type}{sound.content_range}")
            assert bool(sound.content_range) == (sound.status == 206)
            size = sum(map(len, sound.chunks))
            assert sound.length is None or size == sound.length
    except BridgeError as refusal:
        assert_told(refusal)


def byte_range(data: bytes) -> None:
    """A Range header is handed on only as one plain range, and never for more bytes than may be asked for."""
    text = data.decode("utf-8", "replace")
    wanted = _within(text, _MOST)
    found = _RANGE.fullmatch(wanted)
    assert found or not wanted
    if found:
        first, last = found.groups()
        assert int(last) - int(first or last) < _MOST
        assert first or int(last) <= _MOST
    assert _within(text, None) in {text, ""}


def recording_link(data: bytes) -> None:
    """A link to a recording leads, for every reader of addresses, to a host where recordings may lie."""
    try:
        link = fetchable(data.decode("utf-8", "replace"), _ACCESS)
    except RecordingInvalid as refusal:
        assert_told(refusal)
        return
    assert link.isascii()
    assert link.isprintable()
    parts, other = urlsplit(link), parse_url(link)
    assert parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1"}
    assert parts.username is None
    assert parts.hostname == other.host
    assert parts.hostname == _HOST or str(parts.hostname).endswith(".aliyuncs.com")


@cache
def _desk() -> ContactCenterDesk:
    return contact_center_desk(ContactCenter(way_out(), lambda: NOW, pause=lambda _seconds: None))


@cache
def _operations() -> dict[str, Callable[[], Any]]:
    desk, instance, search = _desk(), _INSTANCE, CallSearch(NOW - 60, NOW)
    return {
        "GetAgent": lambda: desk.agents.look_up(instance, "lin"),
        "ListAgentBySkillGroupId": lambda: desk.agents.in_group(instance, 1),
        "GetHotlineAgentDetail": lambda: desk.agents.live_state(instance, "lin"),
        "HotlineSessionQuery": lambda: [*desk.calls.search(instance, search)],
        "ListHotlineRecord": lambda: desk.calls.recordings(instance, "call"),
        "GetHotlineMessageLog": lambda: desk.calls.words(instance, "call"),
        "GetAllDepartment": lambda: desk.departments.every(instance),
        "QuerySkillGroups": lambda: [*desk.skill_groups.every(instance)],
        "QueryHotlineNumber": lambda: [*desk.numbers.every(instance)],
    }
