"""Log lines: one JSON object an event, bounded, with the request's id, secrets masked by type and by shape."""

from __future__ import annotations

import logging
import re
import sys
from functools import lru_cache
from itertools import islice
from json import JSONEncoder
from traceback import format_tb
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import structlog

from bridge.core.model import Secret
from bridge.ops.under_way import under_way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from types import TracebackType

LogFormat: TypeAlias = Literal["json", "text"]
"""One JSON object a line, for programs; or plain text, for somebody who looks on."""

_MASK: Final = "********"
_TOKEN_SHAPES: Final = re.compile(
    r"eyJ[\w-]{8,}(\.[\w-]*)*"  # JWT
    r"|gAAAA[\w=-]{20,}"  # sealed record
    r"|hlb_\w{16,}"  # API key
    r"|00D\w{12,15}!\S+"  # Salesforce session id
    r"|(?i:\b(?:bearer|basic)\s+)[\w.~+/=!-]{8,}"
)
_SHORTEST_TOKEN: Final = 11
"""Characters that each of these shapes has at least."""
_LONG_WORDS: Final = re.compile(r"[\w~+/=!-]{16,}")
_PLAIN_WORDS: Final = re.compile(r"[a-z_]+|[A-Z_]+|([A-Z][a-z]+)+")
_SECRET_NAMES: Final = re.compile(
    r"(?i)(secret|password|token|code_verifier|cookie|authorization|nonce|private_key)s?$"
)
_LONGEST_TEXT: Final = 4_000
_LONGEST_ACCOUNT: Final = 12_000
"""Characters of an exception's account."""
_LONGEST_LINE: Final = 32_000
_SHORT: Final = 300
_MOST_ITEMS: Final = 100
_DEEPEST: Final = 8
# JSON escapes what is below the space. These are as much control characters to a terminal or a viewer of logs: C1 can
# begin an escape sequence, U+2028 a line, and the others turn the direction of what follows.
_UNSEEN: Final = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_DELETE: Final = "\x7f"
_BARE: Final = re.compile(r"[\w.:@/+-]+")
_LIBRARIES: Final = ("_granian", "granian.access")


def configure_logs(level: str = "info", form: LogFormat = "json") -> None:
    """Send every log line, also the libraries', to standard error in one form."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_request,
    ]
    write: list[Any] = [
        structlog.processors.ExceptionRenderer(_account),
        mask_secrets,
        as_text if form == "text" else as_json,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Lines(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *write],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # At debug level urllib3 names path and query of every request, and SQLAlchemy whole rows: neither is for a log.
    for talkative in ("urllib3", "sqlalchemy"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    for name in _LIBRARIES:
        # The server gives each of its workers handlers of its own, which write another form to standard output.
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.captureWarnings(True)  # noqa: FBT003 — Python's own spelling
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, *write, _as_line],
        logger_factory=logging.getLogger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _Line(str):
    """A line as it is to be written: what the bridge says itself is ready before `logging` gets to see it."""

    __slots__ = ()


class _Lines(structlog.stdlib.ProcessorFormatter):
    """Brings libraries' lines into the form that the bridge's own have already."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return record.msg if isinstance(record.msg, _Line) else super().format(record)


def _as_line(_logger: object, _method: str, text: Any) -> _Line:
    return _Line(text)


def _name_request(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request = under_way()
    if request is not None:
        line["request_id"] = request.request_id
        if request.trace_id:
            line["trace_id"], line["span_id"] = request.trace_id, request.span_id
    return line


# Secrets --------------------------------------------------------------------------------------------------------------


def mask_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
    """Mask values that are secrets by type, by the field's name or by the look of a token; cut what is very long."""
    return {name: _masked(name, value) for name, value in line.items()}


def _masked(name: str, value: object, depth: int = 0) -> object:
    if isinstance(value, Secret) or (value and _is_secret(name)):
        return _MASK
    if value is None or isinstance(value, bool | int | float) or _is_short(value):
        return value
    if isinstance(value, dict | list | tuple) and depth == _DEEPEST:
        return "…"
    if isinstance(value, dict):
        some = islice(value.items(), _MOST_ITEMS)
        return {str(key)[:_SHORT]: _masked(str(key)[:_SHORT], item, depth + 1) for key, item in some}
    if isinstance(value, list | tuple):
        return [_masked(name, item, depth + 1) for item in islice(value, _MOST_ITEMS)]
    # First cut, then searched: a stranger's megabyte must cost no more than a line.
    return _TOKEN_SHAPES.sub(_MASK, _cut(str(value), _LONGEST_ACCOUNT if name == "exception" else _LONGEST_TEXT))


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) < _SHORTEST_TOKEN


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"


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
    message = _cut(str(fault), _LONGEST_TEXT)
    yield f"{type(fault).__module__}.{type(fault).__qualname__}: {_LONG_WORDS.sub(_plain, message)}"


def _plain(word: re.Match[str]) -> str:
    return word[0] if _PLAIN_WORDS.fullmatch(word[0]) else _MASK


# Forms ----------------------------------------------------------------------------------------------------------------

_encode: Final = JSONEncoder(default=str, ensure_ascii=False).encode


def as_json(_logger: object, _method: str, line: Mapping[str, Any]) -> str:
    """Return a line as one JSON object of bounded length, without anything that a terminal would obey."""
    text = _encode(line)
    if len(text) > _LONGEST_LINE:
        few = islice(line.items(), _MOST_ITEMS // 2)
        text = _encode({name[:_SHORT]: _shortened(value) for name, value in few} | {"is_cut": True})
    return _escaped(text)


def as_text(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    """Return a line as text; an exception follows in lines that are set in, so that none can pass for an event."""
    account = str(line.pop("exception", ""))
    heads = [str(line.pop(name, "")) for name in ("timestamp", "level", "event")]
    words = [f"{heads[0]} {heads[1]:7} {_quoted(heads[2], bare=False)}"]
    words += [
        f"{_quoted(name, bare=False)}={_quoted(value)}" for name, value in line.items() if value not in ("", None)
    ]
    told = "".join(f"\n    {_quoted(row, bare=False)}" for row in account.splitlines())
    return _escaped(_cut(" ".join(words), _LONGEST_LINE) + told)


def _shortened(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else _cut(str(value), _SHORT)


def _quoted(value: object, *, bare: bool = True) -> str:
    """Return a value as JSON writes it, a text without its quotation marks where nothing in it can mislead."""
    text = _encode(value)
    if not isinstance(value, str):
        return text
    return text[1:-1] if not bare or _BARE.fullmatch(value) else text


def _escaped(text: str) -> str:
    return text if text.isascii() and _DELETE not in text else _UNSEEN.sub(_in_digits, text)


def _in_digits(found: re.Match[str]) -> str:
    # RFC 8259 section 7: beyond the first plane a character is two.
    halves = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[at : at + 2].hex()}" for at in range(0, len(halves), 2))
