"""Log lines: one JSON object an event, secrets masked by type and by shape."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import structlog

from bridge.core.model import Secret

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_MASK: Final = "********"
_TOKEN_SHAPES: Final = re.compile(
    r"eyJ[\w-]{8,}(\.[\w-]*)*"  # JWT
    r"|gAAAA[\w=-]{20,}"  # sealed record
    r"|00D\w{12,15}!\S+"  # Salesforce session id
    r"|(?i:\b(?:bearer|basic)\s+)[\w.~+/=!-]{8,}"
)
_SECRET_NAMES: Final = re.compile(r"(?i)(secret|password|token|code_verifier|cookie|authorization|nonce|private_key)$")


def configure_logs(level: str = "info") -> None:
    """Send every log line, also the libraries', as JSON to standard error."""
    shared: list[Any] = [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    renderer = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            mask_secrets,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(renderer)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # urllib3 names the path and query of every request at debug level, and these may hold what must not be logged.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
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
    if isinstance(value, str):
        return _TOKEN_SHAPES.sub(_MASK, value)
    if isinstance(value, dict):
        return {key: _masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(name, item) for item in value]
    return value
