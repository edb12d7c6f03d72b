"""How one value of the file is read: durations, secrets, lists, addresses; each refusal is a sentence."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
)

from bridge.configuration import addresses
from bridge.connections.keys import key_text
from bridge.core.model import Secret
from bridge.core.wording import said
from bridge.egress.trust import trusting
from bridge.sessions.redis_address import read_redis_address

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bridge.core.wording import Sentence

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DAY: Final = 86400
_DAYS_OF_A_SESSION: Final = 366
_DAYS_OF_A_RECORD: Final = 3650
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SDK_HOST: Final = re.compile(r"((https?|wss?)://)?(\*\.)?[A-Za-z0-9.-]+(:[0-9]+)?")
_BUDGET: Final = re.compile(r"[1-9][0-9]{0,8}/(?:(?P<times>[1-9][0-9]{0,2}) ?)?(?P<unit>second|minute|hour|day)s?")
_FORMS: Final = said('must be text, { env = "NAME" } or { file = "path" }')
SHORTEST_KEY: Final = 32
KEPT: Final = {"kept": True}
"""How a table says that a secret stays as it is kept."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where secrets come from.

    Args:
        environ: the environment.
        folder: where relative paths start; None where no file of this machine may be read.
        keeps: whether secrets of the same connection may be kept from before, so that a table can leave them so.
    """

    environ: Mapping[str, str]
    folder: Path | None
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """How a type is called in the documentation."""

    word: str


class Part(BaseModel):
    """One table of the file: strict, frozen, and no key that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True, allow_inf_nan=False
    )

    @field_validator("*")
    @classmethod
    def _can_be_written(cls, value: object) -> object:
        return encodable(value) if isinstance(value, str) else value


def key(meaning: str, default: object = "", *, required: bool = False) -> Any:
    """Describe a key: what it means, its default as it would stand in the file, whether it must be there."""
    return Field(default=default, description=meaning, json_schema_extra={"required": required})


def seconds(value: object, most_days: int = _DAYS_OF_A_SESSION) -> int:
    """Read ``"12h"``, ``"90m"``, ``"30s"`` or whole seconds."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        value = int(match[1]) * _SECONDS[match[2]]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(said('must be a duration such as "12h", "90m" or "30s", or whole seconds'))  # noqa: TRY004 — a fault of the file, gathered with the others
    if not 1 <= value <= most_days * _DAY:
        raise ValueError(said("must be at least one second and at most %(days)s days", days=most_days))
    return value


def duration_text(whole_seconds: int) -> str:
    """Return `whole_seconds` as one would write them: in the largest unit that needs no fraction."""
    unit = next(unit for unit in reversed(_SECONDS) if whole_seconds % _SECONDS[unit] == 0)
    return f"{whole_seconds // _SECONDS[unit]}{unit}"


def secret_text(value: object, info: ValidationInfo, decode: Callable[[bytes], str] = bytes.decode) -> str:
    """Read text, or what an environment variable or a file holds; refusals never show the value.

    Args:
        decode: makes text of a file's bytes, or raises UnicodeDecodeError.
    """
    surroundings = cast("Surroundings", info.context)
    if isinstance(value, str):
        return encodable(value)
    if value == KEPT:
        raise ValueError(_nothing_kept(surroundings))
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(_FORMS)
    (source, name), *_ = value.items()
    if source not in {"env", "file"} or not isinstance(name, str) or not name:
        raise ValueError(_FORMS)
    encodable(name)
    return _from_environment(name, surroundings) if source == "env" else _from_file(name, surroundings, decode)


def encodable(text: str) -> str:
    """Return `text` unless it holds half a character, as JSON can: no page and no request could be written with it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(said("must be text")) from None
    return text


def _nothing_kept(surroundings: Surroundings) -> Sentence:
    if surroundings.keeps:
        return said("is not kept yet for this connection: enter the secret itself")
    return said(
        "{ kept = true } is for connections that the bridge keeps already; in this file write the secret, "
        '{ env = "NAME" } or { file = "path" }'
    )


def _from_environment(name: str, surroundings: Surroundings) -> str:
    if name not in surroundings.environ:
        raise ValueError(said("the environment variable %(name)s is not set", name=name))
    if not surroundings.environ[name]:
        raise ValueError(said("the environment variable %(name)s is empty", name=name))
    return surroundings.environ[name]


def _from_file(name: str, surroundings: Surroundings, decode: Callable[[bytes], str]) -> str:
    if surroundings.folder is None:
        # Whoever may enter a connection may not thereby read what lies on the bridge's machine.
        raise ValueError(said("a secret is read from a file only where a configuration file says so"))
    path = surroundings.folder / name
    try:
        text = decode(path.read_bytes()).removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(said("the file %(path)s is not UTF-8 text", path=str(path))) from None
    except (OSError, ValueError) as refusal:
        reason = refusal.strerror if isinstance(refusal, OSError) and refusal.strerror else "no usable path"
        raise ValueError(said("the file %(path)s cannot be read: %(reason)s", path=str(path), reason=reason)) from None
    if not text:
        raise ValueError(said("the file %(path)s is empty", path=name))
    return text


def _secret(value: object, info: ValidationInfo) -> Secret:
    return value if isinstance(value, Secret) else Secret(secret_text(value, info))


def _private_key(value: object, info: ValidationInfo) -> Secret:
    return value if isinstance(value, Secret) else Secret(secret_text(value, info, key_text))


