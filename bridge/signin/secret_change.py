"""A changed client secret of a provider: the former one serves until the new one has worked, then it is forgotten."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.core import trace as steps
from bridge.core.errors import IdpError, StoreUnavailable
from bridge.core.trace import Trace
from bridge.ops.journal import new_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.connections.register import ConnectionRegister
    from bridge.connections.store import ConnectionStore
    from bridge.core.model import Connection, IdentityProvider
    from bridge.ops.journal import Journal

_SELDOM: Final = 60.0
"""Seconds between two lines about the same connection, and between two tries at a store that is down."""
_ONCE: Final = 86_400.0
"""Seconds in which one row tells of the same version, however many workers find it out."""
_WHO: Final = "identity provider"


class SecretChange:
    """Hears from token endpoints (`SecretProof`), tells the operators, and lets the register forget.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        connections: ConnectionStore,
        register: ConnectionRegister,
        journal: Journal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._register = register
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()
        self._done_at: dict[tuple[str, str, int], float] = {}

    def accepted(self, idp: IdentityProvider) -> None:
        """Forget the former secret of whoever signs in through this provider: the present one has worked."""
        # A store that is down costs nobody the sign-in: a later one is as good a proof.
        with suppress(StoreUnavailable):
            for connection in self._unproven(idp):
                if self._is_due("accepted", connection)[0]:
                    self._forget(connection)

    def refused(self, idp: IdentityProvider, error: str) -> None:
        """Tell that the former secret is needed: a line and a count once a minute, a row when it begins.

        Args:
            error: the provider's OAuth error.
        """
        with suppress(StoreUnavailable):
            for connection in self._unproven(idp):
                is_due, is_first = self._is_due("refused", connection)
                if is_due:
                    self._tell(connection, error, trace=Trace(self._clock) if is_first else None)

    def _unproven(self, idp: IdentityProvider) -> Iterator[Connection]:
        # Connections that share a provider, our client there and its secret share the proof.
        for connection in self._connections.enabled():
            if connection.idp == idp and connection.idp.former_client_secret:
                yield connection

    def _is_due(self, what: str, connection: Connection) -> tuple[bool, bool]:
        """Say whether to act now, and whether it would be the first time."""
        key, now = (what, connection.name, connection.version), self._clock()
        with self._lock:
            done_at = self._done_at.get(key)
            if done_at is not None and now - done_at < _SELDOM:
                return False, False
            self._done_at[key] = now
        return True, done_at is None

    def _forget(self, connection: Connection) -> None:
        if self._register.forget_former_secret(connection.name, connection.version):
            self._journal.record_act(
                "client_secret_accepted", actor=_WHO, connection=connection.name, version=connection.version
            )
        self._connections.refresh()

    def _tell(self, connection: Connection, error: str, trace: Trace | None) -> None:
        fault = IdpError(
            "The provider does not know the new client secret; the former one is used.",
            expected=f"the client secret of version {connection.version}",
            received=error,
        )
        if trace is not None:
            with suppress(IdpError), trace.step(steps.REDEEM):
                raise fault
        self._journal.record_failure(
            "client_secret_fallback",
            fault,
            reference=new_reference(),
            connection=connection.name,
            trace=trace,
            once_in=_ONCE,
        )
