"""Log lines: one JSON object an event, secrets masked by type and by shape."""

from __future__ import annotations

import logging
import re
import sys
from traceback import format_tb
from typing import TYPE_CHECKING, Any, Final

import structlog

from bridge.core.model import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from types import TracebackType

_MASK: Final = "********"
_TOKEN_SHAPES: Final = re.compile(
    r"eyJ[\w-]{8,}(\.[\w-]*)*"  # JWT
    r"|gAAAA[\w=-]{20,}"  # sealed record
    r"|hlb_\w{16,}"  # API key
    r"|00D\w{12,15}!\S+"  # Salesforce session id
    r"|(?i:\b(?:bearer|basic)\s+)[\w.~+/=!-]{8,}"
)
_LONG_WORDS: Final = re.compile(r"[\w~+/=!-]{16,}")
_PLAIN_WORDS: Final = re.compile(r"[a-z_]+|[A-Z_]+|([A-Z][a-z]+)+")
_SECRET_NAMES: Final = re.compile(
    r"(?i)(secret|password|token|code_verifier|cookie|authorization|nonce|private_key)s?$"
)


def configure_logs(level: str = "info") -> None:
    """Send every log line, also the libraries', as JSON to standard error."""
    shared: list[Any] = [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    renderer = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(_account),
            mask_secrets,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(renderer)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # At debug level urllib3 names path and query of every request, and SQLAlchemy whole rows: neither is for a log.
    for talkative in ("urllib3", "sqlalchemy"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    logging.captureWarnings(True)  # noqa: FBT003 — Python's own spelling
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
    """Mask values that are secrets by type, by the field's name or by the look of a token."""
    return {name: _masked(name, value) for name, value in line.items()}


def _masked(name: str, value: object) -> object:
    if isinstance(value, Secret) or (_SECRET_NAMES.search(name) and value):
        return _MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {key: _masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(name, item) for item in value]
    return _TOKEN_SHAPES.sub(_MASK, str(value))


def _account(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """Tell an exception and what led to it: where, which types, and the plain words of their messages.

    A message is free text, of libraries too, and may quote the very token that was not understood; an opaque token has
    no look by which it could be known, so every long word that is not plain is masked.
    """
    return "\n".join(_told(exc_info[1]))


def _told(fault: BaseException) -> Iterator[str]:
    earlier = fault.__cause__ or (None if fault.__suppress_context__ else fault.__context__)
    if earlier is not None:
        yield from _told(earlier)
        yield "which led to:"
    yield "".join(format_tb(fault.__traceback__)).rstrip()
    yield f"{type(fault).__module__}.{type(fault).__qualname__}: {_LONG_WORDS.sub(_plain, str(fault))}"


def _plain(word: re.Match[str]) -> str:
    return word[0] if _PLAIN_WORDS.fullmatch(word[0]) else _MASK
