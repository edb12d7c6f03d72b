"""What a session store holds and what it can be asked: rows whose content is sealed, found by keyed hashes alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

AFTERLIFE: Final = 86_400
"""Seconds for which ended sessions are still known as ended."""
FAILED: Final = "failed: "
"""Begins the owner of a renewal that failed; the error's code follows."""
SKEW: Final = 30.0
"""Seconds by which the clocks of two replicas may differ."""
JUMP: Final = 300.0
"""Seconds by which a claim must lie further ahead than any can, to be one from before a clock was put back."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One agent session as a store sees it; times are epoch seconds.

    Args:
        sealed: the session's content; empty once it has ended.
        about: what an administrator sees of it, sealed too; empty in rows of a release that kept none.
        format: of `sealed`.
        sub_key: keyed hash of the person; `sid_key` of the provider's session, empty without one; `connection_key` of
            the connection.
        generation: counts the changes of the tokens.
        ended_code: why it has ended.
        lock_owner: who renews it now until `lock_until`, or how the last renewal failed.
    """

    id: str
    format: int
    sealed: str = field(repr=False)
    sub_key: str
    sid_key: str
    connection_key: str
    generation: int
    expires_at: float
    seen_at: float
    about: str = field(default="", repr=False)
    ended_at: float | None = None
    ended_code: str = ""
    lock_owner: str = ""
    lock_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Content:
    """The sealed part of a row; see `SessionRow`."""

    format: int
    sealed: str = field(repr=False)
    generation: int


@dataclass(frozen=True, slots=True)
class Resealed:
    """A row's sealed parts and keyed hashes, written anew with another key; see `SessionRow`."""

    sealed: str = field(repr=False)
    about: str = field(repr=False)
    sub_key: str
    sid_key: str
    connection_key: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A browser's session as a store sees it: the hash of its id, and a sealed text.

    Args:
        agent_session: the id of the agent session that it names, a hint for `SessionStore.get_both`; what counts is
            sealed.
    """

    id_hash: str
    sealed: bytes = field(repr=False)
    agent_session: str = ""


class SessionStore(Protocol):
    """Keeps rows and forgets them a day after their end; every verb raises StoreUnavailable and is atomic.

    Whoever asks brings the time along, so that all of one request happens at one moment.

    Args:
        place: where it keeps them, as probes name it: ``database`` or ``redis``.
    """

    place: str

    # agents' sessions

    def add(self, row: SessionRow, now: float) -> None:
        """Keep a new row."""

    def get(self, session_id: str) -> SessionRow | None:
        """Return a row, also of a session that has ended."""

    def touch(self, session_id: str, seen_at: float) -> None:
        """Note activity; an unknown or ended session stays as it is."""

    def claim(self, session_id: str, owner: str, *, now: float, seconds: float, waited: bool) -> bool:
        """Let `owner` renew for so many seconds; False where somebody else does, or the session is not alive.

        Args:
            waited: for another renewal: also False where that one failed.
        """

    def release(self, session_id: str, owner: str, left: str) -> None:
        """End the claim of `owner`, if it is still theirs, and leave `left` in their place."""

    def rewrite(self, session_id: str, owner: str, generation: int, content: Content, *, until: float) -> bool:
        """Change the content of a living session of this generation that `owner` has claimed, and prolong the claim.

        Returns:
            Whether it was changed: logout and a newer claim win.
        """

    def bury(self, session_id: str, code: str, now: float) -> bool:
        """End a living session for good and erase its content; says whether it was alive."""

    def find(self, key: str, now: float) -> Iterator[SessionRow]:
        """Return the sessions that have neither ended nor grown too old of a person, provider session or connection."""

    def count(self, keys: Sequence[str], *, now: float, seen_since: float) -> Mapping[str, int]:
        """Return how many sessions live by each of these keyed hashes, of very many about how many.

        Args:
            seen_since: sessions without activity since then do not count.
        """

    def every(self) -> Iterator[SessionRow]:
        """Return all rows that still have content, in no order."""

    def reseal(self, row: SessionRow, resealed: Resealed) -> bool:
        """Replace the sealed parts of a row that is still as it was read; False where it has changed."""

    # browsers' sessions

    def get_blob(self, id_hash: str, now: float) -> bytes | None:
        """Return a browser's session, None where there is none or it is too old."""

    def get_both(self, id_hash: str, now: float) -> tuple[bytes | None, SessionRow | None]:
        """Return what `get_blob` returns, and the agent session that it named, where both come in one round trip."""

    def put_blob(self, blob: Blob, *, until: float, now: float) -> None:
        """Keep a browser's session, new or changed."""

    def delete_blob(self, id_hash: str) -> None:
        """Forget a browser's session."""

    def every_blob(self) -> Iterator[Blob]:
        """Return all browsers' sessions, in no order."""

    def reseal_blob(self, blob: Blob, sealed: bytes) -> bool:
        """Replace a browser's session that is still as it was read; False where it has changed."""

    # what may happen once

    def is_first_use(self, mark: str, *, until: float, now: float) -> bool:
        """Remember `mark` until then; False where it is remembered already."""

    def is_used(self, mark: str, now: float) -> bool:
        """Say whether `mark` is remembered."""

    # the store itself

    def ping(self) -> None:
        """Ask the store for something that it can only answer when it works."""

    def doubts(self) -> list[str]:
        """Return what of the store's own configuration can lose sessions, in sentences."""

    def close(self) -> None:
        """Let go of all connections."""


_BY_AND_BY: Final = {"find", "every", "every_blob"}
AT_ONCE: Final = tuple(verb for verb in vars(SessionStore) if not verb.startswith("_") and verb not in _BY_AND_BY)
"""The verbs whose answer is there when they return."""
