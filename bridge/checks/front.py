"""Our own front door, from outside: whether public_url leads here, and what a proxy does on the way."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bridge import __version__
from bridge.checks.ending import expiring
from bridge.checks.finding import Finding
from bridge.checks.scene import milliseconds
from bridge.checks.sdk import shut_out
from bridge.connections.expiry import certificate
from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable, showable
from bridge.http.reach import ADDRESS, question
from bridge.outbound import FailAs, host_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from bridge.checks.scene import Scene
    from bridge.egress.answer import Answer

_SELF: Final = FailAs(IdpUnreachable, IdpAnswerInvalid)
_INVENTED: Final = "192.0.2.77"
"""Nobody's address (RFC 5737): whoever believes it believes anybody."""
_LONG: Final = 4_000
"""Characters of a query and of a header: codes of providers, and cookies of a shared domain, come to that."""
_GATEWAY: Final = frozenset({502, 503, 504})
_TOO_LARGE: Final = frozenset({400, 414, 431})
_OK: Final = 200
_NOT_FOUND: Final = 404
_CLOCK: Final = 5.0
_PROXY: Final = "public_url.proxy"
_KEYS: Final = "/.well-known/jwks.json"
_EXAMPLE: Final = "`hotline-bridge examples` writes an nginx configuration that does it right."
_ONCE: Final = ("Content-Security-Policy", "Strict-Transport-Security", "X-Frame-Options", "X-Content-Type-Options")


@dataclass(frozen=True, slots=True)
class _Heard:
    """One answer of the bridge behind public_url: as it came, and what the bridge says that it sent and saw."""

    answer: Answer
    seen: dict[str, Any]
    took: str
    padding: int


def look(scene: Scene) -> Iterator[Finding]:
    """Yield whether public_url leads to a bridge with our keys, and what is changed on the way there and back."""
    site = scene.services.site
    ends_at = scene.outbound.certificate_expiry(site.public_url)
    yield from expiring([certificate("", host_of(site.public_url), ends_at, scene.services.now())])
    try:
        heard = yield from _arrival(scene)
    except BridgeError as fault:
        yield _silent(fault, has_certificate=ends_at is not None)
        return
    if heard is not None:
        found = [*_on_the_way(scene, heard), *_on_the_way_back(scene, heard), *_without_tls(scene)]
        yield from found or [Finding(_PROXY, "nothing is lost or changed on the way")]
        yield from shut_out(site.sdk, heard.answer.headers.get("Content-Security-Policy", ""))


# Does it lead here? --------------------------------------------------------------------------------------------------


def _arrival(scene: Scene) -> Generator[Finding, None, _Heard | None]:
    heard = _ask(scene, _LONG)
    if isinstance(heard, int) and heard in _TOO_LARGE:
        heard, refused = _ask(scene, 0), heard
        if isinstance(heard, _Heard):
            what = f"long requests are refused with HTTP {refused}: {_LONG} characters of query and of headers"
            yield Finding(_PROXY, what, "fault", advice=f"Sign-ins of some providers are as long. {_EXAMPLE}")
    if isinstance(heard, int):
        yield _foreign(scene, heard)
        return None
    version = str(heard.seen.get("version", ""))
    if version != __version__:
        what = f"a bridge with our keys answers, but it is release {version[:20]}, and this command {__version__}"
        yield Finding("public_url", what, "warn", advice="Fine while replicas change over; else restart the bridge.")
    else:
        yield Finding("public_url", f"this very bridge answers, {heard.took}")
    return heard


def _ask(scene: Scene, length: int) -> _Heard | int:
    """Ask what the bridge sees of this request; the HTTP status where no bridge with our keys answers."""
    services, nonce = scene.services, token_urlsafe(16)
    sealed = question(services.key_ring, nonce, services.now())
    url = f"{services.site.public_url}{ADDRESS}?of={sealed}&padding={'x' * length}"
    headers = {"X-Forwarded-For": _INVENTED, "X-Padding": "x" * length}
    began = time.perf_counter()
    answer = scene.outbound.get(url, _SELF, headers=headers)
    seen = answer.json_object() or {}
    if answer.status == _OK and hmac.compare_digest(str(seen.get("nonce")), nonce):
        return _Heard(answer, seen, milliseconds(began), length)
    return answer.status if "nonce" not in seen else 0


def _foreign(scene: Scene, status: int) -> Finding:
    """Say who answers instead of a bridge with our keys."""
    if status == 0:
        what, advice = (
            "an older answer came back: something on the way keeps answers",
            f"Switch its cache off. {_EXAMPLE}",
        )
        return Finding(_PROXY, what, "fault", advice=advice)
    if status in _GATEWAY:
        what = f"not asked: a proxy answers (HTTP {status}), no bridge behind it yet"
        return Finding("public_url", what, "warn", advice="Start the bridge, or look at the proxy's upstream address.")
    if _OK < status < _NOT_FOUND and status not in _TOO_LARGE:
        what = f"something answers HTTP {status} before the bridge does"
        advice = "Let public_url be the last address, after all redirects, and let nobody sign in before the bridge."
        return Finding("public_url", what, "fault", advice=advice)
    if status == _NOT_FOUND and _is_a_bridge(scene):
        what = "a bridge answers that does not know our secret_keys, or is an older release"
        advice = "Give every replica the same secret_keys, and run this with the configuration that they have."
        return Finding("public_url", what, "fault", advice=advice)
    what = f"something else answers (HTTP {status})"
    advice = "Look at the name's address and at the proxy: every path of this host belongs to the bridge."
    return Finding("public_url", what, "fault", advice=advice)


