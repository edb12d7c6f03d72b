"""How the agents of a contact center are spelled: listed once for everybody who is new within a minute."""

from __future__ import annotations

import pytest

from bridge.aiccs.agents import Agent
from bridge.aiccs.instance import Instance, instance_of
from bridge.provisioning.spellings import Spellings
from tests.contracts.customers import customer
from tests.kit.clock import Clock

ONE, TWO = (instance_of(customer(instance_id=f"ccc_xp_{number}")) for number in (1, 2))


class Listing:
    """Lists Kim, and counts how often."""

    def __init__(self) -> None:
        self.times: list[str] = []

    def everyone(self, instance: Instance) -> list[Agent]:
        self.times.append(instance.id)
        return [Agent(name, name, "7", "1") for name in ("Kim@contoso.example", "13900000001")]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kim@contoso.example", True),
        ("+86 139 0000 0001", True),
        ("Kim@contoso.example", False),
        ("kim@contoso.example.cn", False),
    ],
)
def test_another_spelling_is_found_and_the_very_name_is_none(name: str, *, expected: bool) -> None:
    spellings = Spellings(Listing(), Clock())  # type: ignore[arg-type]  # all that it is asked
    assert spellings.has_another(ONE, name) is expected


def test_each_contact_center_is_listed_once_a_minute() -> None:
    listing, clock = Listing(), Clock()
    spellings = Spellings(listing, clock)  # type: ignore[arg-type]  # likewise
    for instance in (ONE, TWO, ONE, TWO):
        spellings.has_another(instance, "nobody")
    clock.advance(61)
    spellings.has_another(ONE, "nobody")
    assert listing.times == [ONE.id, TWO.id, ONE.id]
