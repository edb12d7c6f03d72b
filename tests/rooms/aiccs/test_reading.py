"""Members of answers: what no program can mean is taken for missing."""

from __future__ import annotations

import pytest

from bridge.aiccs.reading import milliseconds, moment, whole_number


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("2026-11-20 09:00:00", 1_795_136_400.0),
        ("0001-01-01 00:00:00", None),
        ("9999-12-31 23:59:59", None),
        ("1999-12-31 00:00:00", None),
        ("soon", None),
        (None, None),
    ],
    ids=["usual", "year-1", "year-9999", "before-2000", "word", "none"],
)
def test_a_moment_that_cannot_be_is_none(text: str | None, epoch: float | None) -> None:
    assert moment({"CreateTime": text}, "CreateTime", "+08:00") == epoch


@pytest.mark.parametrize(
    ("value", "epoch"),
    [
        (1_795_136_400_500, 1_795_136_400.5),
        ("1795136400000", 1_795_136_400.0),
        (9 * 10**18, None),
        (-1, None),
        (10**400, None),
        (True, None),
    ],
    ids=["usual", "text", "far", "negative", "endless", "truth"],
)
def test_milliseconds_that_cannot_be_are_none(value: object, epoch: float | None) -> None:
    assert milliseconds({"StartTime": value}, "StartTime") == epoch


@pytest.mark.parametrize("value", [2**63, "9999999999999999999", -(10**30)], ids=["number", "text", "negative"])
def test_a_number_that_no_column_holds_is_none(value: object) -> None:
    assert whole_number(value) is None
