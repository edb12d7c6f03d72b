"""Circuits open, probe and close again by a clock of ours; bulkheads hold back what would hang."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from bridge.egress import breaker
from bridge.egress.breaker import FAILURES, MOST, Breakers, Passage, Tripped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDP = "https://idp.example"
LATELY, CROWDED = "none lately, so it was not asked", "too many calls under way"


class Host:
    """Calls to one key, with a clock that stands still unless it is set on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.breakers = Breakers(clock=lambda: self.now)
        self.turns = 0

    @property
    def state(self) -> str:
        return self.breakers.states()[IDP]

    def call(self, end: str, times: int = 1) -> None:
        for _ in range(times):
            with self.breakers.passing(IDP) as passage:
                tell(passage, end)

    def refusal(self) -> str:
        with pytest.raises(Tripped) as refused:
            self.call("answered")
        return str(refused.value)

    def open(self) -> None:
        self.call("failed", FAILURES)

    def wait_for_a_turn(self, act: Callable[[], None] = lambda: None) -> None:
        with suppress(Tripped), self.breakers.passing(IDP, wait=60):
            act()
            self.turns += 1

    def queued(self, calls: int) -> None:
        """Return once so many wait."""
        while len(self.breakers._circuits[IDP].queue) < calls:
            threading.Event().wait(0.001)

    @contextmanager
    def under_way(self, calls: int) -> Iterator[list[Passage]]:
        with ExitStack() as stack:
            yield [stack.enter_context(self.breakers.passing(IDP)) for _ in range(calls)]


def tell(passage: Passage, end: str) -> None:
    if end != "nothing":
        getattr(passage, end)()


@pytest.fixture
def host() -> Host:
    return Host()


class TestOpening:
    def test_five_failures_in_a_row_open_a_circuit_that_fails_at_once(self, host: Host) -> None:
        host.call("failed", FAILURES - 1)
        assert host.state == "closed"
        host.call("failed")
        assert (host.state, host.refusal()) == ("open", LATELY)

    @pytest.mark.parametrize(("between", "state"), [("answered", "closed"), ("nothing", "open")])
    def test_an_answer_ends_the_row_and_a_call_that_taught_nothing_does_not(
        self, host: Host, between: str, state: str
    ) -> None:
        host.call("failed", FAILURES - 1)
        host.call(between)
        host.call("failed")
        assert host.state == state

    def test_an_exception_alone_counts_as_nothing_and_gives_the_place_back(self, host: Host) -> None:
        for _ in range(20):
            with pytest.raises(KeyError), host.breakers.passing(IDP):
                raise KeyError
        assert host.state == "closed"
        host.call("answered")

    def test_other_keys_are_left_alone(self, host: Host) -> None:
        host.open()
        with host.breakers.passing("redis://store.example:6379") as passage:
            passage.answered()
        assert host.breakers.states() == {IDP: "open", "redis://store.example:6379": "closed"}


class TestProbing:
    def test_after_ten_seconds_exactly_one_call_probes(self, host: Host) -> None:
        host.open()
        host.now += 9.9
        assert host.refusal() == LATELY
        host.now += 0.1
        assert host.state == "half_open"
        with host.under_way(1):
            assert [host.refusal() for _ in range(3)] == [LATELY] * 3

    def test_of_many_threads_one_becomes_the_probe(self, host: Host) -> None:
        host.open()
        host.now += 10
        together, let_go = threading.Barrier(8), threading.Event()
        passed, refused = threading.Semaphore(0), threading.Semaphore(0)

        def call() -> None:
            together.wait(60)
            try:
                with host.breakers.passing(IDP) as passage:
                    passed.release()
                    let_go.wait(60)
                    passage.answered()
            except Tripped:
                refused.release()

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        assert passed.acquire(timeout=60)
        assert all(refused.acquire(timeout=60) for _ in range(7))
        let_go.set()
        for thread in threads:
            thread.join(60)
        assert host.state == "closed"

    def test_an_answer_closes_the_circuit_for_all_and_its_history_is_gone(self, host: Host) -> None:
        host.open()
        host.now += 10
        host.call("answered")
        host.call("failed", FAILURES - 1)
        assert host.state == "closed"
        host.call("failed")
        host.now += 10
        assert host.state == "half_open"

    def test_each_failing_probe_lets_it_rest_longer_up_to_half_a_minute(self, host: Host) -> None:
        host.open()
        for rest in (10, 20, 30, 30):
            host.now += rest - 0.1
            assert (host.state, host.refusal()) == ("open", LATELY)
            host.now += 0.1
            host.call("failed")
        host.now += 30
        host.call("answered")
        host.open()
        host.now += 10
        assert host.state == "half_open"

    def test_a_probe_that_taught_nothing_leaves_the_next_call_to_probe(self, host: Host) -> None:
        host.open()
        host.now += 10
        host.call("nothing")
        assert host.state == "half_open"
        host.call("answered")
        assert host.state == "closed"


class TestLateEnds:
    """Calls that began before the circuit changed."""

    def test_failures_of_before_do_not_lengthen_the_rest(self, host: Host) -> None:
        with host.under_way(3) as old:
            host.open()
            host.now += 9
            for passage in old:
                passage.failed()
        host.now += 1
        assert host.state == "half_open"

    def test_failures_of_before_say_nothing_about_a_circuit_that_closed(self, host: Host) -> None:
        with host.under_way(FAILURES) as old:
            host.open()
            host.now += 10
            host.call("answered")
            for passage in old:
                passage.failed()
        assert host.state == "closed"

    def test_an_answer_of_before_closes_it_and_the_probe_may_fail_without_harm(self, host: Host) -> None:
        with ExitStack() as stack:
            old = stack.enter_context(host.breakers.passing(IDP))
            host.open()
            host.now += 10
            with host.breakers.passing(IDP) as probe:
                old.answered()
                stack.close()
                assert host.state == "closed"
                host.now += 1
                host.call("answered")
                probe.failed()
        assert host.state == "closed"
        host.call("failed", FAILURES - 2)
        assert host.state == "closed"


