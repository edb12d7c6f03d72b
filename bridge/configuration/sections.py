"""The tables of the file that speak of the bridge itself; `tables` has those of one connection."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from bridge.configuration import addresses
from bridge.configuration.values import (
    LISTED,
    Assets,
    Bind,
    Budgets,
    CaBundle,
    Database,
    Drain,
    Duration,
    Networks,
    OptionalBind,
    Part,
    Pause,
    PublicUrl,
    Retention,
    SdkHost,
    SdkHosts,
    SealingKeys,
    SessionsStore,
    Shown,
    Texts,
    key,
)

_CDN: Final = "https://g.alicdn.com"
_COOKIE_DOMAIN: Final = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def documented_scripts(version: str) -> tuple[str, ...]:
    """Return the scripts that the hotline SDK's documentation lists for `version`, in loading order."""
    return (
        f"{_CDN}/code/lib/react/17.0.0/umd/react.production.min.js",
        f"{_CDN}/code/lib/react-dom/17.0.0/umd/react-dom.production.min.js",
        f"{_CDN}/code/lib/antd/4.14.0/antd.min.js",
        f"{_CDN}/hotline-client/hotline-client-sdk/{version}/hotline-client-ui/index.js",
    )


def documented_styles(version: str) -> tuple[str, ...]:
    """Return the style sheets that the hotline SDK's documentation lists for `version`."""
    return (
        "https://at.alicdn.com/t/font_1263869_rz6l63j0yrp.css",
        f"{_CDN}/code/lib/antd/4.14.0/antd.min.css",
        f"{_CDN}/hotline-client/hotline-client-sdk/{version}/hotline-client-ui/index.css",
    )


def _cookie_domain(text: str) -> str:
    if text and not _COOKIE_DOMAIN.fullmatch(text):
        raise ValueError('must be a domain such as ".example.com", or empty')
    return text.lower()


class Root(Part):
    """The keys above every table."""

    public_url: PublicUrl = key(
        "Where browsers reach the bridge; every redirect URI is built from it. https, or http on a loopback host",
        required=True,
    )
    secret_keys: SealingKeys = key(
        "Keys of at least 32 characters; the first seals, all open. `hotline-bridge keys secret` prints one",
        [],
        required=True,
    )


class Server(Part):
    """The server process."""

    bind: Bind = key("Address that `serve` listens on", "127.0.0.1:8000")
    ops_bind: OptionalBind = key("Address of `/metrics` and `/readyz` alone; empty: they answer beside everything else")
    drain: Annotated[Drain, Field(le=600)] = key(
        "Time to go on serving after SIGTERM, while `/readyz` says 503: until load balancers have noticed", "0s"
    )
    trusted_proxies: Networks = key(
        "Networks of proxies that may say in X-Forwarded-For whose request it is; they have to drop `X_Forwarded_For`, "
        "which looks the same to us",
        [],
    )
    workers: Annotated[int, Field(ge=1, le=256), Shown("number")] = key("Processes", 1)
    threads: Annotated[int, Field(ge=1, le=1024), Shown("number")] = key(
        "Threads of each process; sign-ins wait for other servers, so more than cores", 32
    )

    @property
    def host(self) -> str:
        """The host of `bind`."""
        return addresses.host_and_port(self.bind)[0]

    @property
    def port(self) -> int:
        """The port of `bind`."""
        return addresses.host_and_port(self.bind)[1]

    @property
    def ops_address(self) -> tuple[str, int] | None:
        """Host and port of `ops_bind`; None when it is empty."""
        return addresses.host_and_port(self.ops_bind) if self.ops_bind else None


class Log(Part):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = key("The least important lines that are written", "info")
    format: Literal["json", "text"] = key("One JSON object a line, or text for somebody who looks on", "json")


class Store(Part):
    """Where sessions are kept."""

    database: Database = Field(
        default="sqlite:///var/bridge.db",
        description="`sqlite:///path` (relative to the working directory) or `postgresql+psycopg://user:password@host/name`",
        repr=False,
    )
    sessions: SessionsStore = Field(
        default="database",
        description="Where sessions are kept: in the database, or in Redis: `redis://user:password@host:6379/0`, "
        "`rediss://…` with TLS, `redis+sentinel://host,host/name/0`, `rediss+sentinel://…`, `unix:///path`",
        repr=False,
    )


class AcTokenCookie(Part):
    """The cookie AC_TOKEN, which carries Fuyun's token."""

    http_only: bool = key("`false` only where the platform's own script must read the cookie", default=True)
    domain: Annotated[str, AfterValidator(_cookie_domain), Shown("domain")] = key(
        'Domain of the cookie, such as ".example.com"; empty: only the bridge\'s own host'
    )