def _is_a_bridge(scene: Scene) -> bool:
    """Ask for what every release has: that it is alive, which proxies may hide, else its keys, with a request's id."""
    alive = scene.outbound.get(f"{scene.services.site.public_url}/healthz", _SELF)
    if (alive.json_object() or {}).get("status") == "ok":
        return True
    answer = scene.outbound.get(f"{scene.services.site.public_url}{_KEYS}", _SELF)
    return "keys" in (answer.json_object() or {}) and "X-Request-Id" in answer.headers


def _silent(fault: BridgeError, *, has_certificate: bool) -> Finding:
    if "TLS" in fault.received and has_certificate:
        advice = (
            "Let the proxy send the whole chain, for this very name; for an authority of your own: egress.ca_bundle."
        )
        return Finding("public_url", "its certificate is not trusted", "fault", advice=advice)
    what = f"not asked: nothing answers at public_url yet ({fault.received or fault.code})"
    advice = (
        "Start the bridge; if it runs, look at the name, the firewall and the proxy (this machine may be shut out)."
    )
    return Finding("public_url", what, "warn", advice=advice)


# What the way does ---------------------------------------------------------------------------------------------------


def _on_the_way(scene: Scene, heard: _Heard) -> Iterator[Finding]:
    seen, host = heard.seen, urlsplit(scene.services.site.public_url).hostname
    forwarded, is_trusted = seen.get("forwarded_for"), seen.get("is_trusted")
    if forwarded not in {"", _INVENTED} and not is_trusted:
        what = f"requests come through {seen.get('peer')}, which server.trusted_proxies does not name"
        advice = "Name it there: now all agents share one address, and one budget of sign-ins."
        yield Finding(_PROXY, what, "warn", advice=advice)
    if seen.get("client") == _INVENTED:
        what = "an X-Forwarded-For that this check made up is believed"
        advice = f"Fine only if this machine itself is in server.trusted_proxies; else replace the header. {_EXAMPLE}"
        yield Finding(_PROXY, what, "warn", advice=advice)
    if is_trusted and not forwarded:
        what = "no X-Forwarded-For arrives, although server.trusted_proxies names the proxy"
        yield Finding(_PROXY, what, "warn", advice=f"Let the proxy send it. {_EXAMPLE}")
    if seen.get("host") != host and ":" not in str(host):
        what = f"the bridge is asked for {showable(seen.get('host'))}, which is not the host of public_url"
        yield Finding(_PROXY, what, "warn", advice=f"Let the proxy hand on Host. {_EXAMPLE}")
    if {seen.get("query"), seen.get("header")} != {heard.padding}:
        yield Finding(_PROXY, "query or headers arrive cut", "fault", advice=f"Raise the proxy's limits. {_EXAMPLE}")
    offset = scene.services.now() - float(seen.get("now", 0))
    if abs(offset) > _CLOCK:
        what = f"the bridge's clock differs from this machine's by {offset:+.0f} seconds"
        yield Finding("public_url", what, "warn", advice="Let every replica keep its time by NTP.")


def _on_the_way_back(scene: Scene, heard: _Heard) -> Iterator[Finding]:
    headers = heard.answer.headers
    for name, sent in heard.seen.get("sent", {}).items():
        if headers.get(name) != sent:
            what = f"{name} comes back {'changed' if headers.get(name) else 'no more'}"
            yield Finding(_PROXY, what, "fault", advice=f"Let the proxy hand it on as it is. {_EXAMPLE}")
    if "no-store" not in headers.get("Cache-Control", "") or headers.get("Age"):
        what = "Cache-Control: no-store does not come back as it was sent"
        yield Finding(_PROXY, what, "fault", advice="Switch the proxy's cache, and its own Cache-Control, off.")
    for name in _ONCE:
        if "," in headers.get(name, ""):
            advice = "Take it out of the proxy: the bridge sends it, and browsers obey the stricter of two."
            yield Finding(_PROXY, f"{name} comes back twice", "warn", advice=advice)
    if scene.services.site.is_secure and not headers.get("Strict-Transport-Security"):
        what = "Strict-Transport-Security does not come back"
        yield Finding(_PROXY, what, "warn", advice="Let the proxy hand it on.")


def _without_tls(scene: Scene) -> Iterator[Finding]:
    """Look whether the same host answers without TLS, which it may do only to send people on."""
    url = scene.services.site.public_url
    if not url.startswith("https://") or url.count(":") > 1:
        return
    try:
        answer = scene.outbound.get(f"http{url.removeprefix('https')}/", _SELF)
    except BridgeError:
        return
    if not answer.headers.get("Location", "").startswith("https://"):
        what = f"http answers too (HTTP {answer.status}), without a redirect to https"
        yield Finding("public_url.http", what, "warn", advice=f"Redirect it, or close port 80. {_EXAMPLE}")
