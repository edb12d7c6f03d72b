"""The journal: one call makes the metric and the log line, with the reference that the person was shown."""

from __future__ import annotations

import re

from structlog.testing import capture_logs

from bridge.core.errors import IdpAnswerInvalid
from bridge.ops.journal import Journal, new_reference
from bridge.ops.metrics import Metrics


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


def test_a_reference_can_be_read_out_on_the_phone() -> None:
    references = {new_reference() for _ in range(200)}
    assert len(references) == 200
    assert all(re.fullmatch("[2-9A-HJKMNP-Z]{10}", reference) for reference in references)
