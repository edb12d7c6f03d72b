"""How an operation of the contact center's OpenAPI is asked and answered: parameters, refusals, signs of success."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.sandbox.faults import Drawn

_TRUE: Final = "true"


class ApiRefusal(Exception):
    """A refusal in the common form of Alibaba Cloud's gateways, which the product's own refusals share."""

    def __init__(
        self, code: str, message: str, status: int, *, success: bool | None = None, retry_after: int = 0
    ) -> None:
        self.code = code
        self.message = message
        self.status = status
        self.success = success
        self.retry_after = retry_after
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True, slots=True)
class Given:
    """What one request asks: its parameters, from query and form alike.

    Args:
        instance_id: the instance it is about; empty for what concerns no instance.
        values: each parameter's one text, under its name on the wire (``AcidList.1``).
        drawn: the faults that it met.
        account: the company whose access key signed it.
    """

    instance_id: str
    values: dict[str, str] = field(repr=False)
    drawn: Drawn
    account: str

    def text(self, name: str, default: str = "") -> str:
        """Return a text, `default` where there is none."""
        return self.values.get(name) or default

    def demand(self, name: str) -> str:
        """Return a text that must be there; raises `ApiRefusal` (MissingParameter)."""
        if not self.values.get(name):
            raise ApiRefusal("MissingParameter", f"The parameter {name} is mandatory for this action.", 400)
        return self.values[name]

    def number(self, name: str, default: int = 0) -> int:
        """Return an integer, `default` where there is none; raises `ApiRefusal` (InvalidParameter)."""
        return _number(name, self.values[name]) if self.values.get(name) else default

    def demand_number(self, name: str) -> int:
        """Return an integer that must be there; raises `ApiRefusal`."""
        return _number(name, self.demand(name))

    def flag(self, name: str) -> bool:
        """Return a truth value: the SDK writes Python's ``True`` and ``False``."""
        return self.text(name).lower() == _TRUE

    def texts(self, name: str) -> list[str]:
        """Return a list, whichever of the three spellings it came in: numbered names, one JSON text, commas."""
        head = f"{name}."
        numbered = {int(rest): one for key, one in self.values.items() if (rest := _after(key, head)).isdecimal()}
        if numbered:
            return [numbered[position] for position in sorted(numbered)]
        whole = self.text(name)
        if whole.startswith("["):
            return [one if isinstance(one, str) else json.dumps(one) for one in _list(name, whole)]
        return [one.strip() for one in whole.split(",") if one.strip()]

    def numbers(self, name: str) -> list[int]:
        """Return a list of integers; raises `ApiRefusal` (InvalidParameter)."""
        return [_number(name, one) for one in self.texts(name)]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return a list of objects, which comes as one JSON text; raises `ApiRefusal` (InvalidParameter)."""
        rows = _list(name, self.text(name, "[]"))
        if not all(isinstance(one, dict) for one in rows):
            raise _invalid(name)
        return rows


Operation = Callable[[Given], dict[str, Any]]
"""Answers one request with the members of its answer, all but RequestId; raises `ApiRefusal`."""

Operations = dict[tuple[str, str], Operation]
"""HTTP method and operation's name → what performs it."""


class Quota:
    """How many calls of the OpenAPI an account has in any second; `retry_after` is in milliseconds, 0 untold."""

    def __init__(self, per_second: int = 0, retry_after: int = 0) -> None:
        self.per_second = per_second
        self.retry_after = retry_after
        self._taken: dict[str, deque[float]] = {}

    def take(self, account: str, now: float) -> None:
        """Count a call; raises `ApiRefusal` (Throttling.User) where the account has none left."""
        if not self.per_second:
            return
        taken = self._taken.setdefault(account, deque())
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) >= self.per_second:
            raise throttled(self.retry_after)
        taken.append(now)


def throttled(retry_after: int) -> ApiRefusal:
    """Return the refusal of whoever asks too often."""
    return ApiRefusal("Throttling.User", "Request was denied due to user flow control.", 429, retry_after=retry_after)


def succeeded(**members: Any) -> dict[str, Any]:
    """Return an answer in the manner of agents and hotline numbers."""
    return {"Code": "Success", "HttpStatusCode": 200, "Message": "successful", "Success": True, **members}


def succeeded_briefly(**members: Any) -> dict[str, Any]:
    """Return an answer in the manner of skill groups and calls: without HttpStatusCode."""
    return {"Code": "Success", "Message": "OK", "Success": True, **members}


def succeeded_200(**members: Any) -> dict[str, Any]:
    """Return an answer in the manner of departments and reports: Code is ``200``."""
    return {**succeeded(), "Code": "200", **members}


def one_page(rows: Sequence[Any], page: int, size: int) -> list[Any]:
    """Return the rows of a page; pages count from 1."""
    start = (max(page, 1) - 1) * max(size, 1)
    return list(rows[start : start + max(size, 1)])


def pages_of(rows: Sequence[Any], size: int) -> int:
    """Return how many pages the rows fill."""
    return -(-len(rows) // max(size, 1))


def _after(key: str, head: str) -> str:
    return key[len(head) :] if key.startswith(head) else ""


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _invalid(name) from None


def _list(name: str, text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise _invalid(name) from None
    if not isinstance(found, list):
        raise _invalid(name)
    return found


def _invalid(name: str) -> ApiRefusal:
    return ApiRefusal("InvalidParameter", f"The parameter {name} is not valid.", 400)
