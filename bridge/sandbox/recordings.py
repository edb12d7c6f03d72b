"""Recordings of calls: small WAV files behind signed links, served as the object storage serves them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import math
import time
import uuid
import wave
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from bridge.sandbox.registrations import COMPANIES
from bridge.sandbox.wire import clock, staged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.sandbox.call_stories import Call
    from bridge.sandbox.calls import CallLog
    from bridge.sandbox.faults import Drawn
    from bridge.sandbox.world import World

_RATE: Final = 8000
_LONGEST: Final = 3
_TONES: Final = (320, 400, 500, 640)
"""Hertz; each fits a whole number of samples, so that one wave repeated is the tone."""
_LOUDNESS: Final = 6000
_KEY_ID: Final = "LTAI-sandbox-recordings"
_KEY_SECRET: Final = "sandbox-recordings-secret-for-demo-only"
_BUCKET: Final = "aliccrec-sandbox"


def recordings(world: World) -> Blueprint:
    """Return the route below ``/recordings/``."""
    room = Blueprint("recordings", __name__)

    @room.get("/recordings/<connection_id>.wav")
    def recording(connection_id: str) -> Response:
        log, call = _found(world, connection_id)
        connection = _company_of(log) if log else ""
        return staged(world, "recordings", connection, lambda drawn: _answer(world, log, call, drawn))

    return room


def recording_url(world: World, log: CallLog, call: Call) -> str:
    """Return a signed link to a call's recording, good for the log's `link_lifetime`."""
    expires = str(int(world.now() + log.link_lifetime))
    query = {"Expires": expires, "OSSAccessKeyId": _KEY_ID, "Signature": _signature(call.connection_id, expires)}
    return f"{world.base_url}/recordings/{call.connection_id}.wav?{urlencode(query)}"


def wav_of(call: Call) -> bytes:
    """Return a call's recording: mono, 8 kHz, 16 bits, one second of tones and more for longer calls."""
    talked = call.hung_up_at - call.picked_up_at
    return _tones(int(call.connection_id), min(_LONGEST, 1 + talked // 120))


@lru_cache(maxsize=64)
def _tones(seed: int, seconds: int) -> bytes:
    notes = hashlib.sha256(str(seed).encode()).digest()[: 4 * seconds]
    sound = b"".join(_tone(_TONES[note % len(_TONES)], _RATE // 4) for note in notes)
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(_RATE)
        audio.writeframes(sound)
    return file.getvalue()


@lru_cache
def _tone(hertz: int, samples: int) -> bytes:
    length = _RATE // hertz
    one = array("h", (round(_LOUDNESS * math.sin(2 * math.pi * step / length)) for step in range(length)))
    return (one * (samples // length + 1))[:samples].tobytes()


def _found(world: World, connection_id: str) -> tuple[CallLog | None, Call | None]:
    for log in world.calls.values():
        call = log.by_connection(connection_id)
        if call is not None and log.has_recording(call):
            return log, call
    return None, None


def _company_of(log: CallLog) -> str:
    return next(one.name for one in COMPANIES.values() if one.instance_id == log.center.instance_id)


def _answer(world: World, log: CallLog | None, call: Call | None, drawn: Drawn) -> Response:
    given = request.args
    expires = given.get("Expires", "")
    if not {"Expires", "OSSAccessKeyId", "Signature"} <= given.keys() or not expires.isdecimal():
        return _refused(403, "AccessDenied", "AccessDenied")
    now = clock(world, drawn)
    if int(expires) < now or "expired_link" in drawn:
        return _refused(403, "AccessDenied", "Request has expired.", Expires=_utc(int(expires)), ServerTime=_utc(now))
    connection_id = str((request.view_args or {})["connection_id"])
    signature = _signature(connection_id, expires)
    if given["OSSAccessKeyId"] != _KEY_ID or not hmac.compare_digest(signature, given["Signature"]):
        message = "The request signature we calculated does not match the signature you provided."
        return _refused(403, "SignatureDoesNotMatch", message)
    if log is None or call is None:
        return _refused(404, "NoSuchKey", "The specified key does not exist.", Key=f"{connection_id}.wav")
    response = _file(wav_of(call))
    return _cut_short(response) if "cut_short" in drawn else response


def _file(content: bytes) -> Response:
    digest = hashlib.md5(content, usedforsecurity=False)
    response = Response(content, 200, {"x-oss-request-id": uuid.uuid4().hex.upper()}, content_type="audio/wav")
    response.set_etag(digest.hexdigest().upper())
    response.headers["Content-MD5"] = base64.b64encode(digest.digest()).decode()
    try:
        # By default the storage ignores a range beyond the end; this is its manner `x-oss-range-behavior: standard`,
        # the harder one for a client (RFC 9110 section 15.5.17).
        response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    except RequestedRangeNotSatisfiable:
        response = _refused(416, "InvalidRange", "The requested range cannot be satisfied.")
        response.headers["Content-Range"] = f"bytes */{len(content)}"
    return response


def _cut_short(response: Response) -> Response:
    body = response.get_data()

    def breaks_off() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise ConnectionResetError("the sandbox was told to break off")

    response.response = breaks_off()
    response.headers["Content-Length"] = str(len(body))
    return response


def _refused(status: int, code: str, message: str, **more: str) -> Response:
    request_id = uuid.uuid4().hex[:24].upper()
    members = {"Code": code, "Message": message, "RequestId": request_id, "HostId": request.host, **more}
    inner = "".join(f"\n  <{name}>{text}</{name}>" for name, text in members.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}\n</Error>\n'
    return Response(body, status, {"x-oss-request-id": request_id}, content_type="application/xml")


def _signature(connection_id: str, expires: str) -> str:
    """Return the signature of the storage's version 1 in an address: HMAC-SHA1 over method, time and object."""
    signed = f"GET\n\n\n{expires}\n/{_BUCKET}/{connection_id}.wav"
    return base64.b64encode(hmac.digest(_KEY_SECRET.encode(), signed.encode(), "sha1")).decode()


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
