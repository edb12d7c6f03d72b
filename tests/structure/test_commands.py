"""Whatever tells people to type a command of ours names one that there is, with options that it has."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import pytest

from bridge.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = ("README.md", "SECURITY.md", "CHANGELOG.md")
CODE: Final = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`|<code>([^<]+)</code>", re.MULTILINE | re.DOTALL)
CALL: Final = re.compile(r"(?P<before>^|[^\n])hotline-bridge(?P<words>(?: [^\s`<\"#;|&)]+)+)", re.MULTILINE)
AT_A_PROMPT: Final = ("", "(", "/", ">", "`")
IN_PROSE: Final = {"is"}
KINDS: Final = {".html", ".md", ".py", ".service", ".toml", ".yaml", ".yml", ".conf", ""}
WORD: Final = re.compile(r"-{0,2}[a-z][a-z-]*[.,:]?")


def written_in(path: Path) -> Iterator[str]:
    """Return the texts of a file that people read: of Python its strings, of anything else all of it."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield text
        return
    for node in ast.walk(ast.parse(text)) if "hotline-bridge " in text else ():
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def calls_in(text: str) -> Iterator[list[str]]:
    """Return the words of each command line; prose that goes on after our name is none, unless it names a command."""
    for code in CODE.finditer(text):
        words = (code[2] or "").split()
        is_group = isinstance(main.commands.get(words[0]), click.Group) if words else False
        if is_group and len(words) > 1 and WORD.fullmatch(words[1]):
            yield words  # `keys reseal`: our name is left out where it was named before
    for found in CALL.finditer(text):
        words = found["words"].split()
        is_typed = found["before"] in AT_A_PROMPT and WORD.fullmatch(words[0]) and words[0] not in IN_PROSE
        if is_typed or words[0] in main.commands:
            yield words


def fault_in(words: list[str]) -> str:
    """Say what is wrong with a command line; nothing: there is such a command, and it has the options."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0).rstrip(".,:")
        if name not in command.commands:
            return f"{' '.join(words)}: {command.name} has no {name}"
        command = command.commands[name]
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"-h", "--help"}
    unknown = [
        word for word in rest if re.match(r"--?[a-z]", word) and word.partition("=")[0].rstrip(".,:") not in known
    ]
    return f"{' '.join(words)}: no {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("room", [*DOCUMENTS, "config", "templates", "bridge"])
def test_every_command_that_people_are_told_to_type_is_there(room: str) -> None:
    place = ROOT / room
    files = (
        [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file() and path.suffix in KINDS]
    )
    calls = [words for path in files for text in written_in(path) for words in calls_in(text)]
    assert calls != []
    assert [fault for words in calls if (fault := fault_in(words))] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("`hotline-bridge keys new-key` makes one", "keys has no new-key"),
        ("run `keys new-key`", "keys has no new-key"),
        ("<code>hotline-bridge sandbox --platfrom crm.json</code>", "no --platfrom"),
        ("with hotline-bridge admin lnk and", "admin has no lnk"),
        ("ExecStart=/opt/hotline-bridge/bin/hotline-bridge sreve", "main has no sreve"),
    ],
)
def test_one_that_is_not_there_is_found(text: str, fault: str) -> None:
    assert [fault_in(words).rpartition(": ")[2] for words in calls_in(text)] == [fault]
