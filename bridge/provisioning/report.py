"""What came of an import, line by line, as a file for spreadsheets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.core.spreadsheet import MARK, csv_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.provisioning.bulk import Profile
    from bridge.provisioning.carrying_out import Outcome

HEADS: Final = (
    *("line", "account_name", "act", "result", "code", "told"),
    *("display_name_before", "display_name", "skill_groups_before", "skill_groups"),
)


def report(outcomes: Iterable[Outcome]) -> Iterator[bytes]:
    """Yield the file in UTF-8: the heads, then a line for each outcome."""
    yield (MARK + csv_line(HEADS)).encode()
    for outcome in outcomes:
        yield csv_line(_cells(outcome)).encode(errors="replace")


def _cells(outcome: Outcome) -> tuple[str, ...]:
    step = outcome.step
    return (
        str(step.line or ""),
        step.account_name,
        step.act,
        outcome.result,
        outcome.code,
        step.why or outcome.told,
        step.before.display_name if step.before else "",
        step.after.display_name if step.after else "",
        _groups(step.before),
        _groups(step.after),
    )


def _groups(profile: Profile | None) -> str:
    return "; ".join(profile.groups) if profile else ""
