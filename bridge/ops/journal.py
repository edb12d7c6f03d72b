"""The journal: one call an event makes its metric, its log line and, where it is worth keeping, its row."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from bridge.core import trace as steps
from bridge.core.errors import IdpError, RateLimited, StoreUnavailable
from bridge.core.protocol import INVALID_GRANT
from bridge.core.trace import OK, redacted
from bridge.ops.restraint import Restraint
from bridge.ops.trail import Record
from bridge.ops.under_way import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.core.errors import BridgeError
    from bridge.core.trace import Trace
    from bridge.ops.metrics import Metrics
    from bridge.ops.restraint import PassedOver
    from bridge.ops.trail import Trail

_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFUSALS_A_MINUTE: Final = 10
"""Lines about one kind of refusal to one address; of a spent budget one says it all."""


class Journal:
    """Records what happened, with the outcome's code and the reference that the person sees too.

    Args:
        trail: keeps rows; None where there is no database to keep them in.
        now: epoch seconds.
        restraint: on what anybody can cause at will; None: one of its own.
    """

    def __init__(
        self,
        metrics: Metrics,
        trail: Trail | None = None,
        now: Callable[[], float] = time.time,
        restraint: Restraint | None = None,
    ) -> None:
        self._metrics = metrics
        self._trail = trail
        self._now = now
        self._log = structlog.stdlib.get_logger("bridge")
        self._restraint = restraint or Restraint()

    def record(
        self,
        event: str,
        *,
        connection: str = "",
        code: str = OK,
        reference: str = "",
        seconds: float | None = None,
        **details: Any,
    ) -> None:
        """Record one event.

        Args:
            event: a plain name such as ``sign_in``.
            connection: the name of a known connection, or nothing; never what a stranger typed.
            code: ``ok`` or the error's code.
            reference: what the person was shown, if anything.
            seconds: how long it took.
            details: further fields of the log line; never a token.
        """
        self._metrics.count(event, connection, code, seconds)
        line = {name: value for name, value in details.items() if value not in ("", None)}
        if seconds is not None:
            line["seconds"] = round(seconds, 4)
        level = self._log.info if code == OK else self._log.warning
        level(event, connection=connection, code=code, reference=reference, **line)

    def record_failure(
        self,
        event: str,
        error: BridgeError,
        *,
        reference: str,
        connection: str = "",
        trace: Trace | None = None,
        once_in: float = 0.0,
        **details: Any,
    ) -> None:
        """Record a refusal with what was expected and what came; a row stays where a code had been redeemed.

        Args:
            trace: how far a sign-in had come.
            once_in: seconds in which one row is enough for all workers that have the same to tell.
            details: further fields of the log line; never a token.
        """
        self.record(
            event,
            connection=connection,
            code=error.code,
            reference=reference,
            description=error.description,
            expected=error.expected,
            received=error.received,
            cause=type(error.__cause__).__name__ if error.__cause__ else "",
            **details,
        )
        if trace is None:
            return
        self._mark(event, trace)
        if trace.has_done(steps.REDEEM) or trace.vouched:
            self._keep(self._of_sign_in(event, connection, error.code, reference, trace, **details))
        elif _blames_the_connection(trace):
            # Anybody can come this far with an invented code, so that such rows are few whatever is sent.
            record = self._of_sign_in(event, connection, error.code, reference, trace)
            self._keep(record, seldom=True, once_in=once_in)

    def record_refusal(
        self, event: str, error: BridgeError, *, source: str, connection: str = "", **details: Any
    ) -> str:
        """Record what anybody can have refused as often as they like: each counts, and few of them become lines.

        Args:
            source: whoever caused it; tells them apart and is not written down.
            details: further fields of the log line; never a token.

        Returns:
            The reference for the person: of its line, or of the last one of its kind where it got none.
        """
        most = 1 if isinstance(error, RateLimited) else _REFUSALS_A_MINUTE
        heard = self._restraint.hear((event, connection, error.code, source), new_reference(), most)
        for others in heard.others:
            self._tell_of(others)
        if heard.is_written:
            details["passed_over"] = heard.passed_over or None
            self.record_failure(event, error, reference=heard.reference, connection=connection, **details)
        else:
            self._metrics.count(event, connection, error.code, None)
        return heard.reference

    def record_sign_in(self, event: str, connection: str, trace: Trace, **details: Any) -> None:
        """Record a sign-in that went well, with its steps; its row has a reference of its own."""
        seconds, reference = sum(step.seconds for step in trace.steps), new_reference()
        self.record(event, connection=connection, reference=reference, seconds=seconds, **details)
        self._mark(event, trace)
        self._keep(self._of_sign_in(event, connection, OK, reference, trace))

    def record_act(
        self,
        event: str,
        *,
        actor: str,
        connection: str = "",
        changes: Sequence[Mapping[str, str]] = (),
        once_in: float = 0.0,
        **details: Any,
    ) -> None:
        """Record what an administrator did.

        Args:
            actor: who it was.
            changes: key, before and after of each change; secrets as masks.
            once_in: seconds in which one row is enough for all workers that have the same to tell.
        """
        reference = new_reference()
        self.record(event, connection=connection, reference=reference, actor=actor, **details)
        kept = {name: value for name, value in details.items() if value not in ("", None)}
        if changes:
            kept["changes"] = list(changes)
        self._keep(Record(self._now(), event, connection, OK, reference, actor=actor, details=kept), once_in=once_in)

    def record_issue(self, event: str, *, connection: str, person: str, once_in: float = 0.0, **details: Any) -> None:
        """Record what a platform was given for an agent; such rows make room for newer ones, as those of sign-ins.

        Args:
            person: the agent's account name.
            once_in: seconds in which one row is enough for all workers that have the same to tell.
        """
        reference = new_reference()
        self.record(event, connection=connection, reference=reference, person=person, **details)
        record = Record(self._now(), event, connection, OK, reference, person=person, details=details)
        self._keep(record, once_in=once_in)

    def record_end(
        self, event: str, *, connection: str, person: str, sessions: int = 1, code: str = OK, **details: Any
    ) -> None:
        """Record that an agent's sessions ended; the row names the agent, the line does not.

        Args:
            person: the agent's account name.
            sessions: how many; of none there is no row.
            code: of the refusal that ended them; ``ok`` where somebody signed out.
        """
        reference = new_reference()
        self.record(event, connection=connection, code=code, reference=reference, sessions=sessions, **details)
        if sessions:
            facts = {"sessions": sessions, **details}
            self._keep(Record(self._now(), event, connection, code, reference, person=person, details=facts))

    def retire(self, connection: str, generation: int) -> None:
        """Put the records of a removed connection aside, so that the next owner of its name does not read them."""
        if self._trail is not None:
            self._trail.rename(connection, f"{connection}~{generation}")

    def _tell_of(self, others: PassedOver) -> None:
        event, connection, code, _ = others.kind
        self._log.warning(
            "refusals_passed_over",
            of=event,
            connection=connection,
            code=code,
            reference=others.reference,
            passed_over=others.number,
        )

    def _mark(self, event: str, trace: Trace) -> None:
        """Let a sign-in's steps stand in the trace of its request."""
        for step in trace.steps:
            failed = "" if step.code == OK else step.code
            mark(f"{event} {step.name}", step.began, step.began + step.seconds, failed, {"bridge.step": step.name})

    def _of_sign_in(self, event: str, connection: str, code: str, reference: str, trace: Trace, **more: Any) -> Record:
        taken = [
            {"name": step.name, "seconds": round(step.seconds, 4), "code": step.code}
            | ({"expected": step.expected, "received": step.received} if step.code != OK else {})
            for step in trace.steps
        ]
        return Record(
            at=self._now(),
            event=event,
            connection=connection,
            code=code,
            reference=reference,
            person=trace.person,
            seconds=round(sum(step.seconds for step in trace.steps), 4),
            details={
                "steps": taken,
                "claims": {source: redacted(claims) for source, claims in trace.claims.items()},
                **more,
            },
        )

    def _keep(self, record: Record, *, seldom: bool = False, once_in: float = 0.0) -> None:
        if self._trail is None:
            return
        try:
            self._trail.add(record, seldom=seldom, once_in=once_in)
        except StoreUnavailable as fault:
            # The line above has it; whoever signs in must not suffer for the record.
            self._log.warning("journal_unavailable", received=fault.received, reference=record.reference)


def new_reference() -> str:
    """Return a short text that a person can read out on the phone."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def _blames_the_connection(trace: Trace) -> bool:
    """Say whether redeeming failed for a reason that lies in the connection: its secret, its provider, not the code."""
    failed = trace.failed
    return (
        failed is not None
        and failed.name == steps.REDEEM
        and (failed.code, failed.received)
        != (
            IdpError.code,
            INVALID_GRANT,
        )
    )
