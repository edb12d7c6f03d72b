"""The hotline's SDK: whether our pages may load what is configured, and whether it is there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bridge.checks.finding import Finding
from bridge.core.errors import BridgeError, ExchangeAnswerInvalid, ExchangeUnreachable
from bridge.outbound import FailAs, host_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.checks.finding import Level
    from bridge.checks.scene import Scene
    from bridge.services import HotlineSdk

_SDK: Final = FailAs(ExchangeUnreachable, ExchangeAnswerInvalid)
_MISSING: Final = frozenset({403, 404, 410})
_CLIENT_ERROR: Final = 400
_ASSETS: Final = "hotline_sdk.assets"
_ELSEWHERE: Final = "Agents' browsers need it, not this machine: look at it from an agent's desk."
_WRONG: Final = "Look at hotline_sdk.version, scripts and styles: without it agents have no phone."
_POLICY: Final = "hotline_sdk.policy"
_HOSTS: Final = "hotline_sdk.hosts"


def look(scene: Scene) -> Iterator[Finding]:
    """Yield what browsers would refuse to load or reach, what is named twice, and what is not there."""
    site = scene.services.site
    yield from refused(site.sdk, is_secure=site.is_secure)
    yield from _loaded(scene, _assets(site.sdk))
    if site.sdk.api_host and "*" not in site.sdk.api_host:
        yield _api(scene, site.sdk.api_host)


def refused(sdk: HotlineSdk, *, is_secure: bool) -> Iterator[Finding]:
    """Yield what is named in a way that no browser obeys, or twice.

    Args:
        is_secure: the pages come by https.
    """
    if is_secure:
        yield from _without_tls(sdk)
    if sdk.ws_host.startswith(("https://", "http://")):
        what = f"ws_host: {sdk.ws_host} is no web socket"
        yield Finding(_HOSTS, what, "warn", advice="Name the host alone in hotline_sdk.ws_host, or with wss://.")
    named = Counter(host for host in (sdk.api_host, sdk.ws_host, *sdk.csp_hosts) if host)
    for host in (host for host, times in named.items() if times > 1):
        yield Finding(_HOSTS, f"{host} is named {named[host]} times", "warn", advice="Name it once in [hotline_sdk].")


def shut_out(sdk: HotlineSdk, policy: str) -> Iterator[Finding]:
    """Yield what the softphone's page could not load or reach under the policy that a browser gets.

    Args:
        policy: the header Content-Security-Policy as it arrived.
    """
    allowed = {name: values.split() for name, _, values in (one.strip().partition(" ") for one in policy.split(";"))}
    wanted = [("script-src", _origin(url)) for url in sdk.scripts if "://" in url]
    wanted += [("style-src", _origin(url)) for url in sdk.styles if "://" in url]
    wanted += [("connect-src", host if "://" in host else f"https://{host}") for host in (sdk.api_host,) if host]
    wanted += [("connect-src", host if "://" in host else f"wss://{host}") for host in (sdk.ws_host,) if host]
    outside = [(directive, one) for directive, one in dict.fromkeys(wanted) if one not in allowed.get(directive, ())]
    for directive, origin in outside:
        advice = (
            "Let the proxy hand on the bridge's own policy, and restart the bridge after a change of [hotline_sdk]."
        )
        yield Finding(_POLICY, f"{directive} does not admit {origin}", "fault", advice=advice)
    if not outside:
        yield Finding(_POLICY, f"the softphone may load and reach {len(dict.fromkeys(one for _, one in wanted))} hosts")


def _without_tls(sdk: HotlineSdk) -> Iterator[Finding]:
    given = [("scripts", url) for url in sdk.scripts] + [("styles", url) for url in sdk.styles]
    given += [("api_host", sdk.api_host), ("ws_host", sdk.ws_host), *(("csp_hosts", host) for host in sdk.csp_hosts)]
    bare = [(key, address) for key, address in given if address.startswith(("http://", "ws://"))]
    if bare:
        keys = ", ".join(dict.fromkeys(key for key, _ in bare))
        hosts = ", ".join(dict.fromkeys(host_of(address) for _, address in bare))
        what = f"{keys}: a page with TLS loads nothing without it, such as {hosts}"
        yield Finding(_HOSTS, what, "fault", advice="Name them with https:// or wss:// in [hotline_sdk].")


def _assets(sdk: HotlineSdk) -> list[str]:
    return [url for url in (*sdk.scripts, *sdk.styles) if "://" in url]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _loaded(scene: Scene, urls: list[str]) -> Iterator[Finding]:
    there, silent = 0, set[str]()
    for url in (one for one in urls if host_of(one) not in silent):
        host = host_of(url)
        try:
            status = scene.outbound.send("HEAD", url, _SDK).status
        except BridgeError as fault:
            silent.add(host)
            yield Finding(_ASSETS, f"{host}: {fault.received or 'no answer'}", "warn", advice=_ELSEWHERE)
            continue
        there += status < _CLIENT_ERROR
        if status >= _CLIENT_ERROR:
            # Whoever only dislikes HEAD says 405: that is no word about the file.
            level: Level = "fault" if status in _MISSING else "warn"
            yield Finding(_ASSETS, f"{host}{urlsplit(url).path}: HTTP {status}", level, advice=_WRONG)
    if there:
        yield Finding(_ASSETS, f"{there} of {len(urls)} scripts and style sheets are there")


def _api(scene: Scene, host: str) -> Finding:
    address = host if "://" in host else f"https://{host}"
    try:
        scene.outbound.get(address, _SDK)
    except BridgeError as fault:
        return Finding("hotline_sdk.api_host", f"{host}: {fault.received}", "warn", advice=_ELSEWHERE)
    return Finding("hotline_sdk.api_host", f"{host} answers")