class Session(Part):
    """How long agents and administrators stay signed in."""

    lifetime: Duration = key("After this time an agent signs in again, whatever happens", "12h")
    idle: Duration = key("After this time without a request the session ends; an open page asks every 5 minutes", "2h")
    admin: Duration = key("How long an administrator stays signed in to the console", "8h")
    ac_token_cookie: AcTokenCookie = Field(default_factory=AcTokenCookie)


class Egress(Part):
    """Calls that the bridge makes."""

    ca_bundle: CaBundle = key("File of the certificate authorities to trust; empty: the system's")
    allow_private: bool = key("May addresses entered in the console point at private networks", default=False)
    connect_timeout: Pause = key("Time to connect", "3s")
    read_timeout: Pause = key("Time between two bytes of an answer", "10s")


class HotlineSdk(Part):
    """The hotline's JavaScript SDK, as the softphone page loads it."""

    version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$"), Shown("text")] = key("Version", "1.0.5")
    scripts: Assets = key("Scripts in loading order; empty: the documented list for the version", [])
    styles: Assets = key("Style sheets; empty: the documented list for the version", [])
    api_host: SdkHost = key("Host of the SDK's API; empty: the SDK's own")
    ws_host: SdkHost = key("Host of the SDK's web socket; empty: the SDK's own")
    csp_hosts: SdkHosts = key("Further hosts that the SDK may reach", [])

    @field_validator("scripts")
    @classmethod
    def _default_scripts(cls, given: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return given or documented_scripts(info.data.get("version", "1.0.5"))

    @field_validator("styles")
    @classmethod
    def _default_styles(cls, given: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return given or documented_styles(info.data.get("version", "1.0.5"))


class AdminRule(Part):
    """Who may enter the console: a connection's people whose claim has one of the values.

    Args:
        role: what they administer there: the connections named in `connections`, or as operators all of them.
    """

    connection: Annotated[str, Field(min_length=1)]
    claim: Annotated[str, Field(min_length=1)]
    values: Annotated[Texts, Field(min_length=1)]
    role: Literal["connection", "operator"] = "connection"
    connections: Texts = ()

    @property
    def administered(self) -> tuple[str, ...]:
        """Names of the connections that role connection administers: by default the one people come through."""
        return self.connections or (self.connection,)


class Admin(Part):
    """Who may enter the console."""

    allow: Annotated[tuple[AdminRule, ...], LISTED, Shown("list of tables")] = key(
        "Who may enter the console: tables of `connection`, `claim`, `values`; `role` is `connection` (they administer "
        "`connections`, by default the one they come through) or `operator` (all)",
        [],
    )


class Limits(Part):
    """How often anybody may ask; empty: as often as they like.

    A whole call center may come through one key and from one address, so what goes well is counted generously, and
    what is refused strictly. Counted on all replicas together where `store.sessions` is a Redis, else in each worker
    process. Of IPv6, a /64 network counts as one address. Several limits are joined by `;`.
    """

    sign_ins: Budgets = key("Sign-ins that begin at one address", "6000/minute")
    login_hint: Budgets = key("Sign-ins that begin at one address for one account (`login_hint`)", "60/minute")
    connection: Budgets = key("Sign-ins of one connection whose code its provider took", "6000/minute")
    refused_codes: Budgets = key(
        "Codes from one address that a connection's provider refused; sign-ins from there wait then, so that the "
        "provider does not lose patience with the bridge",
        "300/minute",
    )
    failures: Budgets = key(
        "Requests from one address that were refused for what they brought: unknown sign-ins, links, forms, logout "
        "tokens; good ones from there are not affected",
        "300/minute",
    )
    session: Budgets = key("Tokens handed to the pages of one session, fresh or not", "600/minute")
    console: Budgets = key("Requests for the console from one address", "1200/minute")
    api_key: Budgets = key("Requests with one API key", "6000/minute")
    api_failures: Budgets = key(
        "Requests with a wrong API key from one address; good keys from there are not affected", "30/minute"
    )


class Journal(Part):
    """What the console tells of the past."""

    retention: Retention = key("How long sign-ins and administrators' acts are kept", "400d")
    per_connection: Annotated[int, Field(ge=1), Shown("number")] = key(
        "Rows kept for each connection at most; the oldest go first", 100_000
    )


SECTIONS: Final[dict[str, type[Part]]] = {
    "server": Server,
    "log": Log,
    "store": Store,
    "session": Session,
    "egress": Egress,
    "hotline_sdk": HotlineSdk,
    "admin": Admin,
    "limits": Limits,
    "journal": Journal,
}
