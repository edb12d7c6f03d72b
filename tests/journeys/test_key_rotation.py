"""The provider signs with new keys in the middle of the day: sign-ins go on after one look at its key set."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.journeys.steps import at_once, signed_in

if TYPE_CHECKING:
    from tests.kit.house import House


@pytest.fixture
def house(house: House) -> House:
    """A house whose bridge has the provider's first keys, and forgets with the house's clock when it looked last."""
    house.services.flow._upstream._keys._shelf._clock = house.clock
    signed_in(house)
    return house


def looked(house: House) -> int:
    """Return how often the key set was asked for."""
    return house.world.count("/protocol/certs")


def refused(house: House) -> str:
    browser = house.browser()
    page = browser.sign_in("globex")
    assert page.status_code == 502
    return page.text


@pytest.mark.parametrize("same_kid", [False, True])
@pytest.mark.parametrize("keep_old", [False, True])
def test_a_sign_in_with_a_new_key_costs_one_look(house: House, same_kid: bool, keep_old: bool) -> None:  # noqa: FBT001 — a table's column
    house.world.rotate_keys("globex", keep_old=keep_old, same_kid=same_kid)
    signed_in(house)
    signed_in(house)
    assert looked(house) == 2


def test_a_second_rotation_within_a_minute_is_found_a_minute_later(house: House) -> None:
    house.world.rotate_keys("globex")
    signed_in(house)
    house.world.rotate_keys("globex")
    assert "id_token_invalid" in refused(house)
    assert looked(house) == 2
    house.clock.advance(61)
    signed_in(house)
    assert looked(house) == 3


def test_forged_tokens_make_the_bridge_look_once_a_minute(house: House) -> None:
    house.world.faults.set("token", "unknown_kid", connection="globex")
    for _ in range(3):
        refused(house)
    assert looked(house) == 2
    house.world.faults.clear()
    signed_in(house)
    assert looked(house) == 2


def test_sign_ins_that_arrive_together_share_one_look(house: House) -> None:
    house.world.rotate_keys("globex")
    house.world.faults.set("jwks", "slow", seconds=0.2, connection="globex")
    at_once([partial(signed_in, house) for _ in range(4)])
    assert looked(house) == 2


def test_one_connections_rotation_is_no_others_business(house: House) -> None:
    signed_in(house, "acme")
    house.world.rotate_keys("globex")
    signed_in(house)
    signed_in(house, "acme")
    assert house.world.count("/salesforce/id/keys") == 1


def test_while_the_key_set_is_out_of_reach_known_keys_are_good(house: House) -> None:
    house.world.faults.set("jwks", "http_500")
    house.world.faults.set("discovery", "http_500")
    house.clock.advance(7200)
    house.services.flow._upstream._metadata._shelf._clock = house.clock
    signed_in(house)
