"""How an operator writes where Redis is: one server, its socket, or the sentinels that know it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, unquote

_PARTS: Final = re.compile(
    r"(?P<scheme>[a-z+]+)://(?:(?P<login>[^@/?#]*)@)?(?P<hosts>[^@/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_HOST: Final = re.compile(
    r"(?P<host>[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,9}))?"
)
_DB: Final = re.compile(r"[0-9]{1,4}")
_SERVICE: Final = re.compile(r"[A-Za-z0-9._-]+")
_HIGHEST_PORT: Final = 65535
_PORT, _SENTINELS_PORT = 6379, 26379
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "redis": (),
    "rediss": (),
    "redis+sentinel": _SENTINEL_OPTIONS,
    "rediss+sentinel": _SENTINEL_OPTIONS,
    "unix": ("db",),
}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is and how to enter.

    Args:
        hosts: host and port of the server, or of each sentinel; none for a socket.
        service: the name under which the sentinels know the server; empty without sentinels.
        socket: path of a Unix socket.
        is_tls: towards the server and the sentinels alike.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    socket: str = ""
    db: int = 0
    is_tls: bool = False
    username: str = ""
    password: str = field(default="", repr=False)
    sentinel_username: str = ""
    sentinel_password: str = field(default="", repr=False)


def read_redis_address(text: str) -> RedisAddress:
    """Read ``redis://``, ``rediss://``, ``redis+sentinel://``, ``rediss+sentinel://`` and ``unix://`` addresses.

    Raises:
        ValueError: with a sentence that repeats nothing of the text, which may hold a password.
    """
    parts = _PARTS.fullmatch(text)
    if parts is None or parts["scheme"] not in _OPTIONS:
        raise ValueError(
            "must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel:// or unix://, and in its user "
            "name and password / ? # @ and % are written %2F %3F %23 %40 and %25"
        )
    scheme, hosts, path = parts["scheme"], parts["hosts"], parts["path"] or ""
    options = _options(scheme, parts["query"] or "")
    if scheme == "unix":
        address = _socket(hosts, path, options.get("db", ""))
    elif scheme.endswith("+sentinel"):
        address = _behind_sentinels(hosts, path, *(options.get(name, "") for name in _SENTINEL_OPTIONS))
    else:
        address = _server(hosts, path)
    username, password = _login(parts["login"] or "")
    return replace(address, username=username, password=password, is_tls=scheme.startswith("rediss"))


def _server(hosts: str, path: str) -> RedisAddress:
    if "," in hosts:
        raise ValueError("must name one host; several are for redis+sentinel://")
    return RedisAddress(hosts=(_host(hosts, _PORT),), db=_db(path.removeprefix("/")))


def _behind_sentinels(hosts: str, path: str, username: str, password: str) -> RedisAddress:
    service, _, db = path.removeprefix("/").partition("/")
    if not _SERVICE.fullmatch(service):
        raise ValueError("must say what the sentinels call the server: redis+sentinel://host:26379/name")
    return RedisAddress(
        hosts=tuple(_host(one, _SENTINELS_PORT) for one in hosts.split(",")),
        service=service,
        db=_db(db),
        sentinel_username=username,
        sentinel_password=password,
    )


def _socket(hosts: str, path: str, db: str) -> RedisAddress:
    if hosts or not path.strip("/"):
        raise ValueError("must name a socket by its absolute path: unix:///run/redis.sock")
    return RedisAddress(socket=unquote(path), db=_db(db))


def _host(text: str, default_port: int) -> tuple[str, int]:
    match = _HOST.fullmatch(text)
    if match is None:
        raise ValueError("must name a host, or a host and a port: redis://host:6379")
    port = int(match["port"]) if match["port"] else default_port
    if not 0 < port <= _HIGHEST_PORT:
        raise ValueError(f"must have a port from 1 to {_HIGHEST_PORT}")
    return match["host"].strip("[]"), port


def _db(text: str) -> int:
    if text and not _DB.fullmatch(text):
        raise ValueError("must end with the number of a database, such as /0, or with none")
    return int(text or "0")


def _login(text: str) -> tuple[str, str]:
    username, _, password = text.partition(":")
    if text and not password:
        raise ValueError("must hold user:password@, or :password@ where there is no user")
    return unquote(username), unquote(password)


def _options(scheme: str, query: str) -> dict[str, str]:
    given = parse_qsl(query, keep_blank_values=True)
    known = _OPTIONS[scheme]
    if len(dict(given)) < len(given) or not dict(given).keys() <= set(known):
        raise ValueError(f"may have the options {' and '.join(known)}, each once" if known else "must have no options")
    return dict(given)
