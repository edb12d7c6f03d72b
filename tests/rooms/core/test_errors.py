"""The tree of errors: its codes are public contract, and nothing in it repeats a secret."""

from __future__ import annotations

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, Internal, StoreUnavailable, showable
from bridge.core.every_error import every_error

CONTRACT = {
    "no_identity_provider": 404,
    "connection_mode_unsuited": 409,
    "api_key_invalid": 401,
    "api_key_forbidden": 403,
    "idempotency_conflict": 409,
    "idempotency_key_reused": 422,
    "handoff_invalid": 400,
    "connection_unknown": 404,
    "connection_disabled": 404,
    "state_unknown": 400,
    "state_expired": 400,
    "idp_error": 400,
    "idp_unreachable": 504,
    "idp_answer_invalid": 502,
    "id_token_invalid": 502,
    "userinfo_invalid": 502,
    "tenant_not_allowed": 403,
    "mapping_field_missing": 403,
    "agent_unknown": 403,
    "agent_frozen": 403,
    "agent_mismatch": 403,
    "exchange_rejected": 502,
    "exchange_unreachable": 504,
    "exchange_answer_invalid": 502,
    "session_missing": 401,
    "session_ended": 401,
    "login_required": 401,
    "csrf_failed": 403,
    "rate_limited": 429,
    "store_unavailable": 503,
    "connection_read_only": 409,
    "connection_changed": 409,
    "rehearsal_missing": 409,
    "rehearsal_link_invalid": 404,
    "admin_sign_in_required": 401,
    "admin_not_allowed": 403,
    "admin_link_invalid": 403,
    "contact_center_error": 502,
    "contact_center_unreachable": 504,
    "contact_center_throttled": 503,
    "contact_center_uncertain": 504,
    "contact_center_shared": 409,
    "agent_exists": 409,
    "roster_invalid": 400,
    "skill_group_unknown": 404,
    "skill_group_in_use": 409,
    "department_unknown": 404,
    "department_in_use": 409,
    "hotline_number_unknown": 404,
    "call_unknown": 404,
    "recording_missing": 404,
    "recording_not_ready": 404,
    "recording_unreachable": 504,
    "recording_invalid": 502,
}
PASSING = {
    "idp_unreachable",
    "exchange_unreachable",
    "contact_center_unreachable",
    "contact_center_throttled",
    "recording_not_ready",
    "recording_unreachable",
    "idempotency_conflict",
    "rate_limited",
    "store_unavailable",
}


@pytest.mark.parametrize(("code", "status"), CONTRACT.items())
def test_every_code_of_the_contract_has_its_status(code: str, status: int) -> None:
    assert every_error()[code].status == status


def test_only_passing_failures_say_that_trying_again_can_help() -> None:
    assert {code for code, error in every_error().items() if error.retryable} == PASSING


def test_no_two_errors_share_a_code() -> None:
    def count(root: type[BridgeError]) -> int:
        return sum(1 + count(child) for child in root.__subclasses__())

    assert len(every_error()) == count(BridgeError)


def test_an_error_tells_its_code_what_was_expected_and_what_came() -> None:
    assert str(IdpAnswerInvalid(expected="code", received="no code")) == (
        "idp_answer_invalid: The identity provider's answer breaks the protocol. (expected code, received no code)"
    )
    assert str(StoreUnavailable()) == "store_unavailable: The session store does not answer."


def test_one_refusal_may_have_another_status_than_its_class() -> None:
    assert IdpAnswerInvalid("The code came twice.", status=400).status == 400
    assert IdpAnswerInvalid.status == 502


def test_a_fault_of_our_own_says_little() -> None:
    assert (Internal().code, Internal().status, Internal().description) == (
        "internal_error",
        500,
        "The bridge failed to answer.",
    )


@pytest.mark.parametrize("value", ["invalid_grant", "https://idp.example/x", "lin@contoso.example", "王", 42, "a" * 80])
def test_a_short_plain_word_may_be_shown(value: object) -> None:
    assert showable(value) == str(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Invalid access token: eyJx", "str of 26 characters"),
        ("eyJhbGciOiJub25lIn0", "str of 19 characters"),
        ("a" * 81, "str of 81 characters"),
        ("", "str of 0 characters"),
        ("line\nbreak", "str of 10 characters"),
        ("trailing\n", "str of 9 characters"),
        ("<script>", "str of 8 characters"),
        (["a", "b"], "list of 10 characters"),
        ({"a": 1}, "dict of 8 characters"),
        (None, "None"),
    ],
)
def test_anything_else_is_shown_by_type_and_length(value: object, shown: str) -> None:
    assert showable(value) == shown
