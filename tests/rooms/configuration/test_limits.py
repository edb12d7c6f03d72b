"""`[limits]`: how often the API may be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.settings import SettingsError, load
from tests.rooms.configurations import written

if TYPE_CHECKING:
    from pathlib import Path

READ = [
    ("600/minute", "600/minute"),
    ("20/second;  5000/hour", "20/second; 5000/hour"),
    ("50/10 minutes; 1/2days", "50/10 minutes; 1/2days"),
    ("", ""),
]
FORM = "must be a number of requests and a time"
REFUSED = [
    ("0", FORM),
    ("0/minute", FORM),
    ("-1/minute", FORM),
    ("600", FORM),
    ("600/0 minutes", FORM),
    ("600/fortnight", FORM),
    ("1.5/second", FORM),
    ("600/minute;", FORM),
    ("600/minute, 5/second", FORM),
    ("6\u0660/minute", FORM),
    ("9999999999/minute", FORM),
    (" ", FORM),
    (600, "must be text"),
    ("600/minute; 5/second; 700/1 minutes", "must name each time once"),
]


@pytest.mark.parametrize(("text", "kept"), READ, ids=[row[0] or "none" for row in READ])
def test_a_limit_is_read(tmp_path: Path, text: str, kept: str) -> None:
    settings = load(written(tmp_path, {"limits.api_key": text, "limits.api_failures": text}), {})
    assert (settings.limits.api_key, settings.limits.api_failures) == (kept, kept)


@pytest.mark.parametrize(("value", "word"), REFUSED, ids=[ascii(row[0]) for row in REFUSED])
def test_what_is_no_limit_is_refused_with_a_sentence(tmp_path: Path, value: object, word: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load(written(tmp_path, {"limits.api_failures": value}), {})
    (fault,) = refusal.value.faults
    assert fault.key == "limits.api_failures"
    assert word in fault.message
