"""How a provider tells its client that a session is over: a logout token by post, an address opened in a frame."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from bridge.sandbox.registrations import is_loopback

if TYPE_CHECKING:
    from bridge.sandbox.idp_manner import Manner
    from bridge.sandbox.people import Person

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_PATIENCE: Final = 5
_MINUTES_TWO: Final = 120


@dataclass(frozen=True, slots=True)
class Notice:
    """One logout token on its way to the bridge's back door."""

    to: str
    logout_token: str = field(repr=False)


def logout_claims(manner: Manner, person: Person, client_id: str, sid: str, now: float) -> dict[str, object]:
    """Return the claims of a logout token (Back-Channel Logout 1.0 section 2.4); without `sid` for all sessions."""
    return {
        "iss": manner.issuer(manner.tenant_of(person)),
        "sub": manner.subject(person, client_id),
        "aud": client_id,
        "iat": int(now),
        "exp": int(now) + _MINUTES_TWO,
        "jti": str(uuid.uuid4()),
        "events": {EVENT: {}},
        **({"sid": sid} if sid else {}),
    }


def back_door(redirect_uri: str) -> str:
    """Return where the bridge with this redirect URI takes logout tokens."""
    return redirect_uri.replace("/callback/", "/backchannel-logout/")


def front_door(redirect_uri: str, iss: str, sid: str) -> str:
    """Return what to open in a frame, so that the bridge ends this session (Front-Channel Logout 1.0 section 3)."""
    return f"{redirect_uri.replace('/callback/', '/frontchannel-logout/')}?{urlencode({'iss': iss, 'sid': sid})}"


def post_form(address: str, form: dict[str, str]) -> int:
    """Post to this machine and return the status; 0 where nobody answered, or the address is out in the world."""
    if not is_loopback(address):
        return 0
    wanted = Request(address, data=urlencode(form).encode(), method="POST")  # noqa: S310 — loopback, checked above
    try:
        with urlopen(wanted, timeout=_PATIENCE) as answer:  # noqa: S310 — as above
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, TimeoutError, ConnectionError):
        return 0
