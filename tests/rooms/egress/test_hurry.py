"""A thread's deadline: the sooner one counts, it ends with its context, and no other thread feels it."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.egress.hurry import Hurry


def test_of_nested_deadlines_the_sooner_counts_and_each_ends_with_its_context() -> None:
    hurry = Hurry()
    with hurry.within(50):
        with hurry.within(20):
            with hurry.within(90):
                assert hurry.seconds_left() == pytest.approx(20, abs=1)
            assert hurry.seconds_left() == pytest.approx(20, abs=1)
        assert hurry.seconds_left() == pytest.approx(50, abs=1)
    assert hurry.seconds_left() == math.inf


def test_a_deadline_ends_with_an_exception_too() -> None:
    hurry = Hurry()
    with pytest.raises(KeyError), hurry.within(1):
        raise KeyError
    assert hurry.seconds_left() == math.inf


def test_no_time_is_left_after_the_deadline_and_never_less() -> None:
    hurry = Hurry()
    with hurry.within(-5):
        assert hurry.seconds_left() == 0


def test_another_thread_has_all_the_time() -> None:
    hurry = Hurry()
    with hurry.within(1), ThreadPoolExecutor(1) as threads:
        assert threads.submit(hurry.seconds_left).result() == math.inf
