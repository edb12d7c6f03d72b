"""What happened at each step of a sign-in: the journal keeps it redacted, a rehearsal shows it whole."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from bridge.core.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bridge.core.new_agent import NewAgent

OK: Final = "ok"
_MOST: Final = 100
_LONGEST_NAME: Final = 80
_LONGEST_VALUE: Final = 2000

# The steps of the road, in its order; a step that a sign-in does not need is left out.
RESPONSE: Final = "response"
REDEEM: Final = "redeem"
ID_TOKEN: Final = "id_token"  # noqa: S105 — the name of a step
USERINFO: Final = "userinfo"
TENANT: Final = "tenant"
MAPPING: Final = "mapping"
PROVISIONING: Final = "provisioning"
AGENT: Final = "agent"
EXCHANGE: Final = "exchange"
USER_NAME: Final = "user_name"
DISCOVERY: Final = "discovery"


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken.

    Args:
        seconds: how long it took.
        code: ``ok`` or the error's code, with what was `expected` and what was `received`.
        began: when it began, on the clock of its trace.
    """

    name: str
    seconds: float
    code: str = OK
    expected: str = ""
    received: str = ""
    began: float = field(default=0.0, compare=False)


@dataclass(slots=True)
class Trace:
    """Follows one sign-in along the road.

    Args:
        claims: what the provider said, by the step that brought it (``id_token``, ``userinfo``).
        account_name: what the mapping field gave.
        user_name: what Fuyun's token names.
        new_agent: what a first sign-in would make, where a rehearsal foretold it.
        vouched: a platform's key stands behind it, so that no stranger can have caused it.
        clock: monotonic seconds.
    """

    clock: Callable[[], float] = time.monotonic
    steps: list[Step] = field(default_factory=list)
    claims: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    account_name: str = ""
    user_name: str = ""
    new_agent: NewAgent | None = None
    vouched: bool = False

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Take down how long the step within takes and how it ends."""
        started = self.clock()
        try:
            yield
        except BridgeError as fault:
            self.steps.append(Step(name, self.clock() - started, fault.code, fault.expected, fault.received, started))
            raise
        self.steps.append(Step(name, self.clock() - started, began=started))

    def has_done(self, name: str) -> bool:
        """Say whether the step was taken and went well."""
        return any(step.name == name and step.code == OK for step in self.steps)

    @property
    def failed(self) -> Step | None:
        """The step that ended the sign-in, if one did."""
        return next((step for step in self.steps if step.code != OK), None)

    @property
    def person(self) -> str:
        """The best name that is known of who signs in; empty before the provider said anything."""
        if self.account_name:
            return self.account_name
        known: dict[str, Any] = {}
        for claims in self.claims.values():
            known |= {name: value for name, value in claims.items() if isinstance(value, str) and value}
        return str(next((known[name] for name in ("email", "preferred_username", "sub") if name in known), ""))


def redacted(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return each field with the type of its value instead of the value; of very many, the first hundred."""
    return {str(name)[:_LONGEST_NAME]: type_of(value) for name, value in islice(claims.items(), _MOST)}


def bounded(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims as far as people can read them: what is very long is told by its type."""
    return {
        str(name)[:_LONGEST_NAME]: value if len(str(value)) <= _LONGEST_VALUE else type_of(value)
        for name, value in islice(claims.items(), _MOST)
    }


def type_of(value: object) -> str:
    """Say what kind of value a claim has, without the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return _type_of_text(value)
    return f"list of {len(value)}" if isinstance(value, list) else "object"


def _type_of_text(value: str) -> str:
    if not value.strip():
        return "empty text"
    local, at, domain = value.rpartition("@")
    if at and local and "." in domain and " " not in value:
        return f"e-mail address at {domain[:80]}" if domain.isprintable() else "e-mail address"
    if value.startswith(("https://", "http://")):
        return "address"
    return f"text of {len(value)} characters"
