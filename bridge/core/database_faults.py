"""Why a database gives no answer, in words that hold no secret, and what an operator can do about it.

A PostgreSQL that lets nobody in says why in a sentence alone: its SQLSTATE does not reach the driver
(https://www.postgresql.org/docs/current/errcodes-appendix.html lists them), and servers that speak another language
than English are told by their fault's type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """One kind of failure.

    Args:
        words: what came, as errors tell it.
        advice: one sentence for an operator.
        codes: SQLSTATEs of PostgreSQL, and names of SQLite's result codes.
        text: what drivers and servers say; it may quote names, so it is looked at and never repeated.
    """

    words: str
    advice: str
    codes: frozenset[str]
    text: re.Pattern[str] | None = None


def _reason(words: str, advice: str, codes: str = "", text: str = "") -> Reason:
    return Reason(words, advice, frozenset(codes.split()), re.compile(text) if text else None)


_ADDRESS: Final = "Look at host and port in store.database"
REASONS: Final = (
    _reason(
        "a refusal of the database's user or password",
        "Look at user and password in store.database.",
        "28P01 28000",
        r"authentication failed|no password supplied|role \".*\" does not exist",
    ),
    _reason(
        "a refusal of this machine",
        "Let the database's pg_hba.conf admit this machine with this user, with TLS or without.",
        text=r"pg_hba\.conf",
    ),
    _reason(
        "no database of this name",
        "Make it, or look at its name in store.database.",
        "3D000",
        r"database \".*\" does not exist",
    ),
    _reason(
        "too many connections",
        "Raise max_connections to 32 for each worker of all replicas and of one more, or put a pooler before it.",
        "53300",
        r"too many clients|connection slots are reserved|too many connections",
    ),
    _reason(
        "a database that starts or ends",
        "Wait a moment; look at its log if it goes on.",
        "57P01 57P02 57P03",
        r"the database system is|not (?:yet )?accepting connections|terminating connection",
    ),
    _reason(
        "an unknown host name",
        "Look at the host in store.database, and at this machine's name server.",
        text=r"failed to resolve host|could not translate host name",
    ),
    _reason(
        "no TLS as it was asked for",
        "Look at sslmode and the certificates in store.database, and at the database's own TLS.",
        text=r"does not support SSL|SSL error|certificate|sslmode",
    ),
    _reason(
        "a refused connection",
        f"{_ADDRESS}, and whether the database runs and listens there.",
        text=r"Connection refused|No such file or directory",
    ),
    _reason(
        "no connection in time",
        f"{_ADDRESS}, and at the firewall between here and there.",
        text=r"(?i)connection timeout|timeout expired|timed out|No route to host|Network is unreachable",
    ),
    _reason(
        "a lost connection",
        "Look at the database's log, and at the network between here and there.",
        "08000 08003 08006",
        r"server closed the connection|connection reset|Connection reset",
    ),
    _reason(
        "no free connection of ours in time",
        "Something holds connections too long: look for slow statements and locks in the database.",
        text=r"QueuePool limit",
    ),
    _reason("a statement that took too long", "Look for locks and slow statements in the database.", "57014 55P03"),
    _reason("no table where there should be one", "Run `hotline-bridge database upgrade`.", "42P01", r"no such table"),
    _reason(
        "a refused right",
        "Grant the user of store.database the tables and the schema that they are in.",
        "42501 SQLITE_PERM SQLITE_AUTH",
    ),
    _reason(
        "a read-only database",
        "Let store.database name the primary server, or a file in a folder that the bridge may write to.",
        "25006 SQLITE_READONLY",
        r"attempt to write a readonly database",
    ),
    _reason("a full disk", "Make room where the database is.", "53100 SQLITE_FULL"),
    _reason("a locked database", "Look for who else uses the file, such as a backup.", "SQLITE_BUSY SQLITE_LOCKED"),
    _reason(
        "a file that cannot be opened",
        "Let store.database name a file in a folder that the bridge may write to.",
        "SQLITE_CANTOPEN",
    ),
    _reason(
        "a file that is no database, or a broken one",
        "Put a backup in its place: `hotline-bridge database restore`.",
        "SQLITE_NOTADB SQLITE_CORRUPT",
    ),
)
_BY_WORDS: Final = {reason.words: reason for reason in REASONS}


def told(fault: BaseException) -> str:
    """Return in a few words why a database failed; its type's name where that is none of `REASONS`.

    Args:
        fault: the driver's, or one of SQLAlchemy's around it.
    """
    fault = getattr(fault, "orig", None) or fault
    code = getattr(fault, "sqlstate", None) or getattr(fault, "sqlite_errorname", None) or ""
    text = str(fault)
    for reason in REASONS:
        if code in reason.codes or (reason.text and reason.text.search(text)):
            return reason.words
    return f"{type(fault).__name__} {code}".strip()


def advice(words: str) -> str:
    """Return what an operator can do about what `told` said; empty where nobody knows."""
    reason = _BY_WORDS.get(words)
    return reason.advice if reason else ""
