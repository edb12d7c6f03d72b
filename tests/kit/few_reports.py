"""What a worker tells of its tests: to send and read five messages of each takes longer than many a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from _pytest.reports import TestReport

_LONG: Final = 0.1
"""Seconds of a set-up or an end that ``--durations`` shall show."""


class FewReports:
    """Tells how a test went, and of its set-up and end only what is worth it; for workers alone."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if is_telling(report):
                item.ihook.pytest_runtest_logreport(report=report)
        return True


def is_telling(report: TestReport) -> bool:
    """Tell whether a report says anything but that all is well."""
    return report.when == "call" or not report.passed or report.duration > _LONG
