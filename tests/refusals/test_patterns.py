"""Regular expressions that take strangers' text: none of the bridge's goes back and forth over it for long."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import time
from functools import cache
from typing import Final, NamedTuple

import pytest

import bridge

_LONG: Final = 16_000
"""Characters; where the work grows with their square, that is more than the limit allows."""
_MOST_SECONDS: Final = 0.25
_SEEDS: Final = (
    "a", "A", "0", "Aa", "aA0", "-", "a-", ".", "a.", "_", " ", "0 ", " 0", "\t", "\n", "a\n", ", ", "a, ", "/",
    "\\", "://", "a@", ":", "[", "]", "a[0]", "(", "0(", "+", "+0", "00", "0086", "%2f", "a=", "&a=", "; ", "'",
    '"', '\\"', "\u738b", "\u3001", "\uff1b", "eyJ", "eyJaaaaaaaa.", "gAAAA", "hlb_", "00D", "00Daaaaaaaaaaaa!",
    "bearer ", "basic \t", "bytes=0-", "0-0,", "-----BEGIN ", "https://a.", "2026-", "T00:00:00", "1/second;",
)  # fmt: skip
_ENDS: Final = ("", "!")
_ASKED: Final = r"\b{}\.(fullmatch|match|search|sub|split|findall|finditer)\("


class Use(NamedTuple):
    """A pattern, and the ways in which the bridge asks it."""

    pattern: re.Pattern[str]
    ways: frozenset[str]


@cache
def uses() -> dict[str, Use]:
    """Return every pattern that a module of the bridge keeps; the sandbox and migrations meet no stranger."""
    found: dict[str, Use] = {}
    for module in pkgutil.walk_packages(bridge.__path__, "bridge."):
        if re.search(r"\.migrations|\.sandbox|__main__", module.name):
            continue
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                ways = frozenset(re.findall(_ASKED.format(name), inspect.getsource(loaded)))
                found[value.pattern] = Use(
                    value, ways | (found[value.pattern].ways if value.pattern in found else ways)
                )
    return found


def seconds(use: Use, text: str) -> float:
    started = time.thread_time()
    # One that is handed on is asked elsewhere, in whichever way.
    for way in use.ways or ("fullmatch", "search"):
        if way == "sub":
            use.pattern.sub("", text)
        elif way == "finditer":
            list(use.pattern.finditer(text))
        else:
            getattr(use.pattern, way)(text)
    return time.thread_time() - started


@pytest.mark.parametrize("use", uses().values(), ids=lambda use: use.pattern.pattern[:60])
def test_a_pattern_reads_any_long_text_at_once(use: Use) -> None:
    for seed in _SEEDS:
        for end in _ENDS:
            text = (seed * (_LONG // len(seed) + 1))[:_LONG] + end
            assert seconds(use, text) < _MOST_SECONDS, f"{seed!r} … {end!r}"


@pytest.mark.parametrize(("bad", "way", "size"), [(r"(a|a)*b", "fullmatch", 22), (r"a+b", "search", _LONG)])
def test_the_judge_of_these_tests_sees_a_bad_one(bad: str, way: str, size: int) -> None:
    assert seconds(Use(re.compile(bad), frozenset({way})), "a" * size + "!") > _MOST_SECONDS / 4
