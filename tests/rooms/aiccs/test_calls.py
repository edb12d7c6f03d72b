"""Calls: what is asked for one call, of a contact center that tells others too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bridge.aiccs.calls import Calls
from bridge.aiccs.instance import Instance
from bridge.core.contact_center_errors import CallUnknown
from bridge.core.model import AiccsAccess, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aiccs.client import ContactCenter

INSTANCE = Instance(AiccsAccess(Secret("id"), Secret("secret")), "ccc_xp_demo")


def test_others_calls_without_an_end_are_not_read_to_their_end() -> None:
    told: list[int] = []

    class Endless:
        def pages(self, *_: Any, **__: Any) -> Iterator[dict[str, Any]]:
            while True:
                told.append(1)
                yield {"Acid": "8"}

    with pytest.raises(CallUnknown):
        Calls(cast("ContactCenter", Endless())).find(INSTANCE, "7")
    assert len(told) == 200
