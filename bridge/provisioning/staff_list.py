"""A list of the staff as somebody exports it, and which of its columns should equal AccountName."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.provisioning.roster_file import cells_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIKELY: Final = (
    "accountname",
    "account",
    "坐席账号",
    "坐席帐号",
    "账号",
    "帐号",
    "email",
    "emailaddress",
    "mail",
    "邮箱",
    "电子邮箱",
    "电子邮件",
    "userprincipalname",
    "upn",
    "username",
    "用户名",
    "mobile",
    "phone",
    "phonenumber",
    "手机号",
    "手机号码",
    "手机",
    "电话",
)
"""What a column with account names is usually called, the likelier first."""
_BETWEEN_WORDS: Final = str.maketrans("", "", " _-.\u3000")


@dataclass(frozen=True, slots=True)
class StaffList:
    """A staff list before it is known which column counts.

    Args:
        columns: the heads; a single empty one where a list of one column has none.
        rows: the cells of each line below, maybe fewer than there are heads.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def likely_column(self, mapping_field: str) -> str | None:
        """Return the head of the column that most likely equals AccountName, None where none is likelier than others.

        Args:
            mapping_field: of the connection: a column of this name wins.
        """
        if len(self.columns) == 1:
            return self.columns[0]
        wanted = (_folded(mapping_field), _folded(mapping_field.rpartition(".")[2]), *_LIKELY)
        by_fold = {_folded(column): column for column in reversed(self.columns)}
        return next((by_fold[name] for name in wanted if name in by_fold), None)

    def named(self, column: str) -> str | None:
        """Return the head that somebody means, whatever its case; None where there is no such column."""
        return next((one for one in self.columns if one == column), None) or next(
            (one for one in self.columns if _folded(one) == _folded(column)), None
        )

    def names(self, column: str) -> tuple[str, ...]:
        """Return what stands in the column of this head, line by line, empty cells left out."""
        place = self.columns.index(column)
        return tuple(row[place] for row in self.rows if place < len(row) and row[place])


def read_staff_list(data: bytes, mapping_field: str) -> StaffList:
    """Read a CSV file in any encoding and with any separator that a roster may have.

    A file of one column needs no head: its first line counts as a person where it is no usual word for one.

    Args:
        data: the file.
        mapping_field: of the connection, a head that is known.

    Raises:
        RosterInvalid: it is too large, no table, or empty.
    """
    rows = cells_of(data)
    width = max(map(len, rows))
    if width == 1 and not _is_head(rows[0][0], mapping_field):
        return StaffList(("",), tuple(rows))
    # Only the heads are filled up to the longest line: all lines so would be memory for nothing.
    heads = (*rows[0], *[""] * (width - len(rows[0])))
    return StaffList(_told_apart(heads), tuple(rows[1:]))


def _is_head(cell: str, mapping_field: str) -> bool:
    known = {*_LIKELY, _folded(mapping_field), _folded(mapping_field.rpartition(".")[2])}
    return _folded(cell) in known


def _told_apart(heads: Sequence[str]) -> tuple[str, ...]:
    """Return the heads, each once: what is empty or came before gets its number."""
    apart = dict[str, None]()
    for number, head in enumerate(heads, 1):
        name = head or f"({number})"
        while name in apart:
            name = f"{name} ({number})"
        apart[name] = None
    return tuple(apart)


def _folded(head: str) -> str:
    return head.strip().casefold().translate(_BETWEEN_WORDS)