def _sealing_key(value: object, info: ValidationInfo) -> Secret:
    sealing = _secret(value, info)
    if len(sealing.reveal()) < SHORTEST_KEY:
        raise ValueError(f"must be at least {SHORTEST_KEY} characters; `hotline-bridge keys secret` prints a good one")
    return sealing


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


LISTED: Final = BeforeValidator(_as_tuple)
"""TOML's lists become tuples, since settings are frozen."""


def _date(value: object) -> object:
    """Take TOML's own dates too, since that is how many write them without quotes."""
    return value.isoformat() if type(value) is date else value


def _iso_date(text: str) -> str:
    if text and not (_DATE.fullmatch(text) and _is_day(text)):
        raise ValueError(said('must be a date such as "2027-01-31"'))
    return text


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _written_moment(value: object) -> object:
    """Take TOML's own moments too, since that is how many write them without quotes."""
    return value.isoformat() if isinstance(value, datetime) else value


def _moment(text: str) -> str:
    refusal = said('must be a moment with its offset from UTC, such as "2027-01-31T08:00:00Z"')
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(refusal) from None
    if moment is None:
        return ""
    if moment.tzinfo is None:
        raise ValueError(refusal)
    try:
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        raise ValueError(refusal) from None


def _optional(check: Any) -> AfterValidator:
    return AfterValidator(lambda text: check(text) if text else text)


def _bind(text: str) -> str:
    addresses.host_and_port(text)
    return text


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError("must be an address or a network, such as 10.0.0.0/8") from None


def _asset(text: str) -> str:
    if re.fullmatch(r"/[!-~]*", text) and not text.startswith("//"):
        return text
    return addresses.absolute_url(text)


def _sdk_host(text: str) -> str:
    if not _SDK_HOST.fullmatch(text):
        raise ValueError('must be one host such as "api.example.com" or "wss://*.example.com"')
    return text


def _ca_bundle(text: str) -> str:
    if not text:
        return text
    try:
        trusting(text)
    except (OSError, ssl.SSLError) as fault:
        raise ValueError(f"is no readable file of certificates: {fault.strerror or type(fault).__name__}") from None
    return text


def _budgets(text: str) -> str:
    budgets = [one.strip() for one in text.split(";")] if text else []
    matches = [match for match in map(_BUDGET.fullmatch, budgets) if match]
    if len(matches) < len(budgets):
        raise ValueError(
            'must be a number of requests and a time such as "600/minute", "20/second; 5000/hour" or "50/10 minutes"; '
            "empty: no limit"
        )
    if len({(match["times"] or "1", match["unit"]) for match in matches}) < len(matches):
        raise ValueError("must name each time once")
    return "; ".join(budgets)


def _database(text: str) -> str:
    if text.startswith("postgresql+psycopg://") and find_spec("psycopg") is None:
        raise ValueError("needs psycopg, which is not installed: pip install 'hotline-bridge[postgresql]'")
    if re.match(r"sqlite:///.", text) or re.match(r"postgresql\+psycopg://.", text):
        return text
    raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")


def _sessions(text: str) -> str:
    if text != "database":
        if "://" not in text:
            raise ValueError('must be "database" or the address of a Redis, such as redis://host:6379')
        read_redis_address(text)
    return text


Texts = Annotated[tuple[str, ...], LISTED, Shown("list of texts")]
Duration = Annotated[int, BeforeValidator(seconds), Shown("duration")]
Retention = Annotated[int, BeforeValidator(lambda value: seconds(value, _DAYS_OF_A_RECORD)), Shown("duration")]
Drain = Annotated[int, BeforeValidator(lambda value: 0 if value in {0, "0s"} else seconds(value)), Shown("duration")]
"""A duration that may be none."""
Pause = Annotated[float, BeforeValidator(lambda value: float(seconds(value))), Shown("duration")]
SecretValue = Annotated[Secret, PlainValidator(_secret), Shown("secret")]
PrivateKeyValue = Annotated[Secret, PlainValidator(_private_key), Shown("secret")]
"""A secret whose file may be binary DER too."""
SealingKeys = Annotated[tuple[Annotated[Secret, PlainValidator(_sealing_key)], ...], LISTED, Shown("list of secrets")]
PublicUrl = Annotated[str, _optional(addresses.origin_url), Shown("URL")]
Url = Annotated[str, _optional(addresses.absolute_url), Shown("URL")]
IssuerUrl = Annotated[str, _optional(addresses.issuer_url), Shown("URL")]
IsoDate = Annotated[str, BeforeValidator(_date), AfterValidator(_iso_date), Shown("date")]
Moment = Annotated[str, BeforeValidator(_written_moment), AfterValidator(_moment), Shown("moment")]
Bind = Annotated[str, AfterValidator(_bind), Shown("host:port")]
CaBundle = Annotated[str, AfterValidator(_ca_bundle), Shown("path")]
OptionalBind = Annotated[str, _optional(_bind), Shown("host:port")]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], LISTED, Shown("list of networks")]
Budgets = Annotated[str, AfterValidator(_budgets), Shown("limits")]
Assets = Annotated[tuple[Annotated[str, AfterValidator(_asset)], ...], LISTED, Shown("list of URLs")]
SdkHost = Annotated[str, _optional(_sdk_host), Shown("host")]
SdkHosts = Annotated[tuple[Annotated[str, AfterValidator(_sdk_host)], ...], LISTED, Shown("list of hosts")]
Database = Annotated[
    str, BeforeValidator(secret_text), AfterValidator(_database), Shown("database URL, may be a secret")
]
SessionsStore = Annotated[
    str, BeforeValidator(secret_text), AfterValidator(_sessions), Shown("`database` or Redis URL, may be a secret")
]
