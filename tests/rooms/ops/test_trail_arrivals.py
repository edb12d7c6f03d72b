"""Who came for an agent, as the coverage report wants it: once for each outcome, and whether the mapping named them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.ops.trail import Record

if TYPE_CHECKING:
    from tests.kit.house import House


def test_arrivals_are_told_once_for_each_outcome_with_whether_they_were_named(house: House) -> None:
    mapped = {"steps": [{"name": "mapping", "code": "ok"}]}
    unmapped = {"steps": [{"name": "mapping", "code": "mapping_field_missing"}]}
    for record in (
        Record(10, "sign_in", "contoso", "ok", person="lin", details=mapped),
        Record(20, "sign_in", "contoso", "ok", person="lin", details=mapped),
        Record(30, "sign_in", "contoso", "exchange_rejected", person="lin", details=mapped),
        Record(40, "sign_in", "contoso", "mapping_field_missing", person="bo", details=unmapped),
        Record(50, "token_issued", "contoso", "ok", person="kim"),
        Record(60, "sign_in", "contoso", "idp_error"),
        Record(70, "sign_in", "acme", "ok", person="fang", details=mapped),
        Record(80, "agent_created", "contoso", "ok", person="nora"),
    ):
        house.services.trail.add(record)
    found = house.services.trail.arrivals("contoso", 15)
    assert [(one.person, one.at, one.code, one.is_mapped) for one in found] == [
        ("kim", 50, "ok", True),
        ("bo", 40, "mapping_field_missing", False),
        ("lin", 30, "exchange_rejected", True),
        ("lin", 20, "ok", True),
    ]
