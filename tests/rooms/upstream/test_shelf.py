"""The shelf: fetched once for all who wait, fresh for an hour, kept through an outage, renewed once a minute."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from bridge.core.errors import BridgeError, IdpAnswerInvalid, IdpUnreachable
from bridge.upstream.shelf import FRESH_FOR, RETRY_AFTER, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable


class Source:
    """Gives a new thing at every fetch, or fails; `clock` is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.fetches = 0
        self.failure: BridgeError | None = None
        self.shelf: Shelf[list[int]] = Shelf(lambda: self.time)

    def fetch(self) -> list[int]:
        self.fetches += 1
        if self.failure is not None:
            raise self.failure
        return [self.fetches]

    def get(self) -> list[int]:
        return self.shelf.get("idp", self.fetch)

    def renew(self, seen: list[int]) -> list[int]:
        return self.shelf.renew("idp", seen, self.fetch)


@pytest.fixture
def source() -> Source:
    return Source()


def at_once(act: Callable[[], object], many: int = 8) -> list[object]:
    """Run `act` in many threads; return what each got or how it failed."""
    together, results = threading.Barrier(many), []

    def run() -> None:
        together.wait()
        try:
            results.append(act())
        except BridgeError as failure:
            results.append(failure)

    threads = [threading.Thread(target=run) for _ in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class TestGetting:
    def test_a_thing_is_fetched_once_and_fresh_for_an_hour(self, source: Source) -> None:
        first = source.get()
        source.time += FRESH_FOR - 1
        assert source.get() is first
        assert source.fetches == 1

    def test_after_an_hour_it_is_fetched_again(self, source: Source) -> None:
        source.get()
        source.time += FRESH_FOR
        assert source.get() == [2]

    def test_each_key_has_a_thing_of_its_own(self, source: Source) -> None:
        assert source.get() is not source.shelf.get("another", source.fetch)

    def test_whoever_waits_too_long_for_anothers_first_fetch_asks_by_themselves(
        self, source: Source, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bridge.upstream.shelf._WAIT", 0.01)
        hanging, go = threading.Event(), threading.Event()

        def hang() -> list[int]:
            hanging.set()
            go.wait(60)
            return [0]

        first = threading.Thread(target=lambda: source.shelf.get("idp", hang))
        first.start()
        hanging.wait(60)
        assert source.get() == [1]
        monkeypatch.setattr("bridge.upstream.shelf._WAIT", 60)
        source.shelf._place("idp").room = threading.Semaphore(0)
        assert source.get() == [2]
        go.set()
        first.join()
        assert source.get() == [0]

    def test_many_who_wait_share_one_fetch(self, source: Source) -> None:
        def slowly() -> list[int]:
            time.sleep(0.05)
            return source.fetch()

        results = at_once(lambda: source.shelf.get("idp", slowly))
        assert source.fetches == 1
        assert all(result == [1] for result in results)

    def test_a_slow_provider_does_not_hold_up_another(self, source: Source) -> None:
        entered, leave = threading.Event(), threading.Event()

        def slow() -> list[int]:
            entered.set()
            leave.wait(60)
            return source.fetch()

        thread = threading.Thread(target=source.shelf.get, args=("slow", slow))
        thread.start()
        entered.wait(60)
        assert source.get() == [1]
        leave.set()
        thread.join()

    def test_while_an_old_thing_is_fetched_anew_the_others_take_the_old_one(self, source: Source) -> None:
        old = source.get()
        source.time += FRESH_FOR
        entered, leave = threading.Event(), threading.Event()

        def slow() -> list[int]:
            entered.set()
            leave.wait(60)
            return source.fetch()

        thread = threading.Thread(target=source.shelf.get, args=("idp", slow))
        thread.start()
        entered.wait(60)
        assert source.get() is old
        leave.set()
        thread.join()
        assert source.get() == [2]


class TestOutages:
    def test_an_old_thing_outlives_an_outage(self, source: Source) -> None:
        first = source.get()
        source.failure = IdpUnreachable()
        for _ in range(100):
            source.time += FRESH_FOR
            assert source.get() is first

    def test_an_old_thing_is_tried_again_once_a_minute(self, source: Source) -> None:
        source.get()
        source.failure = IdpUnreachable()
        source.time += FRESH_FOR
        for _ in range(5):
            source.get()
        assert source.fetches == 2
        source.time += RETRY_AFTER - 1
        source.get()
        assert source.fetches == 2
        source.time += 1
        source.get()
        assert source.fetches == 3

    def test_when_the_outage_is_over_there_is_a_new_thing(self, source: Source) -> None:
        source.get()
        source.failure = IdpUnreachable()
        source.time += FRESH_FOR
        source.get()
        source.failure = None
        source.time += RETRY_AFTER
        assert source.get() == [3]

    def test_without_a_thing_from_before_the_failure_is_told(self, source: Source) -> None:
        source.failure = IdpAnswerInvalid(received="HTML")
        with pytest.raises(IdpAnswerInvalid, match="received HTML"):
            source.get()

    def test_without_a_thing_from_before_everybody_who_comes_later_tries_anew(self, source: Source) -> None:
        source.failure = IdpUnreachable()
        with pytest.raises(IdpUnreachable):
            source.get()
        source.time += 0.001
        source.failure = None
        assert source.get() == [2]

    def test_those_who_queued_share_the_failure(self, source: Source) -> None:
        source.failure = IdpUnreachable()
        source.shelf = Shelf(time.monotonic)

        def slowly() -> list[int]:
            time.sleep(1)
            return source.fetch()

        results = at_once(lambda: source.shelf.get("idp", slowly))
        assert results == [source.failure] * 8
        assert source.fetches == 1

    def test_a_fault_of_our_own_is_not_kept(self, source: Source) -> None:
        def broken() -> list[int]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            source.shelf.get("idp", broken)
        source.time += 0.001
        assert source.get() == [1]


class TestRenewing:
    def test_another_thing_is_fetched_at_once_the_first_time(self, source: Source) -> None:
        first = source.get()
        assert source.renew(first) == [2]

    def test_then_at_most_once_a_minute(self, source: Source) -> None:
        second = source.renew(source.get())
        assert source.renew(second) is second
        source.time += RETRY_AFTER - 1
        assert source.renew(second) is second
        source.time += 1
        assert source.renew(second) == [3]

    def test_whoever_saw_an_older_thing_gets_the_present_one_without_a_fetch(self, source: Source) -> None:
        first = source.get()
        second = source.renew(first)
        assert source.renew(first) is second
        assert source.fetches == 2

    def test_strangers_have_a_minute_of_their_own(self, source: Source) -> None:
        second = source.shelf.renew("idp", source.get(), source.fetch, asker="strangers")
        assert source.shelf.renew("idp", second, source.fetch, asker="strangers") is second
        assert source.renew(second) == [3]

    def test_strangers_never_wait_in_numbers_for_a_fetch_that_hangs(self, source: Source) -> None:
        first = source.get()
        place = source.shelf._place("idp")
        place.strangers = threading.Semaphore(0)
        assert source.shelf.renew("idp", first, source.fetch, asker="strangers") is first
        assert source.fetches == 1

    def test_many_who_want_another_share_one_fetch(self, source: Source) -> None:
        first = source.get()
        assert at_once(lambda: source.renew(first)) == [[2]] * 8
        assert source.fetches == 2

    def test_a_renewal_that_fails_leaves_the_old_thing(self, source: Source) -> None:
        first = source.get()
        source.failure = IdpUnreachable()
        assert source.renew(first) is first
        source.failure = None
        assert source.renew(first) is first
        source.time += RETRY_AFTER
        assert source.renew(first) == [3]

    def test_a_renewed_thing_is_fresh_for_an_hour(self, source: Source) -> None:
        first = source.get()
        source.time += FRESH_FOR - 1
        second = source.renew(first)
        source.time += FRESH_FOR - 1
        assert source.get() is second

    def test_what_was_never_fetched_is_not_renewed(self, source: Source) -> None:
        seen = [0]
        assert source.renew(seen) is seen
        assert source.fetches == 0
