"""How one value of the file is read: durations, secrets, lists, addresses; each refusal is a sentence."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo

from bridge.configuration import addresses
from bridge.core.model import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = 366 * 86400
_SDK_HOST: Final = re.compile(r"((https?|wss?)://)?(\*\.)?[A-Za-z0-9.-]+(:[0-9]+)?")
_FORMS: Final = 'must be text, { env = "NAME" } or { file = "path" }'
SHORTEST_KEY: Final = 32


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where secrets come from: the environment, and the folder that relative paths start in."""

    environ: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True)
class Shown:
    """How a type is called in the documentation."""

    word: str


class Part(BaseModel):
    """One table of the file: strict, frozen, and no key that it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, hide_input_in_errors=True, allow_inf_nan=False
    )


def key(meaning: str, default: object = "", *, required: bool = False) -> Any:
    """Describe a key: what it means, its default as it would stand in the file, whether it must be there."""
    return Field(default=default, description=meaning, json_schema_extra={"required": required})


def seconds(value: object) -> int:
    """Read ``"12h"``, ``"90m"``, ``"30s"`` or whole seconds."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        value = int(match[1]) * _SECONDS[match[2]]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError('must be a duration such as "12h", "90m" or "30s", or whole seconds')  # noqa: TRY004 — a fault of the file, gathered with the others
    if not 1 <= value <= _LONGEST:
        raise ValueError("must be at least one second and at most 366 days")
    return value


def secret_text(value: object, info: ValidationInfo) -> str:
    """Read text, or what an environment variable or a file holds; refusals never show the value."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(_FORMS)
    (source, name), *_ = value.items()
    if source not in {"env", "file"} or not isinstance(name, str) or not name:
        raise ValueError(_FORMS)
    surroundings = cast("Surroundings", info.context)
    found = _from_environment(name, surroundings) if source == "env" else _from_file(name, surroundings)
    if not found:
        raise ValueError(f"the {'environment variable' if source == 'env' else 'file'} {name} is empty")
    return found


def _from_environment(name: str, surroundings: Surroundings) -> str:
    if name not in surroundings.environ:
        raise ValueError(f"the environment variable {name} is not set")
    return surroundings.environ[name]


def _from_file(name: str, surroundings: Surroundings) -> str:
    path = surroundings.folder / name
    try:
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8 text") from None
    except (OSError, ValueError) as refusal:
        reason = refusal.strerror if isinstance(refusal, OSError) and refusal.strerror else "no usable path"
        raise ValueError(f"the file {path} cannot be read: {reason}") from None


def _secret(value: object, info: ValidationInfo) -> Secret:
    return value if isinstance(value, Secret) else Secret(secret_text(value, info))


def _sealing_key(value: object, info: ValidationInfo) -> Secret:
    sealing = _secret(value, info)
    if len(sealing.reveal()) < SHORTEST_KEY:
        raise ValueError(f"must be at least {SHORTEST_KEY} characters; `hotline-bridge keys secret` prints a good one")
    return sealing


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


LISTED: Final = BeforeValidator(_as_tuple)
"""TOML's lists become tuples, since settings are frozen."""


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
    try:
        ssl.create_default_context(cafile=text or None)
    except (OSError, ssl.SSLError) as fault:
        raise ValueError(f"is no readable file of certificates: {fault.strerror or type(fault).__name__}") from None
    return text


def _database(text: str) -> str:
    if text.startswith("postgresql+psycopg://") and find_spec("psycopg") is None:
        raise ValueError("needs psycopg, which is not installed: pip install 'hotline-bridge[postgresql]'")
    if re.match(r"sqlite:///.", text) or re.match(r"postgresql\+psycopg://.", text):
        return text
    raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")


Texts = Annotated[tuple[str, ...], LISTED, Shown("list of texts")]
Duration = Annotated[int, BeforeValidator(seconds), Shown("duration")]
Pause = Annotated[float, BeforeValidator(lambda value: float(seconds(value))), Shown("duration")]
SecretValue = Annotated[Secret, PlainValidator(_secret), Shown("secret")]
SealingKeys = Annotated[tuple[Annotated[Secret, PlainValidator(_sealing_key)], ...], LISTED, Shown("list of secrets")]
PublicUrl = Annotated[str, _optional(addresses.origin_url), Shown("URL")]
Url = Annotated[str, _optional(addresses.absolute_url), Shown("URL")]
IssuerUrl = Annotated[str, _optional(addresses.issuer_url), Shown("URL")]
Bind = Annotated[str, AfterValidator(_bind), Shown("host:port")]
CaBundle = Annotated[str, AfterValidator(_ca_bundle), Shown("path")]
OptionalBind = Annotated[str, _optional(_bind), Shown("host:port")]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], LISTED, Shown("list of networks")]
Assets = Annotated[tuple[Annotated[str, AfterValidator(_asset)], ...], LISTED, Shown("list of URLs")]
SdkHost = Annotated[str, _optional(_sdk_host), Shown("host")]
SdkHosts = Annotated[tuple[Annotated[str, AfterValidator(_sdk_host)], ...], LISTED, Shown("list of hosts")]
Database = Annotated[
    str, BeforeValidator(secret_text), AfterValidator(_database), Shown("database URL, may be a secret")
]
