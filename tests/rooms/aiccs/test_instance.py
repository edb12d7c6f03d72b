"""Whose contact center it is: shared by who can reach it with the same access key, and by nobody who only says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bridge.aiccs.instance import is_shared
from bridge.core.model import AiccsAccess, Connection, Secret
from tests.contracts.customers import customer

ACCESS: Final = AiccsAccess(Secret("LTAI-one"), Secret("secret-of-it"))
OWN: Final = customer("contoso", instance_id="ccc_xp_1", aiccs=ACCESS)


def other(**changes: Any) -> Connection:
    return replace(OWN, **{"name": "globex", **changes})


@pytest.mark.parametrize(
    ("neighbour", "expected"),
    [
        (other(), True),
        (other(enabled=False), True),
        (other(aiccs=replace(ACCESS, endpoint="aiccs.cn-beijing.aliyuncs.com")), True),
        (other(name="CONTOSO"), False),
        (other(instance_id="ccc_xp_2"), False),
        (other(aiccs=replace(ACCESS, access_key_secret=Secret("forged"))), False),
        (other(aiccs=replace(ACCESS, access_key_id=Secret("LTAI-two"))), False),
        (other(aiccs=None), False),
    ],
    ids=[
        "same",
        "switched off",
        "another endpoint",
        "itself",
        "another instance",
        "forged key",
        "own key",
        "no access",
    ],
)
def test_a_contact_center_is_shared_by_instance_and_access_key(neighbour: Connection, *, expected: bool) -> None:
    assert is_shared(OWN, [OWN, neighbour]) is expected


def test_a_connection_without_one_shares_none() -> None:
    assert not is_shared(replace(OWN, aiccs=None), [other(aiccs=None)])
