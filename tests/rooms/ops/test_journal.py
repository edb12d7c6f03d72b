"""The journal: one call makes the metric and the log line, with the reference that the person was shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from bridge.core.errors import IdpAnswerInvalid, PageUnknown, RateLimited
from bridge.ops.journal import Journal, new_reference
from bridge.ops.metrics import Metrics
from bridge.ops.restraint import Restraint
from tests.kit.clock import Clock

if TYPE_CHECKING:
    from bridge.core.errors import BridgeError


def test_a_success_is_a_line_and_a_count_with_its_duration() -> None:
    metrics = Metrics()
    with capture_logs() as lines:
        Journal(metrics).record("sign_in", connection="contoso", seconds=0.123456, note="x", empty="", nothing=None)
    assert lines == [
        {
            "event": "sign_in",
            "log_level": "info",
            "connection": "contoso",
            "code": "ok",
            "reference": "",
            "note": "x",
            "seconds": 0.1235,
        }
    ]
    told = metrics.exposition().decode()
    assert 'bridge_events_total{code="ok",connection="contoso",event="sign_in"} 1.0' in told
    assert 'bridge_event_seconds_count{connection="contoso",event="sign_in"} 1.0' in told


def test_a_failure_is_a_warning_with_all_that_the_admin_needs() -> None:
    metrics = Metrics()
    fault = IdpAnswerInvalid(expected="iss https://idp.example", received="no iss")
    fault.__cause__ = ValueError("never shown: eyJsecret")
    with capture_logs() as lines:
        Journal(metrics).record_failure("sign_in", fault, reference="ABCDEFGH23", connection="contoso")
    (line,) = lines
    assert line == {
        "event": "sign_in",
        "log_level": "warning",
        "connection": "contoso",
        "code": "idp_answer_invalid",
        "reference": "ABCDEFGH23",
        "description": "The identity provider's answer breaks the protocol.",
        "expected": "iss https://idp.example",
        "received": "no iss",
        "cause": "ValueError",
    }
    told = metrics.exposition().decode()
    assert 'bridge_events_total{code="idp_answer_invalid",connection="contoso",event="sign_in"} 1.0' in told
    assert "ABCDEFGH23" not in told
    assert "bridge_event_seconds_count{" not in told


def test_of_what_anybody_can_cause_at_will_each_counts_and_few_become_lines() -> None:
    metrics, clock = Metrics(), Clock()
    journal = Journal(metrics, restraint=Restraint(clock))

    def refused(source: str, error: BridgeError) -> str:
        return journal.record_refusal("sign_in", error, source=source, connection="contoso")

    with capture_logs() as lines:
        shown = [refused("192.0.2.1", RateLimited()) for _ in range(3)]
        other = refused("192.0.2.2", PageUnknown())
        clock.advance(60)
        fresh = refused("192.0.2.2", PageUnknown())
    told = [(line["event"], line["code"], line["reference"], line.get("passed_over")) for line in lines]
    assert told == [
        ("sign_in", "rate_limited", shown[0], None),
        ("sign_in", "page_unknown", other, None),
        ("refusals_passed_over", "rate_limited", shown[0], 2),
        ("sign_in", "page_unknown", fresh, None),
    ]
    assert shown == [shown[0]] * 3
    assert "192.0.2" not in str(lines)
    counts = metrics.exposition().decode()
    assert 'bridge_events_total{code="rate_limited",connection="contoso",event="sign_in"} 3.0' in counts


def test_a_reference_can_be_read_out_on_the_phone() -> None:
    references = {new_reference() for _ in range(200)}
    assert len(references) == 200
    assert all(re.fullmatch("[2-9A-HJKMNP-Z]{10}", reference) for reference in references)