class TestBulkhead:
    def test_only_so_many_calls_are_under_way_and_a_place_comes_back(self, host: Host) -> None:
        with host.under_way(16):
            assert host.refusal() == CROWDED
            with host.breakers.passing("https://other.example"):
                pass
        host.call("answered")

    def test_whoever_may_wait_takes_the_place_that_comes_back(self, host: Host) -> None:
        ended: list[str] = []

        def call() -> None:
            with host.breakers.passing(IDP, wait=60) as passage:
                ended.append("second")
                passage.answered()

        second = threading.Thread(target=call)
        with host.under_way(16):
            second.start()
            ended.append("first")
        second.join(60)
        assert ended == ["first", "second"]

    def test_nobody_waits_longer_than_asked(self, host: Host) -> None:
        with (
            host.under_way(16),
            pytest.raises(Tripped, match=CROWDED),
            host.breakers.passing(IDP, wait=0.01),
        ):
            pass

    def test_nobody_waits_where_half_of_the_calls_take_longer_than_half_a_second(self, host: Host) -> None:
        with host.under_way(9):
            host.now += 0.6
            with (
                host.under_way(7),
                pytest.raises(Tripped, match=CROWDED),
                host.breakers.passing(IDP, wait=600),
            ):
                pass

    def test_a_single_slow_call_keeps_nobody_from_waiting(self, host: Host) -> None:
        with host.under_way(1):
            host.now += 1.9
            with host.under_way(15):
                second = threading.Thread(target=host.wait_for_a_turn)
                second.start()
                host.queued(1)
            second.join(60)
        assert host.turns == 1

    def test_whoever_waits_gets_up_when_a_host_falls_silent(self, host: Host) -> None:
        with host.under_way(16):
            second = threading.Thread(target=host.wait_for_a_turn)
            second.start()
            host.queued(1)
            host.now += 0.6
            second.join(60)
        assert (second.is_alive(), host.turns) == (False, 0)

    def test_turns_are_taken_in_the_order_of_coming(self, host: Host) -> None:
        served: list[int] = []
        host.breakers = Breakers(1, clock=lambda: host.now)
        with host.under_way(1):
            threads = []
            for number in range(4):
                thread = threading.Thread(target=lambda one=number: host.wait_for_a_turn(lambda: served.append(one)))
                thread.start()
                threads.append(thread)
                host.queued(number + 1)
        for thread in threads:
            thread.join(60)
        assert served == [0, 1, 2, 3]

    def test_a_suspect_gets_four_at_a_time(self, host: Host) -> None:
        with host.under_way(3):
            host.now += 2
            with host.under_way(2):
                pass
            host.now += 0.1
            with host.under_way(1):
                assert host.refusal() == CROWDED
            host.call("nothing")

    def test_an_answer_since_the_oldest_began_clears_the_suspicion(self, host: Host) -> None:
        with host.under_way(3):
            host.now += 1
            host.call("answered")
            host.now += 9
            with host.under_way(13):
                assert host.refusal() == CROWDED

    def test_an_answer_of_before_the_oldest_began_clears_nothing(self, host: Host) -> None:
        host.call("answered")
        host.now += 1
        with host.under_way(4):
            host.now += 3
            assert host.refusal() == CROWDED

    def test_a_slow_host_without_other_calls_is_no_suspect(self, host: Host) -> None:
        for _ in range(10):
            with host.breakers.passing(IDP) as passage:
                host.now += 5
                passage.answered()
        assert host.state == "closed"

    def test_a_small_bulkhead_has_no_more_room_for_suspects(self, host: Host) -> None:
        host.breakers = Breakers(2, clock=lambda: host.now)
        with host.under_way(2):
            host.now += 3
            assert host.refusal() == CROWDED

    def test_the_probe_finds_room_beside_calls_that_hang_since_before(self, host: Host) -> None:
        with host.under_way(6):
            host.open()
            host.now += 10
            host.call("answered")
            assert host.state == "closed"


class TestMemory:
    def test_the_circuit_that_was_idle_longest_is_forgotten_first(self, host: Host) -> None:
        with host.under_way(1):
            for number in range(MOST):
                with host.breakers.passing(f"https://{number}.example"):
                    pass
            known = host.breakers.states()
        assert len(known) == MOST
        assert IDP in known
        assert "https://0.example" not in known

    def test_circuits_in_trouble_are_kept_longest(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(breaker, "MOST", 2)
        host.open()
        for number in range(3):
            with host.breakers.passing(f"https://{number}.example"):
                pass
        assert host.breakers.states() == {IDP: "open", "https://2.example": "closed"}
        with host.breakers.passing("https://2.example"), host.breakers.passing("https://3.example"):
            assert IDP not in host.breakers.states()

    def test_calls_under_way_are_never_forgotten(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(breaker, "MOST", 1)
        with host.under_way(16), host.breakers.passing("https://other.example"):
            assert host.refusal() == CROWDED

    def test_what_nobody_called_for_long_is_not_told(self, host: Host) -> None:
        host.open()
        host.now += 600
        assert host.breakers.states() == {IDP: "half_open"}
        host.now += 1
        assert host.breakers.states() == {}
