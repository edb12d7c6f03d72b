"""What the phone page makes of the SDK's events, asked of its modules directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.phone import signed_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.browser.conftest import Place

pytestmark = pytest.mark.browser


def context_of(direction: int | None, number: str = "13800000002", call_id: str = "7") -> str:
    return (
        f"{{ callDirection: {'undefined' if direction is None else direction}, caller: {{ phoneNumber: '{number}' }},"
        f" callee: {{ phoneNumber: '{number}' }}, identity: {{ acId: '{call_id}' }} }}"
    )


@pytest.fixture(scope="module")
def ask(chromium_browser: Browser, place: Place) -> Iterator[Callable[[str], Any]]:
    """Evaluate an expression with the modules' functions at hand."""
    context = chromium_browser.new_context(locale="en-US")
    context.add_cookies(signed_in(place.bridge))
    page = context.new_page()
    page.goto(f"{place.bridge}/softphone")

    def asked(expression: str) -> Any:
        return page.evaluate(
            f"""async () => {{
                const calls = await import("/static/js/softphone/calls.js");
                const agents = await import("/static/js/softphone/agents.js");
                const times = await import("/static/js/softphone/times.js");
                const browser = await import("/static/js/softphone/browser.js");
                return ({expression});
            }}"""
        )

    yield asked
    context.close()


@pytest.mark.parametrize(("direction", "expected"), [(0, "in"), (1, "out"), (None, "in")])
def test_direction_zero_is_incoming(ask: Callable[[str], Any], direction: int | None, expected: str) -> None:
    assert ask(f"calls.fromContext({context_of(direction)}).direction") == expected


def test_a_message_that_came_first_is_corrected_by_the_context(ask: Callable[[str], Any]) -> None:
    ringing = "calls.move(calls.NO_CALL, 'ringing', calls.fromMessage({ head: { acid: '7', ani: '1' } }, 'in'), 5)"
    call = ask(f"calls.move({ringing}, 'dialling', calls.fromContext({context_of(1)}), 9)")
    assert (call["direction"], call["number"], call["since"]) == ("out", "13800000002", 5)


def test_the_context_of_a_call_that_is_over_does_not_revive_it(ask: Callable[[str], Any]) -> None:
    over = f"calls.end(calls.meet(calls.NO_CALL, {context_of(0)}, 1), 2)"
    assert ask(f"calls.meet({over}, {context_of(0)}, 3).phase") == "ended"
    assert ask(f"calls.meet({over}, {context_of(0, call_id='8')}, 3).phase") == "ringing"


def test_no_context_means_no_call(ask: Callable[[str], Any]) -> None:
    assert ask(f"calls.meet(calls.meet(calls.NO_CALL, {context_of(0)}, 1), null, 2).phase") == "ended"
    assert ask("calls.meet(calls.NO_CALL, undefined, 2).phase") == "none"


def test_held_and_retrieved_the_answered_time_stays(ask: Callable[[str], Any]) -> None:
    talking = f"calls.move(calls.NO_CALL, 'talking', calls.fromContext({context_of(0)}), 10)"
    held = f"calls.move({talking}, 'held', calls.fromMessage({{}}), 20)"
    call = ask(f"calls.retrieve({held})")
    assert (call["phase"], call["answered"], call["number"]) == ("talking", 10, "13800000002")


@pytest.mark.parametrize(
    ("status", "expected"),
    [("AgentAcw", "acw"), ("AgentBusyForCall", "busy"), ("AgentNewThing", "other"), (2, ""), (None, "")],
)
def test_a_state_is_a_word_and_never_a_number(ask: Callable[[str], Any], status: object, expected: str) -> None:
    shown = "null" if status is None else repr(status)
    assert ask(f"agents.stateOfButtons({{ status: {shown}, checkinEnable: false }})") == expected


def test_a_number_that_only_allows_checking_in_is_checked_out(ask: Callable[[str], Any]) -> None:
    assert ask("agents.stateOfButtons({ status: 0, checkinEnable: true, checkoutEnable: false })") == "out"


@pytest.mark.parametrize(("seconds", "expected"), [(0, "00:00"), (192, "03:12"), (3792, "1:03:12")])
def test_times_are_written_as_on_a_clock(ask: Callable[[str], Any], seconds: int, expected: str) -> None:
    assert ask(f"times.passed(0, {seconds * 1000})") == expected


def test_the_day_is_named_unless_it_is_today(ask: Callable[[str], Any]) -> None:
    noon = "new Date(2026, 10, 22, 12, 0)"
    assert ask(f"times.wallClock(new Date(2026, 10, 22, 19, 40).getTime() / 1000, {noon})") == "19:40"
    assert ask(f"times.wallClock(new Date(2026, 10, 23, 7, 5).getTime() / 1000, {noon})") == "Mon, Nov 23, 07:05"


@pytest.mark.parametrize(
    ("agent", "secure", "expected"),
    [
        ("Chrome/120.0.0.0", True, ""),
        ("Chrome/57.0.2987.133", True, "old"),
        ("Version/17.4 Safari/605.1.15", True, "foreign"),
        ("Chrome/120.0.0.0", False, "insecure"),
    ],
)
def test_unsuitable_browsers_are_named(ask: Callable[[str], Any], agent: str, secure: bool, expected: str) -> None:  # noqa: FBT001 — a row of the table
    page = f"isSecureContext: {str(secure).lower()}, RTCPeerConnection: {{}}, WebSocket: {{}}"
    assert ask(f"browser.fault({{ {page}, navigator: {{ userAgent: '{agent}' }} }})") == expected
