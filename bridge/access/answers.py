"""What the API answered to a request with an ``Idempotency-Key``, for whoever asks the same again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import sha256
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Float, String, Table, Text, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from bridge.connections.secrets import KeyRing, SealBroken
from bridge.core.gate_errors import IdempotencyConflict, IdempotencyKeyReused
from bridge.db import Database, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement

KEPT_FOR: Final = 3600
"""Seconds for which an answer is given again."""
_UNDER_WAY: Final = 90.0
"""Seconds after which a request that died with its process no longer blocks the next try."""
_PURPOSE: Final = "api answer"

api_answers: Final = Table(
    "api_answers",
    metadata,
    Column("id_hash", String(64), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Errand:
    """One request that must not be done twice.

    Args:
        id_hash: of the API key's id and the ``Idempotency-Key``.
        fingerprint: of the address and the body.
        owner: tells this try from others of the same request.
    """

    id_hash: str
    fingerprint: str
    owner: str


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered before, and how many seconds ago.

    Args:
        is_uncertain: nobody knows what came of it; `members` say what was expected and received instead.
    """

    members: dict[str, Any]
    age: int
    is_uncertain: bool = False


def errand(key_id: str, idempotency_key: str, request: str) -> Errand:
    """Return what a request is remembered by; `request` holds its method, address and body."""
    return Errand(_hash(f"{key_id}\n{idempotency_key}"), _hash(request), token_hex(16))


class KeptAnswers:
    """Lets each errand be done once (draft-ietf-httpapi-idempotency-key-header).

    Args:
        now: epoch seconds.
    """

    def __init__(self, database: Database, key_ring: KeyRing, now: Callable[[], float]) -> None:
        self._database = database
        self._key_ring = key_ring
        self._now = now

    def begin(self, one: Errand) -> KeptAnswer | None:
        """Return the answer that was given before, or None: then the caller does it, and keeps or drops it.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
            IdempotencyConflict: the same request is under way.
            StoreUnavailable: nobody can tell now, and nothing should be done.
        """
        self.sweep()
        row = self._row(one)
        if row is None:
            until = self._now() + _UNDER_WAY
            try:
                with self._database.transaction() as transaction:
                    transaction.execute(insert(api_answers).values(**asdict(one), sealed="", expires_at=until))
            except IntegrityError:
                raise IdempotencyConflict(received="the same request, under way") from None
            return None
        if row.fingerprint != one.fingerprint:
            raise IdempotencyKeyReused(expected="the request of the first time", received="another")
        if not row.sealed:
            raise IdempotencyConflict(received="the same request, under way")
        return self._opened(row)

    def keep(self, one: Errand, answer: dict[str, Any], *, is_uncertain: bool = False) -> None:
        """Remember the answer for an hour, or until what it holds is over (``expires_at``); raises StoreUnavailable.

        Args:
            is_uncertain: it is none, since nobody knows what came of the request: it must not be done again either.
        """
        now, table = self._now(), api_answers
        record = {"id": one.id_hash, "answer": answer, "kept_at": now, "is_uncertain": is_uncertain}
        sealed = self._key_ring.seal(_PURPOSE, record)
        until = min(now + KEPT_FOR, answer.get("expires_at", now + KEPT_FOR))
        with self._database.transaction() as transaction:
            transaction.execute(update(table).where(_is(one)).values(sealed=sealed, expires_at=until))

    def drop(self, one: Errand) -> None:
        """Forget an errand that failed, so that it can be tried again; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            transaction.execute(delete(api_answers).where(_is(one)))

    def sweep(self) -> None:
        """Forget answers that are too old, which may hold tokens; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            transaction.execute(delete(api_answers).where(api_answers.c.expires_at < self._now()))

    def _row(self, one: Errand) -> Any:
        with self._database.transaction() as transaction:
            return transaction.execute(select(api_answers).where(api_answers.c.id_hash == one.id_hash)).first()

    def _opened(self, row: Any) -> KeptAnswer:
        try:
            record = self._key_ring.open(_PURPOSE, row.sealed)
        except SealBroken:
            record = {}
        if record.get("id") != row.id_hash:
            # Sealed by a key that is gone, or put there by somebody else: neither may be given out or done again.
            raise IdempotencyKeyReused(expected="a fresh key", received="one whose answer cannot be read any more")
        # Answers that were kept before an update say nothing of it.
        is_uncertain = record.get("is_uncertain", False)
        return KeptAnswer(record["answer"], int(self._now() - record["kept_at"]), is_uncertain)


def _is(one: Errand) -> ColumnElement[bool]:
    # By its owner: one that took too long must neither fill nor free the place of whoever came after it.
    return and_(api_answers.c.id_hash == one.id_hash, api_answers.c.owner == one.owner)


def _hash(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
