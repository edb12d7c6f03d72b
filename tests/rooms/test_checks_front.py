"""What `check` finds out about the way from public_url to the bridge: who answers, and what a proxy changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.checks import front
from bridge.checks.scene import Scene
from bridge.connections.secrets import KeyRing
from bridge.core.model import Secret
from bridge.http import reach
from bridge.outbound import Outbound
from bridge.upstream.metadata import KeyCache, MetadataCache
from tests.kit.house import SECURE_BRIDGE, build_house, demo_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.kit.house import House

    Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
    Proxy = Callable[[Application], Application]

ADDRESS = "203.0.113.9"
PROXY = "10.1.2.3"
Told = list[tuple[str, str]]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = demo_settings(tmp_path_factory.mktemp("front"), SECURE_BRIDGE)
    server = settings.server.model_copy(update={"trusted_proxies": (f"{PROXY}/32",)})
    built = build_house(replace(settings, server=server))
    yield built
    built.services.database.close()


@pytest.fixture
def behind(house: House) -> Iterator[Callable[[Proxy], Told]]:
    """Put a proxy before the bridge, and return what is told of it."""

    def told(proxy: Proxy) -> Told:
        house.adapter.mount(SECURE_BRIDGE, proxy(house.app))
        return look(house)

    yield told
    house.adapter.mount(SECURE_BRIDGE, house.app)


def look(house: House) -> Told:
    # A new way out each time: the house's own remembers hosts that did not answer in another test.
    outbound = Outbound(adapter=house.adapter)
    scene = Scene(house.services, outbound, MetadataCache(outbound), KeyCache(outbound))
    return [(one.level, one.what) for one in front.look(scene) if one.level != "ok"]


def good(application: Application) -> Application:
    """Behave as the example configuration does."""
    return asks(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=ADDRESS)(application)


def asks(**changes: str) -> Proxy:
    """Change the request."""

    def proxy(application: Application) -> Application:
        return lambda environ, start: application({**environ, **changes}, start)

    return proxy


def answers(**changes: str) -> Proxy:
    """Change headers of the answer, or with an empty text take them away."""
    wanted = {name.replace("_", "-"): value for name, value in changes.items()}

    def proxy(application: Application) -> Application:
        def answered(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            def started(status: str, headers: list[tuple[str, str]], *fault: Any) -> Any:
                kept = [one for one in headers if one[0] not in wanted]
                return start(status, [*kept, *(one for one in wanted.items() if one[1])], *fault)

            return good(application)(environ, started)

        return answered

    return proxy


def instead(status: str, body: bytes = b"", **headers: str) -> Proxy:
    """Answer oneself."""

    def answered(_environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start(status, list(headers.items()))
        return [body]

    return lambda _: answered


def short(application: Application) -> Application:
    """Refuse what is long."""
    refusing = instead("414 URI Too Long")(application)

    def answered(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        return (refusing if len(environ["QUERY_STRING"]) > 2_000 else good(application))(environ, start)

    return answered


def test_a_proxy_that_changes_nothing_is_praised(house: House, behind: Callable[[Proxy], Told]) -> None:
    assert behind(good) == []


@pytest.mark.parametrize(
    ("proxy", "level", "told"),
    [
        (asks(REMOTE_ADDR="10.9.9.9", HTTP_X_FORWARDED_FOR=ADDRESS), "warn", "requests come through 10.9.9.9"),
        (asks(REMOTE_ADDR=PROXY), "warn", "an X-Forwarded-For that this check made up is believed"),
        (asks(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=""), "warn", "no X-Forwarded-For arrives"),
        (lambda app: asks(HTTP_HOST="upstream")(good(app)), "warn", "asked for upstream"),
        (lambda app: asks(HTTP_X_PADDING="x")(good(app)), "fault", "query or headers arrive cut"),
        (answers(Set_Cookie=""), "fault", "Set-Cookie comes back no more"),
        (answers(Set_Cookie="bridge_reach=; Path=/"), "fault", "Set-Cookie comes back changed"),
        (answers(Location="http://upstream/reach"), "fault", "Location comes back changed"),
        (answers(Cache_Control="max-age=60"), "fault", "no-store"),
        (answers(Strict_Transport_Security=""), "warn", "Strict-Transport-Security does not come back"),
        (answers(X_Frame_Options="DENY, SAMEORIGIN"), "warn", "X-Frame-Options comes back twice"),
        (
            answers(Content_Security_Policy="script-src 'self'; style-src http://localhost:5100"),
            "fault",
            "script-src does not admit http://localhost:5100",
        ),
        (short, "fault", "long requests are refused with HTTP 414"),
        (instead("200 OK", b'{"nonce": "of yesterday"}'), "fault", "something on the way keeps answers"),
        (instead("502 Bad Gateway"), "warn", "not asked: a proxy answers (HTTP 502)"),
        (instead("302 Found", Location="https://login.example"), "fault", "something answers HTTP 302 before"),
        (instead("200 OK", b"<h1>Welcome to nginx!</h1>"), "fault", "something else answers (HTTP 200)"),
        (instead("404 Not Found", X_Request_Id="7"), "fault", "something else answers (HTTP 404)"),
    ],
    ids=[
        "a proxy nobody trusts",
        "a forwarded address of anybody",
        "no forwarded address",
        "another host",
        "cut headers",
        "no cookie",
        "a cookie that lost its attributes",
        "a rewritten location",
        "a cache's header",
        "no HSTS",
        "a header twice",
        "a policy of the proxy's own",
        "long requests refused",
        "a cache",
        "no bridge yet",
        "a door before ours",
        "another program",
        "another program without this page",
    ],
)
def test_a_proxy_that_does_harm_is_told(behind: Callable[[Proxy], Told], proxy: Proxy, level: str, told: str) -> None:
    ((was, what),) = behind(proxy)
    assert (was, told in what) == (level, True), what


def hides_probes(application: Application) -> Application:
    """Answer for paths that are nobody's business, as the example configuration does."""

    def answered(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        hidden = environ["PATH_INFO"] == "/healthz"
        return (instead("404 Not Found")(application) if hidden else good(application))(environ, start)

    return answered


@pytest.mark.parametrize("proxy", [good, hides_probes], ids=["all of it", "without probes"])
def test_a_bridge_with_other_keys_is_another_bridge(
    house: House, behind: Callable[[Proxy], Told], proxy: Proxy
) -> None:
    behind(proxy)
    scene = Scene(
        replace(house.services, key_ring=KeyRing([Secret("another key of thirty-two letters")])),
        house.services.outbound,
        MetadataCache(house.services.outbound),
        KeyCache(house.services.outbound),
    )
    (told,) = front.look(scene)
    assert (told.level, "does not know our secret_keys" in told.what) == ("fault", True)


def test_nobody_there_yet_is_no_fault(house: House) -> None:
    application = house.adapter.applications.pop(SECURE_BRIDGE)
    try:
        assert look(house) == [
            ("warn", "not asked: nothing answers at public_url yet (a refused connection)"),
        ]
    finally:
        house.adapter.mount(SECURE_BRIDGE, application)


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        (instead("301 Moved", Location="https://phone.example.com/"), []),
        (instead("200 OK"), [("warn", "http answers too (HTTP 200), without a redirect to https")]),
    ],
    ids=["a redirect", "an answer"],
)
def test_plain_http_may_do_nothing_but_redirect(
    house: House, behind: Callable[[Proxy], Told], proxy: Proxy, told: Told
) -> None:
    plain = SECURE_BRIDGE.replace("https", "http")
    house.adapter.mount(plain, proxy(house.app))
    try:
        assert behind(good) == told
    finally:
        del house.adapter.applications[plain]


@pytest.mark.parametrize(
    "asked",
    [
        lambda _: "",
        lambda _: "anything",
        lambda house: reach.question(house.services.key_ring, "nonce", house.services.now() - 301),
        lambda house: house.services.key_ring.seal("another purpose", {"nonce": "nonce", "at": house.services.now()}),
    ],
    ids=["no question", "not ours", "too old", "for something else"],
)
def test_what_arrived_is_told_to_holders_of_our_keys_alone(house: House, asked: Callable[[House], str]) -> None:
    answer = house.browser().fetch(f"{reach.ADDRESS}?of={asked(house)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "page_unknown")
