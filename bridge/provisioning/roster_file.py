"""Agents as a CSV file: account_name, display_name, skill_groups; read with patience, written for spreadsheets."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.core.contact_center_errors import RosterInvalid
from bridge.core.spreadsheet import MARK, csv_line
from bridge.core.wording import said
from bridge.provisioning.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bridge.aiccs.agents import Agent
    from bridge.aiccs.skill_groups import SkillGroup
    from bridge.provisioning.lines import Line

HEADS: Final = ("account_name", "display_name", "skill_groups", "status")
"""What an export has; a status is for reading only, and an import passes it over."""
SEPARATOR: Final = ";"
"""Stands between skill groups in one cell."""
_ACCOUNT: Final = (
    *("accountname", "account", "坐席账号", "坐席帐号", "登录账号", "账号名", "账号", "帐号", "loginname", "login"),
    *("email", "emailaddress", "mail", "邮箱", "电子邮箱", "username", "用户名", "手机号"),
)
_DISPLAY: Final = ("displayname", "对外展示名", "展示名", "显示名", "昵称", "name", "姓名", "名称")
_GROUPS: Final = ("skillgroups", "skillgroup", "所属技能组", "技能组", "groups", "group")
_BETWEEN_WORDS: Final = str.maketrans("", "", " _-.\u3000")
_SEPARATORS: Final = str.maketrans({"\uff1b": SEPARATOR, "\n": SEPARATOR, "\r": None})
_LONGEST_ACCOUNT: Final = 255
_LONGEST_DISPLAY: Final = 128
_STATUS: Final = {"0": "active", "1": "frozen", "2": "deleted"}


@dataclass(frozen=True, slots=True)
class Row:
    """One agent as the file wants it.

    Args:
        line: its number in the file.
        display_name: empty where the file does not say it: then it stays as it is.
        skill_groups: names, display names or ``#`` with the number; None where the file has no such column: then they
            stay as they are.
        fault: what is wrong with the line, for people; empty where nothing is.
        twin: number of a line before that has the account in another spelling; 0: none. One of them may be right.
    """

    line: int
    account_name: str
    display_name: str = ""
    skill_groups: tuple[str, ...] | None = None
    fault: str = ""
    twin: int = 0


def cells_of(data: bytes) -> list[tuple[str, ...]]:
    """Return the lines of any table that hold anything, cell by cell; raises RosterInvalid as `lines_of`."""
    return [line.cells for line in lines_of(data)]


def read_roster(data: bytes) -> tuple[Row, ...]:
    """Return the agents of a file, line by line; a line that is wrong says why and spoils no other.

    Args:
        data: see `lines_of`; the first line has the heads, in English or Chinese, in any order, among any others.

    Raises:
        RosterInvalid: it is no table, or has no column of account names, or two.
    """
    heads, *lines = lines_of(data)
    columns = _columns(heads)
    seen = defaultdict[str, dict[str, int]](dict)
    return tuple(_row(line, columns, seen) for line in lines)


def write_roster(agents: Iterable[Agent], groups: Iterable[SkillGroup]) -> Iterator[bytes]:
    """Yield the file in UTF-8 for spreadsheets: the heads, then a line for each agent; it can be imported again.

    Args:
        groups: all of the instance, so that display names which several have are told by number.
    """
    by_id = _unmistakable(groups)
    yield (MARK + csv_line(HEADS)).encode()
    for agent in agents:
        names = (by_id.get(group_id, f"#{group_id}") for group_id in agent.group_ids)
        status = _STATUS.get(agent.status, agent.status)
        cells = (agent.account_name, agent.display_name, SEPARATOR.join(names), status)
        yield csv_line(cells).encode(errors="replace")


def _unmistakable(groups: Iterable[SkillGroup]) -> dict[int, str]:
    known = list(groups)
    # A name also stands for whichever group it is the display name of, and the other way round.
    uses = Counter(name for group in known for name in {group.name, group.display_name})
    return {
        group.id: group.display_name
        for group in known
        if uses[group.display_name] == 1
        and group.display_name == group.display_name.strip()
        and not group.display_name.startswith("#")
        and group.display_name == group.display_name.translate(_SEPARATORS).partition(SEPARATOR)[0]
    }


def _columns(heads: Line) -> dict[str, int]:
    """Return where the columns are; raises RosterInvalid."""
    names = [cell.casefold().translate(_BETWEEN_WORDS) for cell in heads.cells]
    columns = dict[str, int]()
    for column, known in (("account_name", _ACCOUNT), ("display_name", _DISPLAY), ("skill_groups", _GROUPS)):
        head = next((name for name in known if name in names), None)
        if head is None:
            continue
        if names.count(head) > 1:
            raise RosterInvalid(expected=f"one column {column}", received=f"{names.count(head)} in line {heads.number}")
        columns[column] = names.index(head)
    if "account_name" not in columns:
        raise RosterInvalid(
            expected="a first line with account_name and, if wanted, display_name and skill_groups",
            received=f"{len(names)} other heads in line {heads.number}",
        )
    return columns


def _row(line: Line, columns: Mapping[str, int], seen: Mapping[str, dict[str, int]]) -> Row:
    short = len(line.cells) <= max(columns.values())
    cells = {name: line.cells[place] if place < len(line.cells) else "" for name, place in columns.items()}
    account, display = cells["account_name"], cells.get("display_name", "")
    groups = _names(cells["skill_groups"]) if "skill_groups" in cells else None
    fault = said("it has fewer cells than the first line") if short else _fault(account, display)
    if fault:
        return Row(line.number, account, display, groups, fault)
    # Upper and lower case: whoever writes one account twice so does not mean two people.
    spellings = seen[account.casefold()]
    if account in spellings:
        fault = said("line %(line)s has this account already", line=spellings[account])
    twin = min((number for name, number in spellings.items() if name != account), default=0)
    spellings.setdefault(account, line.number)
    return Row(line.number, account, display, groups, fault, twin)


def _fault(account: str, display: str) -> str:
    if not account:
        return said("the account name is missing")
    if len(account) > _LONGEST_ACCOUNT or not account.isprintable():
        return said("an account name is at most %(limit)s printable characters", limit=_LONGEST_ACCOUNT)
    # Chinese names may hold a full-width space, which counts as no printable character.
    if len(display) > _LONGEST_DISPLAY or not display.replace("\u3000", " ").isprintable():
        return said("a display name is at most %(limit)s printable characters", limit=_LONGEST_DISPLAY)
    return ""


def _names(cell: str) -> tuple[str, ...]:
    names: Sequence[str] = cell.translate(_SEPARATORS).split(SEPARATOR)
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
