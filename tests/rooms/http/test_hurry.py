"""How long one request may wait for the contact center, and that the next one of the thread has its own time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tests.kit.desk import act, operator
from tests.kit.platform import platform_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.kit.house import House


def test_all_questions_of_a_request_together_end_in_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    outbound, client = house.services.outbound, type(house.services.contact_center.client)
    left: list[float] = []
    read = client.read

    def watched(self: Any, *args: Any, **parameters: Any) -> Any:
        left.append(outbound.seconds_left())
        return read(self, *args, **parameters)

    console, platform = operator(house), platform_of(house, "contoso")
    monkeypatch.setattr(client, "read", watched)
    errands: tuple[tuple[Callable[[], object], int], ...] = (
        (lambda: console.open("/admin/connections/contoso/calls"), 25),
        (lambda: act(console, "/admin/connections/contoso/calls", {"unmask": "yes"}), 60),
        (lambda: platform.ask("GET", "/connections/contoso/calls"), 25),
        (lambda: platform.ask("DELETE", "/connections/contoso/departments/10"), 60),
    )
    for ask, most in errands:
        left.clear()
        ask()
        assert left
        assert max(left) <= most
        assert outbound.seconds_left() == math.inf
