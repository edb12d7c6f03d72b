"""Replicas whose configuration files differ: each start undoes what another replica has provisioned.

Of the changes that a file makes the first is in the journal with a fingerprint of the whole file's connections; were
it with each, those of a large file would fill the page of rows that is read. Where a content comes back after another
one, two files take turns; whoever has taken a change of one file back sees the same once.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from bridge.connections import document as documents
from bridge.connections.register import FILE_AUTHOR
from bridge.ops.trail import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.connections.secrets import KeyRing
    from bridge.core.model import Connection
    from bridge.ops.trail import Trail

LATELY: Final = 86_400.0
"""Seconds."""
_CONTENT: Final = "file_content"
_PURPOSE: Final = "content of the configuration file"


@dataclass(frozen=True, slots=True)
class Turn:
    """A file's content that was provisioned in place of another.

    Args:
        at: epoch seconds.
    """

    at: float
    content: str


def contents_of(given: Iterable[Connection], key_ring: KeyRing) -> list[str]:
    """Return what a file's connections are known by, by the newest key first; secrets change it and are not told."""
    told = json.dumps([_whole(one) for one in given], sort_keys=True).encode()
    keys = reversed(key_ring.signing_keys(_PURPOSE))
    return [hmac.new(key, told, sha256).hexdigest()[:16] for key in keys]


def turns(trail: Trail, now: float, release: str) -> list[Turn]:
    """Return what was provisioned lately by this release, newest first; raises StoreUnavailable.

    Args:
        release: another one may write the same file otherwise, and is not compared.
    """
    found: list[Turn] = []
    for record in trail.search(Search(text=FILE_AUTHOR, detail=_CONTENT, since=now - LATELY)):
        content = str(record.details.get(_CONTENT, ""))
        if content and record.actor == FILE_AUTHOR and record.details.get("release") == release:
            if found and found[-1].content == content:
                found.pop()
            found.append(Turn(record.at, content))
    return found


def undone(contents: Sequence[str], before: Sequence[Turn]) -> Turn | None:
    """Return whose content a file's takes the place of, where it was there before that one; else None.

    Args:
        contents: of the file, as `contents_of` names it.
        before: what was provisioned lately, newest first.
    """
    if not before or before[0].content in contents:
        return None
    return before[0] if any(turn.content in contents for turn in before[1:]) else None


def returns(found: Sequence[Turn]) -> int:
    """Return how often a content came back after another one."""
    return len(found) - len({turn.content for turn in found})


def _whole(connection: Connection) -> dict[str, Any]:
    # What stands for a secret in a document is made anew each time.
    document, secrets = documents.split(connection, {}, {})
    for key, value in secrets.items():
        part, _, name = key.partition(".")
        document[part][name] = value
    return {**document, "enabled": connection.enabled}
